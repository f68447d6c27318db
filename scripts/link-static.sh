#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Makes libweft.a: all objects linked into one, whose hidden symbols are then
# local, so that inner names (trace, rng_init, ...) cannot meet a program's own.
#
#   link-static.sh OUTPUT.a INPUT.a...
set -euo pipefail
output=$1
shift
object=$(dirname "$output")/libweft.o
ld -r -o "$object" --whole-archive "$@"
objcopy --localize-hidden "$object"
rm -f "$output"
ar crs "$output" "$object"
rm -f "$object"
