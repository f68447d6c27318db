#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Builds the libFuzzer targets with clang under ASan and UBSan, and runs each
# for a share of the time, as TAP lines. A crash leaves its input in
# BUILD/crashes/; what was found to be interesting stays in BUILD/corpus/ for the next run.
#
#   run-fuzz.sh BUILD SECONDS [TARGET...]    SECONDS for all of them together
set -u
cd "$(dirname "$0")/.."
build=$1
seconds=$2
shift 2
jobs=$(nproc)

skip_all() {
    echo "ok 1 - fuzz targets # SKIP $1"
    echo "1..1"
    exit 0
}

command -v clang >/dev/null || skip_all "clang is not installed"
probe=$(mktemp -d)
trap 'rm -rf "$probe"' EXIT
printf 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { (void)d; (void)n; return 0; }\n' >"$probe/p.c"
clang -fsanitize=fuzzer,address "$probe/p.c" -o "$probe/p" 2>/dev/null ||
    skip_all "clang has no libFuzzer (package libclang-rt-dev)"

if [ ! -e "$build/build.ninja" ]; then
    CC=clang meson setup "$build" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized \
        "-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all -O1" >"$probe/log" 2>&1
fi
if ! ninja -C "$build" fuzz-targets >"$probe/log" 2>&1; then
    echo "not ok 1 - fuzz targets build"
    tail -n 40 "$probe/log" | sed 's/^/# /'
    exit 1
fi
if [ $# -eq 0 ]; then
    mapfile -t targets < <(cd "$build/fuzz" && find . -maxdepth 1 -type f -executable -name 'fuzz_*' | sed 's,^./fuzz_,,' | sort)
else
    targets=("$@")
fi

mkdir -p "$build/crashes" "$build/logs"
share=$((seconds * jobs / ${#targets[@]}))
[ "$share" -ge 5 ] || share=5

run_one() {
    local name=$1 seeds=fuzz/corpus/$1 found=$build/corpus/$1 dict=fuzz/$1.dict
    mkdir -p "$found"
    "$build/fuzz/fuzz_$name" -max_total_time="$share" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -detect_leaks=0 \
        -artifact_prefix="$build/crashes/$name-" $([ -e "$dict" ] && echo "-dict=$dict") "$found" \
        $([ -d "$seeds" ] && echo "$seeds") >"$build/logs/$name" 2>&1
    echo $? >"$build/logs/$name.status"
}

number=0
status=0
report() {
    local name=$1 runs
    number=$((number + 1))
    runs=$(awk '/stat::number_of_executed_units/ { print $2 }' "$build/logs/$name")
    if [ "$(cat "$build/logs/$name.status")" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
        echo "ok $number - fuzz $name, $runs inputs ($share.00 s)"
    else
        echo "not ok $number - fuzz $name ($share.00 s)"
        grep -vE '^#[0-9]+' "$build/logs/$name" | tail -n 40 | sed 's/^/# /'
        status=1
    fi
}

for ((i = 0; i < ${#targets[@]}; i += jobs)); do
    for name in "${targets[@]:i:jobs}"; do
        run_one "$name" &
    done
    wait
    for name in "${targets[@]:i:jobs}"; do
        report "$name"
    done
done
echo "1..$number"
exit $status
