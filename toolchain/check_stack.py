#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much stack ota/ takes at most on the device, measured without running it: the compiler's frames and call graph of each file, with
the device's own flags, and below them the frames and calls that stand in the machine code of mbedTLS and the C library.
Fails above LIMIT, on a recursion, on a frame of unknown size and on an indirect call that nothing here resolves. Part of `./dev test static`.

Not counted: what the host does below a call of its port (it brings that stack), and failed assertions, which do not return.
"""
import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / "build" / "device"
LIMIT = 9216
# It calls the function that it is given, which may call it with another: to each its own node.
WRAPPER = "cbor_put_wrapped"
ENDS = {"__assert_func", "__stack_chk_fail", "abort"}
# The kernel's allocator, which is no library of ours to look into: what a call may take.
ALLOWANCES = {"calloc": 256, "free": 256}
# Indirect calls of the libraries, by who makes them: the curve's own reduction; the string that vsnprintf() writes to; a memset() that the
# compiler cannot leave out. A verification brings no source of random numbers.
LIBRARY_INDIRECT = {
    "ecp_modp": ["ecp_mod_p256"],
    "vfprintf": ["__file_str_put"],
    "mbedtls_platform_zeroize": ["memset"],
    "mbedtls_mpi_core_fill_random": [],
}


class Graph:
    def __init__(self):
        self.frames, self.calls, self.problems = {}, {}, []
        self.unknown = set()  # frames whose size stands in a register
        self.memo = {}

    def add(self, name, frame):
        self.frames[name] = frame
        self.calls.setdefault(name, set())

    def named(self, name, file=""):
        """The nodes of a function (of a file), however the compiler cut it up; static ones have their file before the name."""
        return [node for node in self.frames if short(node).split(".")[0] == name and (file in node or ":" not in node)]

    def worst(self, name, above=()):
        """(bytes, path) of the deepest stack from `name` down."""
        if name in above:
            self.problems.append("recursion: %s" % " > ".join([*map(short, above), short(name)]))
            return 0, []
        if name not in self.memo:
            below = [self.worst(callee, (*above, name)) for callee in self.calls.get(name, ())]
            deepest = max(below, default=(0, []))
            self.memo[name] = (self.frames[name] + deepest[0], [name, *deepest[1]])
        return self.memo[name]


def short(node):
    return node.rsplit(":", 1)[-1]


def compile_commands():
    path = BUILD / "compile_commands.json"
    if not path.is_file():
        sys.exit("check_stack.py: %s is missing\n  remedy: cmake --preset device" % path.relative_to(TOP))
    return [entry for entry in json.loads(path.read_text()) if Path(entry["file"]).is_relative_to(TOP / "ota")]


def call_graph_of(entry, folder):
    """The compiler's call graph of one file, in VCG's form."""
    command = shlex.split(entry["command"])
    out = folder / (Path(entry["file"]).name + ".o")
    command[command.index("-o") + 1] = str(out)
    if Path(command[0]).name == "ccache":
        del command[0]
    if subprocess.run([*command, "-fcallgraph-info=su"], cwd=entry["directory"], check=False).returncode != 0:
        sys.exit("check_stack.py: %s does not compile" % Path(entry["file"]).relative_to(TOP))
    return out.with_suffix(".ci").read_text()


def source_line(label):
    file, line, _ = label.rsplit(":", 2)
    return Path(file).read_text().split("\n")[int(line) - 1]


def table_of(graph, file, begin, rows):
    """The nodes of the functions in a table: what the pattern `rows` finds between `begin` and the table's end."""
    table = (TOP / "ota" / "src" / file).read_text().split(begin)[1].split("};")[0]
    return [node for name in re.findall(rows, table) if name != "NULL" for node in graph.named(name, file)]


def targets_of(line, graph):
    """The nodes that an indirect call on this line of ota/ may lead to, those of WRAPPER left out; None: not known."""
    if "port->" in line or re.search(r"\bput\((&count|out), arg\);", line):
        return []
    if "ops->" in line:
        return table_of(graph, "record.c", "ota_bootrec_ops copies = {", r"\w+")
    if "step->enter(" in line:
        return table_of(graph, "step.c", "steps[PHASE_COUNT] = {", r"\{OTA_STEP_\w+, (\w+), \w+\}")
    if ".run(ota)" in line:
        return table_of(graph, "step.c", "steps[PHASE_COUNT] = {", r"\{OTA_STEP_\w+, \w+, (\w+)\}")
    return None


