#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns a file into a C source with its bytes.

    embed.py SYMBOL INPUT OUTPUT

OUTPUT defines `const unsigned char SYMBOL[]`, followed by a NUL that is not
counted, and `const size_t SYMBOL_bytes`. A header written by hand declares both.
"""
import re
import sys


def main(symbol, source, target):
    if not re.fullmatch(r"[A-Za-z_]\w*", symbol):
        sys.exit(f"embed.py: {symbol!r} is not a C identifier")
    with open(source, "rb") as f:
        data = f.read()
    rows = (data[i : i + 16] for i in range(0, len(data), 16))
    text = "\n".join("    " + " ".join(f"0x{b:02x}," for b in row) for row in rows)
    with open(target, "w", encoding="ascii") as f:
        f.write(
            "/* Made by scripts/embed.py; not to be edited. */\n"
            "#include <stddef.h>\n\n"
            f"extern const unsigned char {symbol}[];\n"
            f"extern const size_t {symbol}_bytes;\n\n"
            f"const unsigned char {symbol}[] = {{\n{text}\n    0x00,\n}};\n"
            f"const size_t {symbol}_bytes = {len(data)};\n"
        )


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
