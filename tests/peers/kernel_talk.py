#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
One end of a conversation between two kernels, for test_check.py:

    kernel_talk.py server|client WHAT

The server is 10.9.0.2, port 5000; it ends after its last connection. Each conversation is a function
for either end, and what one sends the other reads to the last byte.
"""

import random
import socket
import struct
import subprocess
import sys
import time

SERVER = ("10.9.0.2", 5000)
DATA = random.Random(1).randbytes(1 << 20)


def listen(backlog=20, **options):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "rcvbuf" in options:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["rcvbuf"])
    sock.bind(SERVER)
    sock.listen(backlog)
    sock.settimeout(20)
    print("listening", flush=True)
    return sock


def connect(port=0):
    sock = socket.socket()
    sock.settimeout(20)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if port:
        sock.bind(("10.9.0.1", port))
    sock.connect(SERVER)
    return sock


def accept(listener):
    sock, _ = listener.accept()
    sock.settimeout(20)
    return sock


def drain(sock, piece=1 << 16, pause=0.0):
    total = 0
    while True:
        data = sock.recv(piece)
        if not data:
            return total
        total += len(data)
        if pause:
            time.sleep(pause)


def abort(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# --- Both ways as fast as it goes ---

def bulk_client(size=1 << 20):
    sock = connect()
    sock.sendall(DATA[:size])
    sock.shutdown(socket.SHUT_WR)
    assert drain(sock) == size


def bulk_server(size=1 << 20):
    sock = accept(listen())
    assert drain(sock) == size
    sock.sendall(DATA[:size])


def half_client():
    bulk_client(1 << 18)


def half_server():
    bulk_server(1 << 18)


# --- Small pieces, with and without Nagle's algorithm, and answers ---

def small_client():
    for nodelay in (0, 1):
        sock = connect()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
        for number in range(150):
            sock.sendall(DATA[:1 + number * 7 % 200])
            if number % 10 == 0:
                time.sleep(0.003)
        for _ in range(20):
            sock.sendall(b"ping")
            assert sock.recv(4) == b"pong"
        sock.close()


def small_server():
    listener = listen()
    for _ in range(2):
        sock = accept(listener)
        tail = b""
        expected = sum(1 + number * 7 % 200 for number in range(150))
        while expected > 0:
            expected -= len(sock.recv(expected))
        for _ in range(20):
            while len(tail) < 4:
                tail += sock.recv(4 - len(tail))
            sock.sendall(b"pong")
            tail = b""
        assert sock.recv(1) == b""


# --- A reader that waits, then is slow: zero windows, probes, small openings ---

def slow_client():
    sock = connect()
    sock.sendall(DATA[:300000])
    sock.shutdown(socket.SHUT_WR)
    sock.recv(1)


def slow_server():
    sock = accept(listen(rcvbuf=8192))
    time.sleep(2.5)
    assert drain(sock, 700, 0.001) == 300000


# --- Ends without grace ---

def abort_client():
    abort(connect())
    sock = connect()
    sock.sendall(DATA[:5000])
    abort(sock)
    sock = connect()  # closed there with bytes unread
    try:
        while True:
            sock.sendall(DATA[:50000])
    except OSError:
        pass
    for port in (5001, 5002):
        try:
            socket.create_connection((SERVER[0], port), 5)
            raise AssertionError("nobody listens there")
        except ConnectionRefusedError:
            pass


def abort_server():
    listener = listen()
    for number in range(3):
        sock = accept(listener)
        time.sleep(0.1)
        if number == 2:
            sock.recv(10)
        sock.close()


# --- One connection after another between the same ports ---

def reuse_client():
    for number in range(30):
        sock = connect(40000 + number % 3)
        sock.sendall(DATA[:100 * number])
        sock.shutdown(socket.SHUT_WR)
        assert drain(sock) == 10
        sock.close()


def reuse_server():
    listener = listen()
    for number in range(30):
        sock = accept(listener)
        if number % 3 == 2:
            sock.sendall(DATA[:10])
            sock.shutdown(socket.SHUT_WR)
            assert drain(sock) == 100 * number
        else:
            assert drain(sock) == 100 * number
            sock.sendall(DATA[:10])
        sock.close()


# --- The way becomes narrower ---

def mtu_client():
    sock = connect()
    sock.sendall(DATA[:200000])
    time.sleep(0.05)
    subprocess.run(["ip", "link", "set", "wire", "mtu", "900"], check=True)
    sock.sendall(DATA[:300000])
    sock.shutdown(socket.SHUT_WR)
    drain(sock)


def mtu_server():
    sock = accept(listen())
    assert drain(sock) == 500000


# --- Urgent data, keepalives ---

def urgent_client():
    sock = connect()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    for _ in range(5):
        sock.sendall(DATA[:1000])
        sock.send(b"!", socket.MSG_OOB)
    time.sleep(2.2)
    sock.shutdown(socket.SHUT_WR)
    drain(sock)


def urgent_server():
    drain(accept(listen()))


if __name__ == "__main__":
    globals()[f"{sys.argv[2]}_{sys.argv[1]}"]()
