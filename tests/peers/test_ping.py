# SPDX-License-Identifier: MIT
"""ping both ways."""

import re
import time

from harness import KERNEL, WEFT, peer_test


@peer_test(30, needs=["ping"], link=["tap", "tun"])
def kernel_pings_weft(t, link):
    t.serve("--sink", link=link)
    for size in ("0", "56", "1472"):
        out = t.run("ping", "-n", "-c", "5", "-i", "0.01", "-W", "2", "-s", size, WEFT).stdout
        assert "5 received, 0% packet loss" in out, out


@peer_test(30, link=["tap", "tun"])
def weft_pings_kernel(t, link):
    # On a device that weft makes itself. One that stands before gets its carrier from weft, and the kernel
    # may then take a second until it sends (linkwatch).
    out = t.run(t.weft, "ping", *t.link_options(link=link), *t.capture_options(True, ()), "-c", "5", "-i", "20ms",
                KERNEL).stdout
    assert "5 packets transmitted, 5 received, 0% packet loss" in out, out
    assert len(re.findall(r"64 bytes from 10\.77\.0\.1: icmp_seq=\d ttl=64 time=\d+\.\d+ ms", out)) == 5, out
    times = [float(x) for x in re.search(r"mdev = ([\d.]+)/([\d.]+)/([\d.]+)/", out).groups()]
    assert times[0] <= times[1] <= times[2] < 1000, out


@peer_test(30)
def weft_pings_nobody(t):
    t.kernel_end()
    started = time.monotonic()
    result = t.run(t.weft, "ping", *t.link_options(), "-c", "2", "-i", "100ms", "-W", "1", "10.77.0.99", check=False)
    assert result.returncode == 1 and "0 received" in result.stdout and "100% packet loss" in result.stdout, result
    assert time.monotonic() - started < 10


@peer_test(30, needs=["tshark"])
def ttl_and_size(t):
    t.kernel_end()
    path = t.capture_options(True, ())[1]
    t.run(t.weft, "ping", *t.link_options(), "--pcap", path, "-c", "1", "-t", "7", "-s", "1000", KERNEL)
    out = t.run("tshark", "-n", "-r", path, "-Y", f"icmp.type == 8 && ip.src == {WEFT}", "-T", "fields", "-e", "ip.ttl",
                "-e", "ip.len").stdout.split()
    assert out == ["7", "1028"], out


@peer_test(30)
def what_cannot_be_sent(t):
    """No route, no room: said at once, and nothing is waited for."""
    t.kernel_end()
    started = time.monotonic()
    result = t.run(t.weft, "ping", *t.link_options(), "-c", "2", "-i", "10ms", "-W", "20", "192.0.2.1", check=False)
    assert result.returncode == 1 and "could not be sent" in result.stdout, result
    assert "0 packets transmitted" in result.stdout, result
    assert time.monotonic() - started < 10
    result = t.run(t.weft, "ping", *t.link_options(), "-s", "1473", KERNEL, check=False)
    assert result.returncode == 1 and "MTU of 1500, which leaves 1472" in result.stderr, result
