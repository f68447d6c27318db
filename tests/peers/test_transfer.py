# SPDX-License-Identifier: MIT
"""Large transfers, on a clean wire and on a bad one, checked byte by byte."""

import json

from harness import WEFT, make_file, peer_test, sha256_file

GIB = 1 << 30
MIB = 1 << 20
BAD_WIRE = "loss=5%,reorder=5%,duplicate=1%,corrupt=1%,seed=7"


def site_with(t, size):
    site = t.path("site")
    site.mkdir()
    return site, make_file(site / "data.bin", size)


def no_losses(server):
    """On a clean wire nothing is lost. A tail probe may repeat a segment when the reader pauses (RFC 8985 7)."""
    numbers = server.numbers()
    assert numbers.get("tcp_rto_timeouts", 0) == 0 and numbers.get("tcp_fast_recoveries", 0) == 0, numbers
    assert numbers.get("tcp_retrans_segs", 0) <= numbers.get("tcp_tail_probes", 0), numbers
    assert numbers["pool_exhausted"] == 0, numbers


@peer_test(120, needs=["curl"], heavy=True)
def gibibyte_down(t):
    site, digest = site_with(t, GIB)
    server = t.serve(site, capture=False)
    t.run("sh", "-c", f"curl -sS -f http://{WEFT}/data.bin | sha256sum >{t.path('sum')}", limit=110)
    assert t.path("sum").read_text().split()[0] == digest
    no_losses(server)


@peer_test(120, needs=["curl"], heavy=True)
def gibibyte_up(t):
    digest = make_file(t.path("body"), GIB)
    server = t.serve("--sink", capture=False)
    answer = json.loads(t.run("curl", "-sS", "-f", "-T", t.path("body"), f"http://{WEFT}/body", limit=110).stdout)
    assert answer == {"bytes": GIB, "sha256": digest}
    numbers = server.numbers()
    assert numbers["pool_exhausted"] == 0 and numbers["drops"] <= 20, numbers


@peer_test(120, needs=["curl"], heavy=True, offload=[True, False])
def bad_wire_down(t, offload):
    site, digest = site_with(t, 64 * MIB)
    server = t.serve(site, impair=BAD_WIRE, offload=offload, capture=False)
    t.run("curl", "-sS", "-f", "-o", t.path("got"), f"http://{WEFT}/data.bin", limit=110)
    assert sha256_file(t.path("got")) == digest
    assert server.numbers()["tcp_retrans_segs"] > 1000


@peer_test(120, needs=["curl"], heavy=True, offload=[True, False])
def bad_wire_up(t, offload):
    digest = make_file(t.path("body"), 64 * MIB)
    t.serve("--sink", impair=BAD_WIRE, offload=offload, capture=False)
    answer = json.loads(t.run("curl", "-sS", "-f", "-T", t.path("body"), f"http://{WEFT}/body", limit=110).stdout)
    assert answer == {"bytes": 64 * MIB, "sha256": digest}


@peer_test(60, needs=["curl"])
def bad_wire_captured(t):
    """The same, shorter, with a capture: what we send is well formed whatever happens to it afterwards."""
    site, digest = site_with(t, 3 * MIB)
    t.serve(site, impair=BAD_WIRE, allow=["faults", "full"])
    t.run("curl", "-sS", "-f", "-o", t.path("got"), f"http://{WEFT}/data.bin", limit=50)
    assert sha256_file(t.path("got")) == digest


@peer_test(60, needs=["curl"])
def slow_wire(t):
    """A wire of 20 Mbit/s and 40 ms there and back, with a short queue: neither a collapse nor a stall."""
    site, digest = site_with(t, 4 * MIB)
    t.serve(site, impair="delay=20ms,rate=20mbit,queue=100", allow=["faults", "full"])
    seconds = float(t.run("curl", "-sS", "-f", "-o", t.path("got"), "-w", "%{time_total}", f"http://{WEFT}/data.bin",
                          limit=50).stdout)
    assert sha256_file(t.path("got")) == digest
    # The wire alone takes 1.7 s; four times that leaves room for a busy machine and for slow start.
    assert seconds < 7, seconds


@peer_test(30, needs=["curl"], mtu=[576, 9000])
def other_mtu(t, mtu):
    site, digest = site_with(t, 2 * MIB)
    t.serve(site, "--mtu", mtu)
    t.run("curl", "-sS", "-f", "-o", t.path("got"), f"http://{WEFT}/data.bin")
    assert sha256_file(t.path("got")) == digest
