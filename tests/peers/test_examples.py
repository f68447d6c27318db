# SPDX-License-Identifier: MIT
"""The programs of examples/ do what their first lines say."""

import http.server
import threading

from harness import DEVICE, KERNEL, WEFT, peer_test, wait_until


def answers(t, url):
    result = t.run("curl", "-sS", "-f", "--max-time", "2", url, check=False)
    return result.stdout if result.returncode == 0 else None


@peer_test(20, needs=["curl"])
def http_hello(t):
    t.kernel_end()
    t.start(t.example("http_hello"), DEVICE, f"{WEFT}/24")
    assert wait_until(lambda: answers(t, f"http://{WEFT}/"), 5, "it answers") == "hello, world\n"
    assert answers(t, f"http://{WEFT}/?name=you%20there") == "hello, you there\n"


@peer_test(20)
def http_get(t):
    t.kernel_end()
    (t.path("index.html")).write_text("from the kernel's side\n")
    handler = lambda *args: http.server.SimpleHTTPRequestHandler(*args, directory=str(t.directory))  # noqa: E731
    server = http.server.HTTPServer((KERNEL, 80), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    result = t.run(t.example("http_get"), DEVICE, f"{WEFT}/24", f"http://{KERNEL}/index.html")
    assert result.stdout == "from the kernel's side\n" and "200" in result.stderr
