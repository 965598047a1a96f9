#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# U-Boot's source, patched, and its host tools (mkimage, dumpimage, fit_check_sign, fdt_add_pubkey, fit_info) built once into the cache.
# `uboot.sh source` prints the source folder (never build in it: use make O=), `uboot.sh tools` the folder of the tools.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

uboot_build_tools() {
    local src=$1 dest=$2 work=$cache_dir/tmp/uboot-tools.$$ tool
    [ -d "$dest" ] && return
    say "building U-Boot's image tools (about 20 seconds)"
    rm -rf "$work"
    mkdir -p "$work/bin"
    logged "$cache_dir/log/uboot-tools-setup.log" make -C "$src" O="$work/build" tools-only_defconfig
    logged "$cache_dir/log/uboot-tools-build.log" make -C "$src" O="$work/build" -j"$(nproc)" tools-only
    for tool in mkimage dumpimage fit_check_sign fdt_add_pubkey fit_info; do
        mv "$work/build/tools/$tool" "$work/bin/"
    done
    mv "$work/bin" "$dest"
    rm -rf "$work"
}

case ${1:-} in
source) "$toolchain_dir/fetch.sh" u-boot ;;
tools)
    cache_init
    src=$("$toolchain_dir/fetch.sh" u-boot)
    dest=$cache_dir/out/uboot-tools-$(basename "$src" | key_of "$toolchain_dir/uboot.sh")
    [ -d "$dest" ] || with_lock uboot-tools uboot_build_tools "$src" "$dest"
    printf '%s\n' "$dest" ;;
--help | -h) echo "usage: uboot.sh source|tools    print where U-Boot's patched source or its built tools are" ;;
*) die "expected source or tools, not '${1:-}'" "see uboot.sh --help" ;;
esac
