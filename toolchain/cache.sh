# SPDX-License-Identifier: Apache-2.0
# Shared by the toolchain's scripts (sourced, not run): where the cache is, keys, locks, errors.
# The cache holds dl/ (tarballs as fetched), src/<name>-<version>-<key>/ (unpacked, patched), out/<what>-<key>/ (installed).

toolchain_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_dir=$(dirname "$toolchain_dir")
cache_dir=${SKERRY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/skerry}
pins_file=$toolchain_dir/pins.txt

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE REMEDY: both are required, so that no error leaves the reader without a next step.
die() {
    printf '%s: %s\n  remedy: %s\n' "$(basename "$0")" "$1" "$2" >&2
    exit 1
}

cache_init() {
    mkdir -p "$cache_dir/dl" "$cache_dir/src" "$cache_dir/out" "$cache_dir/log" "$cache_dir/tmp" 2>/dev/null ||
        die "cannot write to the cache folder $cache_dir" "set SKERRY_CACHE to a folder you can write to"
}

# key_of FILE...: 12 hex digits over names and contents; stdin is added too.
key_of() {
    { cat; for file in "$@"; do basename "$file"; cat "$file"; done; } | sha256sum | cut -c1-12
}

# with_lock NAME COMMAND...: one builder at a time for each NAME; the others wait, then find the result ready.
with_lock() {
    local name=$1 fd
    shift
    exec {fd}>"$cache_dir/tmp/$name.lock"
    flock -n "$fd" || { say "waiting for another start that makes $name"; flock "$fd"; }
    "$@"
    exec {fd}>&-
}

# logged LOG COMMAND...: the output goes to LOG; on failure its last lines are shown.
logged() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 25 "$log" >&2
        die "this failed: $*" "the full output is in $log"
    fi
}

# The resolved pins: what fetch.sh really took (equal to pins.txt unless the archive has moved on).
resolved_file() { printf '%s/dl/resolved-%s.txt\n' "$cache_dir" "$(key_of </dev/null "$pins_file")"; }
