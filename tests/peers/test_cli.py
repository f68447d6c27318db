# SPDX-License-Identifier: MIT
"""The command line: what is refused, how, and what dump and --verbose show."""

import re

from harness import KERNEL, WEFT, peer_test

WRONG = [
    # command line, what the message must speak of
    ([], "usage:"),
    (["juggle"], "there is no verb 'juggle'"),
    (["help", "juggle"], "there is no verb 'juggle'"),
    (["ping"], "HOST is missing"),
    (["ping", "a", "b"], "too many operands"),
    (["ping", "--colour", "10.0.0.1"], "there is no option --colour"),
    (["ping", "-Z", "10.0.0.1"], "there is no option -Z"),
    (["ping", "--count"], "--count: its value N is missing"),
    (["ping", "-c", "many", "10.0.0.1"], "--count: 'many' is not a number from 1"),
    (["ping", "-c", "0", "10.0.0.1"], "--count: '0' is not a number from 1"),
    (["ping", "--quiet=yes", "10.0.0.1"], "--quiet takes no value"),
    (["ping", "-i", "1fortnight", "10.0.0.1"], "--interval: '1fortnight' is not a time"),
    (["ping", "example.com"], "names cannot be looked up yet"),
    (["ping", "::1"], "::1 cannot be pinged: it is an IPv6 address"),
    (["ping", "0.0.0.0"], "which means no host"),
    (["ping", "255.255.255.255"], "the broadcast address"),
    (["ping", "10.77.0.255"], "the broadcast address of its network"),
    (["ping", "224.0.0.1"], "a multicast address"),
    (["ping", "--link", "wifi:x", "10.0.0.1"], "there are tap:NAME and tun:NAME"),
    (["ping", "--link", "tap:averyverylongname", "10.0.0.1"], "1 to 15 characters"),
    (["ping", "--addr", "10.0.0", "10.0.0.1"], "--addr: '10.0.0' is not an address"),
    (["ping", "--addr", "10.0.0.2", "10.0.0.1"], "--addr: '10.0.0.2' lacks the length of its network"),
    (["ping", "--addr", "10.0.0.0/24", "10.0.0.1"], "--addr: 10.0.0.0/24 cannot be a host's address"),
    (["ping", "--addr", "10.0.0.255/24", "10.0.0.1"], "the broadcast address of its network"),
    (["ping", "--addr", "255.255.255.255/8", "10.0.0.1"], "the broadcast address"),
    (["ping", "--addr", "127.0.0.1/8", "10.0.0.1"], "a loopback address"),
    (["ping", "--addr", "224.0.0.1/24", "10.0.0.1"], "a multicast address"),
    (["ping", "--addr", "::1/64", "10.0.0.1"], "an IPv6 address"),
    (["ping", "--host-addr", "10.77.0.2/24", "10.0.0.1"], "--host-addr: 10.77.0.2/24 is weft's own address"),
    (["ping", "--gateway", "nowhere", "10.0.0.1"], "--gateway: 'nowhere' is not an address"),
    (["ping", "--gateway", "10.78.0.1", "10.0.0.1"], "--gateway: 10.78.0.1 is not on the link's network"),
    (["ping", "--gateway", "10.77.0.2", "10.0.0.1"], "--gateway: 10.77.0.2 is weft's own address"),
    (["ping", "--link", "tap:a/b", "10.0.0.1"], "it has no '/'"),
    (["dump", "--addr", "10.0.0.1/24", "/dev/null"], "--addr is for a link"),
    (["dump", "--impair", "loss=1%", "/dev/null"], "--impair is for a link"),
    (["dump", "--gateway", "10.77.0.1"], "--gateway needs --addr"),
    (["dump"], "FILE is missing, or a link to listen on: --link tap:weft0"),
    (["dump", "--addr", "10.0.0.1/24"], "FILE is missing, or a link to listen on"),
    (["dump", "--anatomy", "-c", "1", "/dev/null"], "--count stops"),
    (["ping", "--impair", "loss=200%", "10.0.0.1"], "--impair: "),
    (["ping", "--mtu", "20", "10.0.0.1"], "--mtu: '20' is not a number from 68"),
    (["script"], "FILE... is missing"),
    (["script", "--tap", "--verbose", "/dev/null"], "--tap prints results only"),
    (["script", "--pcap", "/tmp/x", "a", "b"], "--pcap is for one FILE"),
    (["script", "--tolerance", "2s", "a"], "--tolerance"),
    (["serve"], "what is to be served is missing"),
    (["serve", "--meme", "--sink"], "only one of"),
    (["serve", "--sink", "--listing"], "need a DIR"),
    (["serve", "--index", "a/b", "/"], "--index: 'a/b' is not the name of a file"),
    (["serve", "--cache-control", "a\r\nb", "/"], "--cache-control: the value"),
    (["serve", "--sink", "--max-body", "10 apples"], "is not a size"),
    (["serve", "--sink", "--congestion", "vegas"], "--congestion: there is no 'vegas'; there are cubic, "),
    (["get", "--ecn", "maybe", "http://10.0.0.1/"], "--ecn: 'maybe' is none of accept, ask, off"),
    (["get", "--mtu-probing", "2", "http://10.0.0.1/"], "--mtu-probing: '2' is none of black-hole, "),
    (["get", "--without", "sack,sock", "http://10.0.0.1/"], "--without: 'sock' is none of sack, "),
    (["get", "--send-buffer", "1", "http://10.0.0.1/"], "--send-buffer: '1' is not a size in bytes"),
    (["get", "--rto-min", "1us", "http://10.0.0.1/"], "--rto-min: '1us' is not a time"),
    (["ping", "--congestion", "bbr", "10.0.0.1"], "there is no option --congestion"),
    (["get", "ftp:/x"], "is not an http URL"),
    (["get", "--header", "nonsense", "http://10.0.0.1/"], "is not of the form 'Name: value'"),
]

