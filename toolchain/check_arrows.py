#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the house: who may include whom, no board's name in C, lengths, words, the top level's names; and that the
security tables name tests that exist (check_threats.py).

Each rule prints one line; the last line is "N passed, N failed". Run as `./dev test arch`.
"""
import re
import subprocess
import sys
from pathlib import Path

import check_threats

TOP = Path(__file__).resolve().parent.parent
ROOMS = ["ota", "agent", "kernel", "bsp", "board", "fleet", "tests"]
FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 80
PARAMETERS_MAX = 5
# Functions whose parameters a library's callback type dictates.
IMPOSED = {("fleet/skerryd/http.c", "on_request"): "MHD_AccessHandlerCallback"}
TOP_LEVEL = {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "CHANGES.md", "dev", "toolchain", *ROOMS}

# Headers that stand in for U-Boot's where its hook is tested without it: an include of theirs is one of U-Boot's.
STAND_INS = "tests/fuzz/uboot/"

# Names that third-party headers are included by, as rooms of their own.
THIRD_PARTY = [
    ("lwip", r"(lwip|netif)/|lwipopts\.h|arch/cc\.h"),
    ("mbedtls", r"(mbedtls|psa)/"),
    ("mosquitto", r"mosquitto.*\.h|mqtt_protocol\.h|.*_mosq\.h"),
    ("fdt", r"(lib)?fdt(_env)?\.h"),
    ("sockets", r"sys/(socket|epoll|select|ioctl)\.h|netdb\.h|netinet/.*|arpa/.*|poll\.h"),
    ("threads", r"pthread\.h|threads\.h"),
    ("files", r"unistd\.h|fcntl\.h|dirent\.h|sys/(stat|mman)\.h"),
    ("time", r"time\.h|sys/time\.h"),
]

# (who, must not include, except in these files); every row holds for all files below `who`.
ARROWS = [
    ("ota", "agent kernel bsp board fleet tests lwip mosquitto sockets threads time files".split(), []),
    ("ota", ["mbedtls"], ["ota/src/verify.c"]),
    ("kernel", "bsp board agent ota fleet tests mbedtls mosquitto".split(), []),
    ("kernel/apps", "lwip fdt sockets".split(), []),
    ("bsp", "lwip mbedtls mosquitto agent ota fleet board tests".split(), []),
    ("agent", "fleet bsp board tests".split(), []),
    ("agent/linux", ["agent/unikernel", "kernel", "lwip"], []),
    ("agent/unikernel", ["agent/linux", "lwip", "sockets"], []),
    ("agent/common", ["agent/linux", "agent/unikernel", "kernel", "lwip"], []),
    ("fleet", "agent kernel bsp board tests lwip".split(), []),
    ("board", "agent kernel bsp fleet tests lwip mbedtls".split(), []),
]


def sources(*suffixes):
    """Files of the tree, build folders and third-party code excluded, as paths relative to the top."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=TOP, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    found = sorted({name for name in listed if name and (not suffixes or name.endswith(suffixes))})
    return [name for name in found if (TOP / name).is_file()]


def text_of(name):
    return (TOP / name).read_text(encoding="utf-8", errors="replace")


def without_comments(code):
    """C without comments; the number of lines stays, strings stay."""
    pattern = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/'
    blank = lambda m: m.group(0) if m.group(0)[0] in "\"'" else re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(pattern, blank, code, flags=re.S)


def room_of(name):
    return name if name in ROOMS else next((r for r in ROOMS if name.startswith(r + "/")), "")


def headers_index(names):
    """Maps each way a header of ours can be written in an #include to the files that it may be."""
    index = {}
    for name in names:
        if name.startswith(STAND_INS):
            continue
        parts = name.split("/")
        for i in range(len(parts)):
            index.setdefault("/".join(parts[i:]), []).append(name)
    return index


def included(name, code, index):
    """The targets of name's includes: paths in the tree, or names of third-party rooms."""
    for line, target in re.findall(r'^([ \t]*#[ \t]*include[ \t]*[<"]([^">]+)[">])', code, flags=re.M):
        beside = (TOP / name).parent / target
        if '"' in line and beside.is_file():
            yield str(beside.resolve().relative_to(TOP))
            continue
        third = next((room for room, pattern in THIRD_PARTY if re.fullmatch(rf"(?:{pattern}).*", target)), None)
        if third:
            yield third
            continue
        # <image.h> is a system header or U-Boot's, never ours.
        if "<" in line and "/" not in target:
            continue
        # A short name may fit several files: the one in the same room is meant.
        fitting = index.get(target, [])
        own = [f for f in fitting if room_of(f) == room_of(name)]
        yield from (own or fitting)[:1]


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def arrow_violations(who, forbidden, excepted, includes):
    return [
        f"{name} includes {target}"
        for name, targets in includes.items()
        if inside(name, who) and name not in excepted
        for target in targets
        if any(inside(target, room) for room in forbidden)
    ]


def board_names():
    """The boards' folder names as a pattern: qemu-virt is also qemu_virt, qemuvirt and QEMU_VIRT."""
    boards = [p.name for p in (TOP / "board").glob("*") if p.is_dir() and p.name != "uboot"]
    return "|".join(re.escape(b).replace(r"\-", "[-_ ]?") for b in boards)


