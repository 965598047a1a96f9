# SPDX-License-Identifier: Apache-2.0
"""
Named test cases for the suites in Python: what each prints, how one is chosen, how they are counted.

    case("a power cut resumes", resume)         registers resume(); or as a decorator: @case("…")
    main()                                      runs the cases whose name contains the -k pattern (or matches it as a regular expression)

A case fails by raising; expect() raises with both values. Output: one line per case, then `N passed, N failed`.
"""

import argparse
import os
import re
import signal
import sys
import time
import traceback

CASES = []
LONG = set()


class Failure(Exception):
    """What a user would miss."""


def case(name, function=None, long=False):
    """`long`: only with SKERRY_TEST_LONG=1 (./dev test all), or when -k or --list asks for it."""
    if function is None:
        return lambda f: case(name, f, long)
    if long:
        LONG.add(name)
    if any(name == other for other, _ in CASES):
        raise ValueError("two cases are called '%s'" % name)
    CASES.append((name, function))
    return function


def expect(truth, what, *facts):
    """`what` says what should have been; `facts` are shown when it is not."""
    if not truth:
        raise Failure("%s%s" % (what, "".join("\n    %s" % (fact,) for fact in facts)))


def run(pattern="", before_exit=None):
    """Run the registered cases, then before_exit(), which also an interrupt does not skip; the process's exit code."""
    everything = pattern or os.environ.get("SKERRY_TEST_LONG", "0") not in ("", "0")
    chosen = [(name, f) for name, f in CASES if (pattern in name or re.search(pattern, name)) and (everything or name not in LONG)]
    if not chosen and not pattern and CASES:
        print("only long cases here (%d): ./dev test all runs them" % len(CASES))
        print("0 passed, 0 failed", flush=True)
        return 0
    if not chosen:
        print("no case matches '%s'; there are: %s" % (pattern, ", ".join(name for name, _ in CASES)), file=sys.stderr)
        return 2
    # Also when the shell that started us ignores them: what the suite started must end with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        failed = run_cases(chosen)
    finally:
        if before_exit:
            before_exit()
    print("%d passed, %d failed" % (len(chosen) - failed, failed), flush=True)
    return 1 if failed else 0


def run_cases(chosen):
    """How many failed."""
    failed = 0
    for name, function in chosen:
        start = time.monotonic()
        try:
            note = function()
            verdict, lines = "ok", ""
        except KeyboardInterrupt:
            raise
        except Failure as failure:
            note, verdict, lines = None, "FAILED", "  %s\n" % failure
        except Exception:
            note, verdict, lines = None, "FAILED", traceback.format_exc()
        failed += verdict != "ok"
        print("%-6s %s (%.1f s)%s" % (verdict, name, time.monotonic() - start, ": %s" % note if note else ""))
        sys.stdout.write(lines)
        sys.stdout.flush()
    return failed


def main(description, before_exit=None):
    """The command line of a suite: -k PATTERN, --list. Returns the exit code."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("-k", metavar="PATTERN", default="", help="only cases whose name contains or matches PATTERN")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    args = parser.parse_args()
    if args.list:
        print("\n".join(name for name, _ in CASES))
        return 0
    return run(args.k, before_exit)
