#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which lines and branches of ota/ its tests reach: runs them in the build of preset `coverage`, sums what gcov counted, fails
below the limits. Run as `./dev test coverage`; -v lists what was not reached, --sum counts again without running.

A branch is a way out of a decision, so `a && b` has four. The failing way of an assert() is no branch: a test that
takes it ends there. What gcov calls unconditional is none either.
"""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / "build" / "coverage"
LINES_MIN, BRANCHES_MIN = 95.0, 90.0
# The core's own tests, and whole updates by the agent. Not the power-cut simulator: it asserts much less of what it runs through.
TESTS = ["ctest", "--preset", "coverage", "--no-tests=error", "-j2", "-R", "^ota/|^agent/update$", "-LE", "simulate"]


class File:
    def __init__(self, name):
        self.name, self.lines, self.branches = name, {}, {}
        self.asserts = {n for n, text in enumerate((TOP / name).read_text().split("\n"), 1) if re.match(r"\s*assert\(", text)}

    def add(self, line):
        """One line of gcov's; a header is counted once, however many files include it."""
        number = line["line_number"]
        self.lines[number] = self.lines.get(number, 0) + line["count"]
        if number not in self.asserts:
            for index, branch in enumerate(line["branches"]):
                self.branches[number, index] = self.branches.get((number, index), 0) + branch["count"]

    def figures(self):
        """Lines reached, lines, branches reached, branches."""
        return (sum(map(bool, self.lines.values())), len(self.lines), sum(map(bool, self.branches.values())), len(self.branches))

    def missed(self):
        """One text per line that was not reached, or not with all its branches."""
        source = (TOP / self.name).read_text().split("\n")
        for number, count in sorted(self.lines.items()):
            ways = [self.branches[key] for key in self.branches if key[0] == number]
            if not count or 0 in ways:
                what = "not reached" if not count else "branches %d of %d" % (sum(map(bool, ways)), len(ways))
                yield "%s:%d: %s: %s" % (self.name, number, what, source[number - 1].strip())


def run_tests():
    """True when all passed. What an earlier run counted is removed before."""
    for old in BUILD.rglob("*.gcda"):
        old.unlink()
    done = subprocess.run(TESTS, cwd=TOP, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        print(done.stdout)
    return done.returncode == 0


def notes_of(folder):
    """gcov's JSON of every object below the folder."""
    for notes in sorted(folder.rglob("*.gcno")):
        done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", str(notes)], cwd=BUILD, capture_output=True, check=True)
        for line in done.stdout.splitlines():
            yield json.loads(line)


def count():
    files = {}
    for document in notes_of(BUILD / "ota"):
        for found in document["files"]:
            # -ffile-prefix-map makes names relative to the tree; a compiler cache may have made them relative to the build before.
            paths = [(base / found["file"]).resolve() for base in (TOP, BUILD)]
            name = next((str(path.relative_to(TOP)) for path in paths if path.is_file() and path.is_relative_to(TOP / "ota")), None)
            if not name:
                continue
            counted = files.setdefault(name, File(name))
            for line in found["lines"]:
                counted.add(line)
    return [files[name] for name in sorted(files)]


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def row(name, figures):
    lines, all_lines, branches, all_branches = figures
    print("%-32s %5d of %5d %6.1f %%   %5d of %5d %6.1f %%" % (
        name, lines, all_lines, percent(lines, all_lines), branches, all_branches, percent(branches, all_branches)))


def main():
    parser = argparse.ArgumentParser(prog="./dev test coverage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-v", action="store_true", help="list the lines that were not reached with all their branches")
    parser.add_argument("--sum", action="store_true", help="run nothing, count what is there")
    args = parser.parse_args()
    tests_good = args.sum or run_tests()
    files = count()
    uncounted = {path.name for path in (TOP / "ota" / "src").glob("*.c")} - {Path(counted.name).name for counted in files}
    if uncounted:
        sys.exit("check_coverage.py: nothing was counted of %s\n  remedy: ./dev build coverage; in ota/CMakeLists.txt?" % ", ".join(sorted(uncounted)))
    print("%-32s %14s %8s   %14s" % ("", "lines", "", "branches"))
    for counted in files:
        row(counted.name, counted.figures())
    total = [sum(column) for column in zip(*(counted.figures() for counted in files))]
    row("ota/", total)
    if args.v:
        for missed in (line for counted in files for line in counted.missed()):
            print(missed)
    lines, branches = percent(*total[:2]), percent(*total[2:])
    verdicts = [tests_good, lines >= LINES_MIN, branches >= BRANCHES_MIN]
    print("coverage: lines %.1f %%, branches %.1f %%; %d below its limit (%.0f %%, %.0f %%)" % (
        lines, branches, verdicts[1:].count(False), LINES_MIN, BRANCHES_MIN))
    print("%d passed, %d failed" % (verdicts.count(True), verdicts.count(False)))
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
