#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs the Debian packages that weft needs, and only those that are missing.
#
#   scripts/install-deps.sh [--check] GROUP...
#
#   build   compilers, meson and the libraries that the command links to
#   demo    what `make demo` runs besides: the kernel side's curl and ip, a font with Chinese, Japanese and Korean
#   test    the real peers of `make test`, and clang for its fuzzers
#   docs    the man pages' tools
#   lint    what `make lint` runs
#
# It says what it is about to do before it does it, asks nothing, and starts no
# daemon: a service that comes with a package (nginx's) is neither started nor
# left enabled. With --check it only says what is missing.
#
# Exit status: 0 all is there, 1 something that is needed is missing.
set -euo pipefail

group_build=(gcc libc6-dev meson ninja-build pkg-config python3 scdoc libcmocka-dev libjansson-dev libcairo2-dev
  libpango1.0-dev nettle-dev libjpeg-dev libpng-dev libwebp-dev fonts-dejavu-core fonts-noto-core)
group_demo=(curl iproute2 ca-certificates fonts-wqy-microhei)
group_test=(curl iproute2 iputils-ping netcat-openbsd nginx apache2-utils wrk tshark chromium procps util-linux
  clang libclang-rt-dev scdoc mandoc clang-format cppcheck)
group_docs=(scdoc mandoc)
group_lint=(clang clang-tidy clang-format cppcheck)

die() { printf 'install-deps: %s\n' "$*" >&2; exit 1; }

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# The words of all groups named, each once.
packages_of() {
    local name
    for name in "$@"; do
        local -n group="group_$name"
        printf '%s\n' "${group[@]}"
    done | sort -u
}

# How to become root: nothing for root, sudo for others. Empty output and failure when neither works.
root_prefix() {
    [ "$(id -u)" -eq 0 ] && return 0
    command -v sudo >/dev/null || return 1
    if [ -t 0 ]; then echo "sudo"; else sudo -n true 2>/dev/null && echo "sudo -n"; fi
}

# Debian asks /usr/sbin/policy-rc.d whether a package may start its daemon; for the time of the
# installation the answer is no. An administrator's own policy stays in force.
forbid_daemons() {
    [ -e /usr/sbin/policy-rc.d ] && return
    printf '#!/bin/sh\nexit 101\n' >"$work/policy-rc.d"
    $as_root install -m 755 "$work/policy-rc.d" /usr/sbin/policy-rc.d
    policy_is_ours=yes
}

allow_daemons() { [ -z "$policy_is_ours" ] || $as_root rm -f /usr/sbin/policy-rc.d; }

# nginx serves only in the tests' own namespaces: it must not come up on port 80 at the next boot.
disable_nginx() {
    if command -v systemctl >/dev/null; then
        $as_root systemctl --quiet disable nginx.service || true
    else
        $as_root update-rc.d nginx disable >/dev/null || true
    fi
}

install_packages() {
    work=$(mktemp -d)
    policy_is_ours=
    trap 'allow_daemons; rm -rf "$work"' EXIT
    forbid_daemons
    $as_root apt-get update -q || die "apt-get update failed: is there a network, and are the sources in /etc/apt right?"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@" || die "apt-get could not install all of: $*"
    case " $* " in *" nginx "*) disable_nginx ;; esac
}

case "${1:-}" in -h | --help)
    sed -n '/^# Installs/,/^# Exit status/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac
check_only=
if [ "${1:-}" = --check ]; then
    check_only=yes
    shift
fi
[ $# -gt 0 ] || die "name one or more groups: build demo test docs lint"
for name in "$@"; do
    declare -p "group_$name" >/dev/null 2>&1 || die "there is no group '$name': build demo test docs lint"
done

mapfile -t wanted < <(packages_of "$@")
if ! command -v dpkg-query >/dev/null; then
    die "this is not Debian, so I cannot install anything. Install what these Debian packages hold, then run make with DEPS=no:
  ${wanted[*]}"
fi

missing=()
for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ -n "$check_only" ]; then
    printf '%s\n' "${missing[@]}"
    exit 1
fi
as_root=$(root_prefix) && [ "$(id -u)" -eq 0 -o -n "$as_root" ] ||
    die "these packages are missing and I may not install them. Run as root:
  apt-get update && apt-get install --no-install-recommends ${missing[*]}
or let make go on without them: make DEPS=no ..."

printf 'Installing %d Debian packages: %s\n' "${#missing[@]}" "${missing[*]}"
install_packages "${missing[@]}"
