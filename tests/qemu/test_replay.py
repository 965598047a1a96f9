#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The real chain from every point at which the power may have been cut: real updates in QEMU with their disk writes logged (blocklog.py), and from each
state that the disk had or may have had a start through U-Boot and kernel, and an update to its end. Needs ./dev build.

The server is not set back with the disk: for it the update that was cut is over, and the operator asks for the new version again. So a device may meet
a job that it does not know while it is busy with one that nobody else knows any more.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from cases import Failure, case, expect, main  # noqa: E402
from harness import Timeout  # noqa: E402
from crew import LONG, TRIAL_S, Crew, ended  # noqa: E402
import blocklog  # noqa: E402
from blocklog import Log, logged, prefixes, subsets  # noqa: E402

SEED = int(os.environ.get("SKERRY_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
ONLY = os.environ.get("SKERRY_TEST_POINT", "")  # only points whose name contains this
PART, PARTS = (int(n) for n in os.environ.get("SKERRY_TEST_PART", "1/1").split("/"))  # of the points each PARTS-th, from the PART-th on
SAMPLE = 16  # points that are not whole writes, in the short run
DRAWS = 60   # draws among the sectors between two flushes, in the long run

_crew = Crew("replay")


def crew():
    """The devices of all cases."""
    if not _crew.lab:
        print("       seed %d (SKERRY_TEST_SEED repeats it)" % SEED)
        _crew.start()
    return _crew


# ---- recording

def settle(log_path):
    """Until nothing more is written: the journal forgets the job when the server has acknowledged its end."""
    size = -1
    while size != os.path.getsize(log_path):
        size = os.path.getsize(log_path)
        time.sleep(1)


def record(device, target, end):
    """A real update of the device with its writes logged; the Log."""
    path = device.disk + ".log"
    before = blocklog.content(device.disk)
    device.drive = logged(path)
    device.power_on()
    try:
        update = crew().lab.update(device.name, target, "--trial-seconds", TRIAL_S)
        update.result()
        expect(ended(update) == end, "the update that is recorded ends with %s" % (end,), update.last, update.error_text(), device.console[-3000:])
        settle(path)
    finally:
        device.power_cut()
        device.drive = None
    return Log(before, path)


def record_first(make_disk, target, end):
    """
    The same update on every device, each from its own disk of make_disk(device); the Log of the first. It is replayed on all: they differ in nothing but
    their provisioning, and the server has seen as much of each.
    """
    logs = {}

    def one(device):
        make_disk(device)
        logs[device] = record(device, target, end)

    crew().on_all(one)
    return logs[crew().devices[0]]


# ---- replay

def replay(device, point, target):
    """From this state of the disk: an image starts, one of ours in full, and the device ends at the new version."""
    point.put(device.disk)
    crew().put_provision(device)
    update = crew().lab.update(device.name, target, "--trial-seconds", TRIAL_S)
    try:
        update.wait_until(lambda change, details: True, "the job is there")
        before = {slot: crew().slot_image(device, slot) for slot in "ab"}
        device.power_on()
        slot = device.wait(r"boot: slot=(\w) start mode=(\w+)").group(1)
        expect(before[slot], "the image that starts is there in full", device.console[-3000:])
        device.wait(r"boot: skerry image=")
        update.result()
        expect(ended(update) == ("SUCCEEDED", None), "the update to %s succeeds" % target.version, update.last, update.error_text(), device.console[-6000:])
        expect("no-slot" not in device.console, "there is always a slot to start", device.console[-3000:])
    except Timeout as error:
        raise Failure("%s\nconsole's end:\n%s" % (error, device.console[-6000:])) from None
    finally:
        device.power_cut()
        device.consoles.clear()
        update.stop()
        if update.job_id and update.last.get("status") in ("QUEUED", "IN_PROGRESS"):
            crew().lab.skerry("job", "cancel", update.job_id, check=False)
    expect(crew().confirmed(device).digest == target.digest, "the new image is the confirmed one")


def chosen(points, rng):
    """All in the long run, else those of whole writes and a sample of the others."""
    points = [point for point in points if ONLY in point.name]
    if LONG or ONLY:
        return points[PART - 1::PARTS]
    torn = [point for point in points if not point.edge]
    return [point for point in points if point.edge] + rng.sample(torn, SAMPLE)


def replay_all(log, target):
    """Every point of the log, shared among the devices; the case's note."""
    rng = random.Random(SEED)
    points = prefixes(log) + subsets(log, rng, DRAWS)
    done, failures = crew().run(lambda device, point: replay(device, point, target), chosen(points, rng))
    note = "prefixes: %d booted, %d failed" % (done - len(failures), len(failures))
    expect(done and not failures, note, "SKERRY_TEST_SEED=%d SKERRY_TEST_POINT='<name>' repeats one" % SEED,
           *("%s: %s" % (point.name, text) for point, text in failures))
    return "%s (part %d of %d of %d points of %d writes)" % (note, PART, PARTS, len(points), len(log.writes))


@case("replay: power cut at each write of a device's first update, and between the writes")
def replay_first():
    target = crew().image("2.0.0")
    return replay_all(record_first(crew().renew, target, ("SUCCEEDED", None)), target)


def updated(device):
    """A disk with a past: both slots filled, marks in both, a journal that has seen a job."""
    crew().renew(device)
    record(device, crew().image("2.0.0"), ("SUCCEEDED", None))


@case("replay: power cut at each write of a later update, over an older image", long=True)
def replay_later():
    target = crew().image("3.0.0")
    return replay_all(record_first(updated, target, ("SUCCEEDED", None)), target)


@case("replay: power cut at each write of an update that crashes and is rolled back", long=True)
def replay_rollback():
    return replay_all(record_first(crew().renew, crew().image("2.0.0", "null"), ("FAILED", "fault")), crew().image("3.0.0"))


if __name__ == "__main__":
    sys.exit(main("The real chain from every prefix of an update's writes.", _crew.stop))
