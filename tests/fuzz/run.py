#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Every fuzzer for a bounded time, two at a time: first all inputs of regress/, then libFuzzer from the seeds and from what
earlier runs of the same sources found (build/fuzz/corpus). One line per fuzzer, then `N passed, N failed`.

FUZZ_SECONDS (15; 120 with SKERRY_TEST_LONG=1) is the time of each; SKERRY_TEST_SEED repeats a run's seed.
"""

import argparse
import concurrent.futures
import glob
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(os.environ.get("SKERRY_BUILD", os.path.join(TOP, "build")), "fuzz")
PROGRAMS = os.path.join(BUILD, "tests", "fuzz")
CRASHES = os.path.join(BUILD, "crashes")
AT_ONCE = 2
INPUT_TIMEOUT_S = 20
MEMORY_MIB = 1024

# name: (what is read, longest input in bytes, dictionary)
FUZZERS = {
    "manifest": ("SUIT envelope and manifest; written again", 16400, "manifest"),
    "keyset": ("keysets: who may sign; written again", 4096, None),
    "assignment": ("assignments: what to run; written again", 600, None),
    "trust": ("the range trust, keysets and assignments that change it", 1200, None),
    "provision": ("provisioning partition; written again", 4096, None),
    "bootrec": ("boot record and its rules", 1200, None),
    "core": ("update core on any disk, under any events", 300, None),
    "json": ("the agent's JSON beside jansson", 2048, "json"),
    "job_doc": ("job document", 2048, "job_doc"),
    "jobs": ("the server's messages about jobs", 2048, "jobs"),
    "cmd": ("the operator's commands", 1024, "cmd"),
    "http_head": ("head of an HTTP answer, redirects", 2048, "http_head"),
    "https": ("whole downloads: answers, redirects, pieces, silence", 4096, "http_head"),
    "message": ("skerryd: topics and messages of devices", 4096, "message"),
    "range": ("skerryd: Range header", 128, "range"),
    "selector": ("skerryd: selectors; what a database finds", 1100, "selector"),
    "csr": ("skerryd: a request for a certificate, and the certificate", 1024, None),
    "restore": ("skerryd: a backup", 4096, "restore"),
    "fit": ("skerry: a payload and its signature", 4096, "fdt"),
    "hook": ("boot hook: a slot's FIT, the kernel's device tree", 8192, "fdt"),
    "fdt": ("kernel: device tree", 4096, "fdt"),
    "virtqueue": ("virtio queue with a lying device", 1024, None),
}


def seconds():
    text = os.environ.get("FUZZ_SECONDS", "120" if os.environ.get("SKERRY_TEST_LONG") == "1" else "15")
    if not text.isdigit() or int(text) == 0:
        sys.exit("run.py: FUZZ_SECONDS is '%s'\n  remedy: a whole number of seconds, 1 or more" % text)
    return int(text)


def seed():
    text = os.environ.get("SKERRY_TEST_SEED")
    return int(text) if text else random.SystemRandom().randrange(1, 1 << 31)


def program(name):
    return os.path.join(PROGRAMS, "fuzz_" + name)


def shown(path):
    return os.path.relpath(path, os.getcwd())


def files(*folders):
    return sorted(path for folder in folders for path in glob.glob(os.path.join(folder, "*")))


def call(arguments, timeout_s):
    """Exit code and output; a program that does not end in time is ended and has failed."""
    env = dict(os.environ, ASAN_OPTIONS="abort_on_error=1:detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1")
    try:
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, timeout=timeout_s)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as expired:
        return 1, (expired.stdout or b"").decode(errors="replace") + "\ndid not end within %d s" % timeout_s


def reason(output):
    """The line that says what went wrong."""
    for pattern in (r"fuzz: .* must hold: .*", r".*runtime error: .*", r"SUMMARY: .*", r"did not end .*"):
        found = re.search(pattern, output)
        if found:
            return found.group(0)
    return (output.strip().splitlines() or ["no output"])[-1]


def replay(name, seeds):
    """Inputs that broke something once, and the seeds. The path of the first that does so again, and why."""
    for path in files(os.path.join(HERE, "regress", name), *seeds):
        code, output = call([program(name), "-timeout=%d" % INPUT_TIMEOUT_S, path], INPUT_TIMEOUT_S + 30)
        if code != 0:
            return path, reason(output)
    return None, None


def corpus_of(name):
    """
    What earlier runs found, kept by the sources that decide what the test keys sign: a fuzzer knows what is signed today, and would take for a forgery
    what was signed by an earlier tree. The folders of other sources are removed.
    """
    digest = hashlib.sha256()
    signing = [os.path.join(HERE, file) for file in ("fuzz_%s.c" % name, "signed_body.c", "make_seeds.c")]
    for path in signing + files(os.path.join(TOP, "tests", "fake")):
        with open(path, "rb") as source:
            digest.update(source.read())
    folder = os.path.join(BUILD, "corpus", name, digest.hexdigest()[:16])
    os.makedirs(folder, exist_ok=True)
    for path in files(os.path.dirname(folder)):
        if path != folder:
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    return folder


def fuzz(name, seeds, time_s, number):
    """Exit code, output, and the input that broke it (None: none, or not saved)."""
    _, longest, dictionary = FUZZERS[name]
    corpus = corpus_of(name)
    before = set(files(CRASHES))
    arguments = [program(name), "-max_total_time=%d" % time_s, "-seed=%d" % number, "-max_len=%d" % longest, "-timeout=%d" % INPUT_TIMEOUT_S,
                 "-rss_limit_mb=%d" % MEMORY_MIB, "-print_final_stats=1", "-artifact_prefix=%s/%s-" % (CRASHES, name)]
    if dictionary:
        arguments.append("-dict=%s" % os.path.join(HERE, "dict", dictionary + ".dict"))
    code, output = call(arguments + [corpus, *(folder for folder in seeds if os.path.isdir(folder))], time_s + 120)
    with open(os.path.join(BUILD, "fuzz-%s.log" % name), "w", encoding="utf-8") as log:
        log.write(output)
    new = [path for path in files(CRASHES) if path not in before and os.path.basename(path).startswith(name + "-")]
    return code, output, new[0] if new else None


def run(name, made, time_s, number):
    """True and a line of figures, or False and what went wrong, with the command that repeats it."""
    seeds = [os.path.join(HERE, "seeds", name), os.path.join(made, name)]
    path, why = replay(name, seeds)
    if path:
        return False, "%s\n  repeat: %s %s" % (why, shown(program(name)), shown(path))
    code, output, path = fuzz(name, seeds, time_s, number)
    if code != 0:
        again = shown(path) if path else "-seed=%d, output in %s" % (number, shown(os.path.join(BUILD, "fuzz-%s.log" % name)))
        return False, "%s\n  repeat: %s %s" % (reason(output), shown(program(name)), again)
    runs = re.search(r"number_of_executed_units:\s*(\d+)", output)
    cover = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", output)
    edges, features, inputs = cover[-1] if cover else ("0", "0", "0")
    # A fuzzer that never got anywhere has tested nothing.
    if not runs or int(runs.group(1)) < 100 or int(edges) < 10:
        return False, "hardly anything was run: executions %s, edges %s" % (runs.group(1) if runs else "unknown", edges)
    return True, "executions %s, edges %s, features %s, corpus %s" % (runs.group(1), edges, features, inputs)


def make_seeds():
    """The folder of seeds in binary formats."""
    made = os.path.join(BUILD, "seeds")
    shutil.rmtree(made, ignore_errors=True)
    code, output = call([os.path.join(PROGRAMS, "fuzz_make_seeds"), made], 60)
    if code != 0:
        sys.exit("run.py: the seeds could not be made: %s" % output.strip())
    return made


def chosen(pattern):
    names = [name for name in FUZZERS if pattern in name or re.search(pattern, name)]
    if not names:
        sys.exit("run.py: no fuzzer matches '%s'\n  remedy: one of %s" % (pattern, ", ".join(FUZZERS)))
    missing = [name for name in names + ["make_seeds"] if not os.access(program(name), os.X_OK)]
    if missing:
        sys.exit("run.py: not built: %s\n  remedy: ./dev build fuzz" % ", ".join(missing))
    return names


def main():
    parser = argparse.ArgumentParser(prog="./dev test fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-k", metavar="PATTERN", default="", help="only fuzzers whose name contains or matches PATTERN")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    args = parser.parse_args()
    if args.list:
        print("\n".join("%-10s %s" % (name, what) for name, (what, _, _) in FUZZERS.items()))
        return 0
    names, time_s, number = chosen(args.k), seconds(), seed()
    os.makedirs(CRASHES, exist_ok=True)
    made = make_seeds()
    print("%d fuzzers, %d s each, seed %d" % (len(names), time_s, number), flush=True)
    failed = inputs = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [(name, pool.submit(run, name, made, time_s, number)) for name in names]
        for name, future in futures:
            good, text = future.result()
            failed += not good
            inputs += int((re.match(r"executions (\d+)", text) or [0, 0])[1])
            print("%-6s %s (%s): %s" % ("ok" if good else "FAILED", name, FUZZERS[name][0], text), flush=True)
    print("fuzz: %d fuzzers, %d inputs, %d failed" % (len(names), inputs, failed))
    print("%d passed, %d failed" % (len(names) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