FAILING = [
    (["get", "https://10.0.0.1/"], "only http can be spoken yet"),
    (["get", "http://example.com/"], "names cannot be looked up yet"),
    (["serve", "--link", "tap:lo", "/no/such/directory"], "/no/such/directory"),
    (["serve", "--sink", "--pcap", "/no/such/file"], "--pcap: "),
    (["dump", "/no/such/file"], "/no/such/file"),
    (["dump", "/tmp"], "/tmp: "),
    (["script", "/no/such/file"], "/no/such/file"),
]


@peer_test(60)
def wrong_command_lines(t):
    for words, message in WRONG:
        result = t.run(t.weft, *words, check=False)
        assert result.returncode == 2 and message in result.stderr, (words, result)
        assert not result.stdout, (words, result.stdout)


@peer_test(20)
def help_and_version(t):
    overview = t.run(t.weft, "help").stdout
    for words in (["help", "help"], ["help", "--help"], ["--help"], ["-h"]):
        assert t.run(t.weft, *words).stdout == overview, words
    assert t.run(t.weft, "-V").stdout == t.run(t.weft, "--version").stdout != ""


@peer_test(60)
def failures(t):
    for words, message in FAILING:
        result = t.run(t.weft, *words, check=False)
        assert result.returncode == 1 and message in result.stderr, (words, result)


@peer_test(20)
def device_that_is_down(t):
    """A device that nobody has set up: the user is told what to do, and nothing waits for ever."""
    result = t.run(t.weft, "ping", "-c", "1", "-W", "0.1", KERNEL, check=False)
    assert result.returncode == 1 and "ip link set weft0 up" in result.stderr, result


