#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs packetdrill scripts against weft, in virtual time, and prints a table (docs/packetdrill.md).

    scripts/run-packetdrill.py --packetdrill PATH [--flags WORDS] [--only TEXT] [--show] DIR|FILE...

Owns    one run of packetdrill for each script, several at a time, each with a
        bound on its real time, a knob file of its own and, first in PATH, names
        under which scripts find tests/packetdrill/stand-in instead of programs
        that would change the host.
Never   knows what a script expects.

Exit status: 0 when all passed.
"""

import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = ROOT / "tests" / "packetdrill" / "stand-in"
STANDS_FOR = ["ethtool", "grep", "ip", "nstat", "python3", "sysctl", "tc"]
PLUGIN = ROOT / "build" / "src" / "packetdrill" / "libweft-packetdrill.so"
LIMIT_S = 30

# What the suite's own runner says for IPv4; the cookie is what the key in its settings makes of these addresses.
IPV4 = ["--ip_version=ipv4", "-D", "TFO_COOKIE=3021b9d889017eeb", "-D", "CODE=host_unreachable",
        "-D", "CMSG_LEVEL_IP=SOL_IP", "-D", "CMSG_TYPE_RECVERR=IP_RECVERR"]

ADDRESSES = {"local_ip": "192.168.0.1", "gateway_ip": "192.168.0.1", "netmask_ip": "255.255.0.0",
             "remote_ip": "192.0.2.1"}


def addresses_of(script):
    """Options for the addresses that the script does not set itself: those of the command line would win."""
    text = script.read_text(errors="replace")
    return [f"--{name}={value}" for name, value in ADDRESSES.items() if f"--{name}=" not in text]


def arguments():
    parser = argparse.ArgumentParser(description="Runs packetdrill scripts against weft.")
    parser.add_argument("--packetdrill", required=True, help="the packetdrill program")
    parser.add_argument("--plugin", default=PLUGIN, help="libweft-packetdrill.so (default: of build/)")
    parser.add_argument("--flags", default="profile=linux", help="given to the plug-in (default: %(default)s)")
    parser.add_argument("--option", action="append", default=[], help="given to packetdrill as it is")
    parser.add_argument("--relax-psh", action="store_true", help="PSH is not compared, by a mended packetdrill")
    parser.add_argument("--only", default="", help="scripts with this in their path")
    parser.add_argument("--show", action="store_true", help="print what a failed script said")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("paths", nargs="+", metavar="DIR|FILE")
    return parser.parse_args()


def scripts_of(paths, only):
    """(script, the folder that it is counted under)."""
    found = []
    for top in map(Path, paths):
        for script in sorted(top.rglob("*.pkt")) if top.is_dir() else [top]:
            if only in str(script):
                folder = script.parent.relative_to(top) if top.is_dir() else script.parent
                found.append((script.resolve(), str(folder)))
    return found


def in_plain_shell(script, scratch):
    """The script's path; that of a copy when its commands redirect with bash's "&>", in which sh sees a job."""
    text = script.read_text(errors="replace")
    if "&>" not in text:
        return script.name
    copy = Path(scratch) / script.name
    copy.write_text(re.sub(r"&>\s*([^\s`]+)", r">\1 2>&1", text))
    return str(copy)


def environment(scratch):
    """What a run has in its environment; the stand-ins get their names in the folder."""
    names = Path(scratch) / "bin"
    names.mkdir()
    for name in STANDS_FOR:
        (names / name).symlink_to(STAND_IN)
    return {
        **os.environ,
        "PATH": f"{names}:{os.environ['PATH']}",
        "WEFT_REAL_PATH": os.environ["PATH"],
        "WEFT_KNOBS": f"{scratch}/knobs",
        "WEFT_STATE": f"{scratch}/state",
        "WEFT_COUNTS": f"{scratch}/counts",
        "TMPDIR": scratch,
    }


def run(script, args):
    """Runs one script. Returns None when it passed, or what was said."""
    with tempfile.TemporaryDirectory(prefix="weft-packetdrill-") as scratch:
        env = environment(scratch)
        if args.relax_psh:
            env["PACKETDRILL_IGNORE_PSH"] = "1"
        command = [args.packetdrill, f"--so_filename={Path(args.plugin).resolve()}", f"--so_flags={args.flags}",
                   *IPV4, *addresses_of(script), *args.option, in_plain_shell(script, scratch)]
        process = subprocess.Popen(command, cwd=script.parent, env=env, text=True, errors="replace",
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            output, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            output += f"not finished after {LIMIT_S} s\n"
        Path(f"/tmp/sysctl_restore_{process.pid}.sh").unlink(missing_ok=True)
        return None if process.returncode == 0 else output or f"exit status {process.returncode}"


def main():
    args = arguments()
    scripts = scripts_of(args.paths, args.only)
    if not scripts:
        print("no scripts", file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(lambda s: run(s[0], args), scripts))
    table = {}
    for (script, folder), said in zip(scripts, results):
        row = table.setdefault(folder, [0, 0])
        row[said is None] += 1
        if said is not None:
            print(f"FAIL {folder}/{script.name}")
            if args.show:
                print("".join(f"     {line}\n" for line in said.splitlines()), end="")
    print()
    for folder, (failed, passed) in table.items():
        print(f"{folder:32} {passed:4} of {passed + failed:4}")
    passed = sum(said is None for said in results)
    print(f"{passed} passed, {len(results) - passed} failed")
    return 0 if passed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