def add_ota(graph):
    indirect, wrapped = [], []
    with tempfile.TemporaryDirectory() as folder:
        texts = [call_graph_of(entry, Path(folder)) for entry in compile_commands()]
    for text in texts:
        for title, label in re.findall(r'^node: \{ title: "([^"]+)" label: "([^"]+)" \}$', text, flags=re.M):
            size = re.search(r"\\n(\d+) bytes \((\w+)", label)
            graph.add(title, int(size[1]))
            if size[2] != "static":
                graph.problems.append("%s has a frame of unknown size" % short(title))
        for source, target, label in re.findall(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]+)")? \}$', text, flags=re.M):
            if target == WRAPPER:
                wrapped.append((source, source_line(label)))
            elif target == "__indirect_call":
                indirect.append((source, source_line(label)))
            elif target not in ENDS:
                graph.calls.setdefault(source, set()).add(target)
    own = set(graph.frames)
    for source, line in wrapped:
        inner = re.search(WRAPPER + r"\([^,]+, (\w+),", line)[1]
        graph.add("%s(%s)" % (WRAPPER, inner), graph.frames[WRAPPER])
        graph.calls[source].add("%s(%s)" % (WRAPPER, inner))
        graph.calls["%s(%s)" % (WRAPPER, inner)].update(graph.named(inner))
    for source, line in indirect:
        targets = targets_of(line, graph)
        if targets is None:
            graph.problems.append("%s calls it knows not what: %s" % (short(source), line.strip()))
        graph.calls[source].update(targets or ())
    return own


def libraries():
    prefix = subprocess.run([TOP / "toolchain" / "thirdparty.sh", "device"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    picolibc = subprocess.run([TOP / "toolchain" / "picolibc.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    libgcc = subprocess.run(["aarch64-linux-gnu-gcc", "-print-libgcc-file-name"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return [Path(prefix) / "lib" / "libmbedcrypto.a", Path(picolibc) / "lib" / "libc.a", Path(libgcc)]


def objdump(path, what):
    """objdump's text of each object in a library."""
    done = subprocess.run(["aarch64-linux-gnu-objdump", what, "--no-show-raw-insn", str(path)], stdout=subprocess.PIPE, text=True, check=True)
    return re.split(r"^\S+:\s+file format .*$", done.stdout, flags=re.M)[1:]


def aliases_of(symbols):
    """{name: all names of the same code} out of an object's symbol table."""
    places = {}
    for address, section, name in re.findall(r"^([0-9a-f]{16}) [gwl ]+F (\S+)\t[0-9a-f]+ (?:\.hidden )?(\S+)$", symbols, flags=re.M):
        places.setdefault((address, section), []).append(name)
    return {name: names for names in places.values() for name in names}


def add_library(graph, path):
    """
    Frames and calls out of the machine code. A function's stack is all that it ever takes, as if one way through it took it all: never
    too little. A frame whose size stands in a register cannot be told.
    """
    for symbols, code in zip(objdump(path, "-t"), objdump(path, "-dr")):
        aliases = aliases_of(symbols)
        for name, text in re.findall(r"^[0-9a-f]{16} <([^>]+)>:\n(.*?)(?=^\s*$|\Z)", code, flags=re.M | re.S):
            for alias in aliases.get(name, [name]):
                if alias not in graph.frames:
                    add_machine_code(graph, alias, text)


def add_machine_code(graph, name, text):
    taken = [int(size, 0) for size in re.findall(r"\tsub\tsp, sp, #(0x[0-9a-f]+)\n", text)]
    taken += [int(size) for size in re.findall(r"\t(?:stp|str)\t[^\n]*\[sp, #-(\d+)\]!", text)]
    graph.add(name, sum(taken))
    if re.search(r"\tsub\tsp, sp, x\d+", text):
        graph.unknown.add(name)
    graph.calls[name] = set(re.findall(r"R_AARCH64_(?:CALL|JUMP)26\t(?:\.text\.)?([\w.]+)", text)) - ENDS
    if re.search(r"\tblr\t", text):
        graph.calls[name].update(LIBRARY_INDIRECT.get(name, ["an indirect call of " + name]))


def reach(graph, names):
    """Everything below `names`; what is not there is named as a problem."""
    seen, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in graph.frames:
            graph.problems.append("nothing is known of %s" % name)
            graph.add(name, 0)
        if name in graph.unknown:
            graph.problems.append("%s has a frame of unknown size" % name)
        todo += graph.calls.get(name, ())


def main():
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__.strip())
        return 0
    graph = Graph()
    own = add_ota(graph)
    for name, frame in ALLOWANCES.items():
        graph.add(name, frame)
    for path in libraries():
        add_library(graph, path)
    reach(graph, own)
    total, path = max(graph.worst(name) for name in own)
    for problem in sorted(set(graph.problems)):
        print("check_stack.py: %s" % problem)
    print("ota: worst stack %d bytes (limit %d), path %s" % (total, LIMIT, " > ".join("%s %d" % (short(name), graph.frames[name]) for name in path)))
    return 1 if graph.problems or total > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
