# SPDX-License-Identifier: MIT
"""weft get against the HTTP servers that people use, on the kernel's TCP."""

import socket
import threading
import time

from harness import KERNEL, make_file, peer_test, read_all, sha256_file

NGINX = """
worker_processes 1; daemon off; pid {dir}/nginx.pid; error_log {dir}/nginx.log; {user}
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{
    listen {addr}:80; root {dir}/site;
    location /moved {{ return 301 /data.bin; }}
    location /zip {{ gzip on; gzip_min_length 1; gzip_types *; alias {dir}/site; }}
  }}
}}
"""


def make_site(t, size=5_000_000):
    site = t.path("site")
    site.mkdir()
    return make_file(site / "data.bin", size)


def start_nginx(t):
    t.path("nginx.conf").write_text(NGINX.format(dir=t.directory, addr=KERNEL, user="user root;"))
    t.directory.chmod(0o755)
    nginx = t.start("/usr/sbin/nginx", "-c", t.path("nginx.conf"), "-e", t.path("nginx.log"), "-p", t.directory)
    wait_for_port(KERNEL, 80)
    return nginx


def wait_for_port(addr, port, limit=10):
    end = time.monotonic() + limit
    while True:
        try:
            socket.create_connection((addr, port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end, f"nobody listens on {addr}:{port}"
            time.sleep(0.02)


@peer_test(60, needs=["nginx"], link=["tap", "tun"], offload=[True, False])
def nginx(t, link, offload):
    digest = make_site(t)
    t.kernel_end(link)
    start_nginx(t)
    t.get("-o", t.path("got"), f"http://{KERNEL}/data.bin", link=link, offload=offload)
    assert sha256_file(t.path("got")) == digest


@peer_test(60, needs=["nginx"])
def nginx_in_many_ways(t):
    digest = make_site(t, 200_000)
    t.kernel_end()
    start_nginx(t)
    head = t.get("-I", f"http://{KERNEL}/data.bin").stdout
    assert head.startswith("HTTP/1.1 200 OK") and "Content-Length: 200000" in head, head
    t.get("-L", "-o", t.path("moved"), f"http://{KERNEL}/moved")
    assert sha256_file(t.path("moved")) == digest
    part = t.get("-H", "Range: bytes=10-19", f"http://{KERNEL}/data.bin", text=False).stdout
    assert part == (t.path("site") / "data.bin").read_bytes()[10:20]
    missing = t.get("--fail", f"http://{KERNEL}/nothing", check=False)
    assert missing.returncode == 1 and "404" in missing.stderr, missing.stderr
    assert t.get(f"http://{KERNEL}/nothing").returncode == 0


@peer_test(60)
def python_http_server(t):
    digest = make_site(t)
    t.kernel_end()
    t.start("python3", "-m", "http.server", "--bind", KERNEL, "--directory", t.path("site"), "8000")
    wait_for_port(KERNEL, 8000)
    got = t.get(f"http://{KERNEL}:8000/data.bin", text=False)
    t.path("got").write_bytes(got.stdout)
    assert sha256_file(t.path("got")) == digest


@peer_test(60, needs=["nginx"])
def slow_output(t):
    """Who reads our output pauses: nothing more is taken from the connection meanwhile, and nothing is lost."""
    digest = make_site(t, 30_000_000)
    t.kernel_end()
    start_nginx(t)
    get = " ".join(str(word) for word in [t.weft, "get", *t.link_options(), f"http://{KERNEL}/data.bin"])
    assert t.run("sh", "-c", f"{get} | (head -c 100000; sleep 2; cat) | sha256sum").stdout.split()[0] == digest


@peer_test(30)
def closed_port_is_refused_at_once(t):
    t.kernel_end()
    started = time.monotonic()
    result = t.get(f"http://{KERNEL}:81/", check=False, allow=["reset"])
    assert result.returncode == 1 and "refused" in result.stderr, result.stderr
    assert time.monotonic() - started < 3


@peer_test(60)
def nobody_there(t):
    """An address on the link that nobody has: the failure comes, and says what is wrong."""
    t.kernel_end()
    started = time.monotonic()
    result = t.get("--connect-timeout", "8", "http://10.77.0.77/", check=False)
    assert result.returncode == 1 and "10.77.0.77" in result.stderr, result.stderr
    assert time.monotonic() - started < 15


@peer_test(30)
def names_are_refused_clearly(t):
    result = t.get("http://example.com/", check=False, capture=False)
    assert result.returncode == 1 and "names cannot be looked up yet" in result.stderr, result.stderr


@peer_test(60)
def upload_to_a_socket(t):
    """A body in chunks of unknown length, read by nobody's HTTP library."""
    t.kernel_end()
    make_file(t.path("body"), 1_000_000)
    listener = socket.create_server((KERNEL, 80))
    listener.settimeout(20)
    received = []

    def serve():
        sock, _ = listener.accept()
        data = bytearray()
        while b"\r\n\r\n" not in data or len(data) < data.index(b"\r\n\r\n") + 4 + 1_000_000:
            data += sock.recv(65536)
        received.append(bytes(data))
        sock.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        sock.shutdown(socket.SHUT_WR)
        read_all(sock)
        sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert t.get("-T", t.path("body"), f"http://{KERNEL}/put").stdout == "ok"
    thread.join(10)
    head, body = received[0].split(b"\r\n\r\n", 1)
    assert head.startswith(b"PUT /put HTTP/1.1\r\n") and b"content-length: 1000000" in head.lower(), head
    assert body == t.path("body").read_bytes()
