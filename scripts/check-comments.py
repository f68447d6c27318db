#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Fails when a comment names something that does not exist: a function, a file, a
field, a structure or any other name with an underscore. Essays rot first; this
keeps them true (and a rename complete).

Owns    what counts as a name in a comment, and where names are looked for:
        all C code of the repository, the words of macros that paste names, and
        tests/lint/words.txt for the names of others.
Never   judges what a comment says.

    scripts/check-comments.py [--root DIR] [FILE]...

Without files, all of src/ and include/ is read. Prints "file:line: message".
"""

import argparse
import itertools
import os
import re
import sys
from pathlib import Path

CODE_DIRS = ("src", "include", "tests", "fuzz", "examples", "bench")
SKIP_DIRS = {".git", "out", "__pycache__"}

TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<code>[^/"']+|.)""",
    re.S)
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")

# A name in a comment is let pass when it is a pattern ("WEFT_E_…", "tcp_rack_*", "input_<state>"). A
# number in brackets after it is a page of the manual: the name is the system's.
NAME = re.compile(r"(?<![\w<>*…/.$%-])([A-Za-z]\w*_\w*\w)(?![\w<>*…])(?!\(\d\))(?!\.\w)(?!-\w)(?!/\w)")
FIELD = re.compile(r"\b\w+->([A-Za-z_]\w*)")
CALL = re.compile(r"(?<![\w…])([A-Za-z_]\w*)\(\)")
FILE = re.compile(r"(?<![\w<>*…/])([\w][\w/.-]*\.(?:c|h|py|sh|md|scd|map|tsv))(?![\w*]|\.\w)")


def split(text):
    """Yields (kind, offset, text) for the comments, strings and code of a C source."""
    for match in TOKEN.finditer(text):
        yield match.lastgroup, match.start(), match.group()


class Names:
    """Everything that exists: identifiers of the code, and files."""

    def __init__(self, root):
        self.files = set()
        self.identifiers = set()
        pasted_before, pasted_after, listed = set(), set(), set()
        for path in walk(root):
            self.files.add("/" + str(path.relative_to(root)))
            if path.suffix not in (".c", ".h") or path.relative_to(root).parts[0] not in CODE_DIRS:
                continue
            for kind, _, text in split(path.read_text(errors="replace")):
                if kind == "code":
                    self.identifiers.update(IDENTIFIER.findall(text))
                    pasted_before.update(re.findall(r"(\w+_)##", text))
                    pasted_after.update(re.findall(r"##(_\w+)", text))
                    listed.update(re.findall(r"\bX\(\s*(\w+)", text))
                elif kind == "string":
                    self.identifiers.update(IDENTIFIER.findall(text))
        self.identifiers.update(a + b for a, b in itertools.product(pasted_before, listed))
        words = root / "tests/lint/words.txt"
        if words.exists():
            self.identifiers.update(line.split()[0] for line in words.read_text().splitlines()
                                    if line.strip() and not line.startswith("#"))

    def has(self, name):
        """True for an identifier; a constant may be called by its last words (TX_CSUM for WEFT_LINK_TX_CSUM)."""
        return name in self.identifiers or \
            name.isupper() and any(known.endswith("_" + name) for known in self.identifiers)

    def has_file(self, name):
        return any(path.endswith("/" + name) for path in self.files) or \
            os.path.exists("/usr/include/" + name) or os.path.exists("/usr/include/x86_64-linux-gnu/" + name)


def walk(root):
    for directory, subdirs, names in os.walk(root):
        subdirs[:] = [d for d in subdirs if d not in SKIP_DIRS and not d.startswith("build")]
        for name in names:
            yield Path(directory) / name


def check_comment(comment, names):
    """Yields (offset in the comment, message)."""
    for match in FILE.finditer(comment):
        if not names.has_file(match.group(1)):
            yield match.start(), f"there is no file {match.group(1)}"
    for pattern, what in ((CALL, "function"), (FIELD, "field"), (NAME, "name")):
        for match in pattern.finditer(comment):
            name = match.group(1)
            if not names.has(name) and not FILE.match(comment, match.start()):
                yield match.start(1), f"there is no {what} {name}"


def check_file(path, names):
    text = path.read_text(errors="replace")
    for kind, offset, token in split(text):
        if kind == "comment":
            told = set()
            for at, message in check_comment(token, names):
                if message.split()[-1] not in told:
                    told.add(message.split()[-1])
                    yield text.count("\n", 0, offset + at) + 1, message


def main():
    parser = argparse.ArgumentParser(description="Checks that names in comments exist.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("files", nargs="*", type=Path)
    args = parser.parse_args()
    names = Names(args.root)
    files = args.files or sorted(p for d in ("src", "include") for p in walk(args.root / d) if p.suffix in (".c", ".h"))
    found = 0
    for path in files:
        for line, message in check_file(path, names):
            found += 1
            print(f"{os.path.relpath(path, args.root)}:{line}: {message}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
