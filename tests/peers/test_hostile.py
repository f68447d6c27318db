# SPDX-License-Identifier: MIT
"""Garbage on the wire: connections that stand are not harmed by it."""

import random
import socket
import struct

from harness import DEVICE, KERNEL, WEFT, is_readable, make_file, peer_test, read_exactly

ETHERTYPE_IP = 0x0800


class Wire:
    """The kernel's end of the device as frames: what is sent here, weft receives."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((DEVICE, 0))

    def send(self, frame):
        try:
            self.socket.send(frame)
        except OSError:
            pass  # the kernel refuses what is too short or too long for the device

    def captured(self):
        """The frames of both directions that have passed and were not asked for yet."""
        frames = []
        while is_readable(self.socket):
            frames.append(self.socket.recv(65536))
        return frames


def mac_of_weft(frames):
    """The destination of what the kernel sends to weft's address."""
    return next(f[0:6] for f in frames if f[12:14] == b"\x08\0" and f[30:34] == socket.inet_aton(WEFT))


def internet_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def tcp_frame(destination_mac, source, destination, sport, dport, seq, ack, flags, window, payload=b"", options=b""):
    """A frame whose checksums are right: only its meaning is hostile."""
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination)
    offset = (20 + len(options)) // 4 << 4
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, offset, flags, window, 0, 0) + options + payload
    check = internet_sum(pseudo + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", check) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + pseudo
    ip = ip[:10] + struct.pack("!H", internet_sum(ip)) + ip[12:]
    return destination_mac + b"\x02\0\0\0\0\x99" + struct.pack("!H", ETHERTYPE_IP) + ip + tcp


def random_frames(generator, count):
    for _ in range(count):
        yield generator.randbytes(generator.randrange(14, 1600))


def mutated_frames(generator, samples, count):
    """Real frames with some bytes or their length changed."""
    for _ in range(count):
        frame = bytearray(generator.choice(samples))
        for _ in range(generator.randrange(1, 6)):
            frame[generator.randrange(len(frame))] = generator.randrange(256)
        if generator.random() < 0.3:
            frame = frame[:generator.randrange(14, len(frame) + 1)]
        yield bytes(frame)


def blind_segments(generator, mac, port, count):
    """What an attacker who knows the ports, and no sequence number, would send."""
    for _ in range(count):
        options = generator.randbytes(4 * generator.randrange(0, 11))
        yield tcp_frame(mac, KERNEL, WEFT, port, 80, generator.getrandbits(32), generator.getrandbits(32),
                        generator.randrange(256), generator.randrange(65536),
                        generator.randbytes(generator.randrange(0, 100)), options)


def strange_handshakes(generator, mac, count):
    """Segments to open and closed ports with every combination of flags."""
    for _ in range(count):
        yield tcp_frame(mac, KERNEL, WEFT, generator.randrange(1, 65536), generator.choice([80, 80, 1, 65535]),
                        generator.getrandbits(32), generator.getrandbits(32), generator.randrange(256), 1000,
                        generator.randbytes(generator.randrange(0, 40)))


class Client:
    """A connection that stands, asked again and again for the same."""

    def __init__(self, content):
        self.content = content
        self.socket = socket.create_connection((WEFT, 80), 10)

    def ask(self):
        self.socket.sendall(f"GET /data.bin HTTP/1.1\r\nHost: {WEFT}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += read_exactly(self.socket, 1)
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert read_exactly(self.socket, len(self.content)) == self.content


def exact_reset_ends(wire, mac, client):
    """The other side of the coin, which shows that our frames do arrive: a RST at RCV.NXT ends the connection."""
    wire.captured()
    client.ask()
    port = client.socket.getsockname()[1]
    acks = [struct.unpack("!I", f[42:46])[0] for f in wire.captured()
            if f[12:14] == b"\x08\0" and f[26:30] == socket.inet_aton(WEFT) and f[36:38] == struct.pack("!H", port)]
    wire.send(tcp_frame(mac, KERNEL, WEFT, port, 80, acks[-1], 0, 4, 0))
    try:
        client.ask()
        raise AssertionError("a RST at RCV.NXT was ignored")
    except ConnectionResetError:
        pass


@peer_test(90)
def garbage_leaves_connections_unharmed(t):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    generator = random.Random(seed)
    site = t.path("site")
    site.mkdir()
    make_file(site / "data.bin", 100_000)
    server = t.serve(site, capture=False)
    clients = [Client((site / "data.bin").read_bytes()) for _ in range(5)]
    wire = Wire()
    for client in clients:
        client.ask()
    samples = wire.captured()
    mac = mac_of_weft(samples)
    ports = [client.socket.getsockname()[1] for client in clients]
    rss = server.rss_bytes()
    for index in range(60):
        bursts = (random_frames(generator, 50), mutated_frames(generator, samples, 100),
                  blind_segments(generator, mac, generator.choice(ports), 60), strange_handshakes(generator, mac, 40))
        for burst in bursts:
            for frame in burst:
                wire.send(frame)
        clients[index % len(clients)].ask()
    for client in clients:
        client.ask()
    numbers = server.numbers()
    assert numbers["drops"] > 5000, numbers
    assert numbers["pool_exhausted"] == 0, numbers
    assert t.sanitized or server.rss_bytes() - rss < 64 << 20
    exact_reset_ends(wire, mac, clients[0])


@peer_test(60, needs=["curl"])
def flood_of_syns(t):
    """SYNs from addresses that never answer fill the SYN cache, and no more: what stands goes on."""
    generator = random.Random(5)
    site = t.path("site")
    site.mkdir()
    make_file(site / "data.bin", 10_000)
    server = t.serve(site, capture=False)
    client = Client((site / "data.bin").read_bytes())
    wire = Wire()
    client.ask()
    mac = mac_of_weft(wire.captured())
    for _ in range(20_000):
        wire.send(tcp_frame(mac, f"10.77.0.{generator.randrange(3, 255)}", WEFT, generator.randrange(1024, 65536), 80,
                            generator.getrandbits(32), 0, 2, 64240))
    client.ask()
    numbers = server.numbers()
    assert numbers["pool_exhausted"] == 0, numbers
