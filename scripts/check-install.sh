#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs a build into an empty directory and uses it from there as a user
# would, as TAP lines: symbols, pkg-config, examples against the shared and the
# static library, help texts, man pages.
#
#   check-install.sh BUILD
set -u
cd "$(dirname "$0")/.."
build=${1:-build}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
number=0
status=0

check() {
    local name=$1 output rc
    shift
    number=$((number + 1))
    output=$("$@" 2>&1)
    rc=$?
    if [ $rc -eq 0 ]; then
        echo "ok $number - $name"
    else
        echo "not ok $number - $name"
        sed -n '1,40s/^/# /p' <<<"$output"
        status=1
    fi
}

install_all() { meson install -C "$build" --no-rebuild --destdir "$root" --quiet; }

libdir() { dirname "$(find "$root" -name 'libweft.so' | head -n 1)"; }

with_pkg_config() {
    PKG_CONFIG_PATH="$(libdir)/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root" pkg-config "$@" weft
}

# The functions that the installed headers declare, one to a line.
declared() {
    find "$root" -path '*/include/weft/*.h' -print0 | xargs -0 cat | gcc -fpreprocessed -dD -E -P - 2>/dev/null |
        grep -v '^static inline' | grep -oE '^[a-z][a-z0-9_ *]*\bweft_[a-z0-9_]+\(' | grep -v typedef |
        grep -oE 'weft_[a-z0-9_]+\($' | tr -d '(' | sort -u
}

exported() { nm -D --defined-only "$(libdir)/libweft.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort -u; }

exports_what_is_declared() {
    local missing extra
    missing=$(comm -23 <(declared) <(exported))
    extra=$(comm -13 <(declared) <(exported))
    [ -z "$missing" ] || echo "declared, but not in libweft.so:" $missing
    [ -z "$extra" ] || echo "in libweft.so, but in no installed header:" $extra
    [ -z "$missing$extra" ] && [ "$(declared | wc -l)" -gt 100 ]
}

static_hides_the_rest() {
    local others
    others=$(nm --defined-only --extern-only "$(libdir)/libweft.a" | awk 'NF == 3 && $3 !~ /^weft_/ { print $3 }')
    [ -z "$others" ] || { echo "visible in libweft.a:" $others; return 1; }
}

soname() { readelf -d "$(libdir)/libweft.so" | grep -q 'SONAME.*\[libweft\.so\.[0-9]*\]'; }

compile_example() {
    gcc -std=c11 -Wall -Wextra -Werror -o "$root/$1-$2" "examples/$1.c" $(with_pkg_config --cflags) "${@:3}"
}

examples_shared() {
    local source
    for source in examples/*.c; do
        compile_example "$(basename "$source" .c)" shared $(with_pkg_config --libs) || return 1
    done
    LD_LIBRARY_PATH=$(libdir) "$root/two_stacks-shared"
}

# What a program that links libweft.a needs besides.
static_libs() { with_pkg_config --libs --static | tr ' ' '\n' | grep -v '^-lweft$'; }

example_static() {
    compile_example two_stacks static "$(libdir)/libweft.a" $(static_libs) &&
        "$root/two_stacks-static"
}

example_with_own_names() {
    # A program may have functions that are called like inner ones of weft.
    local name
    printf '#include <weft/weft.h>\n' >"$root/own.c"
    for name in trace_write siphash net_input tcp_input rng_init http_head_parse; do
        printf 'int %s(void);\nint %s(void) { return 0; }\n' "$name" "$name" >>"$root/own.c"
    done
    printf 'int main(void) { struct weft_sim *s; if (weft_sim_new(1, &s)) return 1; weft_sim_free(s); return 0; }\n' >>"$root/own.c"
    gcc -o "$root/own" "$root/own.c" $(with_pkg_config --cflags) "$(libdir)/libweft.a" $(static_libs) && "$root/own"
}

weft() { "$(find "$root" -path '*/bin/weft')" "$@"; }

verbs() { weft help | awk '/^  [a-z]/ { print $1 }'; }

help_texts() {
    local verb
    weft --version | grep -qE '^weft [0-9]+\.[0-9]+\.[0-9]+$' || { echo "weft --version: $(weft --version)"; return 1; }
    [ "$(verbs | wc -l)" -ge 5 ] || { echo "weft help lists no verbs"; return 1; }
    for verb in $(verbs); do
        weft help "$verb" | grep -q "^usage: weft $verb " || { echo "weft help $verb says nothing"; return 1; }
        [ "$(weft help "$verb")" = "$(weft "$verb" --help)" ] || { echo "weft $verb --help differs"; return 1; }
    done
}

page() { find "$root" -path "*/man/*" -name "$1"; }

# Every option that a verb's help names stands in its page, in weft-link(7), or in weft-tcp(7).
options_in_pages() {
    local verb option bad=0
    for verb in $(verbs); do
        [ -n "$(page "weft-$verb.1")" ] || { echo "weft-$verb(1) is not installed"; bad=1; continue; }
        for option in $(weft help "$verb" | grep -oE '^ .*--[a-z-]+' | grep -oE '\-\-[a-z-]+'); do
            cat "$(page "weft-$verb.1")" "$(page weft-link.7)" "$(page weft-tcp.7)" | sed 's/\\//g' | grep -q -- "$option" ||
                { echo "weft-$verb(1) does not tell of $option"; bad=1; }
        done
    done
    return $bad
}

# Every word of a scenario stands in its page.
words_in_page() {
    local word bad=0
    for word in $(weft lab --words | grep -oE '^  [a-z0-9-]+'); do
        sed 's/\\f[BIR]//g; s/\\//g' "$(page weft-scenario.5)" | grep -qw -- "$word" ||
            { echo "weft-scenario(5) does not tell of $word"; bad=1; }
    done
    return $bad
}

pages_lint() {
    local pages
    pages=$(page 'weft*.[0-9]'; page 'libweft*.[0-9]')
    [ -n "$pages" ] || { echo "no pages are installed"; return 1; }
    # Style notes of mandoc about what scdoc writes are not ours to mend.
    local found
    found=$(mandoc -Tlint -Wwarning $pages | grep -vE 'missing date|cross reference|skipping paragraph macro')
    [ -z "$found" ] || { echo "$found"; return 1; }
}

check "installs" install_all
check "libweft.so exports what the headers declare, and no more" exports_what_is_declared
check "libweft.a shows weft_* only" static_hides_the_rest
check "libweft.so has a soname" soname
check "pkg-config knows weft" with_pkg_config --exists
check "examples build against the installed library, and run" examples_shared
check "an example with the static library" example_static
check "names of a program do not meet inner names" example_with_own_names
check "help texts" help_texts
check "man pages tell of every option" options_in_pages
check "weft-scenario(5) tells of every word" words_in_page
if command -v mandoc >/dev/null; then
    check "man pages are well formed" pages_lint
else
    number=$((number + 1))
    echo "ok $number - man pages are well formed # SKIP mandoc is not installed"
fi
echo "1..$number"
exit $status
