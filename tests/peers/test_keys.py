# SPDX-License-Identifier: MIT
"""
Keys: TCP MD5 (RFC 2385) with the kernel's TCP, TCP-AO (RFC 5925) between two wefts over the kernel's router, since
few kernels have it; and the file that the keys come from.
"""

import socket
import struct
import threading

from harness import KERNEL, WEFT, Skip, make_file, peer_test, read_all, sha256_file

TCP_MD5SIG = 14  # linux/tcp.h
ROUTER, CLIENT = "10.78.0.1", "10.78.0.2"


def set_md5_key(sock, peer, key):
    """struct tcp_md5sig of linux/tcp.h."""
    address = struct.pack("=H2x4s120x", socket.AF_INET, socket.inet_aton(peer))
    try:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, address + struct.pack("=BBHI80s", 0, 0, len(key), 0, key))
    except OSError as error:
        raise Skip(f"the kernel has no TCP MD5: {error}") from error


def key_file(t, *lines, name="keys", mode=0o600):
    path = t.path(name)
    path.write_text("\n".join(lines) + "\n")
    path.chmod(mode)
    return path


def make_site(t, size):
    site = t.path("site")
    site.mkdir()
    return site, make_file(site / "data.bin", size)


def get_with(key, limit):
    with socket.socket() as sock:
        if key:
            set_md5_key(sock, WEFT, key)
        sock.settimeout(limit)
        sock.connect((WEFT, 80))
        sock.sendall(b"GET /data.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return read_all(sock).partition(b"\r\n\r\n")[2]


@peer_test(60, link=["tap", "tun"])
def the_kernel_connects_with_md5(t, link):
    site, _ = make_site(t, 3_000_000)
    server = t.serve("--keys", key_file(t, "# the kernel's", f"md5 {KERNEL}   a secret "), site, link=link)
    assert get_with(b"a secret", 10) == (site / "data.bin").read_bytes()
    for key in (b"another", None):
        try:
            get_with(key, 2)
        except TimeoutError:
            continue
        raise AssertionError(f"a connection came up with the key {key}")
    numbers = server.numbers()
    assert numbers["drop_tcp_md5_wrong"] >= 1 and numbers["drop_tcp_md5_missing"] >= 1, numbers


@peer_test(60)
def the_kernel_listens_with_md5(t):
    t.kernel_end()
    content = bytes(range(256)) * 8000
    listener = socket.create_server((KERNEL, 8000))
    set_md5_key(listener, WEFT, bytes.fromhex("00ff10"))

    def serve():
        sock, _ = listener.accept()
        with sock:
            sock.recv(65536)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(content) + content)
            sock.settimeout(10)
            sock.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    # Into a file: a pipe's reader may pause, and then the window closes.
    t.get("--keys", key_file(t, f"md5 {KERNEL}/32 0x00FF10"), "-o", t.path("got"), f"http://{KERNEL}:8000/")
    thread.join(10)
    assert t.path("got").read_bytes() == content
    failed = t.get("--connect-timeout", "2", f"http://{KERNEL}:8000/", check=False, allow=["loss"])
    assert failed.returncode == 1, failed


def route_between(t):
    """Two wefts, each on a device of its own, and the kernel between them."""
    for name in ("ip_forward", "conf/all/rp_filter", "conf/default/rp_filter"):
        with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
            file.write("1" if name == "ip_forward" else "0")
    t.run("ip", "tuntap", "add", "dev", "weft1", "mode", "tap")
    t.run("ip", "address", "add", f"{ROUTER}/24", "dev", "weft1")
    t.run("ip", "link", "set", "weft1", "up")


def get_over_router(t, *options, check=True):
    return t.run(t.weft, "get", "--link", "tap:weft1", "--addr", f"{CLIENT}/24", "--gateway", ROUTER, *options,
                 check=check)


