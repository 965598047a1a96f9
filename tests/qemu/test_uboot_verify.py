#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What U-Boot accepts in a slot. Slot a, the active one, holds the image under test, slot b a good one that must boot instead."""

import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "uboot"))
import forge  # noqa: E402
import harness  # noqa: E402
import rig  # noqa: E402
from cases import case, expect, main  # noqa: E402
from fdt import Fdt  # noqa: E402

SEED = int(os.environ.get("SKERRY_TEST_SEED", random.randrange(1 << 32)))


def refused(image, cause, why="", **options):
    good = rig.fit("B")
    console = rig.starts(rig.disk(image, good, rig.record(image, good)), "B", **options)
    said = 'boot: slot=a verdict=refused cause=%s why="%s' % (cause, why)
    expect(said in console, "U-Boot says: " + said, console)
    expect("kernel X" not in console, "the evil kernel never ran", console)


def refusal(name, make, cause, why=""):
    case("refused, the other slot boots: " + name, lambda: refused(make(), cause, why))


def hacked(change):
    """A FIT that was changed by `change(configuration, kernel node)` and rightly signed afterwards: only U-Boot's own limits can refuse it."""

    def make():
        fdt = Fdt(rig.fit("X"))
        change(fdt.root.child("configurations/conf"), fdt.root.child("images/kernel"))
        return rig.sign_again(fdt.encode())

    return make


def other_configuration():
    fdt = Fdt(rig.fit("X"))
    fdt.root.child("configurations/conf").name = "conf-1"
    fdt.root.child("configurations").set("default", b"conf-1\0")
    return rig.sign_again(fdt.encode())


def legacy_uimage():
    source, out = rig.path("legacy.bin"), rig.path("legacy.uimage")
    with open(source, "wb") as file:
        file.write(rig.kernel("X"))
    harness.run(os.path.join(harness.tools_dir(), "mkimage"), "-A", "arm64", "-O", "linux", "-T", "kernel", "-C", "none", "-a", hex(rig.LOAD), "-e",
                hex(rig.LOAD), "-n", "evil", "-d", source, out)
    with open(out, "rb") as file:
        return file.read()


def raw_image():
    """An arm64 Image: its header, then the code it branches to."""
    head = struct.pack("<IIQQQQQQ4sI", 0x14000010, 0, 0, 0x1000, 0, 0, 0, 0, b"ARM\x64", 0)
    return head + rig.kernel("X")


def totalsize(size):
    image = rig.fit("A")
    return image[:4] + struct.pack(">I", size) + image[8:]


A = lambda: rig.fit("A")  # noqa: E731
SIGNATURE, HASH = "configuration signature", "kernel hash"

refusal("a byte of the kernel flipped", lambda: forge.kernel_byte(A()), "signature-refused", HASH)
refusal("kernel and its hash exchanged", lambda: forge.kernel_and_hash(A()), "signature-refused", SIGNATURE)
refusal("security counter edited", lambda: forge.edited(A(), "configurations/conf", "security-counter", struct.pack(">I", 9)), "signature-refused", SIGNATURE)
refusal("load address edited", lambda: forge.edited(A(), "images/kernel", "load", struct.pack(">I", 0x40300000)), "signature-refused", SIGNATURE)
refusal("signature edited", lambda: forge.edited(A(), "configurations/conf/signature-1", "value", bytes(256)), "signature-refused", SIGNATURE)
refusal("unsigned", lambda: forge.unsigned(rig.fit("X")), "signature-refused", SIGNATURE)
refusal("signed by another key", lambda: rig.fit("X", key_dir=rig.keys("other-keys")), "signature-refused", SIGNATURE)
refusal("mix and match: the kernel of an older signed release under the configuration of a newer one",
        lambda: forge.mixed(rig.fit("A", counter=9), rig.fit("X", counter=1)), "signature-refused", SIGNATURE)
