# SPDX-License-Identifier: Apache-2.0
"""Runs every test_*.py of a folder, one after the other, and sums their `N passed, N failed`. Arguments (-k PATTERN) are passed on."""

import glob
import os
import re
import subprocess
import sys

NO_CASE = 2  # exit code of a file that has no case for the pattern


def run(folder, arguments):
    passed = failed = ran = 0
    broken = []
    for path in sorted(glob.glob(os.path.join(folder, "test_*.py"))):
        name = os.path.basename(path)
        print("-- %s" % name, flush=True)
        child = subprocess.Popen([sys.executable, "-u", path, *arguments], stdout=subprocess.PIPE, text=True, errors="replace")
        last = None
        for line in child.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            last = re.match(r"(\d+) passed, (\d+) failed", line) or last
        code = child.wait()
        if code == NO_CASE and arguments:
            continue
        ran += 1
        if last:
            passed += int(last[1])
            failed += int(last[2])
        if code != 0 and not (last and int(last[2])):
            failed += 1  # it broke off
        if code != 0:
            broken.append(name)
    if not ran:
        print("no case matches %s" % " ".join(arguments))
        return NO_CASE
    if broken:
        print("failed: %s" % " ".join(broken))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


def main(program):
    sys.exit(run(os.path.dirname(os.path.abspath(program)), sys.argv[1:]))
