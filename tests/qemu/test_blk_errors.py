#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A disk that fails once: the nth read, write or flush since the power came on gives an I/O error (QEMU's blkdebug), in U-Boot, at the agent's start, in an
update or its trial. It is reported, the confirmed image stays, and the update succeeds, at the latest when it is asked for again. Needs ./dev build.
"""

import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from cases import Failure, case, expect, main  # noqa: E402
from crew import LONG, TRIAL_S, Crew, ended  # noqa: E402
from harness import Timeout  # noqa: E402

SEED = int(os.environ.get("SKERRY_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
ONLY = os.environ.get("SKERRY_TEST_NTH", "")  # only this one
SAMPLE = 4  # of each kind, in the short run
EVENTS = {"read": "read_aio", "write": "write_aio", "flush": "flush_to_disk"}
COUNTS = {"read": "rd", "write": "wr", "flush": "flush"}
EIO = 5
LAST_S = 3
BEHIND_MAX = 3  # a run may take that many operations less than the one that was counted
# What names a failed request: the driver, the core, the boot loader.
REPORTED = r"blk: request\.fail|E_IO|boot: read error|slot-unreadable|record copy=\d cannot be (read|written)|mark cannot be read"
# How an update may end that met the error: it was mended, or given up for it.
ENDS = [("SUCCEEDED", None), ("FAILED", "slot-unreadable"), ("FAILED", "record-unwritable"), ("FAILED", "E_IO")]

_crew = Crew("blk")


def crew():
    if not _crew.lab:
        print("       seed %d (SKERRY_TEST_SEED repeats it)" % SEED)
        _crew.start()
    return _crew


def failing(operation, nth):
    """For Device.drive: this operation fails the nth time, once."""
    event = EVENTS[operation]

    def node(disk):
        steps = [{"event": event, "state": n, "new_state": n + 1} for n in range(1, nth)]
        return {"driver": "blkdebug", "image": {"driver": "file", "filename": disk, "cache": {"no-flush": True}},
                "inject-error": [{"event": event, "iotype": operation, "state": nth, "errno": EIO, "once": True}],
                **({"set-state": steps} if steps else {})}
    return node


def stats(device):
    """QEMU's counters of the disk."""
    return next(entry["stats"] for entry in device.machine.qmp("query-blockstats") if entry["device"] == "disk")


def has_failed(device):
    """A request of the guest's did. The very last come after the update's end: wait for them for a moment."""
    deadline = time.monotonic() + LAST_S
    while True:
        counters = stats(device)
        failed = sum(counters["failed_%s_operations" % kind] for kind in COUNTS.values())
        expect(failed <= 1, "one error is injected", counters)
        if failed or time.monotonic() > deadline:
            return failed == 1
        time.sleep(0.1)


def update_to_end(device, target, *options):
    update = crew().lab.update(device.name, target, "--trial-seconds", TRIAL_S, *options)
    update.result()
    return update


def attempt(device, operation, nth, target):
    """A factory-new device whose nth operation fails is updated. False: there was no nth."""
    crew().renew(device)
    device.consoles.clear()
    device.drive = failing(operation, nth)
    device.power_on()
    try:
        update = update_to_end(device, target)
        if not has_failed(device):
            expect(ended(update) == ("SUCCEEDED", None), "an update without errors succeeds", update.last, update.error_text())
            return False
        expect(ended(update) in ENDS, "the update ends, well or with the error's name", update.last, update.error_text())
        if ended(update)[0] != "SUCCEEDED":
            expect(device.wait_online("1.0.0")["slot"] == "a", "the confirmed image runs")
            update = update_to_end(device, target, "--retry")
            expect(ended(update) == ("SUCCEEDED", None), "the next update succeeds", update.last, update.error_text())
        expect(re.search(REPORTED, device.console), "the error is reported")
    finally:
        device.power_cut()
        device.drive = None
    expect(crew().confirmed(device).digest == target.digest, "the new image is the confirmed one")
    expect(crew().slot_image(device, "a").version == "1.0.0", "the image that was confirmed before is untouched")
    return True


def operations(target):
    """How many of each kind an update takes, from power-on to its end."""
    device = crew().devices[0]
    crew().renew(device)
    device.power_on()
    try:
        update = update_to_end(device, target)
        expect(ended(update) == ("SUCCEEDED", None), "an update without errors", update.last, device.console[-3000:])
        return {operation: stats(device)["%s_operations" % COUNTS[operation]] for operation in EVENTS}
    finally:
        device.power_cut()


def nth_fails(operation):
    def run():
        target = crew().image("2.0.0")
        if not _counts:
            _counts.update(operations(target))
        every = range(1, _counts[operation] + 1)
        rng = random.Random("%d %s" % (SEED, operation))
        chosen = [int(ONLY)] if ONLY else every if LONG else sorted(rng.sample(every, min(SAMPLE, len(every))))
        injected = []
        _, failures = crew().run(lambda device, nth: injected.append(one(device, operation, nth, target)), chosen)
        note = "block errors: %d injected, %d failed" % (sum(injected) + len(failures), len(failures))
        expect(not failures and sum(injected) >= len(chosen) - BEHIND_MAX, note, *("SKERRY_TEST_NTH=%d: %s" % failure for failure in failures))
        return "%s (of %d)" % (note, len(every))
    return run


def one(device, operation, nth, target):
    try:
        return attempt(device, operation, nth, target)
    except (Failure, Timeout) as error:
        raise Failure("%s\nconsole:\n%s" % (error, device.console[-8000:])) from None


_counts = {}
for _operation in EVENTS:
    case("block errors: the nth %s of an update fails" % _operation, nth_fails(_operation))


if __name__ == "__main__":
    sys.exit(main("I/O errors in the real chain.", _crew.stop))
