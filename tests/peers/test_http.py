# SPDX-License-Identifier: MIT
"""weft serve against the HTTP clients that people use."""

import base64
import http.client
import json
import re
import socket

from harness import WEFT, make_file, peer_test, read_exactly, sha256_file

URL = f"http://{WEFT}"


def make_site(t, size=300_000):
    site = t.path("site")
    site.mkdir()
    make_file(site / "data.bin", size)
    (site / "index.html").write_text("<!doctype html><title>weft</title><p>hello")
    return site


@peer_test(30, needs=["curl"], link=["tap", "tun"], offload=[True, False])
def curl_get(t, link, offload):
    site = make_site(t)
    t.serve(site, link=link, offload=offload)
    t.run("curl", "-sS", "-f", "-o", t.path("got"), f"{URL}/data.bin")
    assert sha256_file(t.path("got")) == sha256_file(site / "data.bin")


@peer_test(30, needs=["curl"])
def curl_asks_in_many_ways(t):
    site = make_site(t)
    content = (site / "data.bin").read_bytes()
    t.serve(site)
    head = t.run("curl", "-sS", "-I", f"{URL}/data.bin").stdout
    assert "200" in head.splitlines()[0] and "content-length: 300000" in head.lower(), head
    part = t.run("curl", "-sS", "-r", "1000-1999", f"{URL}/data.bin", text=False).stdout
    assert part == content[1000:2000]
    etag = re.search(r"(?im)^etag: (.*)$", head).group(1).strip()
    status = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}"]
    assert t.run(*status, "-H", f"If-None-Match: {etag}", f"{URL}/data.bin").stdout == "304"
    assert t.run(*status, f"{URL}/nothing").stdout == "404"
    assert t.run(*status, "-X", "DELETE", f"{URL}/data.bin").stdout == "405"
    assert t.run(*status, "--path-as-is", f"{URL}/../../etc/passwd").stdout in ("400", "404")
    twice = t.run("curl", "-sS", "-o", t.path("a"), f"{URL}/data.bin", "-o", t.path("b"), f"{URL}/data.bin", "-w",
                  "%{num_connects} ").stdout.split()
    assert twice == ["1", "0"], f"the connection was not kept: {twice}"
    assert t.path("b").read_bytes() == content


@peer_test(30, needs=["curl"])
def curl_posts(t):
    t.serve("--sink")
    digest = make_file(t.path("body"), 3_000_000)
    for options in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"], ["--http1.0"]):
        answer = json.loads(t.run("curl", "-sS", "-f", "--data-binary", f"@{t.path('body')}", *options, f"{URL}/x").stdout)
        assert answer == {"bytes": 3_000_000, "sha256": digest}, (options, answer)


@peer_test(30)
def python_http_client(t):
    site = make_site(t)
    content = (site / "data.bin").read_bytes()
    t.serve(site)
    connection = http.client.HTTPConnection(WEFT, timeout=10)
    for index in range(200):
        connection.request("GET", "/data.bin" if index % 10 == 0 else "/")
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200
        assert body == content if index % 10 == 0 else b"hello" in body
    connection.close()


@peer_test(30)
def pipelined(t):
    """Requests that come before the last answer has gone, cut at places that do not suit us."""
    site = make_site(t)
    t.serve(site)
    request = f"GET /index.html HTTP/1.1\r\nHost: {WEFT}\r\n\r\n".encode()
    size = (site / "index.html").stat().st_size
    with socket.create_connection((WEFT, 80), 10) as sock:
        stream = request * 50
        for at in range(0, len(stream), 37):
            sock.sendall(stream[at:at + 37])
        reader = sock.makefile("rb")
        for _ in range(50):
            assert b" 200 " in reader.readline()
            headers = http.client.parse_headers(reader)
            assert int(headers["Content-Length"]) == size
            reader.read(size)


@peer_test(60, needs=["ab"], keep=[True, False])
def apache_bench(t, keep):
    server = t.serve(make_site(t, 20_000), "--quiet", capture=False)
    out = t.run("ab", "-q", "-n", "3000", "-c", "50", *(["-k"] if keep else []), f"{URL}/data.bin").stdout
    assert re.search(r"Complete requests: +3000", out), out
    assert re.search(r"Failed requests: +0", out) and "Non-2xx" not in out, out
    assert server.numbers()["requests"] >= 3000


@peer_test(60, needs=["wrk"])
def wrk(t):
    t.serve(make_site(t, 20_000), "--quiet", capture=False)
    out = t.run("wrk", "-t", "1", "-c", "64", "-d", "3s", f"{URL}:80/data.bin").stdout
    assert "Socket errors" not in out and "Non-2xx" not in out, out
    assert int(re.search(r"(\d+) requests in", out).group(1)) > 100, out


