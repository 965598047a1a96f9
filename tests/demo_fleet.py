#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
./dev demo fleet: three devices in QEMU and two hundred simulated ones, one rollout that reaches them all in waves, and a bad one that stops itself in
its canary wave. The dashboard shows both; the terminal tells what happens.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

TESTS = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [TESTS, os.path.join(TESTS, "fleet")]
from demo import Story  # noqa: E402
from lab import BOARD, TOP, Lab, LabError  # noqa: E402
from harness import TIMEOUT_S, Timeout  # noqa: E402
import many  # noqa: E402

FOLDER = os.path.join(TOP, "build", "demo-fleet")
QEMU = ["dev-1", "dev-2", "dev-3"]
SHOWN = ("succeeded", "active", "offered", "pending", "failed", "canceled")


class Simulated:
    """skerry-sim over the lab's devices sim-…; as QEMU's network has it, the servers are at 10.0.2.2."""

    def __init__(self, lab, image):
        command = [lab.program("skerry-sim"), "--devices", os.path.join(lab.home, "devices"), "--prefix", "sim-", "--image", image.fit, "--per-second", "40",
                   "--resolve", "10.0.2.2=127.0.0.1", "--bad", "3.0.0=100"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.state = {}
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        for line in self.process.stdout:
            self.state = json.loads(line)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


class LabFleet:
    """What many.Api and many.put() want to know of a lab."""

    def __init__(self, lab):
        self.lab, self.http_port = lab, lab.http_port

    def file(self, *names):
        return os.path.join(self.lab.home, *names)

    def token(self):
        with open(self.file("operator", "api-token"), encoding="ascii") as file:
            return file.read()


class Demo:
    def __init__(self, lab, story, count):
        self.lab, self.story, self.count = lab, story, count
        self.fleet = LabFleet(lab)
        self.api = many.Api(self.fleet)
        self.sim = None

    def prepare(self):
        lab = self.lab
        self.good, self.better = lab.image("sensor", "1.0.0"), lab.image("sensor", "2.0.0")
        self.bad = lab.image("sensor", "3.0.0", kernel="ill-3.0.0")
        lab.skerry("device", "add", "sim-", "--board", BOARD, "--count", str(self.count))
        machines = [lab.device(name, self.good) for name in QEMU]
        self.story.say("operator", "images sensor 1.0.0, 2.0.0 and 3.0.0 (whose app never gets well) are built and signed")
        for machine in machines:
            machine.power_on()
        self.sim = Simulated(lab, self.good)
        self.story.say("operator", "%d devices in QEMU and %d simulated ones are switched on" % (len(QEMU), self.count))
        self.wait(lambda: self.sim.state.get("online", 0) == self.count, "the simulated devices are online")
        for machine in machines:
            known = machine.wait_online("1.0.0")
            self.story.say("device", "%s runs sensor %s in slot %s" % (machine.name, known["version"], known["slot"]))
        self.story.say("skerryd", "%d devices are online" % (len(QEMU) + self.count))

    def dashboard(self):
        self.story.head("The dashboard")
        print("  address  https://127.0.0.1:%d/    (its certificate is by the home's own authority: %s)" % (self.lab.http_port, self.fleet.file("server", "ca.pem")))
        print("  token    %s" % self.fleet.token().strip(), flush=True)

    def wait(self, condition, what):
        deadline = time.monotonic() + 5 * TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline:
                raise LabError("waited in vain: %s" % what)
            time.sleep(0.1)

    def upload(self, image):
        many.put(self.fleet, "/api/v1/images/%s/payload" % image.digest, image.fit)
        many.put(self.fleet, "/api/v1/images/%s/manifest" % image.digest, image.suit)

    def rollout(self, image, name):
        """Made and started; its id."""
        self.upload(image)
        canaries = [QEMU[0]] + ["sim-%0*d" % (len(str(self.count)), n) for n in range(1, 5)]
        made = self.api.must("POST", "/rollouts", {
            "name": name, "image": image.digest,
            "waves": [{"name": "canary", "selector": "id in (%s)" % " ".join(canaries), "advance": {"successPercent": 100}},
                      {"name": "tenth", "percent": 10, "maxInFlight": 10},
                      {"name": "rest", "maxInFlight": 50}],
            "stop": [{"on": "any", "percent": 10, "min": 2, "of": "rollout", "action": "abort"}],
            "device": {"timeoutS": 1800, "retries": 0, "trialS": 10 if image is self.bad else 120}})
        self.api.must("POST", "/rollouts/%s/start" % made["id"])
        self.story.say("operator", "rollout '%s' of sensor %s: canary (%d devices), a tenth, the rest; stops at 2 bad ends" % (name, image.version, len(canaries)))
        return made["id"]

    def follow(self, rollout):
        """Tell it wave by wave until it is over; the rollout at its end."""
        told, deadline = None, time.monotonic() + 10 * TIMEOUT_S
        while True:
            row = self.api.must("GET", "/rollouts/" + rollout)
            words = "  ".join("%s %s [%s]" % (wave["name"], wave["state"], " ".join(
                "%s %d" % (state, wave["counts"][state]) for state in SHOWN if wave["counts"].get(state))) for wave in row["waves"])
            if words != told:
                self.story.say("skerryd", words)
                told = words
            if row["state"] in ("complete", "aborted", "reverted", "paused"):
                return row
            if time.monotonic() > deadline:
                raise LabError("the rollout does not end: %s" % json.dumps(row))
            time.sleep(1)

    def versions(self):
        found = {}
        for row in many.Database(self.fleet).rows("SELECT coalesce(version, '-') AS version, count(*) AS n FROM devices GROUP BY 1"):
            found[row["version"]] = row["n"]
        return found

    def run(self):
        self.prepare()
        self.dashboard()
        everybody = len(QEMU) + self.count
        self.story.head("1  A good image, in three waves")
        done = self.follow(self.rollout(self.better, "sensor 2.0.0"))
        if done["counts"] != {"succeeded": everybody}:
            raise LabError("not all succeeded: %s" % done["counts"])
        self.wait(lambda: self.versions() == {"2.0.0": everybody}, "all report 2.0.0")
        self.story.say("ok", "all %d devices run 2.0.0, each confirmed by itself" % everybody)
        self.story.head("2  A bad image, which stops itself in its canary wave")
        done = self.follow(self.rollout(self.bad, "sensor 3.0.0"))
        started = sum(done["waves"][0]["counts"].get(state, 0) for state in ("failed", "active", "succeeded", "timed-out", "canceled"))
        beyond = sum(sum(wave["counts"].values()) - wave["counts"].get("canceled", 0) for wave in done["waves"][1:])
        if done["state"] != "aborted" or beyond != 0:
            raise LabError("it did not stop in its canary wave: %s" % json.dumps(done))
        self.wait(lambda: self.versions() == {"2.0.0": everybody}, "the canaries are back on 2.0.0")
        self.story.say("ok", "stopped: %s. %d canaries tried it and are back on 2.0.0; the other %d never heard of it" % (
            done.get("reason", "-"), started, everybody - started))

    def close(self):
        self.api.close()
        if self.sim:
            self.sim.stop()


def keep(demo):
    demo.story.head("It keeps running. Look at the dashboard, or in another terminal:")
    print("  export SKERRY_HOME=%s PATH=%s:$PATH" % (demo.lab.home, os.path.dirname(demo.lab.program("skerry"))))
    for command in ("rollout list", "device list", "events", "device show %s" % QEMU[0]):
        print("  skerry " + command)
    print("Ctrl-C here ends it.", flush=True)
    signal.pause()


def main():
    parser = argparse.ArgumentParser(prog="./dev demo fleet", description="A fleet, a good rollout in waves, and a bad one that stops itself.")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end, for the dashboard")
    parser.add_argument("--devices", type=int, default=200, metavar="N", help="simulated devices (default 200)")
    args = parser.parse_args()
    if not 10 <= args.devices <= 10000:
        parser.error("--devices is 10 to 10000")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(FOLDER, ignore_errors=True)
    story = Story(False)
    story.head("Mosquitto, skerryd, %d devices in QEMU and %d simulated ones; everything in %s" % (len(QEMU), args.devices, os.path.relpath(FOLDER, os.getcwd())))
    demo = None
    try:
        with Lab(FOLDER, relays=False) as lab:
            demo = Demo(lab, story, args.devices)
            try:
                demo.run()
                if args.keep:
                    keep(demo)
            finally:
                demo.close()
    except KeyboardInterrupt:
        return 130
    except (LabError, Timeout, AssertionError, OSError, many.Failure) as error:
        print("demo fleet: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
