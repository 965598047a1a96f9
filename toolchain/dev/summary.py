#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table at the end of ./dev test: points tried and failures, as the suites printed them. Usage: summary.py LOG_FOLDER SUITE...

A suite's output is LOG_FOLDER/test-SUITE.log, or where ctest kept what passing tests printed, test-SUITE.full.log. Several lines of
one kind are added up. `-`: the suites that ran printed no such line.
"""
import re
import sys
from pathlib import Path

# (what, the suite that prints it, how its lines begin, the table's words, one pattern per number in them, the last the failures')
ROWS = [
    ("power cuts simulated", "simulate", "cut points: ", "{} points", [r"(\d+) tried", r"(\d+) failed"]),
    ("boot rules enumerated", "simulate", "states: ", "{} states, {} transitions", [r"states: (\d+)", r"transitions: (\d+)", r"failed: (\d+)"]),
    ("broken on purpose", "mutations", "mutations: ", "{} caught", [r"(\d+) caught", r"(\d+) missed"]),
    ("vectors", "unit", "vectors: ", "{} accepted, {} refused", [r"(\d+) (?:accepted|read|signatures hold)", r"(\d+) refused", r"(\d+) misread"]),
    ("threat list", "arch", "threat list: ", "{} rows, {} tests", [r"(\d+) rows", r"(\d+) tests", r"(\d+) missing"]),
    ("write prefixes booted", "qemu", "prefixes: ", "{} prefixes", [r"(\d+) booted", r"(\d+) failed"]),
    ("kills in the middle", "qemu", "kills: ", "{} kills", [r"(\d+) done", r"(\d+) failed"]),
    ("errors of the disk", "qemu", "block errors: ", "{} injected", [r"(\d+) injected", r"(\d+) failed"]),
    ("fuzzers", "fuzz", "fuzz: ", "{} fuzzers, {} inputs", [r"(\d+) fuzzers", r"(\d+) inputs", r"(\d+) failed"]),
    ("coverage of ota/", "coverage", "coverage: ", "lines {} %, branches {} %", [r"lines (\S+) %", r"branches (\S+) %", r"(\d+) below"]),
]


def lines_of(folder, suite):
    for name in ("test-%s.full.log" % suite, "test-%s.log" % suite):
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
    return []


def row(lines, words, patterns):
    """What was tried and what failed, as text."""
    if not lines:
        return "-", "-"
    found = [[found for line in lines for found in re.findall(pattern, line)] for pattern in patterns]
    numbers = [column[0] if len(column) == 1 else sum(map(int, column)) for column in found]
    return words.format(*numbers[:-1]), numbers[-1]


def table(folder, suites):
    everything = [line for suite in suites for line in lines_of(folder, suite)]
    for what, suite, begin, words, patterns in ROWS:
        if suite in suites:
            # Within a line there may be a case's name before it.
            lines = [line[line.index(begin):] for line in everything if re.search(r"(^|[^\w])" + begin, line)]
            yield (what, *row(lines, words, patterns))


def main():
    if len(sys.argv) < 3 or sys.argv[1] in ("--help", "-h"):
        print(__doc__.strip())
        return 0 if len(sys.argv) == 2 else 2
    rows = list(table(Path(sys.argv[1]), sys.argv[2:]))
    if rows:
        print("%-24s %-44s %s" % ("", "tried", "failed"))
    for row in rows:
        print("%-24s %-44s %s" % row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
