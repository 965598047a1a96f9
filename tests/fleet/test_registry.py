#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The registry, by its API and the command line, with a real Mosquitto and simulated devices: attributes, selectors and pages, groups, what devices
report, decommission, the audit log.
"""

import atexit
import hashlib
import http.client
import io
import json
import os
import signal
import sqlite3
import ssl
import struct
import subprocess
import sys
import tarfile
import threading
import time
import urllib.parse

import home
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN)
LIMIT_S = home.TIMEOUT_S


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


def ask(method, path, body=None, token=None):
    context = ssl.create_default_context(cafile=fleet.file("server", "ca.pem"))
    link = http.client.HTTPSConnection("127.0.0.1", fleet.http_port, context=context, timeout=LIMIT_S)
    try:
        link.request(method, "/api/v1" + path, json.dumps(body) if isinstance(body, dict) else body,
                     {"Authorization": "Bearer " + (token or fleet.token())})
        return Answer(link.getresponse())
    finally:
        link.close()


def get(path, **query):
    answer = ask("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))
    expect(answer.status == 200, "GET %s %s" % (path, query), answer.status, answer.body)
    return answer.json


def refused(status, word, method, path, body=None):
    answer = ask(method, path, body)
    expect(answer.status == status, "%s %s is refused with %d" % (method, path, status), answer.status, answer.body)
    expect(answer.headers["Content-Type"] == "application/problem+json" and word in answer.json["detail"], "it says '%s'" % word, answer.body)


def done(method, path, body=None, status=200):
    answer = ask(method, path, body)
    expect(answer.status == status, "%s %s" % (method, path), answer.status, answer.body)
    return answer.json


def add(name, board="qemu-virt", **attributes):
    ask("PUT", "/devices/" + name, {"board": board})
    if attributes:
        done("PATCH", "/devices/" + name, {"attributes": attributes})


def ids(selector=None, **query):
    if selector is not None:
        query["selector"] = selector
    return [row["id"] for row in get("/devices", **query)["devices"]]


def audit(since=0):
    rows = []
    while True:
        more = get("/audit", since=since)["audit"]
        if not more:
            return rows
        rows += more
        since = more[-1]["n"]


def last_act():
    row = audit()[-1]
    return row["actor"], row["action"], row["object"], row.get("details")


def database(sql, *values):
    link = sqlite3.connect(fleet.file("server", "fleet.db"))
    try:
        with link:
            return link.execute(sql, values).fetchall()
    finally:
        link.close()


# ---- attributes and lists


@case("attributes: set, changed, taken away; what cannot be one is refused and changes nothing")
def attributes():
    add("attr")
    row = done("PATCH", "/devices/attr", {"attributes": {"site": "roof", "owner": "Ünal \"U\"", "x": "1"}})
    expect(row["attributes"] == {"site": "roof", "owner": "Ünal \"U\"", "x": "1"} and row["tenant"] == "default" and row["state"] == "active", "they are set", row)
    row = done("PATCH", "/devices/attr", {"attributes": {"site": "cellar", "x": None, "never": None}})
    expect(row["attributes"] == {"site": "cellar", "owner": "Ünal \"U\""}, "one changed, one gone", row)
    expect(last_act()[1:] == ("device.attributes", "device/attr", {"site": "cellar", "x": None, "never": None}), "the audit log has it", last_act())
    for bad, word in (({"board": "x"}, "board"), ({"a b": "x"}, "a b"), ({"a": 1}, "value"), ({"a": ""}, "value"), ({"a": "x" * 129}, "value"),
                      ({"a": "x\ny"}, "value"), ({"n" * 65: "x"}, "name"), ({"a%d" % i: "x" for i in range(40)}, "at most 32")):
        refused(400, word, "PATCH", "/devices/attr", {"attributes": dict(bad, site="changed")})
    for bad in ({"attributes": []}, {}, {"attributes": {}, "x": 1}, b"{"):
        refused(400, "", "PATCH", "/devices/attr", bad)
    refused(404, "no device 'nobody'", "PATCH", "/devices/nobody", {"attributes": {}})
    expect(get("/devices/attr")["attributes"]["site"] == "cellar", "nothing was changed")
    acts = len(audit())
    refused(400, "value", "PATCH", "/devices/attr", {"attributes": {"a": 1}})
    expect(len(audit()) == acts, "what was refused is no act")
    fleet.skerry("device", "set", "attr", "site=a b", "owner-", "x/y=z=1")
    expect(get("/devices/attr")["attributes"] == {"site": "a b", "x/y": "z=1"}, "by the command line")
    fleet.refused("device", "set", "attr", "site", code=2, says="NAME=VALUE")
    fleet.refused("device", "set", "attr", "id=1", says="'id'")


@case("the list: selectors, text, pages that hold everybody once, a total")
def pages():
    database("WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1202) INSERT INTO devices (id, board, added_at, online, attributes)"
             " SELECT printf('p%04d', i), 'page', 1, i % 2, CASE WHEN i % 100 = 0 THEN '{\"ring\":\"canary\"}' ELSE '{\"ring\":\"rest\"}' END FROM n")
    first = get("/devices", selector="board=page")
    expect(len(first["devices"]) == 100 and first["total"] == 1203 and first["next"], "a page of 100", len(first["devices"]), first.get("total"))
    seen, query = [], {"selector": "board=page", "limit": 500}
    while True:
        page = get("/devices", **query)
        seen += [row["id"] for row in page["devices"]]
        expect(page["total"] == 1203, "the total stays", page["total"])
        if "next" not in page:
            break
        query["cursor"] = page["next"]
    expect(seen == ["p%04d" % i for i in range(1203)], "everybody once, in order", len(seen))
    expect("next" not in get("/devices", selector="ring=canary,board=page", limit=13) and len(ids("ring=canary,board=page", limit=13)) == 13, "a last page that is just full")
    expect(len(ids("ring=canary,board=page,online")) == 0 and len(ids("ring in (canary rest),board=page,!online", limit=500)) == 500, "selectors")
    expect(ids("board=page", q="P0777") == ["p0777"] and ids("board=page", q="%") == [] and len(ids("board=page", q="CANARY")) == 13, "text in either case")
    row = get("/devices", selector="id=p0000")["devices"][0]
    expect(row["attributes"] == {"ring": "canary"} and row["board"] == "page" and "report" not in row, "a row is a summary", row)
    listed = fleet.json("device", "list", "--selector", "board=page")
    expect([row["id"] for row in listed] == seen, "the command line has them all", len(listed))
    expect(len(fleet.json("device", "list", "--selector", "board=page", "--search", "p120")) == 3, "and searches")
    for query, word in (({"selector": "a>b"}, "character 2"), ({"selector": "group=nix"}, "no group 'nix'"), ({"cursor": "x"}, "cursor"),
                        ({"cursor": "1.a'b"}, "cursor"), ({"limit": "501"}, "limit"), ({"q": "x" * 65}, "q has"), ({"selector": "a=" + "b" * 1100}, "1024")):
        refused(400, word, "GET", "/devices?" + urllib.parse.urlencode(query))
    fleet.refused("device", "list", "--selector", "a>b", says="character 2")
    database("DELETE FROM devices WHERE board = 'page'")


@case("groups: a selector with a name")
def groups():
    add("g1", ring="canary")
    add("g2", ring="rest")
    done("PUT", "/groups/early", {"selector": "ring=canary"}, status=201)
    expect(ids("group=early") == ["g1"] and "g2" in ids("group!=early"), "members")
    expect(last_act()[1:] == ("group.set", "group/early", {"selector": "ring=canary", "tenant": "default"}), "the audit log has it", last_act())
    done("PUT", "/groups/early", {"selector": "ring in (canary rest)"})
    expect(ids("group=early") == ["g1", "g2"], "changed")
    expect([row["name"] for row in get("/groups")["groups"]] == ["early"] and get("/groups/early")["selector"] == "ring in (canary rest)", "listed")
    refused(400, "cannot name a group", "PUT", "/groups/x", {"selector": "group=early"})
    refused(400, "character 2", "PUT", "/groups/x", {"selector": "a>b"})
    refused(400, "name for a group", "PUT", "/groups/a%20b", {"selector": "a"})
    refused(404, "no tenant", "PUT", "/groups/x?tenant=nobody", {"selector": "a"})
    refused(404, "no group", "DELETE", "/groups/x")
    fleet.skerry("group", "set", "late", "ring=rest")
    expect([row["name"] for row in fleet.json("group", "list")] == ["early", "late"], "by the command line")
    fleet.skerry("group", "remove", "late")
    done("DELETE", "/groups/early")
    refused(400, "no group 'early'", "GET", "/devices?selector=group%3Dearly")


# ---- what devices say


@case("reports: app, version, health are kept; an update that failed is the last error until one succeeds")
def reports():
    device = fleet.device("rep")
    home.wait_until(lambda: get("/devices/rep").get("app") == "sensor", "the report is kept")
    row = get("/devices/rep")
    expect(row["health"] == "good" and row["online"] and "lastError" not in row, "it is well", row)
    expect(ids("app=sensor,health=good,online,slot=a,digest=11111111") == ["rep"], "found by what it reports")
    device.say("report", {"device": "rep", "board": "qemu-virt", "app": "sensor", "version": "1.0.0", "digest": "11" * 32, "slot": "a", "mode": "safe"})
    home.wait_until(lambda: ids("health=safe") == ["rep"], "safe mode is its health")
    device.report()
    home.wait_until(lambda: ids("health=good") == ["rep"], "well again")
    suit = fleet.image("1.2.3")
    for status, error in (("FAILED", "E_DIGEST"), ("SUCCEEDED", None)):
        job = order("rep", suit)
        execution = device.jobs.get(timeout=LIMIT_S)
        expect(execution["jobId"] == job, "it gets the job", execution)
        device.update(job, "IN_PROGRESS", 1, step="download")
        device.update(job, status, 2, **({"step": "verify", "error": error} if error else {"step": "done"}))
        row = get("/devices/rep")
        if error:
            expect("FAILED" in row["lastError"] and error in row["lastError"] and ids() and row["job"]["status"] == "FAILED", "the last error", row)
        else:
            expect("lastError" not in row, "gone with a success", row)
    device.say("crash", {"id": "00c0ffee", "cause": "data abort", "thread": "app", "pc": []})
    device.crashes.get(timeout=LIMIT_S)
    expect("data abort" in get("/devices/rep")["lastError"], "a crash is an error", get("/devices/rep"))


def order(device, suit):
    digest = upload(suit)
    return done("POST", "/jobs", {"device": device, "digest": digest}, status=201)["jobId"]


@case("decommission: the job is canceled, what the device says is refused, a restart does not bring it back; a PUT does")
def retired():
    device = fleet.device("gone")
    home.wait_until(lambda: get("/devices/gone")["online"], "it is there")
    job = order("gone", fleet.image("1.3.0"))
    device.jobs.get(timeout=LIMIT_S)
    fleet.skerry("device", "remove", "gone")
    row = get("/devices/gone")
    expect(row["state"] == "retired" and not row["online"] and row["job"]["status"] == "CANCELED", "it is retired", row)
    expect("gone" not in ids() and ids("state=retired") == ["gone"], "only who asks for retired ones finds it")
    expect(last_act()[1:3] == ("device.retire", "device/gone"), "the audit log has it", last_act())
    before = row["lastSeen"], row["version"]
    device.version = "6.6.6"
    device.report()
    device.say("jobs/%s/update" % job, {"status": "SUCCEEDED", "clientToken": "x"})
    device.say("presence", {"online": True, "boot": 2}, retain=True)
    home.wait_until(lambda: any(row["kind"] == "refused-device" for row in get("/events", device="gone")["events"]), "it is said that it speaks")
    row = get("/devices/gone")
    expect((row["lastSeen"], row["version"]) == before and not row["online"] and get("/jobs/" + job)["status"] == "CANCELED", "nothing of it was taken", row)
    refused(404, "active", "POST", "/jobs", {"device": "gone", "digest": get("/jobs/" + job)["digest"]})
    fleet.server.end()
    fleet.start_server()
    expect(get("/devices/gone")["state"] == "retired", "it stays retired over a restart")
    expect(not os.path.exists(fleet.file("server", "enrol", "gone.json")), "its enrolment is put away")
    done("PUT", "/devices/gone", {"board": "qemu-virt"})
    expect(get("/devices/gone")["state"] == "active", "an operator brings it back")
    device.report()
    home.wait_until(lambda: get("/devices/gone")["version"] == "6.6.6", "it is heard again")
    refused(404, "no device", "DELETE", "/devices/nobody")


# ---- images


def upload(suit):
    """Its digest."""
    with open(suit, "rb") as file:
        manifest = file.read()
    with open(suit[:-5] + ".fit", "rb") as file:
        payload = file.read()
    digest = hashlib.sha256(payload).hexdigest()
    for part, body in (("payload", payload), ("manifest", manifest)):
        answer = ask("PUT", "/images/%s/%s" % (digest, part), body)
        expect(answer.status in (200, 201), "uploaded", answer.status, answer.body)
    return digest


@case("channels and retention: a channel names an image of its app and board; what is in use stays, what is not can go")
def channels():
    device = fleet.device("chan")
    old, new, newest = (upload(fleet.image("2.%d.0" % i)) for i in range(3))
    path = "/channels/sensor/qemu-virt/stable"
    done("PUT", path, {"digest": old})
    expect(last_act()[1:] == ("channel.set", "channel/sensor/qemu-virt/stable", {"digest": old, "tenant": "default"}), "the audit log has it", last_act())
    device.digest = new
    device.report()
    home.wait_until(lambda: ids("digest=" + new) == ["chan"], "it runs the new one")
    expect("chan" in ids("channel!=stable") and ids("channel=stable") == [], "it does not run what is stable")
    fleet.skerry("channel", "set", "sensor/qemu-virt/stable", new)
    expect(ids("channel=stable") == ["chan"], "now it does")
    row = fleet.json("channel", "list")[0]
    expect((row["app"], row["board"], row["name"], row["digest"], row["version"]) == ("sensor", "qemu-virt", "stable", new, "2.1.0"), "listed", row)
    for bad, word, status in (("/channels/other/qemu-virt/stable", "app other", 422), ("/channels/sensor/pi4/stable", "board pi4", 422),
                              ("/channels/a%20b/qemu-virt/x", "'a b'", 400)):
        refused(status, word, "PUT", bad, {"digest": new})
    refused(404, "no image", "PUT", path, {"digest": "ab" * 32})
    refused(400, "digest", "PUT", path, {"digest": "ab"})
    refused(404, "no channel", "DELETE", "/channels/sensor/qemu-virt/none")
    refused(409, "a channel names it", "DELETE", "/images/" + new)
    done("DELETE", path)
    refused(409, "a device runs it", "DELETE", "/images/" + new)
    job = done("POST", "/jobs", {"device": "chan", "digest": old}, status=201)["jobId"]
    refused(409, "a job", "DELETE", "/images/" + old)
    done("POST", "/jobs/%s/cancel" % job, {})
    said = fleet.json("image", "prune", "--keep", "1")
    expect(old in said["removed"] and said["inUse"] == [new] and newest not in said["removed"], "old ones go, unless in use", said)
    left = [row["digest"] for row in get("/images")["images"]]
    expect(newest in left and new in left and old not in left, "those that are left", left)
    expect(not os.path.exists(fleet.file("server", "artifacts", old + ".fit")) and os.path.exists(fleet.file("server", "artifacts", new + ".fit")), "the payload, too")
    refused(404, "no image", "DELETE", "/images/" + old)
    expect(upload(fleet.scratch("app-2.0.0-1-qemu-virt-home.suit")) == old and old in [row["digest"] for row in get("/images")["images"]], "it may come back")


# ---- boards


@case("serial number and MAC of the board: reported, shown, selected; a report without them or of before stands; a bad one is dropped whole")
def boards():
    device, other = fleet.device("brd-1"), fleet.device("brd-2")
    report = {"device": "brd-1", "board": "qemu-virt", "app": "sensor", "version": "1.0.0", "digest": "11" * 32, "slot": "a", "mode": "normal", "counter": 1}
    known = dict(report, serial="10000000a1b2c3d4", mac="52:54:00:12:34:56")
    other.report()
    home.wait_until(lambda: get("/devices/brd-2").get("version"), "one without is taken")
    expect("serial" not in get("/devices/brd-2") and "mac" not in get("/devices/brd-2"), "and has none", get("/devices/brd-2"))
    device.say("report", known)
    home.wait_until(lambda: get("/devices/brd-1").get("serial"), "it is taken")
    row = get("/devices/brd-1")
    expect(row["serial"] == known["serial"] and row["mac"] == known["mac"], "as it was sent", row)
    expect(get("/devices", selector="id=brd-1")["devices"][0]["serial"] == known["serial"], "in lists, too")
    expect(ids("serial=10000000a1b2c3d4") == ["brd-1"] and ids("mac=52:54:00:12:34:56,online") == ["brd-1"], "it is found by both")
    expect(ids("serial in (x 10000000a1b2c3d4),mac") == ["brd-1"] and ids("serial=1000") == [], "the whole text")
    expect(ids("!serial,id in (brd-1 brd-2)") == ["brd-2"] and ids("mac!=52:54:00:12:34:56,id in (brd-1 brd-2)") == ["brd-2"], "who has none")
    done("PUT", "/groups/that-board", {"selector": "serial=10000000a1b2c3d4"}, 201)
    expect(ids("group=that-board") == ["brd-1"], "as a group")
    expect(known["serial"] in fleet.skerry("device", "show", "brd-1"), "skerry shows it")
    before = row.get("malformed", 0)
    for bad in ({"serial": "x" * 65}, {"serial": "a\x1b[31m"}, {"serial": 7}, {"mac": "52:54:00:12:34:5G"}, {"mac": ["52"]}):
        device.say("report", dict(known, version="6.6.6", **bad))
    home.wait_until(lambda: get("/devices/brd-1").get("malformed", 0) == before + 5, "each is counted")
    row = get("/devices/brd-1")
    expect((row["serial"], row["mac"], row["version"]) == (known["serial"], known["mac"], "1.0.0"), "and changes nothing", row)
    device.say("report", report)
    home.wait_until(lambda: "serial" not in get("/devices/brd-1"), "what is no longer reported is gone")


# ---- backup


def restore(path):
    return subprocess.run([os.path.join(BIN, "skerryd"), "--home", fleet.path, "--restore", path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=LIMIT_S)


def archive_of(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@case("backup: one file while devices report; restored, all is as it was then; a damaged one changes nothing")
def backups():
    device = fleet.device("bak")
    digest = upload(fleet.image("3.0.0"))
    done("PATCH", "/devices/bak", {"attributes": {"when": "before"}})
    stop = threading.Event()

    def chatter():
        i = 0
        while not stop.is_set():
            device.say("log", {"first": i, "lines": ["line %d" % i]})
            i += 1
    talker = threading.Thread(target=chatter)
    talker.start()
    try:
        home.wait_until(lambda: get("/devices/bak/logs")["lines"], "it talks")
        path = fleet.scratch("fleet.tar")
        fleet.skerry("backup", path)
    finally:
        stop.set()
        talker.join()
    with tarfile.open(path) as archive:
        names = archive.getnames()
        archive.extract("fleet.db", fleet.scratch("copy"))
    expect(names[0] == "fleet.db" and "artifacts/%s.fit" % digest in names and len(set(names)) == len(names), "what is in it", names)
    copy = sqlite3.connect(fleet.scratch("copy/fleet.db"))
    expect(copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "the copy is sound")
    numbers = [n for (n,) in copy.execute("SELECT n FROM logs WHERE device = 'bak' ORDER BY n")]
    expect(numbers == list(range(numbers[0], numbers[0] + len(numbers))), "without gaps", numbers)
    copy.close()
    fleet.refused("backup", path, says="exists already")
    expect("another skerryd" in restore(path).stderr, "not under a running skerryd")
    done("PATCH", "/devices/bak", {"attributes": {"when": "after"}})
    add("later")
    done("DELETE", "/images/" + digest)
    fleet.server.end(signal.SIGKILL)  # its log of the database stays behind
    with open(path, "rb") as file:
        whole = file.read()
    bad = fleet.scratch("bad.tar")
    for name, data in (("cut short", whole[:len(whole) // 2]), ("a rotten payload", whole[:-5000] + b"rot" + whole[-4997:]), ("rotten headers", b"x" * 2048),
                       ("empty", b""), ("an empty database", archive_of("fleet.db", b""))):
        with open(bad, "wb") as file:
            file.write(data)
        said = restore(bad)
        expect(said.returncode == 1 and "remedy" in said.stderr and bad in said.stderr, "refused: " + name, said)
    expect(not os.path.exists(fleet.file("server", "fleet.db.restored")), "nothing is left of them")
    fleet.start_server()
    expect(get("/devices/bak")["attributes"] == {"when": "after"} and get("/devices/later"), "nothing was changed")
    fleet.server.end(signal.SIGKILL)
    said = restore(path)
    expect(said.returncode == 0 and "before-restore" in said.stdout, "restored", said)
    fleet.start_server()
    expect(get("/devices/bak")["attributes"] == {"when": "before"} and ask("GET", "/devices/later").status == 404, "as it was then")
    expect(digest in [row["digest"] for row in get("/images")["images"]] and os.path.exists(fleet.file("server", "artifacts", digest + ".fit")), "with its payload")
    device.version = "9.9.9"
    device.report()
    home.wait_until(lambda: get("/devices/bak").get("version") == "9.9.9", "devices are heard")
    chain(audit())


LARGE = 20000
FILL = """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO devices (id, board, added_at, app, report)
    SELECT printf('large-%05d', i), 'board-' || i % 3, 1, 'sensor', printf('{"text":"%600d"}', i) FROM n"""


class Download:
    """A backup that is asked for, and read when it is wanted."""

    def __init__(self, large):
        context = ssl.create_default_context(cafile=large.file("server", "ca.pem"))
        self.link = http.client.HTTPSConnection("127.0.0.1", large.http_port, context=context, timeout=LIMIT_S)
        self.link.request("GET", "/api/v1/backup", None, {"Authorization": "Bearer " + large.token()})

    def has_answer(self):
        """Looks without waiting; only once, when it says so."""
        self.link.sock.settimeout(0)
        try:
            return bool(self.link.sock.recv(1))
        except ssl.SSLWantReadError:
            return False
        finally:
            self.link.sock.settimeout(LIMIT_S)

    def save(self, path):
        answer = self.link.getresponse()
        expect(answer.status == 200, "the backup comes", answer.status)
        with open(path, "wb") as file:
            while block := answer.read(1 << 20):
                file.write(block)
        self.link.close()


def copying(large):
    """A backup in the middle of its copy: the file is there."""
    copy, begun = large.file("server", "fleet.db.backup"), Download(large)
    deadline = time.monotonic() + LIMIT_S
    while not os.path.exists(copy):
        expect(time.monotonic() < deadline, "a copy is begun")
    return copy, begun


def taken_meanwhile(large, device, round_number):
    """A backup during which a request was answered and a device heard, before its own answer began; None: it was done before."""
    link = sqlite3.connect("file:%s?mode=ro" % large.file("server", "fleet.db"), uri=True)
    acts = lambda: link.execute("SELECT count(*) FROM audit WHERE action = 'backup'").fetchone()  # noqa: E731
    before, begun, word = acts(), Download(large), "round %d" % round_number
    deadline = time.monotonic() + LIMIT_S
    while acts() == before:
        expect(time.monotonic() < deadline, "it is written down")
    link.close()
    device.say("log", {"first": round_number, "lines": [word]})
    while word not in [line["text"] for line in json.loads(large.api("/api/v1/devices/busy/logs")[2])["lines"]]:
        expect(time.monotonic() < deadline, "the device is heard")
    if not begun.has_answer():
        return begun
    begun.link.close()
    return None


@case("backup: of a large database holds nobody up; one that is broken off leaves nothing; the next waits for its turn")
def large_backup():
    large = home.Home(BIN, name="large")
    try:
        large.start()
        large.stop()
        link = sqlite3.connect(large.file("server", "fleet.db"))
        with link:
            link.execute(FILL, (LARGE,))
        link.close()
        leftover = large.file("server", "fleet.db.backup")
        with open(leftover, "w") as file:
            file.write("of a skerryd that was killed")
        large.start()
        expect(not os.path.exists(leftover), "what a killed one left is removed")
        device = large.device("busy")
        begun = None
        for i in range(10):  # a copy may be done before we have looked; ten are not, unless all stands still meanwhile
            begun = begun or taken_meanwhile(large, device, i)
        expect(begun, "a request is answered and a device heard while the database is copied")
        path = large.scratch("large.tar")
        begun.save(path)
        copy, broken = copying(large)
        after = Download(large)
        broken.link.close()
        after.save(large.scratch("after.tar"))
        home.wait_until(lambda: not os.path.exists(copy), "nothing is left of the one that was broken off")
        copy, broken = copying(large)
        expect(large.server.end() == 0 and not os.path.exists(copy), "nothing is left when skerryd ends", large.server.text())
        for name in (path, large.scratch("after.tar")):
            said = subprocess.run([os.path.join(BIN, "skerryd"), "--home", large.path, "--restore", name], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=LIMIT_S)
            expect(said.returncode == 0, "it restores", said)
        large.start_server()
        expect(json.loads(large.api("/api/v1/devices?limit=1")[2])["total"] == LARGE + 1, "all devices are in it")
    finally:
        large.remove()


# ---- audit


def chain(rows):
    """The hash of the last entry, computed as fleet/shared/chain.h says."""
    digest = bytes(32)
    for row in rows:
        details = json.dumps(row["details"], sort_keys=True, separators=(",", ":"), ensure_ascii=False) if "details" in row else None
        data = digest + struct.pack(">QQ", row["n"], row["time"])
        for text in (row.get("tenant"), row["actor"], row["action"], row["object"], details):
            data += struct.pack(">Q", 2 ** 64 - 1) if text is None else struct.pack(">Q", len(text.encode())) + text.encode()
        digest = hashlib.sha256(data).digest()
        expect(digest.hex() == row["hash"], "entry %d is what was written" % row["n"], row)
    return digest.hex()


@case("timeline: newest first, in pages without gap or double; updates and crashes whose events are gone are told by what is kept of them")
def timeline():
    add("line")
    add("other")
    database("DELETE FROM events WHERE device = 'line'")
    database("UPDATE devices SET added_at = 100 WHERE id = 'line'")
    digest = "ab" * 32
    job = ("INSERT INTO jobs (id, device, digest, version, status, version_number, queued_at, updated_at, details, document)"
           " VALUES (?, 'line', ?, '2.0.0', ?, 1, ?, ?, '{\"cause\":\"x\"}', '{}')")
    database(job, "told", digest, "SUCCEEDED", 200, 250)
    database(job, "half", digest, "FAILED", 300, 350)
    database(job, "open", digest, "IN_PROGRESS", 400, 450)
    event = "INSERT INTO events (time, kind, device, job, text, details) VALUES (?, ?, ?, ?, ?, ?)"
    for time, kind, name, text in ((200, "job-created", "told", "told 1"), (250, "job-ended", "told", "told 2"), (350, "job-ended", "half", "half 2")):
        database(event, time, kind, "line", name, text, '{"a":1}')
    for i in range(5):  # in one second
        database(event, 500, "online", "line", None, "e%d" % i, None)
    database(event, 501, "online", "other", None, "not its own", None)
    crash = "INSERT INTO crashes (device, id, time, cause, boots, record) VALUES ('line', ?, ?, 'panic', 1, '{}')"
    database(crash, "00000001", 500)
    database(crash, "00000002", 600)
    database(event, 600, "crash", "line", None, "told crash", None)
    wanted = [(600, "crash", "told crash"), *((500, "online", "e%d" % i) for i in (4, 3, 2, 1, 0)), (500, "crash", "00000001"), (400, "job-created", "open"),
              (350, "job-ended", "half 2"), (300, "job-created", "half"), (250, "job-ended", "told 2"), (200, "job-created", "told 1"), (100, "device-added", "line was added, a qemu-virt")]
    brief = lambda row: (row["time"], row["kind"], row["text"] if "n" in row or row["kind"] == "device-added" else row.get("crash") or row.get("job"))  # noqa: E731
    whole = get("/devices/line/timeline")
    expect([brief(row) for row in whole["timeline"]] == wanted and "next" not in whole, "all, newest first", whole)
    expect("2.0.0" in whole["timeline"][7]["text"] and whole["timeline"][8]["details"] == {"a": 1} and "rank" not in whole["timeline"][0], "what they say", whole)
    for limit in (1, 2, 5, 12, 13):
        rows, query = [], {"limit": limit}
        while True:
            page = get("/devices/line/timeline", **query)
            expect(len(page["timeline"]) <= limit, "a page is no longer", limit, len(page["timeline"]))
            rows += page["timeline"]
            expect(len(rows) <= len(wanted), "pages of %d tell nothing twice" % limit, rows[-3:])
            if "next" not in page:
                break
            query["cursor"] = page["next"]
        expect([brief(row) for row in rows] == wanted, "by pages of %d" % limit, rows)
    for cursor in ("x", "1", "1.2", "1.2.3.4", "1.2.3 OR 1=1", "1.2."):
        refused(400, "cursor", "GET", "/devices/line/timeline?" + urllib.parse.urlencode({"cursor": cursor}))
    refused(400, "limit", "GET", "/devices/line/timeline?limit=501")
    refused(404, "nobody", "GET", "/devices/nobody/timeline")
    database("DELETE FROM jobs WHERE device = 'line'")
    database("DELETE FROM crashes WHERE device = 'line'")


@case("audit: a chain that others can check, and that shows what was changed")
def audited():
    add("aud", note="Grüße / \"x\"")
    ask("POST", "/devices/aud/cmd", {"cmd": "reboot"})
    rows = audit()
    expect([row["n"] for row in rows] == list(range(1, len(rows) + 1)), "no gaps")
    expect(("device.cmd", "device/aud") in [(row["action"], row["object"]) for row in rows], "a command is an act", rows[-3:])
    head = chain(rows)
    said = fleet.json("audit", "--verify")
    expect(said == {"entries": len(rows), "head": head}, "the command line agrees", said, head)
    expect("device.attributes" in fleet.skerry("audit"), "it is printed")
    fleet.server.end()
    database("UPDATE audit SET actor = 'somebody' WHERE n = 2")
    fleet.start_server()
    fleet.refused("audit", "--verify", says="entry 2")
    fleet.server.end()
    database("UPDATE audit SET actor = ? WHERE n = 2", rows[1]["actor"])
    database("DELETE FROM audit WHERE n = 3")
    fleet.start_server()
    fleet.refused("audit", "--verify", says="entry 3")


def clean_up():
    if fleet.server:
        fleet.server.end()
        text = fleet.server.text()
        if "Sanitizer" in text or "runtime error" in text:
            print(text[-4000:])
            raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    atexit.register(fleet.remove)
    fleet.start()
    sys.exit(main(__doc__, clean_up))
