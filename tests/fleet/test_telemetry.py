#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What apps measure, kept in a ring per device and name, and the fleet over time: by the API and `skerry telemetry`, with a real Mosquitto and simulated devices."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time

import home
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN)
with open(fleet.file("server", "skerryd.conf"), "r+") as conf:
    text = conf.read()
    expect(text.count("-max-mb = 1000\n") == 3, "a new home names the bounds", text)
    conf.seek(0)
    conf.write(text.replace("-max-mb = 1000\n", "-max-mb = 1\n") + "device-rate-burst = 5000\n")
    conf.truncate()
fleet.start()
KEPT, NAMES = 500, 16  # store_telemetry.h


def get(path):
    status, head, body = fleet.api(path)
    expect(status == 200, "GET %s" % path, head, body)
    return json.loads(body)


def telemetry(device, query=""):
    return get("/api/v1/devices/%s/telemetry%s" % (device, query))


def values(device, query=""):
    return [row["value"] for row in telemetry(device, query)["telemetry"]]


def malformed(device):
    return get("/api/v1/devices/" + device).get("malformed", 0)


def wait_values(device, query, expected):
    home.wait_until(lambda: values(device, query) == expected, "%s%s has the values %s" % (device, query, expected))


@case("telemetry: numbers and flat objects are kept as they were sent, each device and name apart")
def kept():
    one, two = fleet.device("tel-1"), fleet.device("tel-2")
    one.say("telemetry/temperature", "21.5")
    one.say("telemetry/temperature", "-3")
    one.say("telemetry/climate", {"temperature": 20.25, "unit": "C"})
    two.say("telemetry/temperature", "7")
    wait_values("tel-1", "?name=climate", [{"temperature": 20.25, "unit": "C"}])
    wait_values("tel-2", "", [7])
    expect(values("tel-1", "?name=temperature") == [21.5, -3], "in order", telemetry("tel-1"))
    answer = telemetry("tel-1")
    expect([row["name"] for row in answer["telemetry"]] == ["temperature", "temperature", "climate"], "all names together", answer)
    expect({row["name"]: row["value"] for row in answer["names"]} == {"temperature": -3, "climate": {"temperature": 20.25, "unit": "C"}},
           "the newest of each", answer)
    expect(all(abs(row["time"] - time.time()) < 3600 for row in answer["telemetry"]), "with their time", answer)
    numbers = [row["n"] for row in answer["telemetry"]]
    expect(values("tel-1", "?since=%d" % numbers[0]) == [-3, {"temperature": 20.25, "unit": "C"}], "since a number", numbers)
    expect(values("tel-1", "?since=0&limit=1") == [21.5], "the oldest first after since")
    expect(values("tel-1", "?limit=1&name=temperature") == [-3], "without since the newest")
    for query, status in (("?name=a/b", 400), ("?limit=5001", 400), ("?since=x", 400)):
        expect(fleet.api("/api/v1/devices/tel-1/telemetry" + query)[0] == status, "%s is refused" % query)
    expect(fleet.api("/api/v1/devices/absent/telemetry")[0] == 404, "an unknown device")


@case("telemetry: what is none is counted and dropped, harming nothing")
def bad():
    device = fleet.device("tel-bad")
    texts = ["hot", "null", "[1]", '"21"', "{}", '{"a":{"b":1}}', "1 2", "NaN", '{"a":1,"a":2}', '{"a":"%s"}' % ("x" * 1100)]
    for text in texts:
        device.say("telemetry/t", text)
    device.say("telemetry/a b", "1")  # no name: not of the contract
    device.say("telemetry/t", "1")
    wait_values("tel-bad", "", [1])
    expect(malformed("tel-bad") == len(texts), "each is counted", malformed("tel-bad"))


@case("telemetry: a ring, by count; one name too many is refused; the names of others go on")
def bounded():
    device = fleet.device("tel-many")
    for number in range(KEPT + 20):
        device.client._send(0x30, home.mqtt._text(device.topic + "/telemetry/n") + b"%d" % number)  # QoS 0, as the agent does
    home.wait_until(lambda: values("tel-many", "?limit=1") == [KEPT + 19], "all came")
    expect(values("tel-many", "?since=0&limit=5000") == list(range(20, KEPT + 20)), "the newest %d" % KEPT)
    for number in range(1, NAMES + 3):
        device.say("telemetry/name%d" % number, "1")
    device.say("telemetry/n", "-1")
    home.wait_until(lambda: values("tel-many", "?name=n&limit=1") == [-1], "a known name goes on")
    names = telemetry("tel-many")["names"]
    expect(len(names) == NAMES and malformed("tel-many") == 3, "no name too many", names, malformed("tel-many"))


@case("telemetry: what the broker remembers is not measured anew; old values go")
def old():
    device = fleet.device("tel-old")
    device.say("telemetry/t", "5")
    wait_values("tel-old", "", [5])
    device.say("telemetry/t", "6", retain=True)
    wait_values("tel-old", "", [5, 6])
    fleet.server.end()
    base = sqlite3.connect(fleet.file("server", "fleet.db"))
    with base:
        base.execute("UPDATE telemetry SET time = time - 604900 WHERE device = 'tel-old' AND value = '5'")
        base.execute("UPDATE telemetry_names SET time = time - 604900 WHERE device = 'tel-bad'")
    base.close()
    fleet.start_server()
    wait_values("tel-old", "", [6])
    expect(telemetry("tel-bad")["names"] == [], "a name that is heard of no more goes")
    device.say("telemetry/u", "7")
    home.wait_until(lambda: values("tel-old", "?name=u") == [7], "the next one comes")
    expect(values("tel-old", "?name=t") == [6], "once, though it was retained")


