#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
kill -9 of skerryd and of Mosquitto in the middle of updates of a whole simulated fleet. What each device really started is read from skerry-sim's
journal and compared with the database: nothing lost, nothing done twice.

SKERRY_TEST_KILLS kills of each (default 3; 50 for a release), SKERRY_TEST_SEED chooses when.
"""

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
PATIENCE_S = 10 * home.TIMEOUT_S

fleet = home.Home(BIN)
first = fleet.image("1.0.0", size=6000)
fleet.skerry("device", "add", "sim-", "--board", "qemu-virt", "--count", str(COUNT))
fleet.start()
api, database = many.Api(fleet), many.Database(fleet)
chance = random.Random(SEED)
names = ["sim-%0*d" % (len(str(COUNT)), number) for number in range(1, COUNT + 1)]


def ended(rollout):
    return database.one("SELECT count(*) FROM rollout_targets WHERE rollout = ? AND ended_ms IS NOT NULL", rollout)


def restart_server():
    fleet.server = home.Service(fleet.server.command, fleet.server.log).wait_port(fleet.http_port)


def restart(what):
    """End it without a word, and start it again."""
    many.kill(fleet.server if what == "skerryd" else fleet.broker)
    time.sleep(chance.choice((0, 0.05, 0.5, 2)))
    if what == "skerryd":
        restart_server()
    else:
        fleet.broker = home.Service(fleet.broker.command, fleet.broker.log).wait_port(fleet.broker_port)


def check_round(sim, version, digest):
    """Every device has one job of this image, which is over; installed it once; and runs it."""
    # A device's report may come before its job's end, which it repeats until it is answered.
    home.wait_until(lambda: database.one("SELECT count(*) FROM jobs WHERE digest = ? AND status IN ('QUEUED', 'IN_PROGRESS')", digest) == 0,
                    "every job is over", PATIENCE_S)
    jobs = {row["device"]: [] for row in database.rows("SELECT id AS device FROM devices WHERE id LIKE 'sim-%'")}
    for row in database.rows("SELECT device, status, details FROM jobs WHERE digest = ?", digest):
        jobs[row["device"]].append(tuple(row)[1:])
    starts = sim.starts()
    for device, found in jobs.items():
        # What it had to say was lost with the broker and its report came first: then the rollout knows that it runs, and takes the job back.
        expect(len(found) == 1 and found[0][0] in ("SUCCEEDED", "CANCELED"), "%s has one job, which is over" % device, found)
        trials = [start for start in starts[device] if start["digest"] == digest and start["mode"] == "trial"]
        expect(len(trials) == 1, "%s tried %s once" % (device, version), starts[device])
        expect(starts[device][-1]["digest"] == digest, "%s runs %s" % (device, version), starts[device][-1])

    def reported():
        rows = database.rows("SELECT id FROM devices WHERE id LIKE 'sim-%' AND (digest IS NOT ? OR online = 0)", digest)
        return not rows
    home.wait_until(reported, "the database says that all run %s, online" % version, PATIENCE_S)


def update_round(sim, version, kills):
    """All to `version`, while `kills` (a list of names) happen, each when so many devices have ended."""
    digest = many.upload(fleet, fleet.image(version, size=6000))
    rollout = api.must("POST", "/rollouts", {
        "name": version, "image": digest, "selector": "id!=nobody", "stop": [],
        "waves": [{"name": "canary", "count": COUNT // 10}, {"name": "rest", "maxInFlight": COUNT // 2}],
        "device": {"timeoutS": 3600, "retries": 0, "trialS": 600}})["id"]
    api.must("POST", "/rollouts/%s/start" % rollout)
    for what, at in zip(kills, sorted(chance.randrange(COUNT) for _ in kills)):
        home.wait_until(lambda at=at: ended(rollout) >= at, "%d devices have ended" % at, PATIENCE_S)
        time.sleep(chance.random() / 4)
        restart(what)
    home.wait_until(lambda: ended(rollout) == COUNT, "every device ends", PATIENCE_S)
    done = home.wait_until(lambda: (lambda r: r["state"] == "complete" and r)(api.patiently("GET", "/rollouts/" + rollout)), "the rollout is complete")
    expect(done["counts"] == {"succeeded": COUNT}, "all succeeded", done)
    check_round(sim, version, digest)


@case("kill -9 of skerryd and Mosquitto in mid-update: nothing is lost, nothing is done twice")
def killed():
    kills = ["skerryd", "mosquitto"] * KILLS
    chance.shuffle(kills)
    print("seed %d: SKERRY_TEST_SEED=%d repeats it" % (SEED, SEED), flush=True)
    sim = many.Sim(fleet, first, journal=fleet.scratch("journal"))
    try:
        sim.wait_online(COUNT)
        rounds = [kills[at:at + KILLS_A_ROUND] for at in range(0, len(kills), KILLS_A_ROUND)]
        for number, names in enumerate(rounds):
            update_round(sim, "2.%d.0" % number, names)
        return "%d devices, %d updates, %d kills of each" % (COUNT, len(rounds), KILLS)
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
