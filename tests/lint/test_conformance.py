#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Plants faults into a copy of the requirement ledger and sees that
scripts/conformance.py finds each, and runs what rows name.

    tests/lint/test_conformance.py [BUILD]
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "build")

GOOD = "MUST-1\tMUST\twindows\tmet\t\trfc9293/good test_a_b.one\n"
FAULTS = [
    # a row in the place of the good one, what must be said of it
    ("MUST-1\tMUST\twindows\tmet\t\t\n", "no test proves it"),
    ("MUST-1\tMUST\twindows\tmet\t\trfc9293/bad\n", "there is no test 'rfc9293/bad'"),
    ("MUST-1\tMUST\twindows\tmet\t\ttest_a_b.three\n", "there is no test 'test_a_b.three'"),
    ("MUST-1\tMUST\twindows\tmet\t\ttest_not_run.one\n", "there is no test 'test_not_run.one'"),
    ("MUST-1\tMUST\twindows\tnot met\t\t\n", "does not say why"),
    ("MUST-1\tMUST\twindows\tn/a\tnone\trfc9293/good\n", "names proofs"),
    ("MUST-1\tMUST\twindows\tdone\t\trfc9293/good\n", "the status 'done'"),
    ("MUST-1\tOUGHT\twindows\tmet\t\trfc9293/good\n", "the level 'OUGHT'"),
    ("MUST-1\tMUST\twindows\tmet\trfc9293/good\n", "5 columns"),
    (GOOD + GOOD, "is there twice"),
    ("MUST-2\tMUST\twindows\tmet\t\trfc9293/good\n", "there is no row MUST-1"),
]
SCRIPT = "# Good.\nrequires: {}\n+0 listen\n+0 < S 0:0(0)\n+0 > S. 0:0(0) ack 1 <mss 1460>\n"


def plant(root, rows=GOOD, ids="MUST-1, RFC9293-3.1", script=SCRIPT):
    """A small project: one script, one unit test (a shell script that prints what cmocka does), five tables."""
    for folder in ("docs/requirements", "tests/script/rfc9293", "tests/unit", "src/a", "include", "build/tests/unit",
                   "build/src/cli"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("rfc5925", "rfc1122-link", "rfc1122-internet", "rfc1122-udp"):
        (root / f"docs/requirements/{name}.tsv").write_text("# nothing\n")
    (root / "docs/requirements/rfc9293.tsv").write_text(rows)
    (root / "tests/script/meson.build").write_text("foreach folder : ['rfc9293']\n")
    (root / "tests/script/rfc9293/good.pkt").write_text(script.format(ids))
    (root / "src/a/meson.build").write_text("a_tests = ['test_a_b']\n")
    for name in ("test_a_b", "test_not_run"):
        (root / f"tests/unit/{name}.c").write_text("cmocka_unit_test(one), cmocka_unit_test(two)\n")
    program = root / "build/tests/unit/test_a_b"
    program.write_text("#!/bin/sh\necho '[       OK ] one'\necho '[  FAILED  ] two'\n")
    program.chmod(0o755)
    weft = root / "build/src/cli/weft"
    if not weft.exists():
        weft.symlink_to(BUILD / "src/cli/weft")


def run(root, *options):
    result = subprocess.run([str(ROOT / "scripts/conformance.py"), "--root", str(root), *options], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    return result.returncode, result.stdout


def expect(what, got, status, text):
    if got[0] != status or text not in got[1]:
        sys.exit(f"{what}: status {got[0]}, and not '{text}' in:\n{got[1]}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        plant(root)
        expect("a good ledger", run(root, "--names"), 0, "")
        for rows, text in FAULTS:
            plant(root, rows)
            expect(rows, run(root, "--names"), 1, text)
        plant(root, ids="MUST-1, MUST-99")
        expect("a script that names no row", run(root, "--names"), 1, "there is no row MUST-99")
        plant(root, ids="MUST-1, section 5")
        expect("a script that names nothing", run(root, "--names"), 1, "neither a row nor a section")

        plant(root)
        expect("the page is missing", run(root, "--tap"), 1, "not ok 3 - docs/conformance.md")
        expect("it is made", run(root), 0, "1 met")
        expect("all is well", run(root, "--tap"), 0, "ok 3 - docs/conformance.md")
        plant(root, GOOD.replace(".one", ".two"))
        expect("a unit test fails", run(root, "--tap"), 1, "test_a_b.two fails")
        plant(root, script=SCRIPT + "+0 state CLOSED\n")
        expect("a script fails", run(root, "--tap"), 1, "rfc9293/good fails")
        plant(root, GOOD.replace("windows", "other words"))
        expect("the page is old", run(root, "--tap"), 1, "not ok 3 - docs/conformance.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
