#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The real unikernel in QEMU against a rogue artifact server (server.py), mode by mode. Each ends in a named error in the job's status, or in
success; and the device, never reset by it, runs its confirmed image. At the end the same device takes a good update.
"""

import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from cases import case, expect, main  # noqa: E402
from lab import Lab, LabError  # noqa: E402
from pki import Authority  # noqa: E402
from server import MODES, Server  # noqa: E402

# What the agent must say of each mode: any of these errors. SUCCESS: the update must succeed all the same.
SUCCESS = "success"
EXPECTED = {
    "wrong-ca": {"E_TLS_CERT"},
    "other-host": {"E_TLS_NAME"},
    "expired": {"E_TLS_CERT"},
    "no-tls": {"E_TLS", "E_TLS_RECORD", "E_TLS_VERSION"},
    "silent-accept": {"E_TIMEOUT"},
    "noise-accept": {"E_TLS", "E_TLS_RECORD", "E_TLS_VERSION"},
    "refused": {"E_CONNECT", "E_RESET", "E_CLOSED"},
    "corrupt-record": {"E_TLS_RECORD"},
    "corrupt-record-once": SUCCESS,
    "truncated": {"E_TRUNCATED", "E_TLS_TRUNCATED", "E_CLOSED"},
    "truncated-once": SUCCESS,
    "close-notify": {"E_TRUNCATED", "E_CLOSED"},
    "range-other-start": {"E_HTTP_RANGE"},
    "range-other-total": {"E_HTTP_RANGE", "E_HTTP_LENGTH"},
    "range-other-end": {"E_HTTP_RANGE", "E_HTTP_LENGTH"},
    "range-garbage": {"E_HTTP_RANGE", "E_HTTP_FORMAT"},
    "range-missing": {"E_HTTP_RANGE", "E_HTTP_FORMAT"},
    "range-shift": {"E_DIGEST", "E_NO_SOURCE"},
    "ignores-range": SUCCESS,
    "length-long": {"E_HTTP_LENGTH", "E_HTTP_RANGE"},
    "length-short": {"E_HTTP_LENGTH", "E_HTTP_RANGE"},
    "length-huge": {"E_HTTP_LENGTH", "E_HTTP_FORMAT"},
    "length-negative": {"E_HTTP_LENGTH", "E_HTTP_FORMAT"},
    "length-garbage": {"E_HTTP_LENGTH", "E_HTTP_FORMAT"},
    "length-twice": {"E_HTTP_LENGTH", "E_HTTP_FORMAT"},
    "longer-file": {"E_HTTP_LENGTH", "E_HTTP_RANGE", "E_HTTP_TOO_LONG"},
    "flipped": {"E_DIGEST", "E_NO_SOURCE"},
    "empty": {"E_HTTP_LENGTH", "E_TRUNCATED"},
    "404": {"E_HTTP_STATUS"},
    "403": {"E_HTTP_STATUS"},
    "410": {"E_HTTP_STATUS"},
    "500": {"E_HTTP_STATUS"},
    "503-then-good": SUCCESS,
    "500-then-good": SUCCESS,
    "redirect-once": SUCCESS,
    "redirect-loop": {"E_HTTP_REDIRECT"},
    "redirect-http": {"E_HTTP_REDIRECT"},
    "redirect-garbage": {"E_HTTP_REDIRECT", "E_HTTP_TOO_LONG", "E_URL", "E_HTTP_FORMAT"},
    "redirect-nowhere": {"E_HTTP_REDIRECT", "E_HTTP_FORMAT"},
    "endless": {"E_HTTP_TOO_LONG", "E_HTTP_LENGTH", "E_HTTP_FORMAT"},
    "no-length": {SUCCESS, "E_HTTP_LENGTH", "E_HTTP_FORMAT"},
    "chunked": {"E_HTTP_FORMAT", "E_HTTP_LENGTH"},
    "gzip": {"E_HTTP_FORMAT"},
    "slow": {"E_SLOW", "E_TIMEOUT"},
    "slow-head": {"E_SLOW", "E_TIMEOUT"},
    "reset-often": SUCCESS,
    "garbage-status": {"E_HTTP_FORMAT"},
    "binary-noise": {"E_HTTP_FORMAT", "E_HTTP_TOO_LONG"},
    "old-status": {"E_HTTP_FORMAT"},
    "huge-headers": {"E_HTTP_TOO_LONG", "E_HTTP_FORMAT"},
    "endless-headers": {"E_HTTP_TOO_LONG", "E_HTTP_FORMAT"},
    "nul-header": {"E_HTTP_FORMAT"},
    "silent-request": {"E_TIMEOUT", "E_SLOW"},
    "silent-body": {"E_TIMEOUT", "E_SLOW"},
    "interim-flood": {SUCCESS, "E_HTTP_FORMAT", "E_HTTP_TOO_LONG", "E_TIMEOUT"},
    "interim": {SUCCESS, "E_HTTP_FORMAT", "E_HTTP_STATUS"},
}

DEVICE = "hostile-1"
OPEN = ("QUEUED", "IN_PROGRESS")


class World:
    """The lab with its one device, and the rogue server in skerryd's place."""

    def __init__(self):
        self.lab = Lab(tempfile.mkdtemp(prefix="skerry-hostile-"))
        self.lab.start()
        home = self.lab.home
        authority = Authority(self.lab.folder, "ca", os.path.join(home, "server", "ca.pem"), os.path.join(home, "keys", "ca.key"))
        self.rogue = Server(self.lab.folder, {}, authority, host="10.0.2.2")
        self.runs = self.lab.image("sensor", "1.0.0")
        self.device = self.lab.device(DEVICE, self.runs)
        self.device.power_on()
        self.device.wait_online("1.0.0")
        self.count = 0

    def next_image(self):
        """An image that the device never saw, on the rogue server too. Notes what runs now."""
        self.runs = self.device.show()
        self.count += 1
        image = self.lab.image("sensor", "2.0.%d" % self.count)
        self.rogue.files[image.digest + ".fit"] = image.read()
        return image

    def rogue_serves(self, mode):
        self.rogue.force = mode
        if mode == "refused":
            self.lab.artifact_link.down()
        else:
            self.lab.artifact_link.target_port = self.rogue.ports[MODES[mode].listener]

    def honest(self):
        """skerryd serves again."""
        if self.rogue.force == "refused":
            self.lab.artifact_link.up()
        self.rogue.force = None
        self.lab.artifact_link.target_port = self.lab.http_port
        self.lab.artifact_link.drop()

    def withdraw(self, update):
        """Cancel its job, which may end by itself meanwhile: then there is nothing to cancel, and the device has nothing to withdraw."""
        try:
            self.lab.skerry("job", "cancel", update.job_id)
        except LabError as error:
            expect("over already" in str(error), "canceled, or over already", error)
        update.result()
        # The device hears of it when it next asks; an honest server before that would let the update through.
        self.device.wait(r"ota: job\.(withdrawn|end) id=%s" % update.job_id)

    def expect_unharmed(self):
        """The device was not reset, and runs what it ran."""
        known = self.device.wait_online(self.runs["version"])
        expect(known["digest"] == self.runs["digest"], "the confirmed image runs", known)
        expect(known["report"]["boots"] == self.runs["report"]["boots"], "without a reset", self.runs, known, self.device.console[-3000:])

    def expect_confirmed(self, image):
        known = self.device.wait_online(image.version)
        expect(known["digest"] == image.digest, "the new image runs", known)


