#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
weft against Linux on a bad path: the table of docs/versus-linux.md.

    bench/versus/compare.py [--program build/bench/versus] [--seconds 20] [--runs 3] [--jobs 2]
                            [--only TEXT] [--write docs/versus-linux.md]

Owns    the list of paths, and how runs become figures. For each path the three
        pairs of ends (weft to Linux, Linux to weft, Linux to Linux with CUBIC)
        are run one after the other with the same seeds, so that they meet the
        same losses as long as they send alike; a figure is the mean of the runs.
Never   touches the host's network: `versus` makes namespaces of its own.

The wire loses packets in both directions. Its queue holds one bandwidth-delay
product.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
from pathlib import Path

PAIRS = ["weft:kernel", "kernel:weft", "kernel:kernel"]
FRAME = 1500
GOAL_RATIO = 0.97  # what two runs of the same stack differ by on one machine; below it weft is slower
GOAL_JAIN = 0.95


def wire(rate_mbit, rtt_ms, extra=""):
    queue = max(4, round(rate_mbit * 1e6 * rtt_ms / 1e3 / 8 / FRAME))
    return f"rate={rate_mbit}mbit,delay={rtt_ms / 2:g}ms,queue={queue}" + (f",{extra}" if extra else "")


def paths():
    """(name, rate, RTT, --wire) of each path of the goodput table."""
    for rate in (10, 100):
        for rtt in (20, 100):
            for loss in (0, 0.1, 1, 5):
                yield f"{loss:g} % loss", rate, rtt, wire(rate, rtt, f"loss={loss}%" if loss else "")
            yield "2 % reordered", rate, rtt, wire(rate, rtt, f"reorder=2%,reorder-delay={rtt / 8:g}ms")


def run(args, wire_text, flows, seed, seconds, warmup=0):
    command = [args.program, "--wire", f"{wire_text},seed={seed}", "--seconds", str(seconds), "--warmup", str(warmup)]
    done = subprocess.run(command + flows, capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command + flows)}: {done.stderr.strip()}")
    return [json.loads(line)["mbit_per_s"] for line in done.stdout.splitlines()]


def mean(values):
    return sum(values) / len(values)


def jain(rates):
    return sum(rates) ** 2 / (len(rates) * sum(r * r for r in rates))


def goodput_rows(args, pool):
    """For each path: [the mean of each pair]. The pairs of a path run in turn, so that a slow moment of the
    machine meets all three."""
    jobs = []
    for name, rate, rtt, text in paths():
        if args.only and args.only not in f"{name} {rate} mbit {rtt} ms":
            continue
        futures = {pair: [pool.submit(run, args, text, [pair], seed, args.seconds) for seed in range(1, args.runs + 1)]
                   for pair in PAIRS}
        jobs.append((name, rate, rtt, futures))
    for name, rate, rtt, futures in jobs:
        yield name, rate, rtt, [mean([f.result()[0] for f in futures[pair]]) for pair in PAIRS]


def fairness_rows(args, pool):
    """For each path without loss: the two rates, and Jain's index of them, when weft and Linux send at once."""
    jobs = []
    for rate in (10, 100):
        for rtt in (20, 100):
            if args.only and args.only not in f"fairness {rate} mbit {rtt} ms":
                continue
            seconds = 9 * args.seconds
            jobs.append((rate, rtt, [
                pool.submit(run, args, wire(rate, rtt), ["weft:kernel", "kernel:kernel"], seed, seconds, seconds // 3)
                for seed in range(1, args.runs + 1)]))
    for rate, rtt, futures in jobs:
        rates = [mean(column) for column in zip(*(f.result() for f in futures))]
        yield rate, rtt, rates


def report(args):
    lines = ["| path | rate, Mbit/s | RTT, ms | weft → Linux | Linux → weft | Linux → Linux | weft / Linux | |",
             "|---|--:|--:|--:|--:|--:|--:|---|"]
    below = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for name, rate, rtt, (out, back, kernel) in goodput_rows(args, pool):
            ratio = out / kernel if kernel else float("inf")
            slow = ratio < GOAL_RATIO or back / kernel < GOAL_RATIO
            below += slow
            lines.append(f"| {name} | {rate} | {rtt} | {out:.2f} | {back:.2f} | {kernel:.2f} | {ratio:.2f} | "
                         f"{'below' if slow else ''} |")
            print(lines[-1], flush=True)
        lines += ["", "| rate, Mbit/s | RTT, ms | weft | Linux | Jain's index | |", "|--:|--:|--:|--:|--:|---|"]
        for rate, rtt, rates in fairness_rows(args, pool):
            unfair = jain(rates) < GOAL_JAIN
            below += unfair
            lines.append(f"| {rate} | {rtt} | {rates[0]:.2f} | {rates[1]:.2f} | {jain(rates):.3f} | "
                         f"{'unfair' if unfair else ''} |")
            print(lines[-1], flush=True)
    return lines, below


def write_tables(path, lines):
    """Puts the tables between the marks of the page; the words around them are people's."""
    begin, end = "<!-- tables: begin -->", "<!-- tables: end -->"
    text = Path(path).read_text()
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    Path(path).write_text(f"{head}{begin}\n" + "\n".join(lines) + f"\n{end}{tail}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--program", default="build/bench/versus")
    parser.add_argument("--seconds", type=int, default=20, help="of one run; flows that compete get nine times as long")
    parser.add_argument("--runs", type=int, default=3, help="for each figure, each with a seed of its own")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at one time")
    parser.add_argument("--only", help="paths whose name has this: '5 % loss', '100 mbit 20 ms', 'fairness'")
    parser.add_argument("--write", metavar="FILE", help="put the tables into this page")
    args = parser.parse_args()
    lines, below = report(args)
    if args.write:
        write_tables(args.write, lines)
    print(f"{below} below the goal")


if __name__ == "__main__":
    main()
