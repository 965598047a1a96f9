#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the dashboard's npm packages, as package-lock.json pins them, into the cache, once, and prints the folder that holds node_modules.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"

web_dir=$top_dir/fleet/web
pinned=("$web_dir/package.json" "$web_dir/package-lock.json")

# npm takes nothing whose SHA-512 is not the lock file's. No script of a package runs.
packages_fetch() {
    local dest=$1 work=$cache_dir/tmp/web.$$
    [ -d "$dest" ] && return
    say "fetching the dashboard's npm packages"
    rm -rf "$work"
    mkdir -p "$work"
    cp "${pinned[@]}" "$work"
    logged "$cache_dir/log/web-npm.log" npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund
    mv "$work" "$dest"
}

case ${1:-} in
'') ;;
--help | -h) echo "usage: web.sh    fetch the dashboard's packages if needed and print where they are"; exit 0 ;;
*) die "unknown argument '$1'" "see web.sh --help" ;;
esac
command -v npm >/dev/null || die "there is no npm, which fetches the dashboard's packages" \
    "toolchain/setup.sh installs it; or configure with -DSKERRY_DASHBOARD=OFF to build skerryd without the dashboard"
cache_init
dest=$cache_dir/out/web-$(key_of </dev/null "${pinned[@]}" "$toolchain_dir/web.sh")
[ -d "$dest" ] || with_lock web packages_fetch "$dest"
printf '%s\n' "$dest"