@peer_test(30, needs=["curl", "tshark"])
def dump_shows_a_capture(t):
    path = t.path("exchange.pcapng")
    server = t.serve("--sink", "--pcap", path, capture=False)
    t.run("curl", "-sS", "-f", "-d", "hello", f"http://{WEFT}/x")
    server.stop()
    lines = t.run(t.weft, "dump", path).stdout.splitlines()
    frames = len(t.run("tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.number").stdout.split())
    assert len(lines) == frames, "one line for each frame"
    assert any("SYN" in line for line in lines) and any("POST /x" in line for line in lines), lines
    assert len(t.run(t.weft, "dump", "-c", "3", path).stdout.splitlines()) == 3
    full = t.run(t.weft, "dump", "-v", path).stdout
    for name in ("Sequence Number", "Time to Live", "Ether"):
        assert name in full, name
    assert t.run("sh", "-c", f"{t.weft} dump - <{path}").stdout.splitlines() == lines
    t.run(t.weft, "dump", "--html", t.path("page.html"), path)
    assert "POST /x" in t.path("page.html").read_text()
    assert "SYN" in t.run(t.weft, "dump", "--anatomy", path).stdout


@peer_test(30)
def dump_of_a_damaged_file(t):
    path = t.path("bad.pcapng")
    path.write_bytes(b"not a capture at all")
    result = t.run(t.weft, "dump", path, check=False)
    assert result.returncode == 1 and "bad.pcapng" in result.stderr, result


@peer_test(30, needs=["ping"])
def dump_on_a_link(t):
    program = t.start(t.weft, "dump", *t.link_options(), "-c", "6", name="dump")
    program.wait_for("listening on", where="err")
    t.run("ping", "-n", "-c", "2", "-i", "0.1", WEFT)
    assert program.wait(10) == 0
    assert len(program.out().splitlines()) == 6 and re.search(r"echo request", program.out()), program.out()


@peer_test(30, needs=["curl"])
def verbose_tells_decisions(t):
    server = t.serve("--sink", "--verbose")
    t.run("curl", "-sS", "-f", "-d", "hello", f"http://{WEFT}/x")
    server.stop()
    for word in ("SYN-RECEIVED", "ESTABLISHED", "timer"):
        assert word in server.err(), server.err()[-2000:]


@peer_test(60, needs=["curl", "tshark"])
def options_of_tcp_are_used(t):
    """What --congestion and its like say shows on the wire, and in what the stack tells."""
    path = t.path("tcp.pcapng")
    server = t.serve("--sink", "--congestion", "bbr", "--without", "sack,timestamps", "--receive-buffer", "16k", "--verbose",
                     "--pcap", path, capture=False)
    t.run("curl", "-sS", "-f", "-d", "hello", f"http://{WEFT}/x")
    server.stop()
    assert "BBR Startup" in server.err(), server.err()[-2000:]
    fields = ["-e", "tcp.flags.ece", "-e", "tcp.options.sack_perm", "-e", "tcp.options.timestamp.tsval", "-e", "tcp.window_size_value"]

    def syns_of_ours(path):
        lines = t.run("tshark", "-n", "-r", path, "-Y", f"tcp.flags.syn == 1 && ip.src == {WEFT}", "-T", "fields", *fields).stdout
        return [line.split("\t") for line in lines.splitlines()]

    for ece, sack, tsval, window in syns_of_ours(path):
        assert (ece in "0False", sack, tsval) == (True, "", "") and int(window) <= 16384, (ece, sack, tsval, window)
    asked = t.path("asked.pcapng")
    t.get("--ecn", "ask", "--pcap", asked, f"http://{KERNEL}:81/", capture=False, check=False)
    assert syns_of_ours(asked)[0][0] in ("1", "True"), syns_of_ours(asked)


@peer_test(60, needs=["tshark"])
def seed_decides_what_is_random(t):
    """The port that weft chooses: the same with the same seed, and not to be foreseen without."""
    t.kernel_end()

    def chosen_port(*options):
        path = t.path("seed.pcapng")
        t.get("--pcap", path, *options, f"http://{KERNEL}:81/", capture=False, check=False)
        syns = t.run("tshark", "-n", "-r", path, "-Y", "tcp.flags == 0x002", "-T", "fields", "-e", "tcp.srcport").stdout
        ports = set(syns.split())  # a busy machine may make us send the SYN again
        assert len(ports) == 1, syns
        return ports.pop()

    assert chosen_port("--seed", "5") == chosen_port("--seed", "5")
    assert len({chosen_port() for _ in range(4)}) > 1
