#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install missing packages, fetch and build the third-party sources into the cache
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
'') ;;
--help | -h)
    echo "usage: ./dev deps    prepare packages, sources and third-party libraries; prints where they are"
    echo "The cache is \$SKERRY_CACHE, or else \$XDG_CACHE_HOME/skerry or ~/.cache/skerry."
    exit 0 ;;
*) usage_error "unknown argument '$1'" ;;
esac
ensure_deps
printf '%-14s %s\n' "u-boot source" "$("$toolchain_dir/uboot.sh" source)" "u-boot tools" "$uboot_tools" \
    picolibc "$("$toolchain_dir/picolibc.sh")" "device prefix" "$device_prefix" "host prefix" "$host_prefix" "npm packages" "$web_packages"
