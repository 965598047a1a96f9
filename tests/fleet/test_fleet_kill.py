#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
kill -9 of skerryd and of Mosquitto in the middle of rollouts over a whole simulated fleet. What each device really started is read from skerry-sim's
journal and compared with the database.

Nothing lost: each rollout is complete, every device of it has succeeded, runs the image and its job says so.
Nothing doubled: a device is given one job for an image and starts its trial once, although it may be tried twice; what has ended stays ended, at the
time at which it ended; each job is told to begin once and to end once. Whenever something was killed, no more are in flight than may be.

SKERRY_TEST_KILLS kills of each (default 3; 50 for a release), SKERRY_TEST_SEED chooses when.
"""

import collections
import os
import random
import sys
import time

import home
import many
from cases import case, expect, main

BIN = home.programs()
COUNT = int(os.environ.get("SKERRY_TEST_DEVICES", "120"))
KILLS = int(os.environ.get("SKERRY_TEST_KILLS", "3"))
SEED = int(os.environ.get("SKERRY_TEST_SEED", "0")) or random.randrange(1, 1 << 31)
KILLS_A_ROUND = 10
IN_FLIGHT = COUNT // 10, COUNT // 2  # of each wave
PATIENCE_S = 10 * home.TIMEOUT_S

fleet = home.Home(BIN)
first = fleet.image("1.0.0", size=6000)
fleet.skerry("device", "add", "sim-", "--board", "qemu-virt", "--count", str(COUNT))
fleet.start()
api, database = many.Api(fleet), many.Database(fleet)
chance = random.Random(SEED)
names = sorted("sim-%0*d" % (len(str(COUNT)), number) for number in range(1, COUNT + 1))


def restart_server():
    fleet.server = home.Service(fleet.server.command, fleet.server.log).wait_port(fleet.http_port)


def restart(what, look):
    """End it without a word, look, and start it again."""
    many.kill(fleet.server if what == "skerryd" else fleet.broker)
    look()
    time.sleep(chance.choice((0, 0.05, 0.5, 2)))
    if what == "skerryd":
        restart_server()
    else:
        fleet.broker = home.Service(fleet.broker.command, fleet.broker.log).wait_port(fleet.broker_port)


class Rollout:
    """One image to all, watched from the disk."""

    def __init__(self, version):
        self.version, self.ends = version, {}
        self.digest = many.upload(fleet, fleet.image(version, size=6000))
        self.id = api.must("POST", "/rollouts", {
            "name": version, "image": self.digest, "selector": "id!=nobody", "stop": [],
            "waves": [{"name": "canary", "count": IN_FLIGHT[0], "maxInFlight": IN_FLIGHT[0]}, {"name": "rest", "maxInFlight": IN_FLIGHT[1]}],
            "device": {"timeoutS": 3600, "retries": 1, "retryDelayS": 0, "trialS": 600}})["id"]
        api.must("POST", "/rollouts/%s/start" % self.id)

    def ended(self):
        state = database.one("SELECT state FROM rollouts WHERE id = ?", self.id)
        expect(state in ("running", "complete"), "the rollout goes on", state)
        return database.one("SELECT count(*) FROM rollout_targets WHERE rollout = ? AND ended_ms IS NOT NULL", self.id)

    def look(self):
        """What is on the disk."""
        for wave, count in database.rows("SELECT wave, count(*) FROM rollout_targets WHERE rollout = ? AND state IN ('offered', 'active')"
                                         " GROUP BY wave", self.id):
            expect(count <= IN_FLIGHT[wave], "at most %d of wave %d are in flight" % (IN_FLIGHT[wave], wave), count)
        twice = database.rows("SELECT device FROM jobs WHERE digest = ? GROUP BY device HAVING count(*) > 1", self.digest)
        expect(not twice, "no device is given the image twice", [row[0] for row in twice])
        now = {row[0]: tuple(row)[1:] for row in database.rows(
            "SELECT device, state, ended_ms FROM rollout_targets WHERE rollout = ? AND ended_ms IS NOT NULL", self.id)}
        for device, end in self.ends.items():
            expect(now.get(device) == end, "%s ended once" % device, end, now.get(device))
        self.ends = now

    def check(self, starts):
        """The rollout is complete: `starts` is what each device really did."""
        self.look()
        expect(sorted(self.ends) == names and {end[0] for end in self.ends.values()} == {"succeeded"}, "each device has succeeded", self.ends)
        # A target ends with the report of what runs; the end of its job is told in another message, which is repeated until it is answered.
        home.wait_until(lambda: not database.rows("SELECT id FROM jobs WHERE digest = ? AND status IN ('QUEUED', 'IN_PROGRESS')", self.digest),
                        "the end of every job is known", PATIENCE_S)
        jobs = {name: [] for name in names}
        for row in database.rows("SELECT device, id, status FROM jobs WHERE digest = ?", self.digest):
            jobs[row["device"]].append(row)
        told = collections.Counter((row["job"], row["kind"]) for row in database.rows("SELECT job, kind FROM events WHERE job IS NOT NULL"))
        for device, found in jobs.items():
            # Also when its words about the job were lost with the broker: that it runs says that the job succeeded.
            expect([job["status"] for job in found] == ["SUCCEEDED"], "%s has one job, which succeeded" % device, [tuple(job) for job in found])
            for kind, times in ("job-created", 1), ("job-ended", 1), ("job-late", 0):
                expect(told[found[0]["id"], kind] == times, "%s of the job of %s: %d" % (kind, device, times), told[found[0]["id"], kind])
            trials = [start for start in starts[device] if start["digest"] == self.digest and start["mode"] == "trial"]
            expect(len(trials) == 1, "%s tried %s once" % (device, self.version), starts[device])
            expect(starts[device][-1]["digest"] == self.digest, "%s runs %s" % (device, self.version), starts[device][-1])
        home.wait_until(lambda: not database.rows("SELECT id FROM devices WHERE id LIKE 'sim-%' AND (digest IS NOT ? OR online = 0)", self.digest),
                        "the database says that all run %s, online" % self.version, PATIENCE_S)


def update_round(sim, version, kills):
    """All to `version`, while `kills` (a list of names) happen, each when so many devices have ended."""
    rollout = Rollout(version)
    for what, at in zip(kills, sorted(chance.randrange(COUNT) for _ in kills)):
        home.wait_until(lambda at=at: rollout.ended() >= at, "%d devices have ended" % at, PATIENCE_S)
        time.sleep(chance.random() / 4)
        restart(what, rollout.look)
    home.wait_until(lambda: rollout.ended() == COUNT, "every device ends", PATIENCE_S)
    done = home.wait_until(lambda: (lambda r: r["state"] == "complete" and r)(api.patiently("GET", "/rollouts/" + rollout.id)),
                           "the rollout is complete")
    expect(done["counts"] == {"succeeded": COUNT}, "all succeeded", done)
    rollout.check(sim.starts())
    print("       %s: %d devices, %s" % (version, COUNT, " ".join(kills)), flush=True)


@case("kill -9 of skerryd and Mosquitto in mid-rollout: nothing is lost, nothing is done twice")
def killed():
    kills = ["skerryd", "mosquitto"] * KILLS
    chance.shuffle(kills)
    print("seed %d: SKERRY_TEST_SEED=%d repeats it" % (SEED, SEED), flush=True)
    sim = many.Sim(fleet, first, journal=fleet.scratch("journal"))
    try:
        sim.wait_online(COUNT)
        rounds = [kills[at:at + KILLS_A_ROUND] for at in range(0, len(kills), KILLS_A_ROUND)]
        for number, these in enumerate(rounds):
            update_round(sim, "2.%d.0" % number, these)
        return "%d devices, %d rollouts, %d kills of each; 0 lost, 0 doubled" % (COUNT, len(rounds), KILLS)
    finally:
        sim.stop()


@case("a report that skerryd lost is made again when it lives: what runs is known, without a job and without a new connection")
def unheard():
    count = 4
    fleet.skerry("device", "add", "deaf-", "--board", "qemu-virt", "--count", str(count))
    runs = fleet.json("image", "inspect", first)["digest"]
    believed = lambda digest: len(database.rows("SELECT id FROM devices WHERE id LIKE 'deaf-%' AND digest = ?", digest))  # noqa: E731
    sim = many.Sim(fleet, first, prefix="deaf-")
    try:
        home.wait_until(lambda: believed(runs) == count, "all have reported")
        many.kill(fleet.server)
        database.change("UPDATE devices SET digest = ? WHERE id LIKE 'deaf-%'", "0" * 64)  # as it was before the report
        restart_server()
        home.wait_until(lambda: believed(runs) == count, "what runs is known")
        expect(sim.state["online"] == count and sim.state["starts"] == count, "they stayed on and online", sim.state)
    finally:
        sim.stop()


if __name__ == "__main__":
    sys.exit(main("Kills in mid-update.", fleet.remove))
