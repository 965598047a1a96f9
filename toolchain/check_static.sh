#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Static analysis of what reads other people's bytes: ota/, agent/ and kernel/net/, and except for clang-tidy, fleet/; and how much stack
# ota/ takes. One line per tool; the last line is "N passed, N failed". Run as `./dev test static`.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/cache.sh"
cd "$top_dir"

case ${1:-} in
'') ;;
--help | -h) echo "usage: check_static.sh    gcc -fanalyzer, clang-tidy and cppcheck; the stack of ota/"; exit 0 ;;
*) die "unknown argument '$1'" "it takes none" ;;
esac
for tool in gcc clang-tidy cppcheck; do
    command -v "$tool" >/dev/null || die "$tool is not installed" "run ./dev deps"
done
prefix=$("$toolchain_dir/thirdparty.sh" host)
device_prefix=$("$toolchain_dir/thirdparty.sh" device)
files=(ota/src/*.c agent/*/*.c kernel/net/*.c)
fleet_files=(fleet/*/*.c)
flags=(-std=c11 -D_GNU_SOURCE -DLIBMOSQUITTO_STATIC '-DMBEDTLS_CONFIG_FILE=<mbedtls_config.h>'
    '-DMBEDTLS_USER_CONFIG_FILE=<mbedtls_config_host.h>' -Iota/include -Iagent/common -Ikernel/include -Ikernel/net -isystem "$prefix/include/mbedtls"
    -isystem "$prefix/include/mosquitto" -isystem "$prefix/include/mosquitto_private" -isystem "$device_prefix/include/lwip" -isystem "$prefix/include/fdt")
fleet_flags=('-DSKERRY_BOARDS_DEFAULT=""' '-DSKERRY_ELFS_DEFAULT=""' -Ifleet -Ibuild/host/fleet/generated -Ibuild/host/fleet/skerryd/generated -isystem "$prefix/include/fdt")

# Left out: advice on style (which parameters resemble each other, equal branches, chars from ints, copies that are not
# meant to be text, products of small unsigned numbers) and a list of C functions that C11's Annex K would replace.
checks='-*,bugprone-*,cert-*,-bugprone-easily-swappable-parameters,-bugprone-branch-clone,-bugprone-narrowing-conversions'
checks+=',-bugprone-not-null-terminated-result,-bugprone-implicit-widening-of-multiplication-result'

# gcc 12 does not follow loops over both slots to their end, and takes the second's entry for unset. Nor does it count the users of
# a text in stream.c, and takes one that another listener still reads for lost.
run_gcc() {
    local gcc=(gcc -fanalyzer -Wno-analyzer-use-of-uninitialized-value -Werror -O1 "${flags[@]}" "${fleet_flags[@]}" -c -o /dev/null)
    "${gcc[@]}" -Wno-analyzer-malloc-leak fleet/skerryd/stream.c
    printf '%s\0' "${files[@]}" "${fleet_files[@]}" | grep -zvx fleet/skerryd/stream.c | xargs -0 -n 1 -P "$(nproc)" "${gcc[@]}"
}

# Not fleet/: its tools ask that the result of every printf() be used.
run_clang_tidy() {
    printf '%s\0' "${files[@]}" |
        xargs -0 -P "$(nproc)" -I '{}' clang-tidy --quiet --warnings-as-errors='*' --checks="$checks" '{}' -- "${flags[@]}"
}

# The address of a local in what a caller gave is fleet/'s way to lend it for one call.
run_cppcheck() {
    cppcheck -q -j "$(nproc)" --std=c11 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
        '--suppress=autoVariables:fleet/*' -Iota/include -Iagent/common -Ikernel/include -Ifleet "${files[@]}" "${fleet_files[@]}"
}

passed=0 failed=0
# check TITLE FUNCTION: its output is shown only when it finds something.
check() {
    local title=$1 output
    if output=$("$2" 2>&1); then
        passed=$((passed + 1))
        echo "ok     $title"
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n%s\n' "$title" "$output"
    fi
}
check "gcc -fanalyzer" run_gcc
check "clang-tidy" run_clang_tidy
check "cppcheck" run_cppcheck
if "$toolchain_dir/check_stack.py"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
