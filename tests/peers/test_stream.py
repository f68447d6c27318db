# SPDX-License-Identifier: MIT
"""How connections are opened, held up and ended: by the examples netcat and echo_server, and weft serve."""

import socket
import threading
import time

from harness import DEVICE, KERNEL, WEFT, make_file, peer_test, read_all, read_exactly, sha256_file, wait_until


def echo_server(t):
    t.kernel_end()
    t.start(t.example("echo_server"), DEVICE, f"{WEFT}/24", "7", name="echo")
    wait_until(lambda: connects(7), 5, "the echo server answers")


def connects(port):
    try:
        socket.create_connection((WEFT, port), 1).close()
        return True
    except OSError:
        return False


def netcat(t, *operands, stdin="/dev/null", name="netcat"):
    """The example, with its standard input from a file."""
    return t.start("/bin/sh", "-c", 'file=$1; shift; exec "$@" <"$file"', "sh", stdin, t.example("netcat"), DEVICE,
                   f"{WEFT}/24", *operands, name=name)


@peer_test(30, needs=["nc"])
def nc_closes_its_half_first(t):
    """nc sends, says that it has sent all (FIN), and still gets all of it back."""
    make_file(t.path("sent"), 3_000_000)
    echo_server(t)
    t.run("sh", "-c", f"nc -N {WEFT} 7 <{t.path('sent')} >{t.path('back')}", limit=20)
    assert sha256_file(t.path("back")) == sha256_file(t.path("sent"))


@peer_test(30, needs=["nc"])
def weft_closes_its_half_first(t):
    """weft sends all and its FIN; what the kernel's side sends afterwards still arrives."""
    make_file(t.path("sent"), 3_000_000, 1)
    make_file(t.path("answer"), 3_000_000, 2)
    t.kernel_end()
    listener = socket.create_server((KERNEL, 9000))
    listener.settimeout(10)
    program = netcat(t, f"{KERNEL}:9000", stdin=t.path("sent"))
    sock, _ = listener.accept()
    received = read_all(sock)  # up to weft's FIN
    assert received == t.path("sent").read_bytes()
    sock.sendall(t.path("answer").read_bytes())
    sock.close()
    assert program.wait(10) == 0, program.err()
    assert sha256_file(program.out_path) == sha256_file(t.path("answer"))


@peer_test(30)
def both_directions_at_once(t):
    make_file(t.path("down"), 5_000_000, 1)
    up = make_file(t.path("up"), 5_000_000, 2)
    t.kernel_end()
    program = netcat(t, "-l", "9000", stdin=t.path("down"))
    sock = wait_until(lambda: open_to(9000), 5, "netcat listens")
    sock.settimeout(20)
    reading = t.path("read")
    thread = threading.Thread(target=lambda: reading.write_bytes(read_all(sock)))
    thread.start()
    sock.sendall(t.path("up").read_bytes())
    sock.shutdown(socket.SHUT_WR)
    thread.join(20)
    assert program.wait(10) == 0, program.err()
    assert sha256_file(reading) == sha256_file(t.path("down"))
    assert sha256_file(program.out_path) == up


def open_to(port):
    try:
        return socket.create_connection((WEFT, port), 2)
    except OSError:
        return None


@peer_test(20)
def closed_port_answers_reset(t):
    t.serve("--sink", allow=["reset"])
    started = time.monotonic()
    for port in (1, 81, 65535):
        try:
            socket.create_connection((WEFT, port), 5).close()
            raise AssertionError(f"port {port} accepted a connection")
        except ConnectionRefusedError:
            pass
    assert time.monotonic() - started < 1


@peer_test(60)
def slow_reader_stops_the_sender(t):
    """A reader that pauses closes its window; weft waits, probes, goes on, and nothing is lost."""
    size = 24_000_000
    site = t.path("site")
    site.mkdir()
    make_file(site / "data.bin", size)
    server = t.serve(site, allow=["full"])
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    sock.settimeout(20)
    sock.connect((WEFT, 80))
    sock.sendall(f"GET /data.bin HTTP/1.1\r\nHost: {WEFT}\r\nConnection: close\r\n\r\n".encode())
    first = read_exactly(sock, 1000)
    before = wait_until(lambda: stalled(server), 10, "the sender has stopped")
    time.sleep(2)  # the pause that the test is about: several zero-window probes long
    probed = server.numbers()
    # One small probe at a time may go out, data may not.
    assert probed["tcp_out_segs"] - before["tcp_out_segs"] <= 12, (before, probed)
    assert probed.get("tcp_zero_window_probes", 0) >= 1, probed
    data = first + read_all(sock)
    body = data.split(b"\r\n\r\n", 1)[1]
    assert body == (site / "data.bin").read_bytes()


def stalled(server):
    first = server.numbers()
    time.sleep(0.3)
    second = server.numbers()
    return second if second["tcp_out_segs"] - first["tcp_out_segs"] <= 2 else None


@peer_test(60, needs=["curl"])
def reader_that_vanishes(t):
    """A peer that goes without a word in the middle of a transfer: timers clean up after it, and all memory returns."""
    site = t.path("site")
    site.mkdir()
    make_file(site / "data.bin", 40_000_000)
    server = t.serve(site, "--write-timeout", "2s", "--idle-timeout", "2s",
                     allow=["full", "loss", "reset"])
    t.run("curl", "-sS", "-o", "/dev/null", f"http://{WEFT}/nothing")  # the link has its buffers afterwards
    before = wait_until(lambda: gone(server), 5, "curl's connection is closed")
    socks = []
    for _ in range(5):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        sock.connect((WEFT, 80))
        sock.sendall(f"GET /data.bin HTTP/1.1\r\nHost: {WEFT}\r\n\r\n".encode())
        read_exactly(sock, 1000)
        socks.append(sock)
    assert server.numbers()["connections"] == 5
    t.run("ip", "address", "del", f"{KERNEL}/24", "dev", DEVICE)
    wait_until(lambda: gone(server), 20, "the connections are gone")
    after = wait_until(lambda: same_memory(before, server.numbers()), 20, "the memory is back")
    assert after["timeouts"] + after["cut_short"] >= 5, after


def gone(server):
    numbers = server.numbers()
    return numbers if numbers["connections"] == 0 else None


def same_memory(before, after):
    keys = ("pkts_used", "small_used", "large_used")
    return after if all(after[key] <= before[key] for key in keys) else None


@peer_test(60)
def client_that_never_asks(t):
    """Connections that say nothing, or drip a head, are closed in time; others are served meanwhile."""
    server = t.serve("--sink", "--head-timeout", "2s", "--idle-timeout", "2s", allow=["reset"])
    silent = [socket.create_connection((WEFT, 80), 5) for _ in range(20)]
    drip = socket.create_connection((WEFT, 80), 5)
    drip.sendall(b"POST / HT")
    t.run("curl", "-sS", "-f", "-d", "x", f"http://{WEFT}/")
    wait_until(lambda: gone(server), 15, "silent connections are closed")
    assert b" 408 " in read_all(drip)
    for sock in silent:
        sock.close()
