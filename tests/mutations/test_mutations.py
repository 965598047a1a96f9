#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Each row of table.py must be noticed: its edits go into copies of the files, those are compiled as the build compiles them and linked with the rest
of the simulator (or the model check) that the build has made; the program must fail. Nothing of the tree is touched.
"""

import functools
import os
import re
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
sys.path.insert(0, HERE)
import cases  # noqa: E402
import table  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(os.environ.get("SKERRY_BUILD", os.path.join(TOP, "build")), "host")
TIMEOUT_S = 20 * int(os.environ.get("SKERRY_TEST_TIMEOUT_S", "120"))
# In the short run: one of each kind.
SHORT = ["the record is written in one copy only", "confirm before health", "the security counter is raised before confirm",
         "the whole slot is not read back", "tries are taken after the jump, by the agent"]


def mutated(text, old, new, where):
    cases.expect(text.count(old) == 1, "%s has the old text once, not %d times: the row is out of date" % (where, text.count(old)), old)
    return text.replace(old, new)


def sources(mutation):
    """The text of each file with its edits made."""
    texts = {}
    for path, old, new in mutation.edits:
        if path not in texts:
            with open(os.path.join(TOP, path)) as file:
                texts[path] = file.read()
        texts[path] = mutated(texts[path], old, new, path)
    return texts


@functools.cache
def commands(program):
    """How the build makes a program: {source: its command}, and the last one, which links."""
    output = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", program], check=True, capture_output=True, text=True).stdout
    lines = [line for line in output.splitlines() if "CMakeFiles/%s.dir/" % program in line]
    compiles = {}
    for line in lines[:-1]:
        words = shlex.split(line)
        compiles[os.path.relpath(words[words.index("-c") + 1], TOP)] = words
    return compiles, shlex.split(lines[-1].removeprefix(": && ").removesuffix(" && :"))


def run(words, **options):
    return subprocess.run(words, cwd=BUILD, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def build(program, texts, folder):
    """The program with these sources in place of the tree's."""
    compiles, link = commands(program)
    for number, (path, text) in enumerate(sorted(texts.items())):
        words = list(compiles[path])
        source, target = os.path.join(folder, "%d.c" % number), os.path.join(folder, "%d.o" % number)
        with open(source, "w") as file:
            file.write(text)
        old = words[words.index("-o") + 1]
        for option, value in (("-c", source), ("-o", target), ("-MF", target + ".d"), ("-MT", target)):
            words[words.index(option) + 1] = value
        made = run([*words, "-iquote", os.path.join(TOP, os.path.dirname(path))])
        cases.expect(made.returncode == 0, "%s compiles with the edit" % path, made.stdout)
        link = [target if word == old else word for word in link]
    result = os.path.join(folder, program)
    link[link.index("-o") + 1] = result
    made = run(link)
    cases.expect(made.returncode == 0, "the program links", made.stdout)
    return result


tally = {"caught": 0, "tried": 0}


def check(mutation):
    tally["tried"] += 1
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        program = build(mutation.catcher, sources(mutation), folder)
        arguments = [*mutation.arguments, "--stop"] if mutation.catcher == "simulate" else mutation.arguments
        ended = run([program, *arguments], timeout=TIMEOUT_S, env={**os.environ, "SKERRY_TEST_LONG": "0"})
    cases.expect(ended.returncode != 0, "MISSED: %s %s saw nothing" % (mutation.catcher, " ".join(arguments)), ended.stdout[-400:])
    said = re.search(r"^(FAILED|failed)[ :].*", ended.stdout, re.MULTILINE)
    cases.expect(said, "a failure says what is wrong", "exit code %d" % ended.returncode, ended.stdout[-2000:])
    tally["caught"] += 1
    return "caught by %s: %s" % (mutation.catcher, said[0][:160])


def unbroken():
    """The same way of building, nothing edited."""
    path = table.BOOTREC
    with open(os.path.join(TOP, path)) as file:
        text = file.read()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        program = build("simulate", {path: text}, folder)
        ended = run([program, "--every", "50"], timeout=TIMEOUT_S)
    cases.expect(ended.returncode == 0, "the product as it is passes", ended.stdout[-2000:])
    return ended.stdout.splitlines()[-1]


def tally_print():
    print("mutations: %d caught, %d missed" % (tally["caught"], tally["tried"] - tally["caught"]))


def main():
    cases.case("nothing broken: passes", unbroken)
    for mutation in table.MUTATIONS:
        cases.case(mutation.name, functools.partial(check, mutation), long=mutation.name not in SHORT)
    return cases.main(__doc__, tally_print)


if __name__ == "__main__":
    sys.exit(main())
