# SPDX-License-Identifier: Apache-2.0
"""
Runs every test_*.py of a folder, two at a time (SKERRY_TEST_FILES), and sums their `N passed, N failed`. Arguments (-k PATTERN) are passed on. What a
file prints comes in one piece: the first one's as it comes, the others' when it is their turn.
"""

import concurrent.futures
import glob
import os
import queue
import re
import subprocess
import sys

NO_CASE = 2  # exit code of a file that has no case for the pattern
AT_ONCE = int(os.environ.get("SKERRY_TEST_FILES", "2"))  # each waits most of its time


class File:
    """A file's run: its lines, then its exit code."""

    def __init__(self, path, arguments):
        self.path, self.arguments = path, arguments
        self.name = os.path.basename(path)
        self.lines = queue.Queue()

    def run(self):
        child = subprocess.Popen([sys.executable, "-u", self.path, *self.arguments], stdout=subprocess.PIPE, text=True, errors="replace")
        for line in child.stdout:
            self.lines.put(line)
        self.lines.put(child.wait())

    def show(self):
        """Print its lines until it has ended; its exit code, passed, failed."""
        print("-- %s" % self.name, flush=True)
        last = None
        while isinstance(line := self.lines.get(), str):
            sys.stdout.write(line)
            sys.stdout.flush()
            last = re.match(r"(\d+) passed, (\d+) failed", line) or last
        passed, failed = (int(last[1]), int(last[2])) if last else (0, 0)
        if line != 0 and not failed:
            failed = 1  # it broke off
        return line, passed, failed


def run(folder, arguments):
    # The largest first: they take longest, more or less.
    paths = sorted(glob.glob(os.path.join(folder, "test_*.py")), key=os.path.getsize, reverse=True)
    files = [File(path, arguments) for path in paths]
    passed = failed = ran = 0
    broken = []
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for file in files:
            pool.submit(file.run)
        for file in files:
            try:
                code, good, bad = file.show()
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            if code == NO_CASE and arguments:
                continue
            ran += 1
            passed += good
            failed += bad
            if code != 0:
                broken.append(file.name)
    if not ran:
        print("no case matches %s" % " ".join(arguments))
        return NO_CASE
    if broken:
        print("failed: %s" % " ".join(broken))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


def main(program):
    sys.exit(run(os.path.dirname(os.path.abspath(program)), sys.argv[1:]))
