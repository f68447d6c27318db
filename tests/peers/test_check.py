# SPDX-License-Identifier: MIT
"""
The wire checker and the Linux kernel's TCP: kernel talks to kernel over a wire that loses, delays and
reorders, is captured near either, and the checker finds no rule broken.
"""

import json
from pathlib import Path

from harness import peer_test, wait_until

TALK = Path(__file__).resolve().parent / "kernel_talk.py"

# What is said, over which wire, and with which settings of the kernel.
BAD = "delay=5ms,jitter=1ms,loss=2%,reorder=2%,duplicate=1%"
CONVERSATIONS = {
    "clean": ("bulk", "delay=5ms", {}),
    "lossy": ("bulk", BAD, {}),
    "narrow": ("half", "delay=10ms,rate=10mbit,queue=20", {}),
    "no options": ("half", BAD, {"tcp_sack": 0, "tcp_timestamps": 0, "tcp_window_scaling": 0}),
    "no sack": ("half", BAD, {"tcp_sack": 0}),
    "no timestamps": ("half", BAD, {"tcp_timestamps": 0}),
    "ecn": ("half", BAD, {"tcp_ecn": 1}),
    "small": ("small", "delay=2ms", {}),
    "small lossy": ("small", "delay=2ms,loss=2%", {}),
    "slow": ("slow", "delay=2ms", {}),
    "aborts": ("abort", "delay=2ms", {}),
    "reuse": ("reuse", "delay=1ms", {}),
    "mtu": ("mtu", "delay=2ms,rate=20mbit", {}),
    "urgent": ("urgent", "delay=2ms", {}),
}


def inside(pid, *command):
    return ("nsenter", "-t", pid, "-n", *command)


def converse(t, what, wire, settings):
    """Returns the captures of both ends."""
    captures = [t.path("a.pcapng"), t.path("b.pcapng")]
    kernels = t.start(t.weft.parents[2] / "tests" / "peers" / "kernels", wire, *captures, name="kernels")
    pids = kernels.wait_for(r"(\d+) (\d+)").groups()
    for pid in pids:
        for name, value in settings.items():
            t.run(*inside(pid, "sh", "-c", f"echo {value} > /proc/sys/net/ipv4/{name}"))
        t.run(*inside(pid, "sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"))
    server = t.start(*inside(pids[1], "python3", TALK, "server", what), name="server")
    server.wait_for("listening")
    t.run(*inside(pids[0], "python3", TALK, "client", what), limit=40)
    assert server.wait(20) == 0, server.err()
    wait_until(lambda: kernels.process.poll() is None, 1, "the wire lives")
    kernels.stop()
    return captures


def findings(t, capture, *options):
    result = t.run(t.weft, "check", "--json", "--severity", "note", "--whole", "--wire", "--slack", "50ms", *options,
                   capture, check=False)
    assert result.returncode in (0, 3), result.stderr
    report = json.loads(result.stdout)
    assert report["summary"]["segments"] > 10, report["summary"]
    return report["findings"]


def tell(capture, found):
    return "\n".join(f"{capture.name} packet {f['packet']} {f['src']} {f['severity']} {f['rule']}: {f['text']}"
                     for f in found[:20])


@peer_test(limit=60, needs=("nsenter",), conversation=list(CONVERSATIONS))
def kernel_to_kernel(t, conversation):
    for capture in converse(t, *CONVERSATIONS[conversation]):
        found = [f for f in findings(t, capture) if f["severity"] == "error"]
        assert not found, tell(capture, found)
