#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# the whole story on one emulated device: update, rollback, refusals, power cut
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case " $* " in *" --help "* | *" -h "*) ;; *) "$toolchain_dir/dev/build.sh" run ;; esac
run_program tests/demo.py "$@"
