#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# sizes of the images by component and of the boot loader (--json for scripts)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

case " $* " in *" --help "* | *" -h "*) ;; *) "$toolchain_dir/dev/build.sh" ;; esac
run_program toolchain/size.py "$@"
