#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The core needs no one: fails when the static core library has data that can
# be written, or refers to a symbol that it does not define itself, but for
# memcpy, memmove, memset and memcmp (which a compiler may call by itself).
#
#   check-core-symbols.sh BUILD      a build directory without sanitizers, or the archive itself
#
# Tables of pointers that the loader fills in and then protects (.data.rel.ro)
# are constants. In a build with sanitizers there is nothing to see: exit 77.
set -u

library=${1:?usage: check-core-symbols.sh BUILD}
[ -d "$library" ] && library=$library/src/libweft_core.a
[ -r "$library" ] || { echo "$library: there is no such library; build it first"; exit 1; }

symbols=$(nm --format=sysv "$library") || exit 1
if grep -qE '__(asan|ubsan|tsan|sanitizer)_' <<<"$symbols"; then
    echo "$library: built with sanitizers, which bring symbols of their own"
    exit 77
fi

awk -F'|' '
    function trim(s) { gsub(/^ +| +$/, "", s); return s }
    function complain(what) { print object ": " what; bad = 1 }

    /^Symbols from / { object = $0; sub(/^Symbols from .*\[/, "", object); sub(/\]:$/, "", object); next }
    NF < 7 || trim($1) == "Name" { next }
    {
        name = trim($1); class = trim($3); section = trim($7)
        if (class == "U" || class == "w" && section == "*UND*") {
            users[name] = users[name] " " object
        } else if (class != toupper(class)) {
            # local: nobody else can mean it
        } else {
            defined[name] = 1
        }
        if (section == "*COM*" || section ~ /^\.t?(data|bss)($|\.)/ && section !~ /^\.data\.rel\.ro/)
            complain("`" name "` can be written (" section "): the state of a stack lives in its struct, constants are const")
    }
    END {
        split("memcpy memmove memset memcmp _GLOBAL_OFFSET_TABLE_", allowed, " ")
        for (i in allowed)
            defined[allowed[i]] = 1
        for (name in users)
            if (!(name in defined)) {
                object = substr(users[name], 2)
                complain("refers to `" name "`, which the core does not define: it makes no system calls and needs no libc but mem*")
            }
        exit bad
    }
' <<<"$symbols" | sort
exit "${PIPESTATUS[0]}"
