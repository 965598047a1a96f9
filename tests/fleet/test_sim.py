#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""skerry-sim: a fleet of simulated devices, with the product's own agent and core, against the real Mosquitto and skerryd."""

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
    """A running skerry-sim; `state` is its newest line."""

    def __init__(self, *options, version="1.0.0"):
        self.version = version
        command = [os.path.join(BIN, "skerry-sim"), "--devices", fleet.file("devices"), "--image", first[:-5] + ".fit", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.state = {}
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        for line in self.process.stdout:
            self.state = json.loads(line)

    def __enter__(self):
        try:
            self._wait()
        except BaseException:
            self.process.kill()
            raise
        return self

    def _wait(self):
        home.wait_until(lambda: self.state.get("starts", 0) >= COUNT, "all %d were switched on" % COUNT)
        home.wait_until(lambda: all(d.get("version") == self.version for d in devices()), "all reported")

    def __exit__(self, *_):
        self.process.terminate()
        errors = self.process.communicate(timeout=30)[1]
        expect(self.process.returncode == 0, "skerry-sim ends well", errors[-2000:])


def devices():
    return fleet.json("device", "list")


def update_all(suit):
    """One job for each; {device: its last state}."""
    jobs = {d["id"]: fleet.json("update", d["id"], suit, "--no-wait", "--trial-seconds", "10")["jobId"] for d in devices()}

    def ended():
        states = {device: fleet.json("job", "show", job) for device, job in jobs.items()}
        return all(state["status"] not in ("QUEUED", "IN_PROGRESS") for state in states.values()) and states
    return home.wait_until(ended, "every job ends", 2 * home.TIMEOUT_S)


def versions():
    return sorted(d["version"] for d in devices())


@case("all devices update, confirm and report the new image")
def good():
    suit = fleet.image("2.0.0", size=6000)
    with Sim("--per-second", "50"):
        states = update_all(suit)
        expect(all(s["status"] == "SUCCEEDED" for s in states.values()), "all succeed", states)
        home.wait_until(lambda: versions() == ["2.0.0"] * COUNT, "all run it")


@case("an image that crashes on half of them is rolled back there, and the same ones every time")
def bad():
    suit = fleet.image("3.0.0", size=6000)
    failed = []
    for _ in range(2):
        with Sim("--per-second", "50", "--bad", "3.0.0=50", "--seed", "7"):
            states = update_all(suit)
            failed.append(sorted(d for d, s in states.items() if s["status"] == "FAILED"))
            expect(0 < len(failed[-1]) < COUNT, "some of them fail, and no more", failed[-1])
            expect(set(s["status"] for s in states.values()) == {"SUCCEEDED", "FAILED"}, "the others succeed", states)
            for device in failed[-1]:
                expect(states[device]["statusDetails"]["reason"] == "rolled-back", "they say why", states[device])
            home.wait_until(lambda: versions().count("1.0.0") == len(failed[-1]), "those run the old image")
    expect(failed[0] == failed[1], "chance is the seed's", failed)


@case("outages, power cuts and slow links: every job ends, and what runs is what was said", long=True)
def hard_life():
    suit = fleet.image("4.0.0", size=6000)
    with Sim("--per-second", "50", "--offline", "10", "--cuts", "30", "--slow", "30=3000", "--seed", "11") as sim:
        home.wait_until(lambda: sim.state["cuts"] + sim.state["outages"] > 0, "it is hard")
        states = update_all(suit)
        digests = {d["id"]: d["digest"] for d in devices()}
        for device, state in states.items():
            if state["status"] == "SUCCEEDED":
                expect(digests[device] == state["digest"], "a success runs", device, state)
        return "%d of %d succeeded, %d cuts, %d outages" % (
            sum(s["status"] == "SUCCEEDED" for s in states.values()), COUNT, sim.state["cuts"], sim.state["outages"])


@case("bad arguments are named")
def arguments():
    for options, code, words in (
            ((), 2, "--devices and --image"), (("--bad", "3.0=50"), 2, "--bad"), (("--crash", "101"), 2, "--crash"), (("--slow", "5"), 2, "--slow"), (("--resolve", "host=nowhere"), 2, "--resolve"),
            (("--devices", "/nowhere", "--image", first[:-5] + ".fit"), 1, "/nowhere"),
            (("--devices", fleet.file("devices"), "--image", "/nothing"), 1, "/nothing"),
            (("--devices", fleet.file("devices"), "--image", first[:-5] + ".fit", "--prefix", "none-"), 1, "no device"),
            (("--devices", fleet.file("devices"), "--image", first[:-5] + ".fit", "--slot-kib", "8"), 1, "--slot-kib")):
        done = subprocess.run([os.path.join(BIN, "skerry-sim"), *options], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=home.TIMEOUT_S)
        expect(done.returncode == code and words in done.stderr, "%s is refused" % " ".join(options), done.returncode, done.stderr)


if __name__ == "__main__":
    sys.exit(main("skerry-sim.", fleet.remove))