@peer_test(60, needs=["tshark"], algorithm=["sha1", "aes128", "sha1-without-options", "aes128-without-options"])
def two_wefts_with_ao(t, algorithm):
    """What tshark says of the option, and what our own dump says."""
    site, digest = make_site(t, 3_000_000)
    path = t.path("ao.pcapng")
    route_between(t)
    server = t.serve("--gateway", KERNEL, "--pcap", path, "--keys",
                     key_file(t, f"ao 10.78.0.0/24 61 84 {algorithm} 0x" + "1f" * 16), site, capture=False)
    client = key_file(t, f"ao {WEFT} 84 61 {algorithm} 0x" + "1F" * 16, name="client")
    got = t.path("got")
    get_over_router(t, "--keys", client, "-o", got, f"http://{WEFT}/data.bin")
    assert sha256_file(got) == digest
    failed = get_over_router(t, "--connect-timeout", "2", f"http://{WEFT}/", check=False)
    assert failed.returncode == 1, failed
    wrong = key_file(t, f"ao {WEFT} 84 61 {algorithm} 0x" + "1E" * 16, name="wrong")
    failed = get_over_router(t, "--keys", wrong, "--connect-timeout", "2", f"http://{WEFT}/", check=False)
    assert failed.returncode == 1, failed
    numbers = server.numbers()
    assert numbers["drop_tcp_ao_missing"] >= 1 and numbers["drop_tcp_ao_wrong"] >= 1, numbers
    server.stop()
    seen = t.run("tshark", "-n", "-r", path, "-Y", f"tcp && ip.src == {WEFT}", "-T", "fields", "-e",
                 "tcp.options.ao.keyid", "-e", "tcp.options.ao.rnextkeyid").stdout.splitlines()
    assert len(seen) > 1000 and set(seen) == {"61\t84"}, set(seen)
    ours = t.run(t.weft, "dump", "-v", "-c", "8", path).stdout
    assert "TCP Authentication Option" in ours, ours[:2000]


@peer_test(20)
def key_files_that_are_wrong(t):
    wrong = [
        ("ah 10.0.0.1 1 1 sha1 x", ":1: a line begins with"),
        ("# fine\n\nao 10.0.0 1 1 sha1 x", ":3: the second word"),
        ("ao 10.0.0.1 1 256 sha1 x", "not numbers from 0 to 255"),
        ("ao 10.0.0.1 -1 1 sha1 x", "not numbers from 0 to 255"),
        ("ao 10.0.0.1 1", "not numbers from 0 to 255"),
        ("ao 10.0.0.1 1 1 md5 x", "the fifth word"),
        ("ao 10.0.0.1 1 1", "the fifth word"),
        ("ao 10.0.0.1 1 1 sha1 ", "the key is not"),
        ("md5 10.0.0.1", "the key is not"),
        ("md5 10.0.0.1 0x123", "the key is not"),
        ("md5 10.0.0.1 0x", "the key is not"),
        ("md5 10.0.0.1 0xgg", "the key is not"),
        ("md5 10.0.0.1 " + "k" * 81, "the key is not"),
        ("md5 10.0.0.1 0x" + "00" * 81, "the key is not"),
        ("md5 10.0.0.1 " + "k" * 500, "the line is too long"),
        ("# nothing", "there is no key in it"),
        ("md5 10.0.0.1 x\n" * 65, ":65: more than 64 keys"),
    ]
    for text, message in wrong:
        result = t.run(t.weft, "serve", "--sink", "--keys", key_file(t, text), check=False)
        assert result.returncode == 1 and message in result.stderr, (text, result)
        assert "kkk" not in result.stderr, result
    path = key_file(t, "md5 10.0.0.1 secret", mode=0o640)
    result = t.run(t.weft, "get", "--keys", path, f"http://{KERNEL}/", check=False)
    assert result.returncode == 1 and "can be read by others" in result.stderr, result
    result = t.run(t.weft, "get", "--keys", "/no/such/file", f"http://{KERNEL}/", check=False)
    assert result.returncode == 1 and "/no/such/file: No such file" in result.stderr, result
    twice = key_file(t, "ao 10.0.0.0/8 1 1 sha1 x", "ao 10.0.0.1 1 2 sha1 x")
    result = t.run(t.weft, "serve", *t.link_options(), "--sink", "--keys", twice, check=False)
    assert result.returncode == 1 and "it exists already" in result.stderr, result
