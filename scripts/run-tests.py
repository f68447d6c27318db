#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs every test of weft and says so in one line: "N passed, N failed, N skipped".

Owns    the list of suites, in the order of their cost, the build directories
        that they need and the time that each may take.
Never   knows what a test does. Meson's tests report through its testlog.json;
        every other suite is a program that prints TAP lines: "ok 3 - name",
        "not ok 4 - name", "ok 5 - name # SKIP reason", and "# text" after a
        failure. What cannot be built, or dies, or is late, counts as failed.

    scripts/run-tests.py [--list] [SUITE]...

Exit status: 0 when nothing failed.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLAIN = ROOT / "build"
SANITIZED = ROOT / "build-asan"
JOBS = os.cpu_count() or 2

BUILD_OPTIONS = {
    PLAIN: [],
    SANITIZED: ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dc_args=-fno-sanitize-recover=all"],
}

# A sanitizer's finding ends the program, and the program's status tells meson.
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "LSAN_OPTIONS": f"suppressions={ROOT}/tests/peers/lsan.txt:print_suppressions=0",
}


class Tally:
    """What happened so far, and the failures and skips to repeat at the end."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.notes = []
        self.built = {}  # directory: whether it could be compiled

    def line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")

    def add(self, name, passed=0, failed=0, skipped=0, seconds=None, why=""):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        word = "FAIL" if failed else "skip" if skipped and not passed else "ok"
        took = f"{seconds:7.2f} s" if seconds is not None else " " * 9
        count = f" ({passed + failed + skipped})" if passed + failed + skipped > 1 else ""
        print(f"  {word:4} {took}  {name}{count}{': ' + why if why else ''}", flush=True)
        if failed or skipped:
            self.notes.append(f"{'FAILED ' if failed else 'skipped'} {name}{': ' + why if why else ''}")


def run_bounded(command, limit, env=None, on_line=None):
    """Runs a command in a process group of its own; returns (status, output). Status None: it was late."""
    try:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True)
    except OSError as error:
        return 127, str(error)
    late = []

    def too_late(_signal, _frame):
        late.append(True)
        os.killpg(process.pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(limit)
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if on_line:
                on_line(line.rstrip("\n"))
        process.wait()
    finally:
        signal.alarm(0)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return (None if late else process.returncode), "".join(lines)


def show(text, lines=60):
    for line in text.splitlines()[-lines:]:
        print("       | " + line)


# --- Meson ---------------------------------------------------------------------


def build(tally, directory):
    """Configures and compiles, once in a run. Returns False, and counts a failure, when that does not work."""
    if directory in tally.built:
        return tally.built[directory]
    started = time.monotonic()
    status = 0
    if not (directory / "build.ninja").exists():
        shutil.rmtree(directory, ignore_errors=True)
        status, output = run_bounded(["meson", "setup", str(directory), *BUILD_OPTIONS[directory]], 120)
    if status == 0:
        status, output = run_bounded(["ninja", "-C", str(directory), f"-j{JOBS}"], 600)
    warnings = [line for line in output.splitlines() if " warning: " in line] if status == 0 else []
    if status != 0 or warnings:
        show("\n".join(sorted(set(warnings))) or output)
    tally.add(f"compile in {directory.name}/", passed=status == 0 and not warnings, failed=status != 0 or bool(warnings),
              seconds=time.monotonic() - started, why=f"{len(warnings)} warnings" if warnings else "")
    tally.built[directory] = status == 0
    return status == 0


def cases_of(entry):
    """How many cases of a meson test passed, failed and were skipped: the count of cmocka or of TAP where there is one."""
    out = entry.get("stdout") or ""
    count = [len(re.findall(pattern, out, re.M)) for pattern in
             (r"^\[ +OK \] |^ok \d", r"^\[ +FAILED +\] (?!\d+ test)|^not ok \d",
              r"^\[ +SKIPPED +\] (?!\d+ test)")]
    if entry["result"] in ("OK", "EXPECTEDFAIL"):
        return count if count[0] else [1, 0, count[2]]
    if entry["result"] == "SKIP":
        return [0, 0, 1]
    return [count[0], count[1] or 1, count[2]]


def meson_suite(directory, env=None):
    def run(tally, limit):
        if not build(tally, directory):
            return
        log = directory / "meson-logs" / "testlog.json"
        log.unlink(missing_ok=True)
        status, output = run_bounded(
            ["meson", "test", "-C", str(directory), "--no-rebuild", f"--num-processes={JOBS}"], limit, env)
        entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        for entry in sorted(entries, key=lambda e: e["name"]):
            passed, failed, skipped = cases_of(entry)
            if failed:
                show((entry.get("stdout") or "") + (entry.get("stderr") or ""))
            why = {"FAIL": f"exit status {entry['returncode']}", "TIMEOUT": "took too long"}.get(entry["result"], "")
            tally.add(entry["name"].split(" / ")[-1], passed, failed, skipped, entry["duration"], why)
        if status is None:
            tally.add(f"meson test in {directory.name}", failed=1, why=f"not finished after {limit} s")
        elif not entries:
            show(output)
            tally.add(f"meson test in {directory.name}", failed=1, why="no test ran")

    return run


# --- Programs that print TAP ----------------------------------------------------


TAP_LINE = re.compile(r"^(ok|not ok) \d+ - (.*?)(?: \((\d+\.\d+) s\))?(?: # SKIP (.*))?$")


def tap_suite(command, env=None, needs=None):
    def run(tally, limit):
        if needs and not build(tally, needs):
            return
        seen = []

        def on_line(line):
            match = TAP_LINE.match(line)
            if not match:
                if line.startswith("#"):
                    print("       | " + line[2:], flush=True)
                return
            verdict, name, seconds, reason = match.groups()
            seen.append(name)
            tally.add(name, passed=verdict == "ok" and reason is None, failed=verdict != "ok",
                      skipped=verdict == "ok" and reason is not None,
                      seconds=float(seconds) if seconds else None, why=reason or "")

        failed_before = tally.failed
        status, output = run_bounded(command, limit, env, on_line)
        if status is None:
            tally.add(command[0], failed=1, why=f"not finished after {limit} s")
        elif status != 0 and tally.failed == failed_before or not seen:
            show(output)
            tally.add(command[0], failed=1, why=f"exit status {status}, {len(seen)} results")

    return run


# Name, seconds allowed, what it proves, how. Cheap ones first.
SUITES = [
    ("unit", 300, "unit tests and two-stack conversations in virtual time", meson_suite(PLAIN)),
    ("conformance", 240, "each requirement that is called met, by the tests that it names",
     tap_suite(["scripts/conformance.py", "--tap", str(PLAIN)], needs=PLAIN)),
    ("lint", 120, "borders, symbols, comments, format", tap_suite(["scripts/lint.sh", "fast"])),
    ("table", 120, "throughput by loss, round trip and rate, against the committed table",
     tap_suite([str(PLAIN / "tests/sim/throughput_table"), "tests/sim/throughput.txt"], needs=PLAIN)),
    ("install", 120, "what is installed can be used: examples against libweft, man pages",
     tap_suite(["scripts/check-install.sh", str(PLAIN)], needs=PLAIN)),
    ("sanitize", 300, "the same under ASan and UBSan", meson_suite(SANITIZED, SANITIZER_ENV)),
    ("fuzz", 400, "every parser under libFuzzer, a bounded smoke run",
     tap_suite(["scripts/run-fuzz.sh", "build-fuzz", "60"])),
    ("peers", 600, "real programs over real devices, each in a namespace of its own",
     tap_suite(["tests/peers/run.py", "--weft", str(PLAIN / "src/cli/weft")], needs=PLAIN)),
    ("peers-asan", 300, "the lighter of them under ASan and UBSan",
     tap_suite(["tests/peers/run.py", "--light", "--weft", str(SANITIZED / "src/cli/weft")], SANITIZER_ENV, SANITIZED)),
]


def main():
    parser = argparse.ArgumentParser(description="Runs weft's tests.")
    parser.add_argument("suites", nargs="*", help="names of suites; all when none is given")
    parser.add_argument("--list", action="store_true", help="show the suites and stop")
    args = parser.parse_args()
    if args.list:
        for name, limit, what, _ in SUITES:
            print(f"{name:10} {what} (at most {limit} s)")
        return 0
    unknown = set(args.suites) - {name for name, *_ in SUITES}
    if unknown:
        parser.error(f"no suite is called {', '.join(sorted(unknown))}; see --list")

    tally = Tally()
    started = time.monotonic()
    for name, limit, what, run in SUITES:
        if not args.suites or name in args.suites:
            print(f"== {name}: {what}", flush=True)
            run(tally, limit)
    print(f"\n{time.monotonic() - started:.0f} s")
    for note in tally.notes:
        print(note)
    print(tally.line())
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
