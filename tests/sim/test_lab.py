#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
weft lab as its user meets it: what it writes can be read by others, what it
says is what happened, and its exit status tells whether all was well.

    test_lab.py WEFT SCENARIO

Prints what is wrong; exit status 0 when nothing is.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

PLOTS = ["throughput", "sequence", "cwnd", "held", "rtt", "queue"]
SVG = "{http://www.w3.org/2000/svg}"
UNSHRUNK = ("host a msl=5s\nhost b no-sack\nhost c\nlink a b delay=3ms loss=1%\nlink b c\nflow f a -> b bytes=1M "
            "client:close=last server:close=last server:nodelay\nflow g a -> b bytes=10k\nat 1s link a-b loss=2%\n")
SHRUNK = "seed 1\nhost a\nhost b\nlink a b\nflow f a -> b client:close=last server:close=last\n"
FAILING = "host a\nhost b\nlink a b rate=8mbit\nflow f a -> b bytes=1M\nexpect f finish <= 0.5s\n"


def run(weft, *args, stdin=None, status=0):
    done = subprocess.run([weft, "lab", *args], input=stdin, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != status:
        sys.exit(f"weft lab {' '.join(args)}: exit status {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
    return done


def check_json(weft, scenario):
    summary = json.loads(run(weft, "--json", scenario).stdout)
    assert summary["faults"] == 0 and summary["fault_text"] == "", summary
    assert [flow["name"] for flow in summary["flows"]] == ["first", "second"], summary
    assert summary["flows"][0]["bytes"] == 10 << 20, summary
    held = summary["flows"][0]["held_us"]
    assert held["cwnd"] + held["pacing"] > sum(held.values()) * 0.9 and held["cwnd"] > 0 < held["pacing"], "what held the sender"
    assert summary["flows"][0]["busy_us"] > 10e6, "for how long"
    assert len(summary["links"]) == 6 and all(e["met"] for e in summary["expectations"]), summary
    return summary


def check_plot(path):
    root = xml.parse(path).getroot()
    assert root.tag == SVG + "svg", path
    lines = [p.get("d") for p in root.iter(SVG + "path")]
    assert len(lines) >= 2 and max(map(len, lines)) > 500, f"{path}: nothing is drawn"
    numbers = [float(n) for d in lines for n in re.findall(r"-?\d+\.\d+", d)]
    assert all(0 <= n <= 960 for n in numbers), f"{path}: drawn outside the picture"
    assert not re.search(r"\b(nan|inf)\b", path.read_text()), path


def check_files(weft, scenario, summary, out):
    run(weft, "--out", str(out), scenario)
    for name in PLOTS:
        check_plot(out / f"{name}.svg")
    page = (out / "index.html").read_text()
    assert page.count("<svg") == len(PLOTS) and "as expected" in page, "index.html"
    assert not re.search(r'(src|href)="', page), "index.html loads something"
    frames = subprocess.run([weft, "dump", "--verbose", "--count", "200", str(out / "a-r.a.pcapng")], capture_output=True, text=True,
                            timeout=60, check=True).stdout
    assert "# TCP #1" in frames, "the host's capture has no decisions"
    packets = summary["links"][4]["packets"]
    lines = subprocess.run([weft, "dump", str(out / "r-c.c.pcapng")], capture_output=True, text=True, timeout=120, check=True).stdout
    assert lines.count("▶") == packets, f"{lines.count('▶')} frames came, the link sent {packets}"


def check_statuses(weft):
    slow = "host a\nhost b receive-buffer=16k\nlink a b delay=5ms\nflow f a -> b bytes=1M server:read-rate=4mbit\n"
    assert "% the peer's window is full" in run(weft, "-", stdin=slow).stdout, "a slow reader holds the sender"
    told = run(weft, "-", stdin=FAILING, status=1).stdout
    assert "NOT OK finish of f <= 0.5 s; it is 1." in told and "1 fault:" in told, told
    assert "standard input:1: a line cannot begin with 'hosts'" in run(weft, "-", stdin="hosts a\n", status=1).stderr
    assert "FILE is missing" in run(weft, status=2).stderr
    assert run(weft, "--shrink", "-", stdin=UNSHRUNK).stdout == SHRUNK
    assert "does not fail" in run(weft, "--shrink", "-", stdin=SHRUNK.replace("=last", "=fin"), status=1).stderr
    made = run(weft, "--print", "--seed", "7").stdout
    run(weft, "-", stdin=made)
    assert "1 passed, 0 failed" in run(weft, "--campaign", "1", "--seed", "7").stdout


def main(weft, scenario):
    summary = check_json(weft, scenario)
    with tempfile.TemporaryDirectory() as directory:
        check_files(weft, scenario, summary, pathlib.Path(directory) / "out")
    check_statuses(weft)


if __name__ == "__main__":
    main(*sys.argv[1:])