PAGE = """<!doctype html><title>loading</title><body><script>
let left = 40;
for (let i = 0; i < 40; i++) {
  const image = new Image();
  image.onload = () => { if (--left === 0) document.title = "all 40 loaded"; };
  image.onerror = () => { document.title = "failed " + i; };
  image.src = "dot" + i + ".gif";
  document.body.append(image);
}
</script>"""

DOT = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@peer_test(90, needs=["chromium"])
def chromium_page(t):
    site = t.path("site")
    site.mkdir()
    (site / "index.html").write_text(PAGE)
    for index in range(40):
        (site / f"dot{index}.gif").write_bytes(DOT)
    server = t.serve(site)
    dom = browse(t, f"{URL}/")
    assert "<title>all 40 loaded</title>" in dom, dom[:500]
    assert server.numbers()["requests"] >= 41


@peer_test(90, needs=["chromium"])
def chromium_meme_page(t):
    t.serve("--meme")
    dom = browse(t, f"{URL}/")
    assert "topText" in dom or "meme" in dom.lower(), dom[:500]


def browse(t, url):
    """The page's document after its scripts have run."""
    return t.run("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-extensions", "--disable-background-networking", "--disable-component-update",
                 f"--user-data-dir={t.path('profile')}", "--virtual-time-budget=20000", "--timeout=40000", "--dump-dom",
                 url, limit=80, env={"HOME": str(t.directory)}).stdout


# --- The meme service ------------------------------------------------------------------------------------


def post_meme(connection, body, content_type="application/json", method="POST"):
    connection.request(method, "/meme", body, {"Content-Type": content_type})
    response = connection.getresponse()
    return response, response.read()


@peer_test(60)
def meme_service(t):
    t.serve("--meme")
    connection = http.client.HTTPConnection(WEFT, timeout=20)
    connection.request("GET", "/sample.jpg")
    sample = connection.getresponse().read()
    assert sample.startswith(b"\xff\xd8\xff")
    response, meme = post_meme(connection, json.dumps({
        "image": base64.b64encode(sample).decode(), "topText": "peers", "bottomText": "überall 中"}))
    assert response.status == 200 and response.headers["Content-Type"] == "image/jpeg", meme
    assert meme.startswith(b"\xff\xd8\xff") and meme.endswith(b"\xff\xd9") and meme != sample


@peer_test(60)
def meme_refusals(t):
    t.serve("--meme", "--max-body", "100k")
    connection = http.client.HTTPConnection(WEFT, timeout=20)
    valid = json.dumps({"image": base64.b64encode(b"no picture at all").decode()})
    cases = [
        (400, "bad_json", "{"), (400, "missing_field", "{}"), (400, "bad_base64", '{"image": "!"}'),
        (415, "unsupported_image", valid), (413, "body_too_large", "x" * 200_000),
    ]
    for status, code, body in cases:
        response, answer = post_meme(connection, body)
        assert (response.status, json.loads(answer)["error"]["code"]) == (status, code), (response.status, answer)
        assert response.headers["Content-Type"] == "application/json" and json.loads(answer)["error"]["message"]
    response, answer = post_meme(connection, valid, "text/plain")
    assert (response.status, json.loads(answer)["error"]["code"]) == (415, "unsupported_media_type")
    response, answer = post_meme(connection, None, method="GET")
    assert (response.status, response.headers["Allow"]) == (405, "POST, OPTIONS")
    assert json.loads(answer)["error"]["code"] == "method_not_allowed"
    connection.request("GET", "/nowhere")
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())["error"]["code"]) == (404, "not_found")
    for method, length in (("HEAD", 0), ("GET", 1)):
        connection.request(method, "/")
        response = connection.getresponse()
        assert response.status == 200 and int(response.headers["Content-Length"]) > 1000
        assert (len(response.read()) > 0) == bool(length)


@peer_test(60)
def meme_body_in_chunks_too_large(t):
    """A chunked body of unknown length is bounded while it comes."""
    t.serve("--meme", "--max-body", "100k", allow=["reset"])
    with socket.create_connection((WEFT, 80), 10) as sock:
        sock.sendall(f"POST /meme HTTP/1.1\r\nHost: {WEFT}\r\nContent-Type: application/json\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n".encode())
        try:
            for _ in range(64):
                sock.sendall(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        except OSError:
            pass  # it has answered and closed: that is its right
        assert read_exactly(sock, 12) == b"HTTP/1.1 413"
