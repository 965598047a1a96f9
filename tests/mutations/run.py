#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All suites of this folder: ../suite.py."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import suite  # noqa: E402

suite.main(__file__)
