#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds a board's U-Boot: Debian's patched source, our configuration, the boot hook, and a control device tree with the
# flash map and the boot key. The program is built once and cached, keyed by the source's pins and all that goes into it;
# a new key or map needs only a new tree behind it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../toolchain/cache.sh"

cross=aarch64-linux-gnu-
flash_bytes=$((64 << 20)) # QEMU's pflash 0
uboot_bytes_max=204800
# U-Boot 2025.01's own date: its banner shows this, and not when it was built.
epoch=1736208000

usage() {
    cat <<'TEXT'
usage: build.sh BOARD_DIR KEY_DIR OUT_DIR
  BOARD_DIR  control.dts, flashmap.conf, uboot.config
  KEY_DIR    boot.crt, the certificate of the RSA 2048 key that signs FITs (its private half is not needed)
  OUT_DIR    gets u-boot.bin, flash.bin (the same, padded to a 64 MiB flash) and control.dtb
TEXT
}

program_files() {
    printf '%s\n' "$here/build.sh" "$here/skerry.config" "$board_dir/uboot.config" "$here"/hook/*
    printf '%s\n' "$top_dir"/ota/src/{bootrec,bootrec_store,crc32}.c "$top_dir"/ota/include/ota/{bootrec,crc32}.h
}

# One copy of the source for this build, hard-linked where the file system allows it: the pinned one stays as it is.
tree_make() {
    local tree=$1 hook=$1/common/skerry
    cp -al "$source_dir" "$tree" 2>/dev/null || { rm -rf "$tree"; cp -a "$source_dir" "$tree"; }
    mkdir -p "$hook/include/ota"
    cp "$here"/hook/* "$top_dir"/ota/src/{bootrec,bootrec_store,crc32}.c "$hook/"
    cp "$top_dir"/ota/include/ota/{bootrec,crc32}.h "$hook/include/ota/"
    # The one line of upstream that changes. A new file, or the write would go through the link.
    { cat "$source_dir/common/Makefile"; echo 'obj-y += skerry/'; } >"$tree/common/Makefile.new"
    mv "$tree/common/Makefile.new" "$tree/common/Makefile"
    cat "$board_dir/uboot.config" "$here/skerry.config" >"$tree/configs/skerry_defconfig"
}

# U-Boot drops a setting that it does not know or that something else overrules, without a word.
config_assert() {
    local line
    while read -r line; do
        case $line in
        '# CONFIG_'*' is not set') ! grep -q "^${line:2:-11}=" "$1/.config" ;;
        CONFIG_*) grep -qxF "$line" "$1/.config" ;;
        esac || die "U-Boot did not take the setting '$line'" "see in Kconfig what selects it or what it depends on"
    done < <(cat "$board_dir/uboot.config" "$here/skerry.config")
}

# A U-Boot without the hook, or with a command line, would still build.
program_assert() {
    local hook
    ${cross}nm "$1/u-boot" >"$1/u-boot.nm"
    for hook in EVT_MAIN_LOOP_3_skerry_main EVT_MISC_INIT_F_3_skerry_watchdog_arm; do
        grep -q "evspy_info_2_$hook\$" "$1/u-boot.nm" ||
            die "the boot hook $hook is not linked into U-Boot" "look for common/skerry in $cache_dir/log/uboot-build.log"
    done
    ! grep -qE ' (cli_readline|cli_simple_parse_line|parse_string_outer)$' "$1/u-boot.nm" ||
        die "U-Boot has a command line" "CONFIG_CMDLINE must be off"
}

program_build() {
    local dest=$1 work=$cache_dir/tmp/uboot.$$ log=$cache_dir/log/uboot make
    [ -d "$dest" ] && return
    say "building U-Boot for $(basename "$board_dir") (about 30 seconds)"
    rm -rf "$work"
    mkdir -p "$work/bin"
    tree_make "$work/tree"
    make=(env "SOURCE_DATE_EPOCH=$epoch" make -C "$work/tree" "O=$work/build" "CROSS_COMPILE=$cross")
    logged "$log-config.log" "${make[@]}" skerry_defconfig
    config_assert "$work/build"
    # Not `all`, which ends in a check against a control tree of one's own. EXT_DTB: no board's tree is asked for.
    logged "$log-build.log" "${make[@]}" -j"$(nproc)" "EXT_DTB=/dev/null" u-boot u-boot-nodtb.bin
    program_assert "$work/build"
    cp "$work/build/u-boot-nodtb.bin" "$work/build/u-boot" "$work/build/.config" "$work/bin/"
    mv "$work/bin" "$dest"
    rm -rf "$work"
}

flashmap_dtsi() {
    awk 'BEGIN { print "/ {\n\tskerry {" }
        /^[[:space:]]*(#|$)/ { next }
        NF != 3 || $2 $3 !~ /^0x[0-9a-f]+0x[0-9a-f]+$/ {
            print FILENAME ":" FNR ": expected: name lba sectors" >"/dev/stderr"
            bad = 1
            exit
        }
        { printf "\t\t%s = <%s %s>;\n", $1, $2, $3 }
        END { print "\t};\n};"; exit bad }' "$1"
}

control_build() {
    local out=$1 work=$2
    flashmap_dtsi "$board_dir/flashmap.conf" >"$work/flashmap.dtsi" || die "the flash map is not valid" "mend $board_dir/flashmap.conf"
    logged "$cache_dir/log/uboot-control.log" dtc -I dts -O dtb -p 2048 -i "$work" -o "$out" "$board_dir/control.dts"
    # Without a required key U-Boot would accept everything.
    logged "$cache_dir/log/uboot-key.log" "$tools_dir/fdt_add_pubkey" -a sha256,rsa2048 -k "$key_dir" -n boot -r conf "$out"
    [ "$(fdtget "$out" /signature/key-boot required)" = conf ] && [ "$(fdtget "$out" /signature/key-boot rsa,num-bits)" = 2048 ] ||
        die "the control device tree has no required RSA 2048 key" "check $key_dir/boot.crt"
}

main() {
    local work key program
    case ${1:-} in --help | -h) usage; return ;; esac
    [ $# -eq 3 ] || { usage >&2; die "expected three arguments" "see build.sh --help"; }
    [ -r "$1/control.dts" ] || die "no control.dts in '$1'" "name a board's folder, such as board/qemu-virt"
    [ -r "$2/boot.crt" ] || die "no boot.crt in '$2'" "make the keys first: skerry init, or openssl req -x509 for a test"
    board_dir=$(cd "$1" && pwd) key_dir=$(cd "$2" && pwd)
    mkdir -p "$3"
    cache_init
    source_dir=$("$toolchain_dir/uboot.sh" source)
    tools_dir=$("$toolchain_dir/uboot.sh" tools)
    mapfile -t files < <(program_files)
    key=$({ basename "$source_dir"; ${cross}gcc -dumpfullversion; } | key_of "${files[@]}")
    program=$cache_dir/out/uboot-$(basename "$board_dir")-$key
    [ -d "$program" ] || with_lock uboot program_build "$program"
    work=$(mktemp -d "$3/.work.XXXXXX")
    trap "rm -rf '$work'" EXIT
    control_build "$work/control.dtb" "$work"
    cat "$program/u-boot-nodtb.bin" "$work/control.dtb" >"$work/u-boot.bin"
    [ "$(stat -c %s "$work/u-boot.bin")" -le "$uboot_bytes_max" ] ||
        die "u-boot.bin is larger than $uboot_bytes_max bytes" "see what grew: nm --size-sort $program/u-boot"
    cp "$work/u-boot.bin" "$work/flash.bin"
    truncate -s "$flash_bytes" "$work/flash.bin"
    mv "$work/control.dtb" "$work/u-boot.bin" "$work/flash.bin" "$3/"
}

main "$@"
