#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a signed FIT (ota/SPEC.md §3) of a kernel. Needs mkimage (U-Boot's) and dtc in PATH, or their names in MKIMAGE and DTC.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
load=0x40200000 board=qemu-virt app=app version=0.0.0 counter=0 keys="" entry=""

usage() {
    cat <<'TEXT'
usage: mkfit.sh --keys DIR [--app NAME] [--board NAME] [--version X.Y.Z] [--counter N] [--load ADDR] [--entry ADDR] KERNEL.bin OUT.fit
  DIR holds boot.key and boot.crt (RSA 2048). The entry is the load address unless given. SOURCE_DATE_EPOCH sets the date in it (default 0).
TEXT
}

die() {
    printf 'mkfit.sh: %s\n  remedy: %s\n' "$1" "$2" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage; exit ;;
    --keys | --app | --board | --version | --counter | --load | --entry)
        [ $# -ge 2 ] || die "$1 needs a value" "see mkfit.sh --help"
        declare "${1#--}=$2"
        shift 2 ;;
    -*) die "unknown option $1" "see mkfit.sh --help" ;;
    *) break ;;
    esac
done
[ $# -eq 2 ] || { usage >&2; exit 1; }
kernel=$1 out=$2 entry=${entry:-$load}
[ -r "$kernel" ] || die "cannot read '$kernel'" "build the kernel first"
[ -r "$keys/boot.key" ] && [ -r "$keys/boot.crt" ] || die "no boot.key and boot.crt in '$keys'" "give their folder with --keys"
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "'$version' is no version" "give three numbers, such as 1.2.3"
[[ $counter =~ ^[0-9]+$ ]] && [ "$counter" -le 4294967295 ] || die "'$counter' is no security counter" "give a number of 0 to 4294967295"
[[ $app$board =~ ^[A-Za-z0-9._-]+$ ]] || die "app and board names may hold letters, digits, dot, dash and underline" "choose another name"

keys=$(realpath "$keys")
work=$(mktemp -d "$(dirname "$out")/.mkfit.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp "$kernel" "$work/kernel.bin"
sed -e "s/@APP@/$app/g" -e "s/@BOARD@/$board/g" -e "s/@VERSION_CELLS@/${version//./ }/g" -e "s/@VERSION@/$version/g" \
    -e "s/@COUNTER@/$counter/g" -e "s/@LOAD@/$load/g" -e "s/@ENTRY@/$entry/g" -e "s/@KERNEL@/kernel.bin/g" \
    "$here/fit.its.in" >"$work/fit.its"
# -r marks the signature as required; without a destination for the key that has no effect on the image.
(cd "$work" && SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} "${MKIMAGE:-mkimage}" -D "-I dts -O dtb" -f fit.its -k "$keys" -r out.fit) \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; die "mkimage failed" "see its words above"; }
mv "$work/out.fit" "$out"
