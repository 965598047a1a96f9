#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# build everything: device images, host programs, boot loader
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
    echo "usage: ./dev build [WHAT...]    WHAT: device, host, host-release, coverage, fuzz, or run (what a demo runs: images and the operator's programs);"
    echo "                                default: device, host, host-release and U-Boot"
}

# A boot loader for BOARD with a key of its own in build/: for its size, and to see that it builds. `skerry init` makes a fleet's key;
# with that, board/uboot/build.sh gives the one that a device gets.
build_uboot() {
    local board=$1 out=build/uboot/$1
    mkdir -p "$out/keys"
    [ -f "$out/keys/boot.crt" ] || logged "$log_dir/uboot-key.log" openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=boot \
        -keyout "$out/keys/boot.key" -out "$out/keys/boot.crt"
    step "build u-boot $board" "$log_dir/build-uboot-$board.log" board/uboot/build.sh "board/$board" "$out/keys" "$out"
}

presets=()
for argument in "$@"; do
    case $argument in
    --help | -h) usage; exit 0 ;;
    device | host | host-release | coverage | fuzz) presets+=("$argument") ;;
    run) presets+=(device programs) ;;
    *) usage_error "unknown argument '$argument'" ;;
    esac
done
ensure_deps
for preset in "${presets[@]:-device}"; do
    case $preset in
    programs) build_preset host-release --target skerry skerryd skerry-sim ;;
    *) build_preset "$preset" ;;
    esac
done
if [ ${#presets[@]} = 0 ]; then
    build_preset host
    build_preset host-release
    for board in board/*/uboot.config; do build_uboot "$(basename "$(dirname "$board")")"; done
fi
