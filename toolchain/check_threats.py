#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that ota/SECURITY.md keeps its word: every row of its tables names a test, and every test that it names exists and is run.

Part of `./dev test arch`; alone it prints what it found, and `--list` the tests, row by row.
"""
import ast
import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TABLE = TOP / "ota" / "SECURITY.md"
ROWS = {"Threats": 17, "Besides": 6, "Traps": 24}
NO_TEST = "no test: "
QUOTE = r"(?<!`)(`{1,2})(?!`) ?"
# Suites whose tests each have to stand in a row.
OWN = ["ota/test_threats.c", "ota/test_threats_trust.c", "ota/test_traps.c"]


def rows(text):
    """(table, number, cells) of every row."""
    table = None
    for line in text.split("\n"):
        if line.startswith("## "):
            table = line[3:].strip()
        found = re.match(r"\| (\d+)\. ", line)
        if table in ROWS and found:
            yield table, int(found.group(1)), [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def references(cell):
    """(file, test) of each test in a cell; a name with backticks in it stands between two of them, as Markdown has it."""
    return [(file, name) for _, file, name in re.findall(rf"{QUOTE}([\w/]+(?:\.c|\.py|CMakeLists\.txt)): (.+?) ?\1", cell)]


def c_error(path, name):
    text = path.read_text(encoding="utf-8")
    if not re.search(rf"^static void {re.escape(name)}\(void \*\*state\)", text, flags=re.M):
        return "has no such test"
    if not re.search(rf"^\s*(cmocka_unit_test\w*|[A-Z]+_TEST)\({re.escape(name)}[,)]", text, flags=re.M):
        return "has it, but does not run it"
    suite = path.stem.removeprefix("test_")
    # Tables of vectors are built by a function of their own, which adds the first half of the name.
    names = rf"\b(test_)?{suite}\b|_vector_test\({suite.removeprefix('vectors_')}\)"
    if not re.search(names, (path.parent / "CMakeLists.txt").read_text(encoding="utf-8")):
        return "is not built"
    return None


def python_error(path, name):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return None if name in texts else "has no case of this name"


def cmake_error(path, name):
    return None if re.search(rf"\(NAME {re.escape(name)} ", path.read_text(encoding="utf-8")) else "has no test of this name"


def reference_error(file, name):
    path = TOP / "tests" / file
    if not path.is_file():
        return "is not there"
    return {".c": c_error, ".py": python_error, ".txt": cmake_error}[path.suffix](path, name)


def row_violations(found):
    hits = []
    for table, number, cells in found:
        row = f"{table} {number}"
        if len(cells) != 4:
            hits.append(f"{row}: {len(cells)} cells, not 4")
            continue
        named = references(cells[2])
        if not named and not cells[2].startswith(NO_TEST):
            hits.append(f"{row}: no test, and no reason why")
        rest = re.sub(rf"{QUOTE}[\w/.]+: .+? ?\1(?!`)", "", cells[2]).strip()
        if rest and not cells[2].startswith(NO_TEST):
            hits.append(f"{row}: something that is not written as `file: test`: {rest}")
        hits += [f"{row}: tests/{file} {error}: {name}" for file, name in named for error in [reference_error(file, name)] if error]
    return hits


def missing_rows(found):
    there = [(table, number) for table, number, _ in found]
    wanted = [(table, number) for table, last in ROWS.items() for number in range(1, last + 1)]
    return [f"{table} {number} is {'twice there' if (table, number) in there else 'missing'}" for table, number in wanted if there.count((table, number)) != 1]


def unnamed_tests(found):
    named = {reference for _, _, cells in found for reference in references(cells[2] if len(cells) > 2 else "")}
    hits = []
    for file in filter(lambda file: (TOP / "tests" / file).is_file(), OWN):
        tests = re.findall(r"^static void ((?:threat|trap)_\w+)\(void \*\*state\)", (TOP / "tests" / file).read_text(encoding="utf-8"), flags=re.M)
        hits += [f"tests/{file}: {name} is in no row" for name in tests if (file, name) not in named]
    return hits


def rules():
    """(title, violations), as check_arrows.py has them."""
    found = list(rows(TABLE.read_text(encoding="utf-8")))
    tests = sum(len(references(cells[2])) for _, _, cells in found if len(cells) == 4)
    hits = missing_rows(found) + row_violations(found) + unnamed_tests(found)
    yield f"threat list: {len(found)} rows, {tests} tests named, {len(hits)} missing", hits


def main():
    if sys.argv[1:] == ["--list"]:
        for table, number, cells in rows(TABLE.read_text(encoding="utf-8")):
            for file, name in references(cells[2]):
                print(f"{table} {number}\t{file}\t{name}")
        return 0
    if len(sys.argv) > 1:
        print(__doc__.strip())
        return 0 if sys.argv[1:] in (["--help"], ["-h"]) else 2
    hits = [hit for _, violations in rules() for hit in violations]
    print("\n".join(hits) or "every row has its tests")
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main())
