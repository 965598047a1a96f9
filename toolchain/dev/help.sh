#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# this list
exec "$(dirname "$0")/../../dev" help
