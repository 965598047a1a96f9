#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev demo: one operator, one device, real parts; seven steps, told as they happen, and a table at the end."""

import argparse
import os
import re
import shutil
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from lab import TOP, Lab, LabError  # noqa: E402
from harness import Timeout  # noqa: E402
from proxy import Gate, Pace, Policy  # noqa: E402

DEVICE = "dev-1"
FOLDER = os.path.join(TOP, "build", "demo")
TRIAL_S = 10  # the shortest that a job may ask for
# Of the console the demo shows what a reader follows; --verbose shows it all.
TELLING = re.compile(r"boot: (slot=. (verdict|start)|skerry)|panic|crash|ota: |agent: (mqtt|job|download|reboot)|app: (start|sensor)")


class Story:
    """The timeline on the terminal."""

    COLOURS = {"device": "36", "operator": "33", "skerryd": "35", "ok": "1;32", "FAILED": "1;31", "head": "1"}

    def __init__(self, verbose):
        self.start = time.monotonic()
        self.verbose = verbose
        self.lock = threading.Lock()
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def paint(self, text, what):
        return "\033[%sm%s\033[0m" % (self.COLOURS[what], text) if self.colour else text

    def head(self, text):
        with self.lock:
            print("\n%s" % self.paint(text, "head"), flush=True)

    def say(self, who, text):
        with self.lock:
            print("%6.1f s  %s %s" % (time.monotonic() - self.start, self.paint("%-8s" % who, who), text), flush=True)

    def console(self, line):
        line = "".join(c for c in line if c.isprintable()).strip()
        if line and (self.verbose or TELLING.search(line)):
            self.say("device", line)


class Step:
    """One row of the table."""

    def __init__(self, title):
        self.title, self.seconds, self.bytes, self.result, self.ok = title, 0.0, 0, "", False