_world = None


def world():
    global _world
    if not _world:
        _world = World()
    return _world


def close():
    if _world:
        _world.rogue.stop()
        _world.lab.stop()
        shutil.rmtree(_world.lab.folder, ignore_errors=True)


def against(mode):
    """One mode against the device."""
    wanted = {SUCCESS} if EXPECTED[mode] == SUCCESS else EXPECTED[mode]

    def is_told(change, details):
        error = details.get("error", "OK")
        return change["status"] not in OPEN or error in wanted or (SUCCESS not in wanted and error != "OK")

    def run():
        w = world()
        image = w.next_image()
        w.rogue_serves(mode)
        update = w.lab.update(DEVICE, image)
        try:
            last = update.wait_until(is_told, "an error or the end")
            error = update.details(last).get("error")
            if last["status"] == "SUCCEEDED":
                expect(SUCCESS in wanted, "an error, not success", wanted, last)
                w.expect_confirmed(image)
                return "success"
            expect(error in wanted, "one of %s" % ", ".join(sorted(wanted)), last, w.device.console[-2000:])
            return error
        finally:
            if update.last.get("status") in OPEN:
                w.withdraw(update)
            w.honest()
            if update.last.get("status") != "SUCCEEDED":
                w.expect_unharmed()
    return run


# The others run against the same code on the host, under sanitizers (tests/agent/test_https.py), and here in the long run.
DEFAULT = ("wrong-ca", "other-host", "no-tls", "refused", "corrupt-record", "corrupt-record-once", "truncated", "close-notify", "range-other-start",
           "range-other-total", "range-shift", "ignores-range", "length-long", "length-short", "length-huge", "flipped", "404", "500", "500-then-good",
           "redirect-loop", "redirect-http", "endless", "slow", "reset-often", "binary-noise", "huge-headers", "silent-request")
for _mode in EXPECTED:
    case("%s: %s" % (_mode, MODES[_mode].about), against(_mode), long=_mode not in DEFAULT)


@case("retries come with jittered pauses, and succeed when the server recovers")
def backoff():
    w = world()
    image = w.next_image()
    w.rogue_serves("500")
    before = len(w.rogue.log)
    update = w.lab.update(DEVICE, image)
    deadline = time.monotonic() + 120
    while len(w.rogue.log) - before < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    times = [request.at for request in w.rogue.log[before:before + 4]]
    w.rogue.force = "good"
    code, last = update.result()
    w.honest()
    expect(len(times) == 4, "four attempts", times)
    gaps = [b - a for a, b in zip(times, times[1:])]
    expect(code == 0, "then success", last, update.error_text())
    # Full jitter: one pause says nothing about the next, but none is nought and they are not alike. That their bound grows is ota's unit test.
    expect(min(gaps) >= 0.1 and max(gaps) - min(gaps) > 0.005, "pauses, and not the same each time", gaps)
    w.expect_confirmed(image)
    return "pauses %s s" % " ".join("%.1f" % gap for gap in gaps)


@case("wrong bytes from the only server, again and again: the update is given up by name", long=True)
def given_up():
    w = world()
    image = w.next_image()
    w.rogue_serves("flipped")
    try:
        update = w.lab.update(DEVICE, image)
        code, last = update.result(600)
    finally:
        w.honest()
    expect(code == 3 and update.details().get("error") in ("E_NO_SOURCE", "E_DIGEST"), "FAILED with its error", last)
    w.expect_unharmed()
    return update.details()["error"]


@case("after all that: a good update from the real server")
def good_at_last():
    w = world()
    image = w.next_image()
    update = w.lab.update(DEVICE, image)
    code, last = update.result()
    expect(code == 0, "the update succeeds", last, update.error_text(), w.device.console[-3000:])
    w.expect_confirmed(image)


if __name__ == "__main__":
    assert set(EXPECTED) | {"good"} == set(MODES), set(EXPECTED) ^ set(MODES)
    sys.exit(main("The agent against a rogue artifact server.", close))
