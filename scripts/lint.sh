#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Everything that can be checked without running weft, as TAP lines.
#
#   scripts/lint.sh fast    what `make test` runs: seconds
#   scripts/lint.sh all     also the static analysers: minutes
#
# The analysers and the symbol check look at the build in build/, which is brought up to date first.
set -u
cd "$(dirname "$0")/.."
mode=${1:-all}
build=build
number=0
status=0

# check NAME COMMAND...: one TAP line; what the command printed follows when it failed.
check() {
    local name=$1 output started=$EPOCHREALTIME rc
    shift
    number=$((number + 1))
    output=$("$@" 2>&1)
    rc=$?
    local took
    took=$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
    if [ $rc -eq 0 ]; then
        echo "ok $number - $name ($took s)"
    else
        echo "not ok $number - $name ($took s)"
        sed -n '1,40s/^/# /p' <<<"$output"
        status=1
    fi
}

skip() {
    number=$((number + 1))
    echo "ok $number - $1 # SKIP $2"
}

# check_tool NAME TOOL COMMAND...: as check, skipped when the tool is not installed.
check_tool() {
    local name=$1 tool=$2
    shift 2
    if command -v "$tool" >/dev/null; then check "$name" "$@"; else skip "$name" "$tool is not installed"; fi
}

# The files of the project whose names match a regular expression; also in a tree without git.
sources() {
    { git ls-files -co --exclude-standard 2>/dev/null ||
        find . -type f -not -path './build*' -not -path './out/*' -not -path './.git/*' | sed 's,^\./,,'; } |
        grep -E "$1" | while read -r file; do [ ! -e "$file" ] || echo "$file"; done
}

c_format() { sources '\.[ch]$' | xargs clang-format --dry-run -Werror; }

licence_lines() {
    local file bad=0
    while read -r file; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || { echo "$file: no SPDX line at the top"; bad=1; }
    done < <(sources '\.([ch]|py|sh)$|^\.ci/run$|^Makefile$')
    return $bad
}

# Every public header can be included alone, in C and in C++.
public_headers() {
    local header bad=0
    for header in include/weft/*.h; do
        gcc -std=c11 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c - <<<"#include <weft/${header##*/}>" || bad=1
        ! command -v clang >/dev/null ||
            clang -std=c++17 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c++ - <<<"#include <weft/${header##*/}>" || bad=1
    done
    return $bad
}

shell_syntax() {
    local file bad=0
    while read -r file; do bash -n "$file" || bad=1; done < <(sources '\.sh$|^\.ci/run$')
    return $bad
}

python_syntax() { sources '\.py$' | PYTHONDONTWRITEBYTECODE=1 xargs python3 -c '
import ast, sys
for name in sys.argv[1:]:
    ast.parse(open(name).read(), name)'; }

# The compile commands that the analysers read, and the core that the symbol check reads.
up_to_date() { [ -e $build/build.ninja ] || meson setup $build; ninja -C $build; }

# What clang-tidy finds, but for what tests/lint/tidy.txt explains: a pattern and the reason on each line.
tidy() {
    local found
    found=$(sources '^src/.*\.c$' | xargs -P "$(nproc)" -n 4 clang-tidy -p $build --quiet 2>/dev/null |
        grep -E '(error|warning): ' | grep -vEf <(sed 's/  .*//' tests/lint/tidy.txt) | sort -u)
    [ -z "$found" ] || { echo "$found"; return 1; }
}

cppcheck_all() {
    cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
        --suppress=missingIncludeSystem --suppress=nullPointerArithmeticRedundantCheck -j "$(nproc)" \
        --suppressions-list=tests/lint/cppcheck.txt -Iinclude -Isrc src
}

if ! { output=$(up_to_date 2>&1); }; then
    check "build in $build/" bash -c 'tail -n 30 <<<"$1"; false' _ "$output"
    exit 1
fi
check "includes go down the layers" scripts/check-includes.py
check "the core needs no one" scripts/check-core-symbols.sh $build
check "names in comments exist" scripts/check-comments.py
check "the comment check finds planted faults" tests/lint/test_comments.py
check "the ledger names tests that exist" scripts/conformance.py --names $build
check "packetdrill scripts reach stand-ins, not the host" tests/lint/test_stand_ins.py
check "the ledger check finds planted faults" tests/lint/test_conformance.py $build
check "licence lines" licence_lines
check "public headers stand alone" public_headers
check "shell scripts parse" shell_syntax
check "python scripts parse" python_syntax
check_tool "clang-format" clang-format c_format
if [ "$mode" = all ]; then
    check_tool "clang-tidy" clang-tidy tidy
    check_tool "cppcheck" cppcheck cppcheck_all
fi
echo "1..$number"
exit $status
