# SPDX-License-Identifier: MIT
"""Many connections: at once, and one after the other."""

import resource
import selectors
import socket
import time

from harness import WEFT, peer_test, wait_until

BODY = b"hello from a small file\n"
REQUEST = f"GET /index.html HTTP/1.1\r\nHost: {WEFT}\r\nConnection: close\r\n\r\n".encode()


def small_site(t):
    site = t.path("site")
    site.mkdir()
    (site / "index.html").write_bytes(BODY)
    return site


@peer_test(60, heavy=True)
def thousand_at_once(t):
    """All stand before the first asks, and each is served."""
    count = 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    server = t.serve(small_site(t), "--quiet", capture=False)
    before = server.numbers()
    socks = [socket.create_connection((WEFT, 80), 10) for _ in range(count)]
    wait_until(lambda: server.numbers()["connections"] == count, 10, f"{count} connections stand")
    for sock in socks:
        sock.sendall(REQUEST)
    answers = read_everything(socks)
    assert all(answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(BODY) for answer in answers)
    numbers = wait_until(lambda: quiet(server), 10, "all connections are closed")
    assert numbers["requests"] - before["requests"] == count
    assert numbers["pool_exhausted"] == 0, numbers


def read_everything(socks, limit=30):
    answers = {sock: b"" for sock in socks}
    end = time.monotonic() + limit
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ)
        while selector.get_map():
            assert time.monotonic() < end, f"{len(selector.get_map())} connections were not served in {limit} s"
            for key, _ in selector.select(1):
                piece = key.fileobj.recv(65536)
                answers[key.fileobj] += piece
                if not piece:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
    return list(answers.values())


POOL = ("pkts_used", "small_used", "large_used")


def quiet(server, pool=None):
    """The numbers once no connection is left and, with `pool`, no more of it is used: a last ACK may be on its way."""
    numbers = server.numbers()
    if numbers["connections"] > 0 or (pool and any(numbers[key] > pool[key] for key in POOL)):
        return None
    return numbers


@peer_test(120, heavy=True)
def twenty_thousand_in_sequence(t):
    """None fails, and afterwards the memory is where it was."""
    server = t.serve(small_site(t), "--quiet", capture=False)
    fetch_many(500)  # what is allocated once has been allocated
    wait_until(lambda: quiet(server), 10, "no connection is left")
    before, rss_before = server.numbers(), server.rss_bytes()
    fetch_many(20_000)
    after = wait_until(lambda: quiet(server, before), 10, f"no connection is left, nor a packet more than {before}")
    assert after["requests"] - before["requests"] == 20_000
    assert after["cut_short"] == 0 and after["refused"] == 0 and after["pool_exhausted"] == 0, after
    # Records of connections in TIME-WAIT are touched for the first time; they are small and bounded.
    grown = server.rss_bytes() - rss_before
    assert t.sanitized or grown < 16 << 20, f"resident memory has grown by {grown} bytes"


def fetch_many(count):
    for index in range(count):
        with socket.create_connection((WEFT, 80), 10) as sock:
            sock.sendall(REQUEST)
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(BODY), (index, answer)


@peer_test(60)
def more_than_allowed(t):
    """At the limit of connections an idle one makes room for a new one."""
    server = t.serve(small_site(t), "--max-connections", "50", capture=False)
    idle = []
    for _ in range(50):
        sock = socket.create_connection((WEFT, 80), 10)
        sock.sendall(REQUEST.replace(b"Connection: close\r\n", b""))
        sock.recv(65536)
        idle.append(sock)
    fetch_many(20)
    assert server.numbers()["connections"] <= 50
