#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The requirement ledger: each row of the RFCs' tables of requirements, whether it
is met, and the tests that prove it.

Owns    docs/conformance.md, which is made here, and what a row must have:
        docs/requirements/*.tsv, one row a line, with the columns
            id, level, what is asked, status, why, proofs
        Status is "met" (then it has a proof), "not met" or "n/a" (then it says
        why). A proof is a packet script, "rfc9293/3.5-simultaneous-open" or
        "grid/established/rst-exact", or a case of a unit test,
        "test_tcp_open.simultaneous_opens_meet".
Never   believes a row: a proof that does not exist, is not run by `make test`, or
        fails, is an error.

    scripts/conformance.py [BUILD]          runs the proofs, prints the ledger, writes docs/conformance.md
    scripts/conformance.py --tap [BUILD]    the same as TAP lines, and compares docs/conformance.md instead
    scripts/conformance.py --names          only sees that all that is named exists

BUILD is build/ unless given. With --root DIR another tree is looked at.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

TABLES = [
    ("rfc9293", "RFC 9293: TCP", "Appendix B of RFC 9293, which takes the place of RFC 1122 4.2."),
    ("rfc5925", "RFC 5925: TCP-AO", "What RFC 5925 marks with `>>`, and RFC 5926 2.2."),
    ("rfc1122-link", "RFC 1122: link layer", "Section 2.5 of RFC 1122."),
    ("rfc1122-internet", "RFC 1122: Internet layer", "Section 3.5 of RFC 1122."),
    ("rfc1122-udp", "RFC 1122: UDP", "Section 4.1.5 of RFC 1122."),
]
LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY")
STATUSES = ("met", "not met", "n/a")
ROW_ID = re.compile(r"(MUST|SHLD|MAY|REC)-\d+$")
SECTION_ID = re.compile(r"RFC(\d+)-([0-9A-Z]+(?:\.\d+)*)$")


class Row:
    def __init__(self, table, line, cells):
        self.table, self.line = table, line
        self.id, self.level, self.what, self.status, self.why, proofs = cells
        self.proofs = proofs.split()
        self.base = self.id.split(" ")[0]
        self.scripts = []  # that name it besides


class Ledger:
    """All that is written down, and all that is wrong with it."""

    def __init__(self, root, build):
        self.root, self.build = root, build
        self.errors = []
        self.rows = {name: self.read_table(name) for name, _, _ in TABLES}
        self.cases = self.read_cases()
        self.scripts = self.read_scripts()
        self.by_id = {}
        for row in self.all_rows():
            self.by_id.setdefault(row.base, []).append(row)
        self.check_rows()
        self.join_scripts()

    def all_rows(self):
        return [row for name, _, _ in TABLES for row in self.rows[name]]

    # --- Reading ---

    def read_table(self, name):
        path = self.root / "docs/requirements" / f"{name}.tsv"
        rows = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            cells = line.split("\t")
            if len(cells) != 6:
                self.errors.append(f"{name}.tsv:{number}: {len(cells)} columns and not 6")
                continue
            rows.append(Row(name, f"{name}.tsv:{number}", cells))
        return rows

    def read_cases(self):
        """The cases of each unit test that meson runs: name of the program -> set of cases."""
        listed = set()
        for path in self.root.glob("src/**/meson.build"):
            listed |= set(re.findall(r"'(test_\w+)'", path.read_text()))
        cases = {}
        for path in sorted((self.root / "tests/unit").glob("test_*.c")):
            if path.stem in listed:
                cases[path.stem] = set(re.findall(r"cmocka_unit_test\w*\(\s*(\w+)", path.read_text()))
        return cases

    def read_scripts(self):
        """Each packet script that meson runs: name -> (path, the ids that it names)."""
        top = self.root / "tests/script"
        meson = (top / "meson.build").read_text()
        folders = set(re.findall(r"'(rfc\d+)'", meson))
        found = {}
        for path in sorted(top.glob("*/*.pkt")):
            if path.parent.name not in folders:
                self.errors.append(f"{path.relative_to(self.root)}: tests/script/meson.build does not run its folder")
            found[f"{path.parent.name}/{path.stem}"] = path
        for path in sorted((self.build / "tests/script/grid").glob("*/*.pkt")):
            found[f"grid/{path.parent.name}/{path.stem}"] = path
        return {name: (path, self.ids_of(path)) for name, path in found.items()}

    @staticmethod
    def ids_of(path):
        ids = []
        for line in path.read_text().splitlines():
            if line.startswith("requires:"):
                ids += [word.strip() for word in line[9:].split("#")[0].split(",")]
        return ids

    # --- Checking what is written ---

    def proof_exists(self, proof):
        if "/" in proof:
            return proof in self.scripts
        program, _, case = proof.partition(".")
        return case in self.cases.get(program, ())

    def check_rows(self):
        seen = set()
        for row in self.all_rows():
            say = lambda what: self.errors.append(f"{row.line}: {row.id}: {what}")
            if (row.table, row.id) in seen:
                say("is there twice")
            seen.add((row.table, row.id))
            if row.level not in LEVELS:
                say(f"the level '{row.level}' is none of {', '.join(LEVELS)}")
            if row.status not in STATUSES:
                say(f"the status '{row.status}' is none of {', '.join(STATUSES)}")
            if not row.what:
                say("what is asked is missing")
            if row.status == "met" and not row.proofs:
                say("it is called met, and no test proves it")
            if row.status != "met" and not row.why:
                say(f"it is called '{row.status}', and does not say why")
            if row.status != "met" and row.proofs:
                say(f"it is called '{row.status}', and names proofs")
            for proof in row.proofs:
                if not self.proof_exists(proof):
                    say(f"there is no test '{proof}' that is run")

    def join_scripts(self):
        """Scripts name rows, too; a name that leads nowhere is an error."""
        for name, (path, ids) in self.scripts.items():
            if not ids:
                self.errors.append(f"{path}: names no requirement (requires:)")
            for word in ids:
                if ROW_ID.match(word):
                    rows = self.by_id.get(word, [])
                    if not rows:
                        self.errors.append(f"{path}: there is no row {word}")
                    for row in rows:
                        if row.status == "met" and name not in row.proofs and row.id == row.base:
                            row.scripts.append(name)
                elif not SECTION_ID.match(word):
                    self.errors.append(f"{path}: '{word}' is neither a row nor a section as in RFC5961-3.2")

    # --- Running ---

    def run(self):
        """Runs all that rows name. Adds an error for each row whose proof fails."""
        proofs = {proof for row in self.all_rows() for proof in row.proofs + row.scripts if self.proof_exists(proof)}
        passed = self.run_scripts([p for p in proofs if "/" in p])
        for program in sorted({p.partition(".")[0] for p in proofs if "/" not in p}):
            passed |= {f"{program}.{case}" for case in self.run_program(program)}
        for row in self.all_rows():
            for proof in row.proofs + row.scripts:
                if self.proof_exists(proof) and proof not in passed:
                    self.errors.append(f"{row.line}: {row.id}: {proof} fails, or does not run")
        return passed

    def run_scripts(self, names):
        by_path = {str(self.scripts[name][0]): name for name in names}
        if not by_path:
            return set()
        output = self.run_command([str(self.build / "src/cli/weft"), "script", "--tap", *sorted(by_path)])
        return {by_path[path] for path in re.findall(r"^ok \d+ - (.*)$", output, re.M) if path in by_path}

    def run_program(self, program):
        output = self.run_command([str(self.build / "tests/unit" / program)])
        return set(re.findall(r"^\[ +OK \] (\w+)", output, re.M))

    @staticmethod
    def run_command(command):
        try:
            return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  timeout=180, check=False).stdout
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)

    # --- Deviations ---

    def deviations(self):
        """What the sources mark as DEVIATES: (file, text)."""
        found = []
        paths = [p for top in ("src", "include") for p in sorted((self.root / top).rglob("*.[ch]"))]
        for path in paths:
            for comment in re.findall(r"/\*.*?\*/", path.read_text(), re.S):
                if "DEVIATES:" not in comment:
                    continue
                lines = [re.sub(r"^\s*\*?\s?", "", line).strip() for line in comment.strip("/*").splitlines()]
                text = "\n".join(lines).split("DEVIATES:", 1)[1].split("\n\n")[0]
                found.append((path.relative_to(self.root), " ".join(text.split())))
        return found


