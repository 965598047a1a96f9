#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A device that crashes or hangs comes back, says why, and its record reaches the operator with the culprit's name: the whole chain, real parts only
(../lab.py). The app `rogue` (../kernel/apps) is well until a message tells it how to misbehave. Needs ./dev build.
"""

import json
import os
import shutil
import struct
import sys
import tempfile
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from cases import case, expect, main  # noqa: E402
from harness import TIMEOUT_S, Disk  # noqa: E402
from lab import BOARD, IMAGES, Lab  # noqa: E402

_lab = None
_count = 0


def lab():
    global _lab
    if not _lab:
        _lab = Lab(tempfile.mkdtemp(prefix="skerry-crash-"))
        _lab.start()
    return _lab


def close():
    if _lab:
        _lab.stop()
        shutil.rmtree(_lab.folder, ignore_errors=True)


class started:
    """A new device, on and online; off at the end of the block."""

    def __init__(self, image=None):
        global _count
        _count += 1
        image = image or lab().image("rogue", "1.0.0")
        self.device = lab().device("crash-%d" % _count, image)

    def __enter__(self):
        self.device.power_on()
        self.device.wait_online("1.0.0")
        return self.device

    def __exit__(self, *_):
        self.device.power_cut()
        lab().devices.remove(self.device)


def tell(device, how):
    """Have the rogue app do it, once it listens."""
    device.wait("agent: mqtt.connected")
    lab().publish(device.name, "app/do", how)
    device.wait("app: told to " + how)


def crashes(device, count, timeout_s=TIMEOUT_S):
    """Until the server has `count` crashes of the device; those, newest first."""
    deadline = time.monotonic() + timeout_s
    while True:
        rows = lab().skerry_json("crash", "list", device.name)
        if len(rows) >= count:
            expect(len(rows) == count, "%d crashes" % count, rows)
            return rows
        expect(time.monotonic() < deadline, "the record arrives", rows, device.console[-4000:])
        time.sleep(0.1)


def functions(device, crash, *options):
    """The names in its backtrace, from `skerry crash show --json`; the text form must have them too."""
    shown = lab().skerry_json("crash", "show", device.name, crash["id"], *options)
    names = [frame.get("function") for frame in shown["backtrace"]]
    text = lab().skerry("crash", "show", device.name, crash["id"], *options).stdout
    for name in filter(None, names):
        expect(name in text, "the text names %s" % name, text)
    return names, shown, text


def back(device, start, cause):
    """It runs again, and reports why it had to."""
    return device.wait_report(lambda known: known.get("online") and known["report"]["boots"] >= start and known["report"]["cause"] == cause,
                              "back with cause %s" % cause)


# ---- a confirmed image that crashes: how, cause, thread, the culprit, its caller

CRASHES = {
    "a write to a null pointer": ("null", "fault", "app", ["write_to_nothing", "misbehave", "app_main"]),
    "a failed assertion": ("assert", "panic", "app", ["claim_the_impossible", "misbehave"]),
    "a stack overflow": ("overflow", "stack-overflow", "app", ["recurse_for_ever", "recurse_for_ever", "recurse_for_ever"]),
    "an exhausted heap": ("exhaust", "heap-exhausted", "app", ["eat_the_heap", "misbehave"]),
    "a hang in the network thread": ("network", "watchdog", "agent", ["receive_for_ever", "agent_thread"]),
}


def in_order(names, wanted):
    """`wanted` is a subsequence of the names."""
    names = iter(names)
    return all(name in names for name in wanted)


def crash_case(how, cause, thread, wanted):
    def check():
        with started() as device:
            tell(device, how)
            row = crashes(device, 1)[0]
            expect((row["cause"], row["thread"], row["image"], row["version"], row["boots"]) == (cause, thread, "rogue", "1.0.0", 1), "what and who", row)
            names, shown, text = functions(device, row)
            expect(in_order(names, wanted), "the culprit is named: %s" % wanted, names, shown["record"])
            expect("rogue.c:" in text, "with its line", text)
            expect(any("told to " + how in line for line in shown["record"]["lines"]), "the last lines are there", shown["record"]["lines"])
            device.wait("agent: crash.accepted id=%s err=OK" % row["id"])
            back(device, 2, cause)
            # Once is enough: not again after the next start.
            lab().skerry("cmd", device.name, "reboot")
            device.wait(r"mode=normal boots=3 ")
            device.wait("agent: mqtt.connected")
            # A command that was answered, and the broker took the answer: then nothing was left that it would have waited for.
            for _ in range(2):
                lab().skerry("cmd", device.name, "identify")
            expect(device.console.count("agent: crash.sent") == 1, "sent once", device.console[-3000:])
            crashes(device, 1)
            return " ← ".join(name or "?" for name in names[:4])
    return check


for _name, (_how, _cause, _thread, _wanted) in CRASHES.items():
    case("crash: %s comes back, is reported and named" % _name, crash_case(_how, _cause, _thread, _wanted))


@case("hang: interrupts off for ever; the hardware watchdog ends it, the cause is right, no record is claimed")
def hang_masked():
    with started() as device:
        tell(device, "hang")
        known = back(device, 2, "watchdog")
        expect("panic:" not in device.console, "nobody could write a record", device.console[-3000:])
        expect(crashes(device, 0) == [] and known["version"] == "1.0.0", "none was sent", known)


@case("hang: an app that spins takes nothing down")
def spin():
    with started() as device:
        tell(device, "spin")
        time.sleep(15)  # longer than both watchdogs wait
        lab().skerry("cmd", device.name, "identify")
        expect(device.show()["report"]["boots"] == 1, "no reset", device.console[-3000:])


# ---- images that hang before their agent starts: on trial

def early_case(kernel, culprit):
    def check():
        with started(lab().image("sensor", "1.0.0")) as device:
            target = lab().image("sensor", "2.0.0", kernel=kernel, name=kernel)
            update = lab().update(device.name, target)
            code, last = update.result()
            details = update.details()
            expect(code == 3 and details.get("reason") == "rolled-back" and details.get("cause") == "watchdog", "rolled back: watchdog", last,
                   device.console[-4000:])
            device.wait_online("1.0.0")
            if culprit:
                row = crashes(device, 1)[0]
                names, _, _ = functions(device, row)
                expect(row["cause"] == "watchdog" and culprit in names, "the culprit is named", row, names)
            else:
                expect(crashes(device, 0) == [], "there is no record")
    return check


case("hang: before the agent starts, interrupts on: rolled back, and named", early_case("earlyspin", "spin_before_the_agent"))
case("hang: before the agent starts, interrupts off: rolled back, cause watchdog", early_case("earlymask", None))


# ---- the record on its way

@case("crash: while the server is away the record waits, over resets, and arrives once")
def server_away():
    with started() as device:
        lab().server.stop()
        lab().services.remove(lab().server)
        try:
            tell(device, "null")
            device.wait("agent: crash.sent")
            device.power_cut()
            device.power_on()
            device.wait("agent: crash.sent")
            device.power_cut()
        finally:
            lab().start_server()
        device.power_on()
        device.wait("agent: crash.accepted")
        crashes(device, 1)


@case("crash: the image's ELF decides, by its build id")
def elf():
    with started() as device:
        tell(device, "null")
        row = crashes(device, 1)[0]
    right, wrong = os.path.join(IMAGES, "rogue.elf"), os.path.join(IMAGES, "rogue-2.0.0.elf")
    names, shown, _ = functions(device, row, "--elf", wrong, "--elf", right)
    expect(names[0] == "write_to_nothing", "the right one is found among several", names)
    expect(functions(device, row, "--elf", IMAGES)[0] == names, "and in a folder")
    show = ("crash", "show", device.name, row["id"])
    for option, words in ((wrong, (shown["buildId"], wrong)), ("/absent.elf", ("/absent.elf", "No such file")), (__file__, (__file__, "as an ELF"))):
        done = lab().skerry(*show, "--elf", option, check=False)
        expect(done.returncode == 1 and all(word in done.stderr for word in words), "a clear error for %s" % option, done.stderr)
    kept = os.path.join(lab().home, "elf")
    expect(os.path.exists(os.path.join(kept, shown["buildId"] + ".elf")), "`image build` kept it", os.listdir(kept))
    os.rename(kept, kept + ".away")
    try:
        env, lab().env["SKERRY_ELFS"] = lab().env.get("SKERRY_ELFS"), "/absent"
        done = lab().skerry(*show, check=False)
        expect(done.returncode == 1 and shown["buildId"] in done.stderr and "--elf" in done.stderr, "none at all: said so", done.stderr)
        expect(shown["record"]["pc"][0] in done.stdout, "the record is shown all the same", done.stdout)
    finally:
        lab().env.pop("SKERRY_ELFS")
        os.rename(kept + ".away", kept)


def record(text=b"x\n", **fields):
    """A crash record as kernel/crash.h says, not uploaded yet."""
    header = bytearray(512)
    values = dict(magic=0x52434b53, format=1, bytes=len(text), crc=zlib.crc32(text), cause=1, seen=1, pcs=1, thread=b"app")
    values.update(fields)
    struct.pack_into("<6I", header, 0, *(values[name] for name in ("magic", "format", "bytes", "crc", "cause", "seen")))
    header[64:80] = values["thread"].ljust(16, b"\0")[:16]
    header[80:169] = values.get("names", b"rogue").ljust(89, b"\0")
    struct.pack_into("<H", header, 170, values["pcs"])
    struct.pack_into("<I", header, 508, zlib.crc32(header[:508]))
    return bytes(header) + text


def rot(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


ROTTEN = {
    "a flipped bit in its header": rot(record(), 70),
    "a flipped bit in its text": rot(record(), 512),
    "a text longer than its place": record(bytes=0x7fffffff),
    "noise": bytes((i * 37 + 11) & 0xff for i in range(4096)),
}


@case("crash: a record that is rotten is no record; the device lives and updates")
def rotten():
    for name, data in ROTTEN.items():
        image = lab().image("rogue", "1.0.0")
        device = started(image).device
        Disk.existing(device.disk, BOARD).put("crash", data)
        device.power_on()
        device.wait_online("1.0.0")
        code, last = lab().update(device.name, lab().image("rogue", "2.0.0")).result()
        expect(code == 0, "%s: the update succeeds" % name, last, device.console[-3000:])
        expect("crash.sent" not in device.console and crashes(device, 0) == [], "%s: nothing is claimed" % name, device.console[-3000:])
        device.power_cut()


@case("crash: a record with the right checksum and the worst content is survived, and the device updates")
def hostile_record():
    device = started().device
    worst = record(b"\x01" * 8192, pcs=0xffff, thread=b"\xff" * 16, names=b"\xfe" * 89, cause=0xffffffff)
    Disk.existing(device.disk, BOARD).put("crash", worst)
    device.power_on()
    device.wait_online("1.0.0")
    device.wait("agent: crash.sent")
    code, last = lab().update(device.name, lab().image("rogue", "2.0.0")).result()
    expect(code == 0, "the update succeeds", last, device.console[-3000:])
    expect("panic:" not in device.console, "it did not crash of it", device.console[-6000:])
    device.power_cut()


if __name__ == "__main__":
    sys.exit(main("Crashes and hangs in QEMU.", close))
