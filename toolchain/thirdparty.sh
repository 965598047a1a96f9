#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the third-party libraries for `device` or `host` into the cache, once, and prints the installed prefix.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

# Every file of ours that influences the libraries; deps.cmake asks for this list to know when to look again.
inputs=(
    "$toolchain_dir"/thirdparty.sh "$toolchain_dir"/aarch64.cmake "$toolchain_dir"/thirdparty/CMakeLists.txt
    "$toolchain_dir"/thirdparty/*.cmake "$toolchain_dir"/thirdparty/*.h "$toolchain_dir"/thirdparty/shim/sys/*.h
    "$top_dir"/agent/common/mbedtls_config.h "$top_dir"/kernel/net/lwipopts.h "$top_dir"/kernel/net/arch/cc.h
)

prefix_dir() {
    printf '%s/out/%s-%s\n' "$cache_dir" "$1" "$({ cat "$(resolved_file)"; basename "$picolibc"; } | key_of "${inputs[@]}")"
}

thirdparty_build() {
    local what=$1 dest=$2 work=$cache_dir/tmp/$1.$$ options=()
    [ -d "$dest" ] && return
    say "building the third-party libraries for the $what (about a minute)"
    [ "$what" = host ] || options=(-DCMAKE_TOOLCHAIN_FILE="$toolchain_dir/aarch64.cmake" -DPICOLIBC_PREFIX="$picolibc")
    rm -rf "$work"
    logged "$cache_dir/log/$what-setup.log" cmake -G Ninja -S "$toolchain_dir/thirdparty" -B "$work/build" \
        -DCMAKE_BUILD_TYPE=None -DCMAKE_INSTALL_PREFIX=/ -DCMAKE_INSTALL_LIBDIR=lib "${options[@]}" \
        -DSKERRY_CACHE="$cache_dir" -DMBEDTLS_SOURCE="$("$toolchain_dir/fetch.sh" mbedtls)" \
        -DLWIP_SOURCE="$("$toolchain_dir/fetch.sh" lwip)" -DDTC_SOURCE="$("$toolchain_dir/fetch.sh" device-tree-compiler)" \
        -DMOSQUITTO_SOURCE="$("$toolchain_dir/fetch.sh" mosquitto)"
    logged "$cache_dir/log/$what-build.log" cmake --build "$work/build"
    logged "$cache_dir/log/$what-install.log" env DESTDIR="$work/root" cmake --install "$work/build"
    [ "$(prefix_dir "$what")" = "$dest" ] || die "a configuration header changed during the build" "start again"
    mv "$work/root" "$dest"
    rm -rf "$work"
}

case ${1:-} in
device | host) what=$1 ;;
inputs) printf '%s\n' "${inputs[@]}" "$pins_file"; exit 0 ;;
--help | -h) echo "usage: thirdparty.sh device|host    build if needed and print the prefix"; exit 0 ;;
*) die "expected device or host, not '${1:-}'" "see thirdparty.sh --help" ;;
esac
cache_init
"$toolchain_dir/fetch.sh"
picolibc=""
[ "$what" = host ] || picolibc=$("$toolchain_dir/picolibc.sh")
dest=$(prefix_dir "$what")
[ -d "$dest" ] || with_lock "$what" thirdparty_build "$what" "$dest"
printf '%s\n' "$dest"
