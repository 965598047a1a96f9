#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# measure: bench boot, bench update, bench fleet; with --json for scripts
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

program=tests/bench.py what=run
if [ "${1:-}" = fleet ]; then
    program=tests/bench_fleet.py what=host-release
    shift
fi
case " $* " in *" --help "* | *" -h "*) ;; *) "$toolchain_dir/dev/build.sh" "$what" >&2 ;; esac
run_program "$program" "$@"
