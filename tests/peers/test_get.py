# SPDX-License-Identifier: MIT
"""weft get against the HTTP servers that people use, on the kernel's TCP."""

import http.server
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
    t.get("-o", t.path("got"), f"http://{KERNEL}:8000/data.bin")  # a pipe's reader may pause: slow_output has that
    assert sha256_file(t.path("got")) == digest


@peer_test(60, needs=["nginx"])
def slow_output(t):
    """Who reads our output pauses: nothing more is taken from the connection meanwhile, and nothing is lost."""
    digest = make_site(t, 30_000_000)
    t.kernel_end()
    start_nginx(t)
    get = " ".join(str(word) for word in [t.weft, "get", *t.link_options(), f"http://{KERNEL}/data.bin"])
    assert t.run("sh", "-c", f"{get} | (head -c 100000; sleep 2; cat) | sha256sum").stdout.split()[0] == digest


@peer_test(60)
def redirections_keep_the_method_and_the_secrets(t):
    """RFC 9110 15.4: what is asked of whom after each status; credentials stay with the origin they were meant for."""
    t.kernel_end()
    t.path("body").write_text("x")
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            seen.append((self.command, body, sorted(f for f in ("Authorization", "Cookie", "Content-Type")
                                                    if f in self.headers)))
            first = self.server.server_port == 8000
            self.send_response(int(self.path[1:4]) if first else 200)
            if first:
                self.send_header("Location", f"http://{KERNEL}:8001/there")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer

        def log_message(self, *_):
            pass

    for port in (8000, 8001):
        server = http.server.ThreadingHTTPServer((KERNEL, port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    secrets = ["-H", "Authorization: Bearer s", "-H", "Cookie: s=1"]
    kind = ["-H", "Content-Type: a/b"]
    for options, status, then in [
            (secrets, 302, ("GET", "", [])),
            (["-X", "DELETE"], 301, ("DELETE", "", [])),
            (["-X", "DELETE"], 307, ("DELETE", "", [])),
            (["-X", "DELETE"], 303, ("GET", "", [])),
            (["-I"], 303, ("HEAD", "", [])),
            (["-d", "x", *kind], 302, ("GET", "", [])),
            (["-d", "x", *kind], 308, ("POST", "x", ["Content-Type"])),
            (["-T", t.path("body"), *kind], 301, ("PUT", "x", ["Content-Type"]))]:
        seen.clear()
        t.get("-L", *options, f"http://{KERNEL}:8000/{status}")
        assert len(seen) == 2 and seen[1] == then, (options, status, seen)


@peer_test(60)
def what_a_server_says_does_not_steer_the_terminal(t):
    """Control characters, C1 as a byte and as UTF-8 included, are masked; other characters are shown."""
    t.kernel_end()
    listener = socket.create_server((KERNEL, 80))
    listener.settimeout(20)
    for location, says in (b"https://\xc2\x9b1m/", "https://??1m/"), (b"https://\x9b/\xc3\xa9", "https://?/\u00e9"):
        def serve(location=location):
            sock, _ = listener.accept()
            sock.recv(65536)
            sock.sendall(b"HTTP/1.1 301 so \xc2\x9b2J\xc3\xa9\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n")
            sock.close()

        threading.Thread(target=serve, daemon=True).start()
        result = t.get("-L", "-i", f"http://{KERNEL}/", check=False, allow=["reset"])
        assert result.stdout.startswith("HTTP/1.1 301 so ??2J\u00e9\n"), result.stdout
        assert f"'{says}'" in result.stderr, result.stderr


@peer_test(30)
def closed_port_is_refused_at_once(t):
    t.kernel_end()
    started = time.monotonic()
    result = t.get(f"http://{KERNEL}:81/", check=False, allow=["reset"])
    assert result.returncode == 1 and result.stderr.count("refused") == 1, result.stderr
    assert result.stderr.count(f"{KERNEL}:81") == 1, result.stderr
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
