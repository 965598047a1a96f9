#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run the tests, or one suite: arch, static, unit, simulate, coverage, mutations, hostile, qemu, fuzz; all: the long variants too
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
suites=(arch static unit simulate mutations coverage hostile qemu fuzz)

usage() {
    cat <<'TEXT'
usage: ./dev test [SUITE [ARGUMENTS]]
  arch      who may include whom, lengths of files and functions
  static    gcc -fanalyzer, clang-tidy and cppcheck over what reads other people's bytes; the stack that ota/ takes
  unit      every module on the host, under sanitizers (arguments go to ctest)
  simulate  the update core over a simulated flash, power cut at every operation (arguments go to ctest)
  mutations deliberately broken builds, each of which the power-cut simulator or the model check must notice (-k PATTERN)
  coverage  which lines and branches of ota/ its tests reach (-v: and which not)
  hostile   the agent against a hostile network
  qemu      the whole chain in an emulator
  fuzz      every parser, for a bounded time
Without a suite: all of these in turn. `all`: the same in their long variants (SKERRY_TEST_LONG=1).
At the end a table: points tried and failures. The last line is the sum: "N passed, N failed".
TEXT
}

suite_command() {
    case $1 in
    arch) command=(python3 toolchain/check_arrows.py) ;;
    static) command=(toolchain/check_static.sh) ;;
    # Twice as many at a time as there are processors: most of the long ones wait.
    unit) command=(ctest --preset host --no-tests=error -j $((2 * $(nproc))) -LE simulate) ;;
    simulate) command=(ctest --preset host --no-tests=error -j "$(nproc)" -L simulate) ;;
    coverage) command=(toolchain/check_coverage.py) ;;
    qemu | hostile | fuzz | mutations) command=(python3 "tests/$1/run.py") ;;
    esac
}

suite_present() {
    case $1 in
    arch | static) true ;;
    unit | simulate | coverage) [ -f tests/CMakeLists.txt ] ;;
    *) [ -f "tests/$1/run.py" ] ;;
    esac
}

suite_build() {
    case $1 in
    arch) ;;
    static) ensure_deps && configure_preset device && configure_preset host ;;
    unit | simulate | mutations) "$toolchain_dir/dev/build.sh" host ;;
    coverage | fuzz) "$toolchain_dir/dev/build.sh" "$1" ;;
    *) "$toolchain_dir/dev/build.sh" ;;
    esac
}

# Adds what the log at $1 says to `passed` and `failed`: ctest's closing line, or the last "N passed, N failed".
# A suite that says neither counts as one, by its exit code $2.
count_results() {
    local log=$1 status=$2 line
    line=$(grep -Eo '[0-9]+ tests failed out of [0-9]+' "$log" | tail -n 1) || true
    if [ -n "$line" ]; then
        read -r bad _ _ _ _ total <<<"$line"
        passed=$((passed + total - bad)) failed=$((failed + bad))
        return
    fi
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1) || true
    if [ -n "$line" ]; then
        read -r good _ bad _ <<<"$line"
        # A suite that breaks off after its last count has failed all the same.
        [ "$status" = 0 ] || [ "$bad" != 0 ] || bad=1
        passed=$((passed + good)) failed=$((failed + bad))
    elif [ "$status" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
}

# ctest says nothing of tests that pass, but keeps what they printed.
keep_full_log() {
    local kept=build/host/Testing/Temporary/LastTest.log
    case $1 in
    unit | simulate) cp "$kept" "$log_dir/test-$1.full.log" ;;
    esac
}

# run_suite NAME ARGUMENTS...
run_suite() {
    local suite=$1 log=$log_dir/test-$1.log status=0
    shift
    echo "== $suite"
    suites_run+=("$suite")
    mkdir -p "$log_dir"
    if suite_build "$suite"; then
        suite_command "$suite"
        "${command[@]}" "$@" </dev/null 2>&1 | tee "$log" || status=$?
        keep_full_log "$suite" || status=$?
    else
        status=1
        : >"$log"
    fi
    count_results "$log" "$status"
    [ "$status" = 0 ] || failed_suites+=("$suite")
}

passed=0 failed=0 failed_suites=() suites_run=()
suite=${1:-each}
[ $# = 0 ] || shift
case $suite in
--help | -h) usage; exit 0 ;;
each | all)
    [ $# = 0 ] || usage_error "'$suite' takes no arguments: $*"
    [ "$suite" = each ] || export SKERRY_TEST_LONG=1
    for suite in "${suites[@]}"; do
        if suite_present "$suite"; then run_suite "$suite"; else echo "== $suite: not in this tree"; fi
    done ;;
arch | static | unit | simulate | mutations | coverage | qemu | hostile | fuzz)
    suite_present "$suite" || die "this tree has no suite '$suite'" "use a complete checkout"
    run_suite "$suite" "$@" ;;
*) usage_error "there is no suite '$suite'" ;;
esac
python3 toolchain/dev/summary.py "$log_dir" "${suites_run[@]}"
[ ${#failed_suites[@]} = 0 ] || echo "failed: ${failed_suites[*]} (output in build/log/test-*.log)"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ ${#failed_suites[@]} = 0 ]