def board_name_violations(names):
    pattern = board_names()
    if not pattern:
        return ["board/ has no board"]
    hits = []
    for name in names:
        # board/ holds data of boards; tests start a certain board.
        if room_of(name) in ("board", "tests"):
            continue
        for number, line in enumerate(without_comments(text_of(name)).split("\n"), 1):
            if re.search(pattern, line, flags=re.I):
                hits.append(f"{name}:{number} names a board: {line.strip()}")
    return hits


def file_length_violations(names):
    counted = ((name, text_of(name).count("\n")) for name in names)
    return [f"{name} has {lines} lines, {FILE_LINES_MAX} at most" for name, lines in counted if lines > FILE_LINES_MAX]


def functions_of(code):
    """(name, first line, lines, parameters) of each function; its braces stand in the first column."""
    lines = without_comments(code).split("\n")
    for i, line in enumerate(lines):
        if line.rstrip() != "{" or i == 0:
            continue
        end = next((j for j in range(i, len(lines)) if lines[j].rstrip() == "}"), len(lines) - 1)
        start = i - 1
        while start > 0 and lines[start - 1].strip() and not re.search(r"[;}]\s*$|^\s*#", lines[start - 1]):
            start -= 1
        head = " ".join(lines[start:i])
        called = re.search(r"(\w+)\s*\(", head)
        if called:
            yield called.group(1), start + 1, end - start + 1, parameter_count(head[called.end():])


def parameter_count(rest):
    """Parameters in `rest`, the text after the opening parenthesis; commas of nested parentheses do not count."""
    depth, commas, text = 1, 0, ""
    for char in rest:
        depth += (char == "(") - (char == ")")
        if depth == 0:
            break
        commas += char == "," and depth == 1
        text += char
    return 0 if text.strip() in ("", "void") else commas + 1


def function_violations(names):
    hits = []
    for name in names:
        for function, line, length, parameters in functions_of(text_of(name)):
            if length > FUNCTION_LINES_MAX:
                hits.append(f"{name}:{line} {function}() has {length} lines, {FUNCTION_LINES_MAX} at most")
            if parameters > PARAMETERS_MAX and (name, function) not in IMPOSED:
                hits.append(f"{name}:{line} {function}() has {parameters} parameters, {PARAMETERS_MAX} at most")
    return hits


def pattern_violations(names, pattern, what, flags=0):
    hits = []
    for name in names:
        for number, line in enumerate(text_of(name).split("\n"), 1):
            if re.search(pattern, line, flags):
                hits.append(f"{name}:{number} {what}: {line.strip()[:80]}")
    return hits


def code_violations(names, pattern, what):
    hits = []
    for name in names:
        for number, line in enumerate(without_comments(text_of(name)).split("\n"), 1):
            if re.search(pattern, line):
                hits.append(f"{name}:{number} {what}: {line.strip()[:80]}")
    return hits


def licence_violations(names):
    return [f"{name} has no SPDX line at its top" for name in names if "SPDX-License-Identifier" not in text_of(name)[:200]]


def top_level_violations(names):
    tops = {name.split("/")[0] for name in names}
    return [f"{name} does not belong at the top level" for name in sorted(tops) if name not in TOP_LEVEL and name[0] != "."]


def rules():
    """(title, violations) of every rule."""
    c_files = sources(".c", ".h", ".S")
    product = [name for name in c_files if room_of(name) not in ("tests", "")]
    index = headers_index([name for name in c_files if name.endswith(".h")])
    includes = {name: list(included(name, without_comments(text_of(name)), index)) for name in c_files}
    for who, forbidden, excepted in ARROWS:
        title = f"{who} includes nothing of {', '.join(forbidden)}" + (f" (but {', '.join(excepted)})" if excepted else "")
        yield title, arrow_violations(who, forbidden, excepted, includes)
    yield "no C file names a board", board_name_violations([n for n in product if n.endswith((".c", ".h"))])
    ota = [n for n in product if n.startswith("ota/")]
    yield "ota allocates nothing", code_violations(ota, r"\b(malloc|calloc|realloc|free|strdup)\s*\(", "allocates")
    yield "ota does no input or output", code_violations(ota, r"(?<![>.\w])(fopen|f?printf|f?puts|putchar|f?write|f?read|open)\s*\(", "does")
    yield "no weak symbols", code_violations(product, r"__attribute__\s*\(\(\s*(__)?weak", "is weak")
    yield "product code knows no tests", code_violations(product, r"#\s*if.*\b(UNIT_)?TEST(ING)?\b", "asks for tests")
    scripts = sources(".py", ".sh", ".js", ".cmake")
    yield f"files of at most {FILE_LINES_MAX} lines", file_length_violations(c_files + scripts)
    yield f"functions of at most {FUNCTION_LINES_MAX} lines and {PARAMETERS_MAX} parameters", function_violations(
        [n for n in product if n.endswith(".c")]
    )
    marks = r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b|not imple" r"mented|place" r"holder|\bfor n" r"ow\b"
    yield "no unfinished marks", pattern_violations(c_files + scripts, marks, "is unfinished")
    yield "every source file names its licence", licence_violations(c_files + sources(".py", ".sh"))
    yield "only the agreed names at the top level", top_level_violations(sources())
    yield from check_threats.rules()


def main():
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__.strip())
        return 0
    if len(sys.argv) > 1:
        print(f"check_arrows.py: unknown argument '{sys.argv[1]}'\n  remedy: it takes none", file=sys.stderr)
        return 2
    passed = failed = 0
    for title, hits in rules():
        print(f"{'FAIL' if hits else 'ok  '} {title}")
        for hit in hits:
            print(f"       {hit}")
        failed += bool(hits)
        passed += not hits
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
