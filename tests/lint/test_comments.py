#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Sees that scripts/check-comments.py finds what it is for, and lets pass what it
must: a small tree with planted faults, one to a line.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

CHECK = Path(__file__).resolve().parents[2] / "scripts/check-comments.py"

GOOD = """\
/* Calls do_this() and weft_do_that, as epoll_wait(2) does; see good.c, tcp_rack_*, WEFT_E_… and WEFT_E_AGAIN. */
#define WEFT_ERRORS(X) X(AGAIN)
#define X(name) WEFT_E_##name,
enum { WEFT_ERRORS(X) };
/* thing->known is 1; TIME_WAIT's constant is 2; input_<state>.c is a pattern; 10.0.0.1 is an address a.b.c.d */
struct thing { int known; };
enum { RFC_TIME_WAIT };
void do_this(void);
void weft_do_that(void);
"""

BAD = """\
/* Calls gone_away(). */
/* Written in vanished.c. */
/* Reads thing->missing. */
/* WEFT_E_NEVER is returned, */
// or lost_name is.
char text[] = "/* not_a_comment() */";
"""

EXPECTED = {1: "gone_away", 2: "vanished.c", 3: "missing", 4: "WEFT_E_NEVER", 5: "lost_name"}


def run(source):
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "src").mkdir()
        (Path(root) / "src/good.c").write_text(source)
        result = subprocess.run([CHECK, "--root", root], capture_output=True, text=True)
        found = {}
        for line in result.stdout.splitlines():
            _, number, message = line.split(":", 2)
            found[int(number)] = message.split()[-1]
        return result.returncode, found


def main():
    good, bad = run(GOOD), run(BAD)
    if good != (0, {}):
        print(f"correct comments were refused: {good}")
    if bad != (1, EXPECTED):
        print(f"planted faults: expected {EXPECTED}, found {bad}")
    return 0 if good == (0, {}) and bad == (1, EXPECTED) else 1


if __name__ == "__main__":
    sys.exit(main())
