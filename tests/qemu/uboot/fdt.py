# SPDX-License-Identifier: Apache-2.0
"""
A flattened device tree taken apart and put together (Devicetree Specification 0.4, chapter 5), so that a test can forge one. What is not changed keeps
its order and its place in the strings block: a signature over it stays right.
"""

import struct

BEGIN, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9


def align(offset):
    return (offset + 3) & ~3


class Node:
    def __init__(self, name, props=(), children=()):
        self.name, self.props, self.children = name, list(props), list(children)

    def copy(self):
        return Node(self.name, self.props, [child.copy() for child in self.children])

    def child(self, path):
        node = self
        for name in path.strip("/").split("/"):
            node = next(child for child in node.children if child.name == name)
        return node

    def get(self, name):
        return next((value for key, value in self.props if key == name), None)

    def set(self, name, value):
        """In place if it is there, else at the end."""
        if self.get(name) is None:
            self.props.append((name, value))
        self.props = [(key, value if key == name else old) for key, old in self.props]

    def delete(self, name):
        self.props = [(key, value) for key, value in self.props if key != name]


class Fdt:
    def __init__(self, blob):
        (self.magic, total, struct_off, strings_off, self.reserve_off, self.version, self.compatible, self.cpu, strings_size,
         struct_size) = struct.unpack_from(">10I", blob)
        self.strings = blob[strings_off:strings_off + strings_size]
        self.reserve = blob[self.reserve_off:struct_off]
        self.offsets = {}
        self.slack = total - strings_off - strings_size
        self.roots = [self._parse(blob[struct_off:struct_off + struct_size])]

    @property
    def root(self):
        return self.roots[0]

    def _name(self, offset):
        name = self.strings[offset:self.strings.index(b"\0", offset)].decode()
        self.offsets.setdefault(name, offset)
        return name

    def _parse(self, data):
        stack, at = [Node(None)], 0
        while True:
            (token,) = struct.unpack_from(">I", data, at)
            at += 4
            if token == BEGIN:
                end = data.index(b"\0", at)
                stack.append(Node(data[at:end].decode()))
                at = align(end + 1)
            elif token == END_NODE:
                node = stack.pop()
                stack[-1].children.append(node)
            elif token == PROP:
                size, name = struct.unpack_from(">II", data, at)
                stack[-1].props.append((self._name(name), data[at + 8:at + 8 + size]))
                at = align(at + 8 + size)
            elif token == END:
                return stack[0].children[0]

    def _offset(self, name):
        if name not in self.offsets:
            self.offsets[name] = len(self.strings)
            self.strings += name.encode() + b"\0"
        return self.offsets[name]

    def _encode(self, node):
        name = node.name.encode() + b"\0"
        out = struct.pack(">I", BEGIN) + name.ljust(align(len(name)), b"\0")
        for key, value in node.props:
            out += struct.pack(">III", PROP, len(value), self._offset(key)) + value.ljust(align(len(value)), b"\0")
        return out + b"".join(map(self._encode, node.children)) + struct.pack(">I", END_NODE)

    def encode(self):
        tree = b"".join(map(self._encode, self.roots)) + struct.pack(">I", END)
        struct_off = self.reserve_off + len(self.reserve)
        strings_off = struct_off + len(tree)
        total = strings_off + len(self.strings) + self.slack
        head = struct.pack(">10I", self.magic, total, struct_off, strings_off, self.reserve_off, self.version, self.compatible, self.cpu,
                           len(self.strings), len(tree))
        return (head.ljust(self.reserve_off, b"\0") + self.reserve + tree + self.strings).ljust(total, b"\0")
