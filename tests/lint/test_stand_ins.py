#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Sees that packetdrill scripts reach stand-ins, and not the programs of the
host, whatever they call to set it up.

    tests/lint/test_stand_ins.py
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# commands of a script, what stands in the knob file afterwards
CASES = [
    ("sysctl -q net.ipv4.tcp_ecn=1", "net.ipv4.tcp_ecn=1\n"),
    ("sysctl -w -q net/ipv4/tcp_sack=0", "net.ipv4.tcp_sack=0\n"),
    ("sysctl -q net.ipv4.tcp_ecn=1; test `sysctl -n net.ipv4.tcp_ecn` = 1", "net.ipv4.tcp_ecn=1\n"),
    ("ip route replace 192.0.2.1 dev tun0 mtu lock 1200", "mtu=1200\n"),
    ("ip tcp_metrics flush all", "forget_cookies=1\n"),
    ("tc qdisc add dev tun0 root fq", None),
    ("ethtool -K tun0 tso off", None),
    ("test `nstat | wc -l` = 1", None),
    ("test `grep -c 1F90 /proc/net/tcp` = 0 || true", None),
    ("python3 -c 'print(1)'", None),
]


def main():
    spec = importlib.util.spec_from_file_location("runner", ROOT / "scripts" / "run-packetdrill.py")
    runner = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(runner)
    failed = 0
    for command, knobs in CASES:
        with tempfile.TemporaryDirectory() as scratch:
            env = runner.environment(scratch)
            ran = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True)
            path = Path(env["WEFT_KNOBS"])
            noted = path.read_text() if path.exists() else None
        if ran.returncode or noted != knobs:
            print(f"{command}: status {ran.returncode}, noted {noted!r}\n{ran.stderr}", end="")
            failed += 1
    for name in runner.STANDS_FOR:
        with tempfile.TemporaryDirectory() as scratch:
            env = runner.environment(scratch)
            found = subprocess.run(["sh", "-c", f"command -v {name}"], env=env, capture_output=True, text=True).stdout
            if os.path.realpath(found.strip()) != str(runner.STAND_IN):
                print(f"{name} is {found.strip()}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
