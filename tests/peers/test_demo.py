# SPDX-License-Identifier: MIT
"""weft demo, as root and as anybody."""

import os
import re
import signal
import stat

from harness import Skip, peer_test


def check_output(t, out, text, words=("ARP",)):
    picture = (out / "meme.jpg").read_bytes()
    assert picture.startswith(b"\xff\xd8\xff") and picture.endswith(b"\xff\xd9") and len(picture) > 10_000
    for word in ("SYN", "ESTABLISHED", "POST /meme", "image/jpeg", "FIN", *words):
        assert word in text, f"the anatomy does not speak of {word}"
    page = (out / "anatomy.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html") and "POST /meme" in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", page), "the page needs something from elsewhere"
    check_capture_has_comments(t, out / "anatomy.pcapng")


def check_capture_has_comments(t, path):
    result = t.run("tshark", "-n", "-r", path, "-Y", "frame.comment && tcp", "-T", "fields", "-e", "frame.comment")
    assert "ESTABLISHED" in result.stdout, "no comments of the stack in the capture"


@peer_test(60, needs=["curl", "tshark"], link=["tap", "tun"])
def as_root(t, link):
    """Root of these namespaces: the demo makes a network namespace of its own."""
    out = t.path("out")
    before = t.run("ip", "-o", "link").stdout
    result = t.run(t.weft, "demo", "--out", out, "--link", f"{link}:weft0")
    check_output(t, out, result.stdout, ("ARP",) if link == "tap" else ())
    assert t.run("ip", "-o", "link").stdout == before, "the demo has touched the network around it"
    t.captures.append((out / "anatomy.pcapng", ()))


@peer_test(60, needs=["curl", "tshark", "setpriv"])
def as_nobody(t):
    """Without any privilege, in user and network namespaces that it makes for itself."""
    become_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"]
    probe = t.run(*become_nobody, "unshare", "--user", "--net", "true", check=False)
    if probe.returncode != 0:
        raise Skip(f"another user, or namespaces for it, are not to be had here: {probe.stderr.strip()}")
    open_tun_to_all(t)
    os.chmod(t.directory, 0o777)
    out = t.path("out")
    result = t.run(*become_nobody, t.weft, "demo", "--out", out, env={"HOME": str(t.directory)})
    check_output(t, out, result.stdout, ("ARP",))


def open_tun_to_all(t):
    """/dev/net/tun as most systems have it. Here it may be for root alone; a copy in our mount namespace is not."""
    if os.stat("/dev/net/tun").st_mode & 0o006 == 0o006:
        return
    node = t.path("tun")
    try:
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(10, 200))
    except PermissionError as error:
        raise Skip("/dev/net/tun is closed to other users, and another node cannot be made") from error
    os.chmod(node, 0o666)
    t.run("mount", "--bind", node, "/dev/net/tun")


@peer_test(60, needs=["curl"])
def keeps_serving_until_interrupted(t):
    """--keep says an address that this side of the namespace reaches."""
    program = t.start(t.weft, "demo", "--keep", "--out", t.path("out"), name="demo")
    url = program.wait_for(r"http://127\.0\.0\.1:\d+/", 30).group(0)
    assert "meme" in t.run("curl", "-sS", "-f", url).stdout
    sample = t.run("curl", "-sS", "-f", url + "sample.jpg", text=False).stdout
    assert sample.startswith(b"\xff\xd8\xff")
    several = t.run("curl", "-sS", "-f", "-Z", *[f"{url}sample.jpg"] * 8, "-o", "/dev/null", text=False)
    assert several.returncode == 0
    program.process.send_signal(signal.SIGINT)
    assert program.wait(10) == 0, program.err()


@peer_test(60, needs=["curl"])
def in_the_host_namespace(t):
    """--host-netns: the device stands in the namespace that the demo was started in."""
    program = t.start(t.weft, "demo", "--host-netns", "--keep", "--out", t.path("out"), name="demo")
    program.wait_for(r"Still serving", 30)
    assert t.run("curl", "-sS", "-f", "-o", "/dev/null", "-w", "%{http_code}", "http://10.77.0.2/").stdout == "200"
    program.stop()


@peer_test(60, needs=["curl", "tshark"])
def on_a_bad_wire(t):
    out = t.path("out")
    result = t.run(t.weft, "demo", "--out", out, "--impair", "loss=10%,seed=3", limit=50)
    assert (out / "meme.jpg").stat().st_size > 10_000
    assert re.search("retransmi", result.stdout, re.I), "no retransmission in an anatomy with losses"


@peer_test(30)
def failures_are_told(t):
    result = t.run(t.weft, "demo", "--out", "/proc/nowhere/out", check=False)
    assert result.returncode == 1 and "/proc/nowhere/out" in result.stderr, result.stderr
    result = t.run(t.weft, "demo", "--out", t.path("out"), "--image", "/etc/passwd", check=False)
    assert result.returncode == 1 and "curl failed" in result.stderr, result.stderr
    assert "the server's answer: {" in result.stderr and not t.path("out/meme.jpg").exists(), result.stderr


@peer_test(30)
def failures_before_the_request_leave_nothing(t):
    out = t.path("out")
    result = t.run(t.weft, "demo", "--out", out, "--link", "tap:lo", check=False)
    assert result.returncode == 1 and "lo exists" in result.stderr and not out.exists(), result.stderr
    result = t.run(t.weft, "demo", "--out", out, env={"PATH": "/nowhere"}, check=False)
    assert result.returncode == 1 and "curl is not in PATH" in result.stderr and not out.exists(), result.stderr
    assert not result.stdout and len(result.stderr.splitlines()) == 1, result
    result = t.run(t.weft, "demo", "--out", out, "--host-addr", "10.78.0.1/24", check=False)
    assert result.returncode == 2 and "not on one network" in result.stderr, result.stderr


@peer_test(30, needs=["curl"])
def on_another_network(t):
    """The kernel's end follows weft's address."""
    result = t.run(t.weft, "demo", "--out", t.path("out"), "--addr", "192.0.2.1/29")
    assert "192.0.2.2" in result.stdout, result.stdout[-2000:]
