# SPDX-License-Identifier: MIT
"""
What the peer tests are written with: the mark of a test, weft as a process,
and what every capture must stand.

In a test's namespaces the kernel is 10.77.0.1 and weft 10.77.0.2, on a device
called weft0. Everything has a bound in time; nothing sleeps to wait for something
that can be asked for.
"""

import hashlib
import itertools
import json
import os
import random
import re
import select
import signal
import subprocess
import time
from pathlib import Path

KERNEL = "10.77.0.1"
WEFT = "10.77.0.2"
DEVICE = "weft0"


class Skip(Exception):
    """The test cannot run here; the text says why."""


class PeerTest:
    def __init__(self, name, function, arguments, limit, needs, heavy):
        self.name = name
        self.function = function
        self.arguments = arguments
        self.limit = limit
        self.needs = needs
        self.heavy = heavy


def peer_test(limit, needs=(), heavy=False, **variants):
    """
    Marks a function as a test of at most `limit` seconds that needs some tools. With variants
    (link=["tap", "tun"]) it is several: one for each combination, which it gets as arguments.
    """

    def mark(function):
        names = list(variants)
        module = vars(__import__("sys").modules[function.__module__])
        base = f"{function.__module__.removeprefix('test_')}.{function.__name__}"
        for values in itertools.product(*variants.values()):
            suffix = "".join(f" {n}={v}" for n, v in zip(names, values))
            test = PeerTest(base + suffix, function, dict(zip(names, values)), limit, ("ip",) + tuple(needs), heavy)
            module[f"_test {test.name}"] = test
        return function

    return mark


def wait_until(condition, limit, what):
    """Asks again and again, at short intervals, until `condition` gives something true; returns that."""
    end = time.monotonic() + limit
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"after {limit} s still not: {what}")
        time.sleep(0.02)


def sha256_file(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def make_file(path, size, seed=1):
    """A file of unrepeating bytes; returns its SHA-256."""
    generator = random.Random(seed)
    block = generator.randbytes(1 << 20)
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for index in range((size + len(block) - 1) // len(block)):
            # Each block is told apart by its number, so that one in the wrong place shows.
            piece = (index.to_bytes(8, "big") + block[8:])[:size - index * len(block)]
            file.write(piece)
            digest.update(piece)
    return digest.hexdigest()


class Program:
    """A program that runs beside the test, with its output in files."""

    def __init__(self, context, command, name):
        self.name = name
        self.out_path = context.path(name + ".out")
        self.err_path = context.path(name + ".err")
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=err)

    def out(self):
        return self.out_path.read_text(errors="replace")

    def err(self):
        return self.err_path.read_text(errors="replace")

    def wait_for(self, pattern, limit=10, where="out"):
        """Waits until its output has something; returns the match."""

        def look():
            match = re.search(pattern, getattr(self, where)())
            if not match and self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}: {self.err()}")
            return match

        return wait_until(look, limit, f"{self.name} says {pattern!r}")

    def wait(self, limit):
        """Waits for its end; returns its status."""
        return self.process.wait(timeout=limit)

    def stop(self, limit=10):
        """Ends it as Ctrl-C does; its status must be 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.wait(limit)
        assert status == 0, f"{self.name} ended with {status}: {self.err()}"

    def rss_bytes(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")


class Server(Program):
    """`weft serve`."""

    def numbers(self):
        """Its counters, by SIGUSR1."""
        before = self.err().count("}\n")
        self.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: self.err().count("}\n") > before, 5, "weft prints its numbers")
        return json.loads(self.err().splitlines()[-1])


class Context:
    """One test's surroundings, inside its namespaces."""

    def __init__(self, weft, directory):
        self.weft = Path(weft)
        self.directory = Path(directory)
        self.programs = []
        self.captures = []
        self.count = itertools.count(1)
        # A sanitizer holds freed memory back for a while: then resident memory says nothing.
        self.sanitized = self.weft.exists() and b"__asan_init" in self.weft.read_bytes()

    def path(self, name):
        return self.directory / name

    def prepare(self):
        self.run("ip", "link", "set", "lo", "up")
        Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
        Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")

    def finish(self):
        """What must hold after every test: weft ends well, and its captures are well formed."""
        for program in self.programs:
            if isinstance(program, Server):
                program.stop()
            elif program.process.poll() is None:
                program.process.terminate()
                program.wait(10)
        for path, allow in self.captures:
            check_rules(self, path)
            check_capture(self, path, allow)

    def show_logs(self):
        for program in self.programs:
            for text in (program.out(), program.err()):
                for line in text.splitlines()[-6:]:
                    print(f"  {program.name}: {line[:600]}")

    def run(self, *command, limit=60, check=True, env=None, text=True):
        """Runs a program to its end; its status must be 0 unless check is False."""
        result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True,
                                text=text, timeout=limit, env={**os.environ, **(env or {})})
        if check and result.returncode != 0:
            raise AssertionError(f"{command[0]} ended with {result.returncode}: {result.stdout[-1000:]}{result.stderr}")
        return result

    def start(self, *command, name=None, kind=Program):
        program = kind(self, command, name or f"{Path(command[0]).name}{next(self.count)}")
        self.programs.append(program)
        return program

    def link_options(self, link="tap", offload=True, addr=f"{WEFT}/24", host=f"{KERNEL}/24", impair=None,
                     device=DEVICE):
        options = ["--link", f"{link}:{device}", "--addr", addr, "--host-addr", host]
        return options + ([] if offload else ["--no-offload"]) + (["--impair", impair] if impair else [])

    def capture_options(self, capture, allow):
        """--pcap for a run whose frames are to be checked at the end; `allow` as in check_capture."""
        if not capture:
            return []
        path = self.path(f"capture{next(self.count)}.pcapng")
        self.captures.append((path, allow))
        return ["--pcap", path]

    def serve(self, *options, capture=True, allow=(), **link):
        """Starts `weft serve` and waits until it serves."""
        server = self.start(self.weft, "serve", *self.link_options(**link), *self.capture_options(capture, allow),
                            *options, kind=Server, name=f"serve{next(self.count)}")
        server.wait_for(r"serving on http://\S+")
        return server

    def get(self, *options, capture=True, allow=(), limit=60, check=True, text=True, **link):
        """Runs `weft get`."""
        return self.run(self.weft, "get", *self.link_options(**link), *self.capture_options(capture, allow),
                        *options, limit=limit, check=check, text=text)

    def kernel_end(self, link="tap"):
        """Makes a device that stays, so that the kernel's servers can listen before weft comes."""
        self.run("ip", "tuntap", "add", "dev", DEVICE, "mode", link)
        self.run("ip", "address", "add", f"{KERNEL}/24", "dev", DEVICE)
        self.run("ip", "link", "set", DEVICE, "up")

    def example(self, name):
        return self.weft.parents[2] / "examples" / name


