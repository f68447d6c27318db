#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Makes the tables by which packet scripts name things: every field of struct
weft_tcp_config and of struct weft_tcp_info, every socket option, event of a
socket and flag of send. They come
from the public headers, so what is new there can be used in scripts at once.

    scripts/script-names.py INCLUDE_DIR OUTPUT.c

Fields that are arrays, structures or pointers to anything but text have no name
in a script.
"""

import re
import sys
from pathlib import Path

FIELD = re.compile(r"^\s*((?:const\s+)?(?:struct|enum)?\s*\w+)\s+([^;()\[\]*{}]+);", re.M)
KINDS = {"bool": "SCRIPT_BOOL", "weft_time": "SCRIPT_UINT"}


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def body_of(text, head):
    match = re.search(re.escape(head) + r"\s*\{(.*?)\n\}", text, re.S)
    if not match:
        sys.exit(f"script-names.py: there is no {head}")
    return match[1]


def fields(text, struct):
    """Yields (name, kind) for the plain fields of a structure."""
    for kind, names in FIELD.findall(body_of(text, f"struct {struct}")):
        kind = " ".join(kind.split())
        if kind.startswith(("struct", "const struct")) or "void" in kind:
            continue
        for name in names.split(","):
            if re.fullmatch(r"\w+", name.strip()):
                yield name.strip(), KINDS.get(kind, "SCRIPT_UINT")


def texts(text, struct):
    """The names of fields that point to text."""
    return re.findall(r"^\s*const char \*(\w+);", body_of(text, f"struct {struct}"), re.M)


def values(text, enum, prefix):
    """The names in an enum, without their prefix and without repetitions."""
    return list(dict.fromkeys(re.findall(rf"\b{prefix}(\w+)", body_of(text, f"enum {enum}"))))


def field_table(name, struct, text):
    lines = [f"const struct script_field {name}[] = {{"]
    for field, kind in fields(text, struct):
        lines.append(f'    {{"{field}", {kind}, offsetof(struct {struct}, {field}), '
                     f"sizeof(((struct {struct} *)0)->{field})}},")
    lines += [f'    {{"{field}", SCRIPT_TEXT, offsetof(struct {struct}, {field}), sizeof(char *)}},'
              for field in texts(text, struct)]
    return lines + ["    {0},", "};", ""]


def value_table(name, prefix, names):
    rows = [f'    {{"{value.lower()}", {prefix}{value}}},' for value in names]
    return [f"const struct script_value {name}[] = {{"] + rows + ["    {0},", "};", ""]


def main():
    include, output = Path(sys.argv[1]), Path(sys.argv[2])
    stack = without_comments((include / "weft/stack.h").read_text())
    socket = without_comments((include / "weft/socket.h").read_text())
    lines = ["/* Made by scripts/script-names.py from the public headers. */", '#include "script/names.h"', "",
             "#include <weft/socket.h>", ""]
    lines += field_table("script_config_fields", "weft_tcp_config", stack)
    lines += field_table("script_info_fields", "weft_tcp_info", socket)
    lines += value_table("script_options", "WEFT_OPT_", values(socket, "weft_sockopt", "WEFT_OPT_"))
    lines += value_table("script_events", "WEFT_", values(socket, "weft_sock_event", "WEFT_"))
    lines += value_table("script_send_flags", "WEFT_SEND_", values(socket, "weft_send_flag", "WEFT_SEND_"))
    output.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
