#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Crash records: what skerryd keeps, acknowledges and shows, by MQTT and API, with a real Mosquitto and simulated devices; `skerry crash`."""

import json
import sys
import time

import home
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN).start()
LIMIT_S = home.TIMEOUT_S


def get(path):
    status, head, body = fleet.api(path)
    expect(status == 200, "GET %s" % path, head, body)
    return json.loads(body)


def expect_problem(path, status, *words):
    said, head, body = fleet.api(path)
    expect(said == status and "application/problem+json" in head, "status %d" % status, head, body)
    expect(all(word in json.loads(body)["detail"] for word in words), "it names %s" % (words,), body)


def crash_events(device):
    return [row for row in get("/api/v1/events?device=" + device)["events"] if row["kind"] == "crash"]


def crash_of(number, **more):
    return dict({"id": "%08x" % number, "cause": "fault", "boots": 7, "image": "sensor", "version": "1.0.0", "buildId": "ab" * 20, "uptimeMs": 5,
                 "thread": "app", "elr": "0x40200010", "lr": "0x40200020", "pc": ["0x40200010", "0x40200030"], "lines": ["[0.1] a: b"]}, **more)


@case("crashes: kept once, acknowledged each time, bounded, each device its own")
def crashes():
    device, other = fleet.device("crash"), fleet.device("crash-other")
    for _ in range(2):
        device.say("crash", crash_of(1))
        expect(device.crashes.get(timeout=LIMIT_S) == {"id": "00000001"}, "acknowledged")
    rows = get("/api/v1/devices/crash/crashes")["crashes"]
    expect(len(rows) == 1 and rows[0]["id"] == "00000001" and rows[0]["cause"] == "fault" and rows[0]["thread"] == "app", "kept once", rows)
    expect("record" not in rows[0] and abs(rows[0]["time"] - time.time()) < 3600, "without its record", rows)
    expect(get("/api/v1/devices/crash/crashes/00000001")["record"] == crash_of(1), "as it was sent")
    expect(len(crash_events("crash")) == 1, "told once")
    other.say("crash", crash_of(1, cause="panic"))
    expect(other.crashes.get(timeout=LIMIT_S) == {"id": "00000001"}, "acknowledged")
    for number in range(2, 25):
        device.say("crash", crash_of(number))
        device.crashes.get(timeout=LIMIT_S)
    rows = get("/api/v1/devices/crash/crashes")["crashes"]
    expect([row["id"] for row in rows] == ["%08x" % number for number in range(24, 4, -1)], "the newest 20, newest first", rows)
    expect(get("/api/v1/devices/crash-other/crashes/00000001")["cause"] == "panic", "another device's crash of the same id is another")
    expect({row["device"] for row in get("/api/v1/crashes")["crashes"]} >= {"crash", "crash-other"}, "all of them")
    expect_problem("/api/v1/devices/crash/crashes/00000001", 404, "00000001", "crash")
    expect_problem("/api/v1/devices/absent/crashes", 404, "absent")
    for path in ("/api/v1/devices/crash/crashes/", "/api/v1/devices//crashes", "/api/v1/devices/crash/crashes/00000005/x"):
        expect_problem(path, 404)


@case("crashes: malformed or oversized ones are neither kept nor acknowledged")
def crashes_malformed():
    device = fleet.device("crash-bad")
    for body in (crash_of(1, id="../etc"), crash_of(1, pc=["40200010"]), crash_of(1, lines=["x" * 17000]), "{", "[]", crash_of(1, cause=None)):
        device.say("crash", body)
    device.say("crash", crash_of(2, lines=["\u001b[31m" * 10]))
    expect(device.crashes.get(timeout=LIMIT_S) == {"id": "00000002"}, "the good one is")
    expect(device.crashes.empty() and len(get("/api/v1/devices/crash-bad/crashes")["crashes"]) == 1, "the others are not")
    expect(get("/api/v1/devices/crash-bad")["malformed"] == 6, "they are counted")
    listed = fleet.skerry("crash", "list", "crash-bad")
    expect("00000002" in listed and "fault" in listed, "listed", listed)
    device.say("crash", crash_of(3, buildId="../../server/ca"))
    expect(device.crashes.get(timeout=LIMIT_S) == {"id": "00000003"}, "kept as it is")
    done = fleet.command("crash", "show", "crash-bad", "00000003")
    expect(done.returncode == 1 and "has no build id" in done.stderr and "ca" not in done.stderr.split(), "a device names no file of ours", done.stderr)
    done = fleet.refused("crash", "show", "crash-bad", "00000002", says=("ab" * 20, "--elf"))
    expect("0x40200030" in done.stdout and "\x1b" not in done.stdout, "shown with bare addresses, and harmless", done.stdout)


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