refusal("image nodes cloned, hashed-nodes edited (CVE-2026-46728)", lambda: forge.clone(A()), "signature-refused", SIGNATURE)
refusal("kernel@1 before kernel", lambda: forge.unit_address(A()), "image-malformed")
refusal("kernel@ nested in the kernel", lambda: forge.nested_unit_address(A()), "image-malformed")
refusal("a fake root before the signed one", lambda: forge.fake_root(A()), "image-malformed")
refusal("a second root behind the signed one", lambda: forge.second_root(A()), "image-malformed")
refusal("truncated", lambda: A()[:len(A()) // 2], "image-malformed")
refusal("its last bytes cut off", lambda: forge.cut(A()), "signature-refused", SIGNATURE)
refusal("totalsize 0x7fffffff", lambda: totalsize(0x7FFFFFFF), "image-malformed", "totalsize")
refusal("totalsize 0xffffffff", lambda: totalsize(0xFFFFFFFF), "image-malformed")
refusal("totalsize one byte into the confirm mark", lambda: totalsize((rig.SLOT_SECTORS - 1) * 512 + 1), "image-malformed", "totalsize")
refusal("totalsize 16", lambda: totalsize(16), "image-malformed")
refusal("external data, rightly signed", lambda: forge.external_data(A()), "image-malformed", "external data")
refusal("external data far away", lambda: forge.external_data(A(), 0x7FFFFFF0), "image-malformed", "external data")
refusal("legacy uImage", legacy_uimage, "image-malformed", "not a FIT")
refusal("raw arm64 Image", raw_image, "image-malformed", "not a FIT")
refusal("random bytes", lambda: random.Random(SEED).randbytes(100000), "image-malformed", "not a FIT")
refusal("empty", lambda: b"", "image-malformed", "not a FIT")
refusal("signed, another configuration name", other_configuration, "image-malformed", "no configuration")
refusal("signed, no security counter", hacked(lambda conf, image: conf.delete("security-counter")), "image-malformed", "no security-counter")
refusal("signed, security counter of 8 bytes", hacked(lambda conf, image: conf.set("security-counter", bytes(8))), "image-malformed", "no security-counter")
refusal("signed, security counter of 1 byte", hacked(lambda conf, image: conf.set("security-counter", b"\x09")), "image-malformed", "no security-counter")
refusal("signed, compressed", hacked(lambda conf, image: image.set("compression", b"gzip\0")), "image-malformed", "compressed")
refusal("signed, for another architecture", hacked(lambda conf, image: image.set("arch", b"arm\0")), "image-malformed", "not an arm64 kernel")
refusal("signed, loads over QEMU's device tree", lambda: rig.fit("X", load=0x40000000), "image-malformed", "load or entry")
refusal("signed, loads over the staging area", lambda: rig.fit("X", load=rig.STAGING), "image-malformed", "load or entry")
refusal("signed, its end is behind the window", lambda: rig.fit("X", load=rig.WINDOW_END - 64), "image-malformed", "load or entry")
refusal("signed, loads over U-Boot", lambda: rig.fit("X", load=0x41F00000), "image-malformed", "load or entry")
refusal("signed, entry before the kernel", lambda: rig.fit("X", entry=rig.LOAD - 4), "image-malformed", "load or entry")
refusal("signed, entry behind the kernel", lambda: rig.fit("X", entry=rig.LOAD + 0x1000), "image-malformed", "load or entry")


@case("accepted: the signed 'conf' boots although the unsigned 'default' names another one")
def unsigned_default():
    image = forge.second_configuration(rig.fit("A"))
    rig.starts(rig.disk(image, None, rig.record(image)), "A")


@case("accepted: an image as large as a slot can hold")
def largest():
    room = (rig.SLOT_SECTORS - 1) * 512
    image = rig.fit("A", pad=room - 4096)
    image = rig.fit("A", pad=room - 4096 + (room - len(image)) // 4 * 4)
    expect(room - len(image) < 4, "the image fills the slot", room, len(image))
    rig.starts(rig.disk(image, None, rig.record(image)), "A")


@case("security counter: below the floor is refused, the other slot boots")
def counter():
    old, new = rig.fit("A", counter=6), rig.fit("B", counter=7)
    console = rig.starts(rig.disk(old, new, rig.record(old, new, min_counter=7)), "B")
    # Rightly signed, so its verdict is ok; the rules pass it over and the record says why.
    expect("boot: slot=a verdict=ok version=1.0.0 counter=6" in console, "slot a was looked at", console)


@case("security counter: both below the floor, nothing starts")
def counters():
    images = rig.fit("A", counter=6), rig.fit("B", counter=7)
    rig.no_slot(rig.disk(*images, rig.record(*images, min_counter=8)), "none-verifies")


@case("both slots bad: says so and resets, again and again")
def both_bad():
    console = rig.no_slot(rig.disk(forge.kernel_byte(rig.fit("A")), rig.fit("X", key_dir=rig.keys("other-keys"))), "none-verifies")
    expect(console.count("U-Boot 2025.01") == 2, "it has reset in between", console)


@case("no disk, and a disk that is too small: says so and resets")
def no_disk():
    rig.no_slot(rig.disk(), "no-disk", without=["virtio-blk-device"])
    console = rig.no_slot(harness.Disk(rig.path("small.img"), rig.BOARD, 0x400), "none-verifies")
    expect("cause=slot-unreadable" in console, "the slots cannot be read", console)


def key_changed(change):
    """U-Boot with a control device tree whose /signature was changed."""
    folder = rig.path("hacked-flash")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(rig.flash().folder, "control.dtb"), "rb") as file:
        tree = file.read()
    with open(rig.flash().uboot, "rb") as file:
        program = file.read()[:-len(tree)]
    fdt = Fdt(tree)
    change(fdt.root)
    flash = object.__new__(harness.Flash)
    flash.board, flash.path = rig.BOARD, os.path.join(folder, "flash.bin")
    with open(flash.path, "wb") as file:
        file.write(program + fdt.encode())
        file.truncate(64 << 20)
    return flash


@case("U-Boot without a required key starts nothing, not even a rightly signed image")
def no_key():
    good = rig.disk(rig.fit("A"), rig.fit("B"))

    def drop(root):
        root.children = [child for child in root.children if child.name != "signature"]

    changes = (drop, lambda root: root.child("signature/key-boot").delete("required"),
               lambda root: root.child("signature/key-boot").set("required", b"image\0"),
               lambda root: root.child("signature").set("required-mode", b"any\0"))
    for change in changes:
        rig.no_slot(good, "no-required-key", flash_image=key_changed(change))


@case("U-Boot's build refuses a key folder without a certificate, and a key that is too short")
def build_refuses():
    empty = rig.path("empty")
    os.makedirs(empty, exist_ok=True)
    for keys, words in ((empty, "no boot.crt"), (harness.boot_keys(rig.path("short-keys"), 1024), "RSA 2048")):
        try:
            harness.Flash(rig.BOARD, keys, rig.path("refused-flash"))
        except AssertionError as error:
            expect(words in str(error) and "remedy:" in str(error), "the error names the reason and the remedy", error)
        else:
            expect(False, "the build fails", keys)
        expect(not os.path.exists(os.path.join(rig.path("refused-flash"), "flash.bin")), "nothing is left behind")


@case("no prompt: 12 KB of ^C, escape and commands into the UART change nothing, at start and between resets")
def no_prompt():
    noise = b"\x03\x03\x1b \r\nprintenv\r\nboot\r\nreset\r\n" * 100
    bad = rig.disk(forge.kernel_byte(rig.fit("A")))
    with rig.boot(bad) as machine:
        for _ in range(3):
            machine.type(noise)
            machine.wait(r"U-Boot 2025\.01")
            machine.type(noise)
            machine.wait("boot: no-slot reset reason=none-verifies")
        expect("=>" not in machine.console and "printenv" not in machine.console, "no prompt and no echo", machine.console)
    with rig.boot(rig.disk(rig.fit("A"))) as machine:
        machine.type(noise)
        machine.wait("kernel A")
        expect("=>" not in machine.console and "printenv" not in machine.console, "no prompt and no echo", machine.console)


if __name__ == "__main__":
    print("seed %d" % SEED)
    sys.exit(main(__doc__))
