#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# remove build/ (--cache: the third-party cache too)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

cache=no
for argument in "$@"; do
    case $argument in
    --help | -h) echo "usage: ./dev clean [--cache]    remove build/; with --cache also $cache_dir"; exit 0 ;;
    --cache) cache=yes ;;
    *) usage_error "unknown argument '$argument'" ;;
    esac
done
rm -rf "$top_dir/build"
if [ "$cache" = yes ]; then
    # Only what this project made: never a folder that somebody named by mistake.
    for part in apt dl log out src tmp; do rm -rf "${cache_dir:?}/$part"; done
    rmdir "$cache_dir" 2>/dev/null || true
fi
