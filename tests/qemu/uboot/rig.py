# SPDX-License-Identifier: Apache-2.0
"""What U-Boot's suites share: keys, U-Boot in its flash, tiny kernels in signed FITs, disks, forged FITs. Everything lies in one folder that goes at exit."""

import functools
import os
import struct
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, ".."), os.path.join(here, "..", "..")]
import bootrec  # noqa: E402
import harness  # noqa: E402
from bootrec import CONFIRMED, TRIAL, Record, Slot  # noqa: E402
from cases import expect  # noqa: E402
from fdt import Fdt, Node  # noqa: E402

BOARD = "qemu-virt"
LOAD, WINDOW_END, STAGING = 0x40200000, 0x41000000, 0x41000000
SLOT_SECTORS = 0x4000
CROSS = "aarch64-linux-gnu-"
_folder = tempfile.TemporaryDirectory(prefix="skerry-uboot-")
FOLDER = _folder.name


def path(name):
    return os.path.join(FOLDER, name)


@functools.lru_cache(None)
def keys(name="boot-keys"):
    return harness.boot_keys(path(name))


@functools.lru_cache(None)
def flash(watchdog_s=None):
    folder = path("flash-%s" % watchdog_s)
    os.mkdir(folder)
    return harness.Flash(BOARD, keys(), folder, watchdog_s)


@functools.lru_cache(None)
def _kernel():
    elf, binary = path("kernel.elf"), path("kernel.bin")
    harness.run(CROSS + "gcc", "-nostdlib", "-static", "-Wl,-Ttext=%#x" % LOAD, "-Wl,--build-id=none", "-o", elf, os.path.join(here, "kernel.S"))
    harness.run(CROSS + "objcopy", "-O", "binary", "-j", ".text", elf, binary)
    with open(binary, "rb") as file:
        return file.read()


def kernel(letter, action="s"):
    """A kernel that says `letter` and then stays (s), hangs with the watchdog running (h) or resets (r)."""
    return _kernel().replace(b"kernel @", b"kernel " + letter.encode()).replace(b"!", action.encode())


@functools.lru_cache(None)
def fit(letter, action="s", counter=1, version="1.0.0", key_dir=None, load=LOAD, entry=None, pad=0):
    return harness.fit(FOLDER, key_dir or keys(), kernel(letter, action) + bytes(pad), version=version, counter=counter, load=load, entry=entry)


def sign_again(image, key_dir=None):
    """The FIT signed anew after it was changed."""
    name = path("sign.fit")
    with open(name, "wb") as file:
        file.write(image)
    harness.run(os.path.join(harness.tools_dir(), "mkimage"), "-F", "-k", key_dir or keys(), "-r", name, env=dict(os.environ, SOURCE_DATE_EPOCH="0"))
    with open(name, "rb") as file:
        return file.read()


_disks = 0


def disk(a=None, b=None, record=None):
    """A new disk with the images in its slots; `record`: in both copies, None: none."""
    global _disks
    _disks += 1
    new = harness.Disk(path("disk%d.img" % _disks), BOARD)
    for name, image in (("slot-a", a), ("slot-b", b)):
        if image:
            new.put(name, image)
    if record:
        bootrec.write(new, record)
    return new


def digest(image):
    try:
        return harness.image_digest(image)
    except struct.error:
        return bytes(32)


def slot(image, state=CONFIRMED, **fields):
    return Slot(digest(image), state, image_bytes=len(image), **fields)


def record(a=None, b=None, active=0, **fields):
    """Both confirmed, a active, unless said otherwise."""
    return Record(active, None if a is None else slot(a), None if b is None else slot(b), **fields)


def on_trial(a, b, tries=3, **fields):
    """a confirmed and active, b on trial."""
    return Record(0, slot(a), slot(b, TRIAL, tries=tries), **fields)


def _failing(on, read_errors):
    """The drive of a disk whose reads fail: {sector: how often, None: always}."""
    rules = ["[inject-error]\nevent = \"read_aio\"\nerrno = \"5\"\nsector = \"%d\"\nonce = \"%s\"\n" % (sector, "off" if times is None else "on")
             for sector, times in read_errors.items() for _ in range(1 if times is None else times)]
    with open(on.path + ".blkdebug", "w") as file:
        file.write("".join(rules))
    return "if=none,id=disk,format=raw,file=blkdebug:%s.blkdebug:%s" % (on.path, on.path)


def boot(on, flash_image=None, args=(), without=(), read_only=False, read_errors=None, **options):
    """A running machine. `without`: devices of the board's command to leave out; `read_only`: a disk that takes no write; `read_errors`: one whose reads fail."""
    machine = harness.Machine(flash_image or flash(), on, args, start=False, **options)
    if read_only:
        machine.command = [arg.replace("if=none,id=disk,", "if=none,id=disk,readonly=on,") for arg in machine.command]
    if read_errors:
        machine.command = [_failing(on, read_errors) if arg.startswith("if=none,id=disk,") else arg for arg in machine.command]
    for device in without:
        at = next(i for i, arg in enumerate(machine.command) if arg.startswith(device))
        del machine.command[at - 1:at + 1]
    machine.start()
    return machine


def starts(on, letter, **options):
    """Boot until the kernel speaks: it must be `letter`. The console up to there."""
    with boot(on, **options) as machine:
        said = machine.wait(r"kernel (.) el=|no-slot reset reason=\S+\n")
        expect(said[1] == letter, "kernel %s runs" % letter, "said: " + said[0], machine.console)
        return machine.console


def no_slot(on, reason, **options):
    """Boot: U-Boot must say that nothing starts, reset, and say it again. The console up to there."""
    with boot(on, **options) as machine:
        for _ in range(2):
            said = machine.wait(r"kernel (.) el=|no-slot reset reason=(\S+)\n")
            expect(said[2] == reason, "no slot starts because of " + reason, "said: " + said[0], machine.console)
        return machine.console


def handed_over(machine):
    """/chosen/skerry and the /memory node of the tree that the kernel was given, while it runs."""
    dump = path("dump.dtb")
    machine.qmp("pmemsave", val=0x40000000, size=0x110000, filename=dump)
    with open(dump, "rb") as file:
        root = Fdt(file.read()).root
    memory = next(node for node in root.children if node.name.startswith("memory"))
    return dict(root.child("chosen/skerry").props), memory.get("reg")


def cells(value):
    return struct.unpack(">%dI" % (len(value) // 4), value)
