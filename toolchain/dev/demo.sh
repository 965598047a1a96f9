#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# the whole story on one emulated device: update, rollback, refusals, power cut; `demo fleet`: on two hundred
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

program=tests/demo.py
if [ "${1:-}" = fleet ]; then
    program=tests/demo_fleet.py
    shift
fi
case " $* " in *" --help "* | *" -h "*) ;; *) "$toolchain_dir/dev/build.sh" run ;; esac
run_program "$program" "$@"
