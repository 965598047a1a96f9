#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rollouts for real: Mosquitto, skerryd and skerry-sim's agents; one that completes over its waves, and one that stops itself in its canary wave."""

import json
import os
import subprocess
import sys
import threading

import home
from cases import case, expect, main

BIN = home.programs()
COUNT = 16
fleet = home.Home(BIN).start()
first = fleet.image("1.0.0", size=6000)
for number in range(COUNT):
    fleet.skerry("device", "add", "sim-%03d" % number, "--board", "qemu-virt")


class Sim:
    """A running skerry-sim."""

    def __init__(self, *options):
        command = [os.path.join(BIN, "skerry-sim"), "--devices", fleet.file("devices"), "--image", first[:-5] + ".fit", "--per-second", "50", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=lambda: [None for _ in self.process.stdout], daemon=True).start()

    def __enter__(self):
        home.wait_until(lambda: sum(d["online"] and "digest" in d for d in devices()) == COUNT, "all are online and have reported")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        errors = self.process.communicate(timeout=60)[1]
        expect(self.process.returncode == 0, "skerry-sim ends well", errors[-2000:])


def devices():
    return fleet.json("device", "list")


def described(**members):
    """A file with a description."""
    path = fleet.scratch("rollout.json")
    with open(path, "w") as file:
        json.dump(members, file)
    return path


def show(rollout):
    return fleet.json("rollout", "show", rollout)


def targets(rollout):
    return fleet.json("rollout", "targets", rollout)


def watch(rollout, code):
    """Until it is over, which must end with this code; what it is then."""
    done = fleet.command("rollout", "watch", rollout, "--timeout", "%d" % (2 * home.TIMEOUT_S), timeout=3 * home.TIMEOUT_S)
    expect(done.returncode == code, "watching ends with code %d" % code, done.returncode, done.stdout, done.stderr)
    return show(rollout)


WAVES = [{"name": "canary", "count": 3, "advance": {"successPercent": 100}}, {"name": "quarter", "percent": 25, "maxInFlight": 2}, {"name": "rest"}]


@case("a good rollout passes its three waves in their order and completes; every device runs the image")
def good():
    suit = fleet.image("2.0.0", size=6000)
    with Sim():
        file = described(name="good", waves=WAVES, device={"trialS": 10})
        plan = fleet.json("rollout", "plan", file, "--image", suit)
        expect([w["size"] for w in plan["waves"]] == [3, 4, 9], "the plan says who gets it", plan)
        expect(fleet.json("rollout", "list") == [], "a plan makes nothing")
        rollout = fleet.json("rollout", "create", file, "--image", suit, "--start")["id"]
        done = watch(rollout, 0)
        digest = done["digest"]
        fleet.refused("rollout", "pause", rollout, says="complete")
        expect(done["counts"] == {"succeeded": COUNT}, "all succeeded", done)
        expect([w["state"] for w in done["waves"]] == ["passed"] * 3, "all waves passed", done)
        expect(all(d["digest"] == digest for d in devices()), "what runs is the image", devices())
        waves = {}
        for target in targets(rollout):
            waves.setdefault(target["wave"], []).append(target)
        expect(sorted(len(w) for w in waves.values()) == [3, 4, 9], "as planned", waves)
        for earlier, later in ((0, 1), (1, 2)):
            ended = sorted(t["endedAt"] for t in waves[earlier])
            expect(min(t["startedAt"] for t in waves[later]) >= ended[len(ended) - 1], "no start before the gate", waves)
        return "%d s" % (done["endedAt"] - done["startedAt"])


@case("a bad one stops itself in its canary wave, and no device is started after that")
def bad():
    suit = fleet.image("3.0.0", size=6000)
    with Sim("--bad", "3.0.0=100"):
        file = described(name="bad", waves=WAVES, stop=[{"on": "failed", "percent": 10, "min": 2, "of": "rollout", "action": "abort"}],
                         device={"trialS": 10, "retries": 0})
        rollout = fleet.json("rollout", "create", file, "--image", suit, "--start")["id"]
        home.wait_until(lambda: show(rollout)["state"] in ("aborting", "aborted"), "it stops itself", 2 * home.TIMEOUT_S)
        jobs = len(fleet.json("job", "list"))
        done = watch(rollout, 6)
        digest = done["digest"]
        expect("stop criterion 1" in done["reason"], "it says why", done)
        expect(done["counts"].get("failed", 0) >= 2 and "succeeded" not in done["counts"], "the canaries failed", done)
        started = [t for t in targets(rollout) if "startedAt" in t]
        expect({t["wave"] for t in started} == {0} and len(started) <= 3, "nobody but canaries was started", started)
        expect(len(fleet.json("job", "list")) == jobs, "no job was made after the stop")
        events = [e for e in map(json.loads, fleet.skerry("events", "--json").splitlines()) if e.get("rollout") == rollout]
        stop = [e["n"] for e in events if e["kind"] == "rollout-aborting"][0]
        expect(not [e for e in events if e["kind"] == "job-created" and e["n"] > stop], "nor is one in the events", events)
        expect(digest not in [d["digest"] for d in devices()], "nobody runs it", devices())


if __name__ == "__main__":
    sys.exit(main("Rollouts, live.", fleet.remove))