# --- The page ----------------------------------------------------------------------


def tests_of(row):
    words = [f"`{proof}`" for proof in row.proofs]
    if row.scripts:
        words.append(f"and {len(row.scripts)} more script{'s' if len(row.scripts) > 1 else ''}")
    return ", ".join(words)


def table_page(title, about, rows):
    count = {status: sum(row.status == status for row in rows) for status in STATUSES}
    lines = [f"## {title}", "", f"{about} {len(rows)} rows: {count['met']} met, {count['not met']} not met, "
             f"{count['n/a']} not applicable.", "", "| row | level | what is asked | status | proof, or why |",
             "|---|---|---|---|---|"]
    for row in rows:
        reason = "; ".join(text for text in (row.why, tests_of(row)) if text)
        status = "**not met**" if row.status == "not met" else row.status
        lines.append(f"| {row.id} | {row.level} | {row.what} | {status} | {reason} |")
    return lines + [""]


def sections_page(ledger):
    """How many scripts stand for which sections of other RFCs."""
    count = {}
    for name, (_, ids) in ledger.scripts.items():
        for word in ids:
            match = SECTION_ID.match(word)
            if match:
                count.setdefault(int(match[1]), {}).setdefault(match[2], []).append(name)
    lines = ["## Sections that packet scripts prove", "",
             "Scripts lie in `tests/script/`; the grid (each event in each state at each position) is made by "
             "`tests/script/grid.py`.", "", "| RFC | sections, and how many scripts each |", "|---|---|"]
    for rfc in sorted(count):
        sections = sorted(count[rfc].items(), key=lambda item: [part.zfill(4) for part in item[0].split(".")])
        lines.append(f"| {rfc} | " + ", ".join(f"{section} ({len(names)})" for section, names in sections) + " |")
    return lines + [""]