class Demo:
    def __init__(self, lab, story):
        self.lab, self.story = lab, story
        self.steps = []
        self.shown = {}

    # What the steps are made of

    def check(self, truth, what, *facts):
        if not truth:
            raise LabError("%s: %s" % (what, " ".join(map(str, facts))))

    def bytes(self):
        links = (self.lab.artifact_link, self.lab.broker_link)
        return sum(link.to_client + link.to_server for link in links)

    def step(self, title, action):
        """Run one step; False when it failed."""
        step = Step(title)
        self.steps.append(step)
        self.story.head("%d  %s" % (len(self.steps), title))
        start, before = time.monotonic(), self.bytes()
        try:
            step.result, step.ok = action(), True
        except (LabError, Timeout) as error:
            step.result = str(error).splitlines()[0]
            print(error, file=sys.stderr)
        step.seconds, step.bytes = time.monotonic() - start, self.bytes() - before
        self.story.say("ok" if step.ok else "FAILED", step.result)
        return step.ok

    def power_on(self):
        self.device.power_on()
        self.device.follow(self.story.console)

    def update(self, image, *options):
        self.shown = {}
        self.story.say("operator", "skerry update %s %s %s" % (DEVICE, os.path.basename(image.suit), " ".join(options)))
        return self.lab.update(DEVICE, image, *options, on_change=self.tell)

    def tell(self, change):
        """A change of the job, on one line; of a download only each quarter."""
        details = change.get("statusDetails") or {}
        percent = details.get("percent")
        quarter = percent // 25 if details.get("step") == "download" and isinstance(percent, int) else None
        mark = (change.get("status"), details.get("step"), quarter, details.get("error"))
        if mark == self.shown:
            return
        self.shown = mark
        words = ["job", change.get("status", "?")]
        words += ["%s=%s" % (key, details[key]) for key in ("step", "percent", "bytes", "version", "slot", "error", "reason", "cause") if key in details]
        self.story.say("skerryd", " ".join(words))

    def expect_running(self, version):
        known = self.device.wait_online(version)
        self.check(known["version"] == version, "another version runs", known["version"])
        return known

    # The steps

    def prepare(self):
        lab = self.lab
        self.v1 = lab.image("sensor", "1.0.0", counter=1)
        self.v2 = lab.image("sensor", "2.0.0", counter=2)
        self.v3 = lab.image("sensor", "3.0.0", counter=2, kernel="ill-3.0.0")
        self.v4 = lab.image("sensor", "4.0.0", counter=2)
        self.v5 = lab.image("sensor", "5.0.0", counter=2)
        self.v6 = lab.image("sensor", "6.0.0", counter=2)
        self.device = lab.device(DEVICE, self.v1)
        lab.flash()
        self.story.say("operator", "images sensor 1.0.0 … 6.0.0 built and signed, %d bytes each; %s has a disk with 1.0.0" % (self.v1.bytes, DEVICE))

    def boots(self):
        self.power_on()
        known = self.expect_running("1.0.0")
        self.device.wait(r"app: reading ")
        return "sensor 1.0.0 runs in slot %s, online %s ms after the kernel's start" % (known["slot"], known["report"]["bootMs"])

    def good_update(self):
        update = self.update(self.v2)
        code, last = update.result()
        self.check(code == 0 and last["status"] == "SUCCEEDED", "the update did not succeed", last, update.error_text())
        steps = [update.details(change).get("step") for change in update.changes]
        self.check("download" in steps and steps[-1] == "confirm", "other steps were reported", steps)
        self.check("slot=b start mode=trial" in self.device.console, "U-Boot did not start it on trial")
        known = self.expect_running("2.0.0")
        self.check(known["slot"] == "b" and known["report"]["minCounter"] == 2, "not what was expected", known["report"])
        return "2.0.0 confirmed in slot b; security counter raised to 2"

    def ill_update(self):
        update = self.update(self.v3, "--trial-seconds", str(TRIAL_S))
        code, last = update.result()
        details = update.details()
        self.check(code == 3 and details.get("reason") == "rolled-back", "no rollback was reported", last, update.error_text())
        self.check(details.get("cause") == "health-timeout", "another cause", details)
        self.expect_running("2.0.0")
        return "3.0.0 rolled back to 2.0.0: %s" % details["cause"]

    def flipped_update(self):
        gate = self.lab.artifact_link.policy = Gate(0)
        update = self.update(self.v4)
        gate.reached.wait(60)
        with open(self.lab.artifact(self.v4), "r+b") as artifact:
            artifact.seek(self.v4.bytes // 2)
            byte = artifact.read(1)[0]
            artifact.seek(-1, os.SEEK_CUR)
            artifact.write(bytes([byte ^ 0x01]))
        self.story.say("operator", "one bit flipped in the payload that skerryd serves, at byte %d" % (self.v4.bytes // 2))
        gate.open()
        code, last = update.result()
        self.lab.artifact_link.policy = Policy()
        details = update.details()
        self.check(code in (3, 4) and details.get("error") in ("E_DIGEST", "E_NO_SOURCE"), "it was not refused", last, update.error_text())
        self.expect_running("2.0.0")
        return "4.0.0 refused before it could start: %s" % details["error"]

    def older_update(self):
        update = self.update(self.v1)
        code, last = update.result()
        details = update.details()
        self.check(code == 4 and details.get("error") == "E_COUNTER", "it was not refused", last, update.error_text())
        self.expect_running("2.0.0")
        return "1.0.0, rightly signed, refused before a byte of it was fetched: E_COUNTER"

    def power_cut(self):
        self.lab.artifact_link.policy = Pace(120_000)  # slow enough to be hit
        update = self.update(self.v5)
        mid = update.wait_until(lambda change, details: details.get("bytes", 0) >= self.v5.bytes // 3, "a third of the payload")
        self.check(update.details(mid)["step"] == "download", "the download was over already", mid)
        pid = self.device.pid
        self.device.power_cut()
        self.story.say("operator", "kill -9 %d: the power is cut with %s %% downloaded" % (pid, update.details(mid)["percent"]))
        self.lab.artifact_link.policy = Policy()
        self.lab.artifact_link.drop()
        fetched = self.lab.artifact_link.to_client
        self.power_on()
        code, last = update.result()
        self.check(code == 0 and last["status"] == "SUCCEEDED", "it did not end well", last, update.error_text())
        again = self.lab.artifact_link.to_client - fetched
        self.check(again < self.v5.bytes, "it began anew", again, self.v5.bytes)
        net = update.details().get("netBytes", 0)
        self.check(self.v5.bytes <= net < 2 * self.v5.bytes, "bytes for this job", net)
        self.expect_running("5.0.0")
        return "resumed after the cut, %d bytes were left; 5.0.0 confirmed" % again

    def rotate_keys(self):
        keys = self.lab.skerry_json("keys", "rotate", "release")
        self.story.say("operator", "skerry keys rotate release: keyset %d, signed by two root keys; the old release key is revoked" % keys["version"])
        self.device.wait_report(lambda known: known.get("keyset") == keys["version"], "told of the new keyset")
        update = self.update(self.v6)
        code, last = update.result()
        self.check(code == 4 and update.details().get("error") == "E_SIG", "the old key's image was not refused", last, update.error_text())
        self.lab.skerry("image", "sign", self.v6.fit)
        self.story.say("operator", "skerry image sign: the same image, by the new key")
        update = self.update(self.v6)
        code, last = update.result()
        self.check(code == 0 and last["status"] == "SUCCEEDED", "the new key's image was not taken", last, update.error_text())
        self.expect_running("6.0.0")
        return "the old key's 6.0.0 refused: E_SIG; signed by the new key it is confirmed"

    def run(self):
        """All steps, also after a failed one where that makes sense. True when all happened."""
        story = [("1.0.0 boots and reports", self.boots), ("update to 2.0.0: downloaded, verified, tried, confirmed", self.good_update),
                 ("3.0.0, whose app never gets healthy", self.ill_update), ("4.0.0, with one flipped bit", self.flipped_update),
                 ("1.0.0 again: older, rightly signed", self.older_update), ("power cut in the middle of the download of 5.0.0", self.power_cut),
                 ("release key rotated and the old one revoked, live; 6.0.0 by each", self.rotate_keys)]
        for title, action in story:
            if not self.step(title, action):
                return False
        return True

    def table(self):
        width = max(len(step.title) for step in self.steps)
        line = "%%-%ds  %%7s  %%14s  %%s" % (width + 3)
        self.story.head(line % ("   step", "seconds", "network bytes", "result"))
        for n, step in enumerate(self.steps, 1):
            verdict = self.story.paint("ok    ", "ok") if step.ok else self.story.paint("FAILED", "FAILED")
            print(line % ("%d  %s" % (n, step.title), "%.1f" % step.seconds, "{:,}".format(step.bytes), "%s %s" % (verdict, step.result)))


def keep(lab, story):
    """Leave it running; the relays live in this process."""
    story.head("It keeps running. To play with it, in another terminal:")
    print("  export SKERRY_HOME=%s PATH=%s:$PATH" % (lab.home, os.path.dirname(shutil.which("skerry", path=os.path.join(TOP, "build/host-release/bin")) or "")))
    for command in ("device show %s" % DEVICE, "logs %s --follow" % DEVICE, "events", "update %s %s/images/sensor-2.0.0-c2.suit" % (DEVICE, lab.folder),
                    "cmd %s reboot" % DEVICE):
        print("  skerry " + command)
    print("Ctrl-C here ends it.", flush=True)
    signal.pause()


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description="One operator, one device, real parts: update, rollback, refusals, power cut.")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end and print commands to play with it")
    parser.add_argument("--verbose", action="store_true", help="show all of the device's console")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(FOLDER, ignore_errors=True)
    story = Story(args.verbose)
    story.head("One operator, one device in QEMU, Mosquitto and skerryd; everything in %s" % os.path.relpath(FOLDER, os.getcwd()))
    try:
        with Lab(FOLDER) as lab:
            demo = Demo(lab, story)
            demo.prepare()
            done = demo.run()
            demo.table()
            if args.keep:
                keep(lab, story)
    except KeyboardInterrupt:
        return 130
    except (LabError, AssertionError, OSError) as error:
        print("demo: %s" % error, file=sys.stderr)
        return 1
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
