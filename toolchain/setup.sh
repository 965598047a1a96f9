#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building and testing need, if any is missing. `a|b` means that either will do.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

packages=(
    # compilers and build tools
    gcc libc6-dev gcc-aarch64-linux-gnu binutils-aarch64-linux-gnu make cmake ninja-build meson pkg-config patch
    xz-utils bzip2 ca-certificates python3
    # U-Boot
    bison flex bc libssl-dev libgnutls28-dev device-tree-compiler
    # server, tests
    qemu-system-arm qemu-utils mosquitto mosquitto-clients libmosquitto-dev libsqlite3-dev sqlite3 libmicrohttpd-dev
    libjansson-dev libdw-dev "libcurl4-gnutls-dev|libcurl4-openssl-dev" libcmocka-dev openssl
    python3-prometheus-client
    # the dashboard's tests
    chromium
    # fuzzing, formatting, static analysis
    clang clang-tidy cppcheck clang-format llvm libclang-rt-dev
)

installed() { [[ $'\n'$have$'\n' == *$'\n'"$1 ok"$'\n'* ]]; }

# Whatever brings npm brings node: it need not be Debian's.
command -v npm >/dev/null || packages+=(nodejs npm)

# Fills `missing` with the packages to install; asks dpkg once for all of them.
find_missing() {
    local entry names=()
    for entry in "${packages[@]}"; do IFS='|' read -ra names_of <<<"$entry"; names+=("${names_of[@]}"); done
    # dpkg-query fails when it has never heard of a name: then it is missing, like one that is not installed.
    have=$({ dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${names[@]}" 2>/dev/null || true; } | sed -n 's/ installed$/ ok/p')
    missing=()
    for entry in "${packages[@]}"; do
        installed "${entry%|*}" || installed "${entry#*|}" || missing+=("${entry%%|*}")
    done
}

# The broker's package must not start a service of its own: the tests run theirs.
without_service_start() {
    local policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    local status=0
    "$@" || status=$?
    "${as_root[@]}" rm -f "$policy"
    return "$status"
}

apt_install() {
    "${as_root[@]}" apt-get update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

case ${1:-} in
'') ;;
--help | -h) echo "usage: setup.sh    install the Debian packages that are missing"; exit 0 ;;
*) die "unknown argument '$1'" "see setup.sh --help" ;;
esac

command -v dpkg-query >/dev/null || die "this is not a Debian system" "run on Debian 12 or newer, for example in a container"
find_missing
[ ${#missing[@]} -gt 0 ] || exit 0
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "packages are missing and you are neither root nor have sudo: ${missing[*]}" \
        "as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
fi
cache_init
say "installing ${#missing[@]} Debian packages: ${missing[*]}"
without_service_start apt_install >"$cache_dir/log/apt-install.log" 2>&1 </dev/null || {
    tail -n 15 "$cache_dir/log/apt-install.log" >&2
    die "apt could not install: ${missing[*]}" "read $cache_dir/log/apt-install.log; check the network, then start again"
}