def problems_page(ledger):
    """RFC 2525, problem by problem, from the first lines of its scripts."""
    lines = ["## Known implementation problems (RFC 2525)", "", "| problem | script |", "|---|---|"]
    for name, (path, _) in ledger.scripts.items():
        if name.startswith("rfc2525/"):
            first = path.read_text().splitlines()[0].lstrip("# ")
            lines.append(f"| {first.removeprefix('RFC 2525 ')} | `{name}` |")
    return lines + [""]


def page(ledger):
    lines = ["# Conformance", "",
             "Which requirements weft meets, and the tests that prove it. This page is made by `make conformance` from",
             "`docs/requirements/`, the packet scripts and the marks in the sources; it is not written by hand. A row that",
             "names a test that does not exist, does not run or fails makes `make test` fail.", "",
             "The requirements are told in our words; the RFCs' own count. Names like `test_tcp_open.simultaneous_opens_meet`",
             "are cases of unit tests in `tests/unit/`, names with a slash are packet scripts (weft-script(5)) in",
             "`tests/script/`.", ""]
    for name, title, about in TABLES:
        lines += table_page(title, about, ledger.rows[name])
    lines += sections_page(ledger) + problems_page(ledger)
    lines += ["## Departures", "", "What the sources mark as a departure from an RFC, with the reason.", ""]
    lines += [f"- `{path}`: {text}" for path, text in ledger.deviations()]
    return "\n".join(lines) + "\n"


# --- What is printed -----------------------------------------------------------------


def print_ledger(ledger, passed):
    for name, title, _ in TABLES:
        print(f"{title}")
        for row in ledger.rows[name]:
            names = row.proofs + row.scripts
            good = sum(proof in passed for proof in names)
            reason = f"{good} of {len(names)} tests pass" if names else row.why
            print(f"  {row.id:22} {row.level:10} {row.status:8} {row.what} ({reason})")
        print()
    rows = ledger.all_rows()
    count = {status: sum(row.status == status for row in rows) for status in STATUSES}
    print(f"{len(rows)} rows: {count['met']} met, {count['not met']} not met, {count['n/a']} not applicable; "
          f"{len(passed)} tests")


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def line(self, name, errors):
        self.number += 1
        self.failed += bool(errors)
        print(f"{'not ok' if errors else 'ok'} {self.number} - {name}")
        for error in errors[:40]:
            print(f"# {error}")


def run_tap(ledger):
    tap = Tap()
    written = list(ledger.errors)
    tap.line("the ledger names tests that exist", written)
    ledger.errors = []
    passed = ledger.run()
    tap.line(f"what the ledger claims is proven ({len(passed)} tests)", ledger.errors)
    path = ledger.root / "docs/conformance.md"
    old = not path.exists() or path.read_text() != page(ledger)
    tap.line("docs/conformance.md is up to date", ["it is not: run `make conformance`"] if old else [])
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0


def main():
    parser = argparse.ArgumentParser(description="The requirement ledger.")
    parser.add_argument("build", nargs="?", default="build", help="where weft is built; build/ unless given")
    parser.add_argument("--tap", action="store_true", help="results as TAP; docs/conformance.md is compared")
    parser.add_argument("--names", action="store_true", help="only see that what is named exists")
    parser.add_argument("--root", default=Path(__file__).resolve().parent.parent, type=Path)
    args = parser.parse_args()
    os.chdir(args.root)
    ledger = Ledger(args.root.resolve(), args.root.resolve() / args.build)
    if args.tap:
        return run_tap(ledger)
    if args.names:
        print("\n".join(ledger.errors), end="\n" if ledger.errors else "")
        return 1 if ledger.errors else 0
    passed = ledger.run()
    print_ledger(ledger, passed)
    (ledger.root / "docs/conformance.md").write_text(page(ledger))
    for error in ledger.errors:
        print(f"WRONG {error}", file=sys.stderr)
    return 1 if ledger.errors else 0


if __name__ == "__main__":
    sys.exit(main())
