#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The whole chain: skerry → skerryd → Mosquitto → agent → slot → U-Boot → trial → confirmed, or back. Real parts only (../lab.py); power cuts are kill -9
of QEMU. Needs ./dev build.
"""

import os
import random
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from cases import case, expect, main  # noqa: E402
from harness import boot_keys  # noqa: E402
from lab import BOARD, Lab  # noqa: E402
from pki import Authority  # noqa: E402
from proxy import Gate, Pace, Policy  # noqa: E402

TRIAL_S = "10"  # the shortest that a job may ask for
FAILED, REJECTED, CANCELED = 3, 4, 6  # exit codes of skerry update
SEED = int(os.environ.get("SKERRY_TEST_SEED", random.SystemRandom().randrange(1 << 32)))

_lab = None
_count = 0


def lab():
    global _lab
    if not _lab:
        _lab = Lab(tempfile.mkdtemp(prefix="skerry-update-"))
        _lab.start()
    return _lab


def close():
    if _lab:
        _lab.stop()
        shutil.rmtree(_lab.folder, ignore_errors=True)


def image(version, kernel="sensor", counter=1, **options):
    """An image of the sensor's name with another app's code in it."""
    name = "%s-%s-c%d%s" % (kernel, version, counter, "-".join([""] + sorted(options)))
    return lab().image("sensor", version, counter, kernel=kernel, name=name, **options)


class started:
    """A new device, on and online with `first`; off at the end of the block."""

    def __init__(self, first=None, **options):
        global _count
        _count += 1
        first = first or image("1.0.0")
        self.device = lab().device("dev-%d" % _count, first, **options)
        self.version = first.version

    def __enter__(self):
        self.device.power_on()
        self.device.wait_online(self.version)
        return self.device

    def __exit__(self, *_):
        self.device.power_cut()
        lab().devices.remove(self.device)


def succeed(device, target, *options, on_change=None):
    """A good update, to its end; the job as it ended."""
    update = lab().update(device.name, target, *options, on_change=on_change)
    code, last = update.result()
    expect(code == 0 and last.get("status") == "SUCCEEDED", "the update succeeds", last, update.error_text(), device.console[-3000:])
    known = device.wait_online(target.version)
    expect(known["digest"] == target.digest, "the new image runs", known)
    return update


def fail(device, target, code_wanted, stays, *options):
    """An update that must not succeed; its last details. The image with version `stays` must run afterwards."""
    update = lab().update(device.name, target, *options)
    code, last = update.result()
    expect(code == code_wanted, "skerry update ends with %d" % code_wanted, code, last, update.error_text(), device.console[-3000:])
    device.wait_online(stays)
    return update.details()


class Peaks:
    """The highest of heap and stack that the device reports in the course of an update: its on_change."""

    def __init__(self, device):
        self.device, self.heap, self.stack = device, 0, 0

    def __call__(self, _change):
        report = self.device.show()["report"]
        expect(0 < report["heapPeak"] <= report["heapBytes"] and report["stackPeak"] > 0, "peaks are reported", report)
        self.heap, self.stack = max(self.heap, report["heapPeak"]), max(self.stack, report["stackPeak"])

    def __str__(self):
        found = re.search(r"mem: ram_kb=(\d+) free_kb=(\d+) image_kb=(\d+)", self.device.console)
        return "image %s KiB, heap peak %d B, stack peak %d B" % (found[3], self.heap, self.stack)


# ---- good updates

@case("an update is downloaded, verified, tried, confirmed; and the next one goes to the other slot")
def update_twice():
    with started() as device:
        update = succeed(device, image("2.0.0"))
        steps = [update.details(change).get("step") for change in update.changes]
        order = [step for n, step in enumerate(steps) if step and step not in steps[:n]]
        expect(order == sorted(order, key=["manifest", "download", "verify", "reboot", "trial", "confirm"].index), "the steps come in order", order)
        expect("download" in order and order[-1] == "confirm", "download and confirm are reported", order)
        expect("slot=b start mode=trial" in device.console, "U-Boot starts it on trial", device.console[-2000:])
        expect(device.show()["slot"] == "b", "it runs in slot b")
        expect(device.show()["mac"] == "52:54:00:12:34:56", "the interface's address, as QEMU gives it, is reported", device.show())
        succeed(device, image("3.0.0"))
        expect(device.show()["slot"] == "a", "it runs in slot a")


@case("the image that runs already is a success at once")
def update_same():
    with started() as device:
        update = lab().update(device.name, image("1.0.0"))
        code, last = update.result()
        expect(code == 0, "it succeeds", last, update.error_text())
        expect(len(re.findall(r"boot: slot=\w start", device.console)) == 1, "without a reset")


VARIANTS = {
    "GICv3": dict(gic=3),
    "entry at EL2": dict(el2=True),
    "GICv3, EL2, cortex-a72": dict(gic=3, el2=True, cpu="cortex-a72"),
    "cpu max": dict(cpu="max"),
    "two processors": dict(smp=2),
    "cortex-a72, 256 MiB": dict(cpu="cortex-a72", memory_mib=256),
}


def variant(options):
    def run():
        with started(**options) as device:
            peaks = Peaks(device)
            succeed(device, image("2.0.0"), on_change=peaks)
            return peaks
    return run


for _name, _options in VARIANTS.items():
    case("an update on: " + _name, variant(_options))


@case("-m 32 with an update in flight")
def update_small_memory():
    with started(memory_mib=32) as device:
        peaks = Peaks(device)
        succeed(device, image("2.0.0"), on_change=peaks)
        expect("mem: ram_kb=32768" in device.console, "32 MiB it is", device.console[-3000:])
        expect(peaks.heap + peaks.stack < 15 << 20, "the kernel fits 16 MiB", peaks)
        return peaks


@case("an app that spins at full speed: the device still takes an update")
def update_spin():
    with started(image("1.0.0", "spin")) as device:
        succeed(device, image("2.0.0"))


# ---- trials that fail

FAULTS = {
    "an app that writes to address 0": ("null", "fault"),
    "an app that overflows its stack": ("overflow", "stack-overflow"),
    "an app that exhausts its heap": ("exhaust", "heap-exhausted"),
    "an app that returns": ("returns", "app-returned"),
    "an app that overwrites its stack canary": ("smash", "stack-smashed"),
}


def fault(kernel, cause):
    def run():
        with started() as device:
            details = fail(device, image("2.0.0", kernel), FAILED, "1.0.0")
            expect(details.get("reason") == "rolled-back" and details.get("cause") == cause, "rolled back: " + cause, details, device.console[-4000:])
            starts = re.findall(r"boot: slot=b start mode=(\w+)", device.console)
            expect(starts == ["trial"] * 3, "three starts on trial", starts)
            expect(cause in device.console, "the console names the cause", device.console[-4000:])
            known = device.show()
            expect(known["slot"] == "a" and known["mode"] == "normal", "the old image runs as before", known)
            again = fail(device, image("2.0.0", kernel), REJECTED, "1.0.0")
            expect(again.get("error") == "E_FAILED_BEFORE", "the same image is not tried again", again)
    return run


for _name, (_kernel, _cause) in FAULTS.items():
    case("rolled back with its cause: " + _name, fault(_kernel, _cause))


@case("rolled back with its cause: an app that never gets healthy")
def rollback_ill():
    with started() as device:
        details = fail(device, image("2.0.0", "ill"), FAILED, "1.0.0", "--trial-seconds", TRIAL_S)
        expect(details.get("reason") == "rolled-back" and details.get("cause") == "health-timeout", "rolled back: health-timeout", details)
        succeed(device, image("3.0.0"))


@case("rolled back with its cause: an image that cannot reach its broker")
def rollback_no_link():
    with started() as device:
        update = lab().update(device.name, image("2.0.0"), "--trial-seconds", TRIAL_S)
        update.wait_until(lambda change, details: details.get("step") in ("reboot", "trial"), "the reset")
        lab().broker_link.down()
        try:
            device.wait(r"boot: slot=b start mode=trial")
            device.wait(r"boot: slot=a start mode=normal")
        finally:
            lab().broker_link.up()
        code, last = update.result()
        details = update.details()
        expect(code == FAILED and details.get("cause") in ("link-timeout", "health-timeout"), "rolled back", last, device.console[-3000:])
        device.wait_online("1.0.0")


# ---- refusals: nothing is fetched

def refused(error, make, before=None):
    def run():
        with started() as device:
            if before:
                succeed(device, before())
            stays = device.show()["version"]
            target, fetched = make(device), lab().artifact_link.to_client
            details = fail(device, target, REJECTED, stays)
            expect(details.get("error") == error, "refused: " + error, details)
            expect(lab().artifact_link.to_client == fetched, "not a byte was fetched", lab().artifact_link.to_client - fetched)
    return run


def other_release_key(_device):
    key = Authority(lab().folder, "other-release").key
    return image("2.0.0", key=key)


def other_board(_device):
    # Another name for the same board: its class-id differs.
    folder = os.path.join(lab().folder, "boards", "other-board")
    if not os.path.exists(folder):
        shutil.copytree(os.path.join(lab().env["SKERRY_BOARDS"], BOARD), folder)
        conf = os.path.join(folder, "board.conf")
        with open(conf, encoding="utf-8") as file:
            text = file.read()
        with open(conf, "w", encoding="utf-8") as file:
            file.write(re.sub(r"(?m)^name\s*=.*$", "name = other-board", text))
    return image("2.0.0", board=folder)


case("refused: signed by a key that is not the fleet's release key", refused("E_SIG", other_release_key))
case("refused: for another board", refused("E_CLASS", other_board))
case("refused: for another vendor", refused("E_VENDOR", lambda _device: image("2.0.0", vendor="other.example")))
case("refused: for another device", refused("E_DEVICE", lambda _device: image("2.0.0", device="somebody-else")))
case("refused: older than the security counter allows",
     refused("E_COUNTER", lambda _device: image("1.5.0", counter=1), before=lambda: image("2.0.0", counter=2)))


@case("an image that failed is tried again with --retry", long=True)
def retried():
    with started() as device:
        for options in ((), ("--retry",)):
            details = fail(device, image("2.0.0", "ill"), FAILED, "1.0.0", "--trial-seconds", TRIAL_S, *options)
            expect(details.get("cause") == "health-timeout", "rolled back: health-timeout", details)


@case("an image that U-Boot refuses (other boot key) is rolled back: signature-refused")
def refused_by_uboot():
    with started() as device:
        keys = boot_keys(os.path.join(lab().folder, "other-boot"))
        details = fail(device, image("2.0.0", keys=keys), FAILED, "1.0.0")
        expect(details.get("reason") == "rolled-back" and details.get("cause") == "signature-refused", "rolled back: signature-refused", details)


@case("a withdrawn update stops, and the next one works")
def cancelled():
    with started() as device:
        target = image("2.0.0")
        gate = lab().artifact_link.policy = Gate(target.bytes // 2)
        try:
            update = lab().update(device.name, target)
            expect(gate.reached.wait(60), "the download runs")
            lab().skerry("job", "cancel", update.wait_until(lambda change, details: True, "a change")["jobId"])
            code, last = update.result()
            expect(code == CANCELED, "skerry update ends with %d" % CANCELED, code, last, update.error_text())
        finally:
            gate.open()
            lab().artifact_link.policy = Policy()
        succeed(device, image("3.0.0"))


# ---- power cuts

def cut_in_download(device, target, share):
    """Start the update and cut the power when the device has told of `share` of the payload; returns the running update."""
    lab().artifact_link.policy = Pace(150_000)  # slow enough to be hit
    try:
        update = lab().update(device.name, target)
        mid = update.wait_until(lambda change, details: details.get("bytes", 0) >= share * target.bytes, "that much")
        expect(update.details(mid)["step"] == "download", "the download is under way", mid)
        device.power_cut()
    finally:
        lab().artifact_link.policy = Policy()
        lab().artifact_link.drop()
    return update


@case("a power cut in the middle of a download: it resumes and is confirmed")
def cut_download():
    target = image("2.0.0")
    with started() as device:
        update = cut_in_download(device, target, 0.3)
        before = lab().artifact_link.to_client
        device.power_on()
        code, last = update.result()
        expect(code == 0, "the update succeeds", last, update.error_text(), device.console[-3000:])
        again = lab().artifact_link.to_client - before
        expect(again < target.bytes * 0.9, "it did not begin anew", again, target.bytes)
        net = update.details().get("netBytes")
        expect(target.bytes <= net < 2 * target.bytes, "the bytes for the job are told", net, target.bytes)
        device.wait_online("2.0.0")
        return "%d of %d bytes after the cut" % (again, target.bytes)


@case("a power cut during the trial burns a try; the second start is confirmed")
def cut_trial():
    with started() as device:
        update = lab().update(device.name, image("2.0.0"))
        device.wait(r"boot: slot=b start mode=trial")
        device.power_cut()
        device.power_on()
        code, last = update.result()
        expect(code == 0, "the update succeeds", last, update.error_text(), device.console[-3000:])
        device.wait_online("2.0.0")


@case("power cuts at random: the device ends up with the new image, never without one")
def cut_random():
    print("       seed %d (SKERRY_TEST_SEED repeats it)" % SEED)
    rng = random.Random(SEED)
    target = image("2.0.0")
    with started() as device:
        lab().artifact_link.policy = Pace(200_000)  # a download long enough to be hit
        try:
            update = lab().update(device.name, target)
            for _ in range(6):
                try:
                    device.wait(r"boot: slot=b start mode=trial", rng.uniform(0.3, 2.5))
                    break  # the trial's tries are another test's
                except AssertionError:
                    device.power_cut()
                    device.power_on()
                # The cut may have come just after the trial was armed: that start is the trial, no second one follows.
                if "trial" in device.wait(r"boot: slot=\w start mode=(\w+)").group(1):
                    break
        finally:
            lab().artifact_link.policy = Policy()
        code, last = update.result()
        expect(code == 0, "the update succeeds", last, update.error_text(), device.console[-3000:])
        device.wait_online("2.0.0")


@case("broker and server restart in the middle of an update: it goes on")
def services_restart():
    target = image("2.0.0")
    with started() as device:
        gate = lab().artifact_link.policy = Gate(target.bytes // 2)
        update = lab().update(device.name, target)
        try:
            expect(gate.reached.wait(60), "the download runs")
            for service in (lab().server, lab().broker):
                service.stop()
                lab().services.remove(service)
            lab().start_broker()
            lab().start_server()
        finally:
            lab().artifact_link.policy = Policy()
            lab().artifact_link.drop()
            gate.open()
        code, last = update.result()
        expect(code == 0, "the update succeeds", last, update.error_text(), device.console[-3000:])
        device.wait_online("2.0.0")


if __name__ == "__main__":
    sys.exit(main("The whole chain in QEMU.", close))
