#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Images that die over and over: how the starts are paced, that the agent alone runs in the end and can be reached, and that a good image given by
the operator's program alone brings the device back. Real parts only. Needs ./dev build.
"""

import json
import os
import re
import shutil
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "uboot")]
import rig  # noqa: E402
from bootrec import EMPTY, Record, Slot  # noqa: E402
from cases import case, expect, main  # noqa: E402
from harness import fit  # noqa: E402
from lab import IMAGES, Lab  # noqa: E402

_lab = None
_count = 0


def lab():
    global _lab
    if not _lab:
        _lab = Lab(tempfile.mkdtemp(prefix="skerry-safe-"))
        _lab.start()
    return _lab


def close():
    if _lab:
        _lab.stop()
        shutil.rmtree(_lab.folder, ignore_errors=True)


# ---- an image that cannot even start its agent

def dead_image(version):
    with open(os.path.join(IMAGES, "earlypanic.bin"), "rb") as kernel:
        return fit(rig.FOLDER, rig.keys(), kernel.read(), app="dead", version=version)


def watch_starts(disk, count):
    """The first `count` starts: [(slot, mode, announced pause in ms, seconds that the boot loader took)]."""
    seen = []
    with rig.boot(disk) as machine:
        for number in range(count):
            at = len(machine.console[:machine._seen])
            said = machine.wait(r"boot: slot=(\w) start mode=(\w+) ")
            pause = re.search(r"boot: slot=(\w) pause ms=(\d+) starts=(\d+)", machine.console[at:machine._seen])
            if pause:
                expect(pause[1] == said[1] and int(pause[3]) == number, "the pause is this start's", pause[0])
            ticks = machine.wait(r"boot: done us=\d+ ticks uboot=(\d+)\.\.(\d+) kernel=\d+\.\.\d+ hz=(\d+)\n")
            machine.wait("panic: why dead before the agent")
            seen.append((said[1], said[2], int(pause[2]) if pause else 0, (int(ticks[2]) - int(ticks[1])) / int(ticks[3])))
    return seen


PAUSES = [0, 0, 0, 1000, 2000, 4000, 8000, 16000]


def check_pauses(seen):
    expect([pause for _, _, pause, _ in seen] == PAUSES[:len(seen)], "pauses of 1 s from the fourth start on, doubling", seen)
    for slot, mode, pause, took in seen:
        expect(took >= pause / 1000, "it really waits (%s, %s)" % (slot, mode), pause, took)


# The pauses are real time; that they end at 60 s is tests/ota's to show.
@case("pacing: both images die before their agent starts: each is tried, normal and safe, in turn, with pauses that grow")
def pacing():
    a, b = dead_image("1.0.0"), dead_image("2.0.0")
    seen = watch_starts(rig.disk(a, b, Record(1, rig.slot(a), rig.slot(b))), 8)
    check_pauses(seen)
    order = [(slot, mode) for slot, mode, _, _ in seen]
    expect(order == [("b", "normal")] * 3 + [("b", "safe")] * 3 + [("a", "normal")] * 2, "in turn", order)
    return "pauses in s: %s" % ", ".join("%g" % (pause / 1000) for _, _, pause, _ in seen)


@case("pacing: a single image that dies before its agent starts is tried on and on, never at full speed")
def pacing_one():
    a = dead_image("1.0.0")
    seen = watch_starts(rig.disk(a, None, Record(0, rig.slot(a), Slot(state=EMPTY))), 7)
    check_pauses(seen)
    expect([(slot, mode) for slot, mode, _, _ in seen] == [("a", "normal")] * 3 + [("a", "safe")] * 3 + [("a", "normal")], "there is no other", seen)


# ---- images whose app dies: the agent lives

class both_rogue:
    """A device with a rogue app in both slots, confirmed, well so far: 1.0.0 in a, 2.0.0 in b and active."""

    def __enter__(self):
        global _count
        _count += 1
        first, second = lab().image("rogue", "1.0.0"), lab().image("rogue", "2.0.0")
        self.device = device = lab().device("safe-%d" % _count, first).power_on()
        device.wait_online("1.0.0")
        update = lab().update(device.name, second)
        code, last = update.result()
        expect(code == 0, "2.0.0 is well and confirmed", last, update.error_text(), device.console[-3000:])
        device.wait_online("2.0.0")
        slots = device.show()["report"]["slots"]
        expect({slot["state"] for slot in slots.values()} == {"confirmed"}, "both are confirmed", slots)
        return device

    def __exit__(self, *_):
        self.device.power_cut()
        lab().devices.remove(self.device)


class told:
    """Within the block the apps of a device are told over and over to misbehave: whichever runs is dead in a moment, and never confirmed."""

    def __init__(self, device, how):
        self.topic, self.how = "skerry/things/%s/app/do" % device.name, how
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        operator = lab().operator()
        while not self.over.wait(0.5):
            operator.publish(self.topic, self.how)
        operator.close()

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def wait_safe(device, slot, timeout_s=180):
    """The next start in safe mode, and that the server knows."""
    device.wait(r"boot: slot=%s start mode=safe" % slot, timeout_s)
    device.wait("boot: safe mode, app not started", timeout_s)
    known = device.wait_report(lambda device: device.get("online") and device.get("mode") == "safe" and device["slot"] == slot, "in safe mode", timeout_s)
    quiet = device.console[device.console.rindex("boot: slot=%s start mode=safe" % slot):]
    expect("app: " not in quiet, "the app rests", quiet)
    return known


def expect_well(device, image):
    """It runs the image that it confirmed, and after a reset as if nothing had been."""
    known = device.wait_report(lambda known: known.get("online") and known["digest"] == image.digest, "online with it")
    boots = known["report"]["boots"]
    lab().skerry("cmd", device.name, "reboot")
    device.wait_report(lambda known: known.get("online") and known["report"]["boots"] > boots and known["mode"] == "normal" and
                       known["digest"] == image.digest, "normal after a reset")


@case("safe mode: the app of both images crashes again and again: the agent alone runs, says so, and a good image from the CLI alone brings it back")
def both_crash():
    with both_rogue() as device, told(device, "null"):
        known = wait_safe(device, "b")
        expect(known["version"] == "2.0.0" and known["report"]["cause"] == "fault", "what runs, and why", known)
        starts = re.findall(r"boot: slot=b start mode=(\w+)", device.console)
        expect(starts[-4:] == ["normal"] * 3 + ["safe"] and "boot: slot=b pause ms=1000 starts=3" in device.console, "three times, then a pause", starts)
        for command in (("device", "show", device.name), ("device", "list")):
            said = lab().skerry(*command).stdout
            expect(re.search(r"\bsafe\b", said), "`skerry %s` says so" % command[1], said)
        events = [event["text"] for event in map(json.loads, lab().skerry("events", "--device", device.name, "--json").stdout.splitlines())]
        expect(any("slot b, safe" in text for text in events), "and it is an event", events)
        # The other image is as broken: going back to it is tried, and undone.
        update = lab().update(device.name, lab().image("rogue", "1.0.0"))
        code, _ = update.result(240)
        details = update.details()
        expect(code == 3 and details.get("reason") == "rolled-back" and details.get("cause") == "fault", "1.0.0 dies in its trial", details, device.console[-3000:])
        wait_safe(device, "b")
        crash = device.wait_report(lambda _: lab().skerry_json("crash", "list", device.name), "with a crash record")
        expect(crash["online"], "safe mode sends the record", crash)
        # Out of it, by the operator's program alone.
        good = lab().image("sensor", "3.0.0", kernel="sensor")
        update = lab().update(device.name, good)
        code, last = update.result(240)
        expect(code == 0 and last["status"] == "SUCCEEDED", "a good image is taken", last, update.error_text(), device.console[-3000:])
        expect_well(device, good)
        return "%d starts until then" % device.show()["report"]["boots"]


@case("safe mode: an app that is well, then hangs with interrupts off, again and again: no loop of watchdog resets, the agent alone runs")
def both_hang():
    with both_rogue() as device, told(device, "hang"):
        known = wait_safe(device, "b", 300)
        expect(known["report"]["cause"] == "watchdog", "the cause is the watchdog", known)
        good = lab().image("sensor", "3.0.0", kernel="sensor")
        update = lab().update(device.name, good)
        code, last = update.result(240)
        expect(code == 0, "a good image is taken", last, update.error_text(), device.console[-3000:])
        expect_well(device, good)


if __name__ == "__main__":
    sys.exit(main("Safe mode and paced starts in QEMU.", close))