def kept(series, what):
    return int(re.search(r'(?m)^skerryd_kept_%s\{what="%s"\} (\d+)$' % (series, what), fleet.api("/metrics")[2].decode())[1])


@case("telemetry and logs: of the whole fleet no more than skerryd.conf allows; the oldest go, counted and told")
def bounded_in_all():
    device = fleet.device("tel-fleet")
    device.say("telemetry/t", "1")
    wait_values("tel-fleet", "", [1])
    fleet.server.end()
    fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO %s SELECT 'full-' || i %% 100, %s FROM n"
    base = sqlite3.connect(fleet.file("server", "fleet.db"))
    with base:
        base.execute(fill % ("telemetry (device, name, time, value)", "'t', %d, printf('%%0100d', i)" % time.time()))
        base.execute(fill % ("logs (device, time, text)", "%d, printf('%%0100d', i)" % time.time()))
        before = {what: base.execute("SELECT count(*), max(n) FROM " + what).fetchone() for what in ("telemetry", "logs")}
    said = fleet.server.text().count("kept: drops")
    fleet.start_server()
    home.wait_until(lambda: kept("bytes", "telemetry") <= 1000000 and kept("bytes", "logs") <= 1000000, "the bound holds")
    for what, (count, newest) in before.items():
        rows = base.execute("SELECT count(*), min(n), max(n) FROM " + what).fetchone()
        expect(rows[0] == kept("rows", what) and kept("dropped_total", what) == count - rows[0], "as many as it says", what, count, rows)
        expect(rows == (rows[0], newest - rows[0] + 1, newest) and rows[0] > 2000, "the newest, and no fewer than fit", what, newest, rows)
    base.close()
    expect(fleet.server.text().count("kept: drops") == said + 2, "each is told once", fleet.server.text())
    expect(values("tel-fleet", "") == [], "whichever device's they are")
    device.say("telemetry/t", "2")
    wait_values("tel-fleet", "", [2])


@case("telemetry: who waits hears at once; `skerry telemetry` prints, follows, and speaks JSON")
def waiting():
    device = fleet.device("tel-wait")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(telemetry("tel-wait", "?since=0&wait=60")))
    thread.start()
    time.sleep(0.3)
    start = time.monotonic()
    device.say("telemetry/t", "1.5")
    thread.join(home.TIMEOUT_S)
    expect(answers and [row["value"] for row in answers[0]["telemetry"]] == [1.5] and time.monotonic() - start < 45, "woken by it", answers)
    follow = subprocess.Popen([os.path.join(BIN, "skerry"), "telemetry", "tel-wait", "--follow", "--json"], stdout=subprocess.PIPE, text=True, env=fleet.env)
    expect(json.loads(follow.stdout.readline())["value"] == 1.5, "what there is")
    device.say("telemetry/u", {"a": 2, "b": "\x1b[31m"})
    row = json.loads(follow.stdout.readline())
    expect(row["name"] == "u" and row["value"]["a"] == 2, "what comes", row)
    follow.terminate()
    follow.wait()
    text = fleet.skerry("telemetry", "tel-wait")
    expect("1.5" in text.splitlines()[0] and '"a":2' in text and "\x1b" not in text, "as text", text)
    expect(len(fleet.skerry("telemetry", "tel-wait", "--name", "t").splitlines()) == 1, "of one name")
    fleet.refused("telemetry", "absent", says="absent")
    expect("usage" in fleet.skerry("telemetry", "--help"), "help")


@case("history: a row a minute, of now; ranges and points; bad ones are refused")
def history():
    now = time.time()
    rows = home.wait_until(lambda: get("/api/v1/history")["history"], "a row")
    expect(set(rows[0]) == {"time", "devices", "online", "jobs", "versions", "health"} and rows[0]["time"] % 60 == 0, "its members", rows)
    expect(now - 86400 - 60 < rows[0]["time"] <= time.time(), "of the last day", rows)
    fleet.server.end()
    base = sqlite3.connect(fleet.file("server", "fleet.db"))
    with base:
        for minute in range(100):
            base.execute("INSERT INTO history VALUES ('', ?, ?)", (6000 + minute * 60, '{"devices":%d,"versions":{"1.0.0":%d}}' % (minute, minute)))
        base.execute("INSERT INTO history VALUES ('default', 6000, '{\"devices\":-1}')")
    base.close()
    fleet.start_server()
    rows = get("/api/v1/history?from=0&to=%d" % now)["history"]
    expect(all(row["time"] > 100000 for row in rows), "older than ten years goes", rows[:2])
    expect(rows[-1]["versions"].get("1.0.0", 0) <= rows[-1]["devices"], "counts fit", rows[-1])
    expect(len(get("/api/v1/history?from=%d&to=%d&points=1" % (now - 3600, now + 3600))["history"]) == 1, "points")
    for query in ("?from=5&to=5", "?from=x", "?points=3001", "?to=-1"):
        expect(fleet.api("/api/v1/history" + query)[0] == 400, "%s is refused" % query)


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
