#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rollouts for real: Mosquitto, skerryd and skerry-sim's agents; one that completes over its waves, and one that stops itself in its canary wave."""

import json
import os
import re
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


def upload(version):
    """The digest of an image that is on the server."""
    suit = fleet.image(version, size=6000)
    digest = re.search(r"[0-9a-f]{64}", fleet.skerry("image", "inspect", suit, "--json")).group(0)
    for name, kind in ((suit[:-5] + ".fit", "payload"), (suit, "manifest")):
        fleet.api("/api/v1/images/%s/%s" % (digest, kind), "-X", "PUT", "--data-binary", "@" + name)
    return digest


def post(path, body=None, wanted=(200, 201)):
    status, _, answer = fleet.api("/api/v1/rollouts" + path, "-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(body or {}))
    expect(status in wanted, "POST %s is taken" % path, status, answer)
    return json.loads(answer)


def get(rollout, tail=""):
    return json.loads(fleet.api("/api/v1/rollouts/%s%s" % (rollout, tail))[2])


def targets(rollout):
    return get(rollout, "/targets?limit=500")["targets"]


def start(description):
    rollout = post("", description)["id"]
    post("/%s/start" % rollout)
    return rollout


def wait_state(rollout, *states):
    return home.wait_until(lambda: (lambda r: r["state"] in states and r)(get(rollout)), "the rollout is %s" % " or ".join(states), 2 * home.TIMEOUT_S)


WAVES = [{"name": "canary", "count": 3, "advance": {"successPercent": 100}}, {"name": "quarter", "percent": 25, "maxInFlight": 2}, {"name": "rest"}]


@case("a good rollout passes its three waves in their order and completes; every device runs the image")
def good():
    digest = upload("2.0.0")
    with Sim():
        plan = post("/plan", {"image": digest, "waves": WAVES})
        expect([w["size"] for w in plan["waves"]] == [3, 4, 9], "the plan says who gets it", plan)
        rollout = start({"name": "good", "image": digest, "waves": WAVES, "device": {"trialS": 10}})
        done = wait_state(rollout, "complete")
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
    digest = upload("3.0.0")
    with Sim("--bad", "3.0.0=100"):
        rollout = start({"name": "bad", "image": digest, "waves": WAVES, "stop": [{"on": "failed", "percent": 10, "min": 2, "of": "rollout", "action": "abort"}],
                         "device": {"trialS": 10, "retries": 0}})
        done = wait_state(rollout, "aborted", "aborting")
        jobs = len(fleet.json("job", "list"))
        done = wait_state(rollout, "aborted")
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
