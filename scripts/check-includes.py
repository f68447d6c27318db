#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The borders between the layers: fails when a file under src/ or include/
includes something that its layer must not know. Each line of output is
FILE:LINE, what was included, and what the layer may know."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Each folder of src/ and the folders, or single headers, that it may know besides itself; include/weft/ is for all.
LAYERS = {
    "base": [],
    "wire": ["base"],
    "net": ["base", "wire"],
    "udp": ["base", "wire", "net"],
    "tcp": ["base", "wire", "net"],
    "socket": ["base", "wire", "net", "udp", "tcp"],
    "stack.c": ["base", "wire", "net", "udp", "tcp", "socket"],
    "link": ["base"],
    "host": ["base", "link"],
    "sim": ["base", "wire", "host/driver.h"],  # one way of driving a stack, in real time and in virtual; routers read headers
    "check": ["base", "wire"],  # an observer: it must not know the stack that it watches
    "inspect": ["base", "wire"],
    "script": ["base", "wire"],
    "http": [],
    "app": [],
    "lab": [],
    "cli": ["app", "lab"],
    "packetdrill": [],
    "include": [],
}

# The core runs anywhere: what it may take from the system, and which public headers are above it.
CORE = ("base", "wire", "net", "udp", "tcp", "socket", "stack.c")
CORE_SYSTEM = ("errno.h", "limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h")
ABOVE_CORE = ("check.h", "http.h", "inspect.h", "loop.h", "script.h", "sim.h", "weft.h")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def layer_of(path):
    """The first folder below src/, "stack.c", or "include"."""
    parts = path.relative_to(ROOT).parts
    return "include" if parts[0] == "include" else parts[1]


def complaint(layer, quote, name):
    """Why `layer` must not include `name`, or None."""
    if name.startswith("weft/"):
        if layer in CORE and name[5:] in ABOVE_CORE:
            return f"the core must not know {name}, which stands above it"
        return None
    if quote == "<":
        if layer in CORE and name not in CORE_SYSTEM:
            return f"the core takes nothing from the system but {', '.join(CORE_SYSTEM)}"
        return None
    if ".." in name.split("/"):
        return "an include begins at src/, as in \"base/list.h\""
    folder = name.split("/")[0] if "/" in name else layer
    allowed = [layer] + LAYERS[layer]
    if folder in allowed or name in allowed:
        return None
    return f"{layer} may include {', '.join(allowed)} and <weft/...>, not {folder}"


def check(path):
    """Prints what is wrong in one file; returns how many lines are."""
    layer = layer_of(path)
    bad = 0
    if layer not in LAYERS:
        print(f"{path.relative_to(ROOT)}:1: the folder {layer} is not in the list of layers in scripts/check-includes.py")
        return 1
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        why = match and complaint(layer, match[1], match[2])
        if why:
            print(f"{path.relative_to(ROOT)}:{number}: includes {match[2]}: {why}")
            bad += 1
    return bad


def main():
    files = [p for top in ("src", "include") for p in sorted((ROOT / top).rglob("*.[ch]"))]
    return 1 if sum(check(path) for path in files) else 0


if __name__ == "__main__":
    sys.exit(main())
