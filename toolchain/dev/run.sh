#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# boot one emulated device and show its console
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case " $* " in *" --help "* | *" -h "*) ;; *) "$toolchain_dir/dev/build.sh" run ;; esac
run_program tests/run.py "$@"
