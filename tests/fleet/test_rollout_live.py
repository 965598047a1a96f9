#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rollouts for real: Mosquitto, skerryd and skerry-sim's agents; one that completes over its waves, and one that stops itself in its canary wave."""

import json
import os
import subprocess
import sys
import threading
import time

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


def zone_where_it_is(hour):
    """A time zone in which this hour of the day begins now: so a test has any time of the day at any time."""
    minutes = (hour * 60 - int(time.time()) // 60) % 1440
    minutes -= 1440 if minutes > 720 else 0
    return "%s%02d:%02d" % ("-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60)


@case("windows apart: a device downloads in the one, holds over a reset, and resets into the image in the other")
def windows():
    suit = fleet.image("4.0.0", size=6000)
    first_device, other = "sim-000", "sim-001"

    def target(device):
        return {t["device"]: t for t in targets(rollout)}[device]

    def detail(name):
        return target(first_device).get("jobDetails", {}).get(name)

    def runs():
        return fleet.json("device", "show", first_device)["version"]

    def said():
        """Its starts, and how often it spoke of its job."""
        job = fleet.json("job", "show", target(first_device)["jobId"])
        return fleet.json("device", "show", first_device)["report"]["boots"], job["versionNumber"]

    with Sim():
        fleet.skerry("device", "set", first_device, "timezone=" + zone_where_it_is(12))
        fleet.skerry("device", "set", other, "timezone=" + zone_where_it_is(12))
        file = described(name="windows", selector="id in (%s %s)" % (first_device, other), waves=[{"name": "all"}], device={"trialS": 10},
                         windows={"download": "0 0 * * */480", "flash": "0 16 * * */480"})
        plan = fleet.skerry("rollout", "plan", file, "--image", suit)
        expect("download '0 0 * * */480', reset '0 16 * * */480'" in plan, "the plan says when", plan)
        rollout = fleet.json("rollout", "create", file, "--image", suit, "--start")["id"]
        expect({t["state"] for t in targets(rollout)} == {"pending"}, "at noon nothing begins", targets(rollout))
        fleet.skerry("device", "set", first_device, "timezone=" + zone_where_it_is(4))
        home.wait_until(lambda: target(first_device)["state"] == "held", "at night it downloads, then it holds")
        fetched = detail("netBytes")
        expect(detail("step") == "hold" and detail("percent") == 100 and fetched == detail("total"), "all of it is there", target(first_device))
        before = said()
        fleet.skerry("cmd", first_device, "reboot")
        home.wait_until(lambda: all(latest > earlier for latest, earlier in zip(said(), before)) and target(first_device)["state"] == "held", "it is reset, and holds again")
        expect(detail("netBytes") == fetched, "nothing was fetched twice", target(first_device))
        expect(runs() == "1.0.0" and target(other)["state"] == "pending", "it runs what it ran", target(first_device))
        fleet.skerry("device", "set", first_device, "timezone=" + zone_where_it_is(20))
        home.wait_until(lambda: target(first_device)["state"] == "succeeded", "in the evening it resets", 2 * home.TIMEOUT_S)
        expect(runs() == "4.0.0", "it runs the image", runs())
        fleet.skerry("rollout", "abort", rollout)
        done = watch(rollout, 6)
        expect(done["counts"] == {"succeeded": 1, "canceled": 1}, "the other one never began", done)
        expect(not [job for job in fleet.json("job", "list") if job["device"] == other and job["digest"] == done["digest"]], "nor had it a job")


if __name__ == "__main__":
    sys.exit(main("Rollouts, live.", fleet.remove))
