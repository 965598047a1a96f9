#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
kill -9 of QEMU at random moments of updates: each time an image must be there that starts, and the fleet ends at the new version. Needs ./dev build.
SKERRY_TEST_KILLS says how many (20; in the long run 500). Half of them come after a random time, half shortly behind a random line of the console:
most of an update is waiting for the app to stay well, and the moments that matter are short.
"""

import itertools
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from cases import case, expect, main  # noqa: E402
from crew import LONG, TRIAL_S, Crew, ended  # noqa: E402
from harness import Timeout  # noqa: E402

SEED = int(os.environ.get("SKERRY_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
KILLS = int(os.environ.get("SKERRY_TEST_KILLS", "500" if LONG else "20"))
TRIES = 3
KILLS_PER_UPDATE = 4  # at most; a trial has three tries
LINES = (r"boot: record", r"boot: slot=\w start", r"boot: skerry image=", r"agent: mqtt\.connected", r"ota: job\.take", r"ota: fetch\.plan", r"ota: fetch\.body",
         r"step=verify", r"step=reboot", r"trial\.armed", r"boot: slot=\w start mode=trial", r"trial\.start", r"step=confirm", r"ota: confirm", r"job\.end")

_crew = Crew("kill")


def crew():
    """The devices of all cases."""
    if not _crew.lab:
        _crew.start()
    return _crew


class Toll:
    """What the kills came to, over all devices."""

    def __init__(self):
        self.kills = self.updates = self.exhausted = 0


def moment(rng, device, update, span_s):
    """Until a random moment of the update; False when the update is over before."""
    deadline = time.monotonic() + rng.uniform(0, span_s)
    pattern = rng.choice(LINES) if rng.random() < 0.5 else None
    if pattern:
        try:
            device.wait(pattern, span_s)
        except Timeout:
            pass
        deadline = time.monotonic() + rng.uniform(0, 0.05)
    while time.monotonic() < deadline and update.process.poll() is None:
        time.sleep(min(0.02, max(0, deadline - time.monotonic())))
    return update.process.poll() is None


def killed_update(rng, device, target, span_s, toll):
    """One update with kills in it, to the new version; the seconds from the last power-on to its end."""
    device.consoles.clear()
    update = _crew.lab.update(device.name, target, "--trial-seconds", TRIAL_S)
    update.wait_until(lambda change, details: True, "the job is there")
    since = time.monotonic()
    for _ in range(rng.randint(1, KILLS_PER_UPDATE)):
        if not moment(rng, device, update, span_s):
            break
        device.power_cut()
        toll.kills += 1
        _crew.confirmed(device)
        since = time.monotonic()
        device.power_on()
    update.result()
    span_s = time.monotonic() - since
    if ended(update) == ("FAILED", "tries-exhausted"):  # by design: three tries, three cuts
        toll.exhausted += 1
        update = _crew.lab.update(device.name, target, "--trial-seconds", TRIAL_S, "--retry")
        update.result()
    expect(ended(update) == ("SUCCEEDED", None), "the update to %s succeeds" % target.version, update.last, update.error_text())
    toll.updates += 1
    return span_s


def work(device, seed, toll):
    """Updates of one device, to and fro, until enough kills were done by all."""
    rng = random.Random(seed)
    _crew.renew(device)
    span_s = 4.0  # how long an update takes; learnt from those before, so that kills hit it on a slow machine too
    device.power_on()
    try:
        device.wait_online("1.0.0")
        for version in itertools.cycle(("2.0.0", "3.0.0")):
            if toll.kills >= KILLS:
                break
            target = _crew.image(version)
            last_life_s = killed_update(rng, device, target, span_s, toll)
            span_s = (span_s + last_life_s) / 2
            expect(device.wait_online(version)["digest"] == target.digest, "the new image runs")
    finally:
        device.power_cut()


@case("kill -9 at the start of each of a trial's tries: they are used up, then the image before runs")
def kills_use_up_the_tries():
    device, target = crew().devices[0], crew().image("2.0.0")
    crew().renew(device)
    device.power_on()
    try:
        device.wait_online("1.0.0")
        update = crew().lab.update(device.name, target, "--trial-seconds", TRIAL_S)
        for _ in range(TRIES):
            device.wait(r"boot: slot=b start mode=trial")
            device.power_cut()
            device.power_on()
        expect(device.wait(r"boot: slot=(\w) start mode=(\w+) ").groups() == ("a", "normal"), "a try that was cut off is a try", device.console[-6000:])
        update.result()
        expect(ended(update) == ("FAILED", "tries-exhausted"), "the server hears it", update.last, update.error_text())
    finally:
        device.power_cut()
    return "%d kills" % TRIES


@case("kill -9 when success is told: the new image is the confirmed one")
def kill_at_success():
    device, target = crew().devices[0], crew().image("2.0.0")
    crew().renew(device)
    device.power_on()
    try:
        device.wait_online("1.0.0")
        update = crew().lab.update(device.name, target, "--trial-seconds", TRIAL_S, "--retry")
        update.wait_until(lambda change, details: change["status"] == "SUCCEEDED", "success")
    finally:
        device.power_cut()
    expect(crew().confirmed(device).digest == target.digest, "what was told is on the disk", device.console[-3000:])


@case("kill -9 at random moments of updates: never without an image, and the update ends")
def kills():
    print("       seed %d (SKERRY_TEST_SEED repeats it)" % SEED)
    crew()
    toll = Toll()
    _crew.image("2.0.0"), _crew.image("3.0.0")
    _, failures = _crew.run(lambda device, n: work(device, SEED + n, toll), range(len(_crew.devices)))
    note = "kills: %d done, %d failed" % (toll.kills, len(failures))
    expect(not failures and toll.kills >= KILLS, note, *("device %d: %s\n%s" % (n, text, _crew.devices[n].console[-6000:]) for n, text in failures))
    return "%s (%d updates, %d of them with all tries of the trial cut off)" % (note, toll.updates, toll.exhausted)


if __name__ == "__main__":
    sys.exit(main("kill -9 at random moments of updates.", _crew.stop))