# --- Captures ---------------------------------------------------------------------------------------

# tshark's severities: 0x00800000 error, 0x00600000 warning. What it says of the kernel's frames is not ours.
OURS = f"(ip.src == {WEFT} || arp.src.proto_ipv4 == {WEFT})"
WRONG = " || ".join((
    "_ws.malformed",
    "ip.checksum.status == 0",
    f"(({OURS} || _ws.malformed) && (tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0))",
    f"({OURS} && _ws.expert.severity >= 0x00600000)",
))

# Warnings that tell of what the test does to the connection and not of a fault of ours.
WORDS = {
    "reset": "Connection reset",
    "full": "TCP window specified by the receiver is now completely full|TCP Zero Window segment",
    "loss": "Previous segment|ACKed segment that wasn't captured|Out-Of-Order|retransmission|not captured",
    "reuse": "A new tcp session is started with the same ports|TCP Port numbers reused",
}


def check_rules(context, path):
    """The wire checker finds no rule of TCP broken by weft: the capture is taken where weft is."""
    result = context.run(context.weft, "check", "--of", WEFT, "--whole", "--slack", "0", path, check=False)
    assert result.returncode == 0, f"weft check complains about {path.name}:\n{result.stdout}{result.stderr}"


def check_capture(context, path, allow):
    """
    tshark finds nothing malformed, no bad checksum and no complaint about a frame of ours. `allow`
    names the complaints that the test provokes; "faults" stands for a wire that is impaired, where
    only what we sent has to be right.
    """
    if not os.path.exists("/usr/bin/tshark"):
        return
    fields = ["frame.number", "ip.src", "_ws.col.Info", "_ws.expert.message"]
    show = itertools.chain.from_iterable(("-e", field) for field in fields)
    wrong = WRONG if "faults" not in allow else f"{OURS} && ({WRONG})"
    result = context.run(
        "tshark", "-n", "-r", path, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o",
        "udp.check_checksum:TRUE", "-Y", wrong, "-T", "fields", *show, limit=120)
    # A D-SACK of ours tells that the kernel has repeated something (RFC 2883), as its tail probes do.
    patterns = ["D-SACK Sequence"] + [WORDS[word] for word in allow if word in WORDS]
    if "faults" in allow:
        # A duplicate that comes when the connection has gone is answered by RST, as it must be.
        patterns += [WORDS["loss"], WORDS["reset"]]
    # tshark's reassembly calls a frame malformed when the kernel sends bytes again in other portions.
    patterns.append(f"\t{KERNEL}\t.*New fragment overlaps old data")
    lines = [line for line in result.stdout.splitlines()
             if not any(re.search(pattern, line) for pattern in patterns)]
    assert not lines, f"tshark complains about {path.name}:\n" + "\n".join(lines[:20])
    frames = context.run("tshark", "-n", "-r", path, "-c", "4", "-T", "fields", "-e", "frame.number").stdout.split()
    assert frames, f"{path.name} has no frames"


# --- Sockets of the kernel ---------------------------------------------------------------------------


def read_exactly(sock, size):
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(min(1 << 20, size - len(data)))
        assert piece, f"the stream ended after {len(data)} of {size} bytes"
        data += piece
    return bytes(data)


def read_all(sock, limit=30):
    """Everything until the peer's FIN."""
    sock.settimeout(limit)
    pieces = iter(lambda: sock.recv(1 << 16), b"")
    return b"".join(pieces)


def is_readable(sock):
    return bool(select.select([sock], [], [], 0)[0])
