#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs weft against real programs, each test in namespaces of its own.

    run.py --weft BUILD/src/cli/weft [--only WORD]... [--light] [--jobs N] [--list]

Owns    the isolation: every test runs in new network, mount and PID namespaces
        (and a user namespace when we are not root). When a test ends, fails, is killed
        or is late, its PID namespace ends with it, and with that every process and
        device that it made. Nothing is left to clean up.
Never   knows what a test does: those are the functions marked @peer_test in
        test_*.py here, and they use harness.py.

Prints TAP. A test's output is shown when it fails.
"""

import argparse
import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import harness  # noqa: E402  (the path is set just above)

SKIPPED = 77
running = set()  # the first process of each test that is under way


def all_tests():
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        yield from (t for t in vars(module).values() if isinstance(t, harness.PeerTest))


def namespace_command():
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return command if os.geteuid() == 0 else command + ["--user", "--map-root-user"]


def missing_tools(test):
    return [tool for tool in test.needs if not shutil.which(tool) and not os.path.exists("/usr/sbin/" + tool)]


def run_isolated(test, args, directory):
    """Runs one test in a child; returns (verdict, text)."""
    command = namespace_command() + [sys.executable, str(HERE / "run.py"), "--weft", str(args.weft),
                                     "--inside", test.name, "--directory", directory]
    with open(os.path.join(directory, "output"), "w+") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        running.add(process)
        try:
            status = process.wait(timeout=test.limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = None
        running.remove(process)
        output.seek(0)
        text = output.read()
    if status is None:
        text += f"\nnot finished after {test.limit} s\n"
    return status, text


def run_inside(name, args):
    """In the namespaces: the test itself."""
    test = next(t for t in all_tests() if t.name == name)
    context = harness.Context(args.weft, args.directory)
    try:
        context.prepare()
        test.function(context, **test.arguments)
        context.finish()
    except harness.Skip as skip:
        print(f"SKIP {skip}")
        return SKIPPED
    except BaseException:
        traceback.print_exc()
        context.show_logs()
        return 1
    return 0


def run_one(test, args, trouble):
    """Returns (test, verdict, text, seconds)."""
    missing = missing_tools(test)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="weft-peers-") as directory:
        if trouble:
            status, text = SKIPPED, trouble
        elif missing:
            status, text = SKIPPED, f"not installed: {', '.join(missing)}"
        else:
            status, text = run_isolated(test, args, directory)
    return test, status, text, time.monotonic() - started


def run_group(tests, jobs, args, trouble):
    """Runs so many of them at once; yields what run_one returns, in the order in which they end."""
    with ThreadPoolExecutor(max_workers=max(jobs, 1)) as pool:
        try:
            for future in as_completed([pool.submit(run_one, test, args, trouble) for test in tests]):
                yield future.result()
        except BaseException:  # ^C reaches this thread alone
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running.copy():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            raise


def report(number, test, status, text, seconds):
    took = f"({seconds:.2f} s)"
    if status == 0:
        print(f"ok {number} - {test.name} {took}", flush=True)
    elif status == SKIPPED:
        reason = text.strip().splitlines()[-1].removeprefix("SKIP ")
        print(f"ok {number} - {test.name} {took} # SKIP {reason}", flush=True)
    else:
        print(f"not ok {number} - {test.name} {took}", flush=True)
        for line in text.splitlines()[-80:]:
            print("# " + line)
        print(end="", flush=True)


def what_is_missing():
    """Why no test can run here; "" when they can."""
    for what, command in (("namespaces", "ip link set lo up"), ("device /dev/net/tun for this user", ": <>/dev/net/tun")):
        probe = subprocess.run(namespace_command() + ["sh", "-c", command], capture_output=True, text=True)
        if probe.returncode:
            return f"no {what} here: {probe.stderr.strip()}"
    return ""


def main():
    parser = argparse.ArgumentParser(description="Runs weft against real programs in namespaces.")
    parser.add_argument("--weft", required=True, type=Path, help="the command to test")
    parser.add_argument("--only", action="append", default=[], help="tests whose name contains this word")
    parser.add_argument("--light", action="store_true", help="without the long transfers and crowds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="how many light ones at once")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--directory", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.weft = args.weft.resolve()
    if args.inside:
        return run_inside(args.inside, args)

    tests = [t for t in all_tests() if all(word in t.name for word in args.only) and not (args.light and t.heavy)]
    if args.list:
        print("\n".join(f"{t.name} (at most {t.limit} s)" for t in tests))
        return 0
    trouble = what_is_missing()
    failed = 0
    number = 0
    # Most light tests wait more than they work; those with long transfers and crowds need the machine for themselves.
    for group, jobs in (([t for t in tests if not t.heavy], args.jobs), ([t for t in tests if t.heavy], 1)):
        for test, status, text, seconds in run_group(group, jobs, args, trouble):
            number += 1
            failed += status not in (0, SKIPPED)
            report(number, test, status, text, seconds)
    print(f"1..{len(tests)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
