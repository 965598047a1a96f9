#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds picolibc for the device into the cache, once, and prints the installed prefix.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

options=(
    -Dmultilib=false -Dpicocrt=false -Dsemihost=false -Dtests=false -Dspecsdir=none -Dfortify-source=none
    # Our kernel has threads: errno is thread-local, laid out by the kernel in each thread's TLS block (TPIDR_EL0).
    -Dthread-local-storage=true -Dtls-model=local-exec
    # One canary for the image, seeded by the kernel.
    -Dstack-protector-guard=global
    # printf of all integer types, without the 5 KB of floating-point conversion.
    -Dformat-default=long-long -Dio-long-long=true -Dio-c99-formats=true
    -Doptimization=2 -Ddebug=false
)

picolibc_build() {
    local src=$1 dest=$2 work=$cache_dir/tmp/picolibc.$$
    [ -d "$dest" ] && return
    say "building picolibc (about half a minute)"
    rm -rf "$work"
    mkdir -p "$work"
    logged "$cache_dir/log/picolibc-setup.log" meson setup "$work/build" "$src" --cross-file "$toolchain_dir/picolibc-cross.txt" \
        --prefix /usr --includedir include --libdir lib "${options[@]}"
    logged "$cache_dir/log/picolibc-build.log" ninja -C "$work/build"
    logged "$cache_dir/log/picolibc-install.log" env DESTDIR="$work/root" ninja -C "$work/build" install
    mv "$work/root/usr" "$dest"
    rm -rf "$work"
}

cache_init
src=$("$toolchain_dir/fetch.sh" picolibc)
dest=$cache_dir/out/picolibc-$(basename "$src" | key_of "$toolchain_dir/picolibc.sh" "$toolchain_dir/picolibc-cross.txt")
[ -d "$dest" ] || with_lock picolibc picolibc_build "$src" "$dest"
printf '%s\n' "$dest"
