#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
skerryd alone, by its API (fleet/API.md) and by MQTT, with a real Mosquitto and simulated devices: start and end, long polls, uploads, conditional
requests, jobs, doorbell, time-outs, presence, and HTTP that is none. What the operator's program makes of it is test_update.py's.
"""

import atexit
import hashlib
import http.client
import json
import os
import queue
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time

import home
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN)
LIMIT_S = home.TIMEOUT_S


class Server:
    """skerryd with its standard output at hand."""

    def __init__(self, path):
        self.log = open(fleet.scratch("skerryd.log"), "ab")
        self.process = subprocess.Popen([os.path.join(BIN, "skerryd"), "--home", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.ready = self.process.stdout.readline()

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.log.close()
        return code

    def text(self):
        with open(fleet.scratch("skerryd.log"), errors="replace") as log:
            return log.read()


def start_server():
    fleet.server = Server(fleet.path)
    expect(fleet.server.ready, "skerryd starts", fleet.server.text())
    return fleet.server


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


def connect(timeout=LIMIT_S):
    context = ssl.create_default_context(cafile=fleet.file("server", "ca.pem"))
    return http.client.HTTPSConnection("127.0.0.1", fleet.http_port, context=context, timeout=timeout)


def ask(method, path, body=None, headers=None, token=True):
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = "Bearer " + fleet.token()
    if isinstance(body, dict):
        body = json.dumps(body)
    link = connect()
    try:
        link.request(method, path, body, headers, encode_chunked="Transfer-Encoding" in headers)
        return Answer(link.getresponse())
    finally:
        link.close()


def get(path, **options):
    answer = ask("GET", path, **options)
    expect(answer.status == 200, "GET %s" % path, answer.status, answer.body)
    return answer.json


def expect_problem(answer, status, *words):
    expect(answer.status == status, "status %d" % status, answer.status, answer.body)
    expect(answer.headers["Content-Type"] == "application/problem+json", "a problem document", dict(answer.headers))
    problem = answer.json
    expect(problem["status"] == status and problem["title"] and problem["type"] == "about:blank", "RFC 9457", problem)
    for word in words:
        expect(word in problem["detail"], "its detail names '%s'" % word, problem)
    return problem


def in_background(function, *args):
    """A queue that will hold function(*args) and the seconds it took."""
    result = queue.Queue()
    start = time.monotonic()

    def run():
        try:
            value = function(*args)
        except Exception as error:  # pylint: disable=broad-except
            value = error
        result.put((value, time.monotonic() - start))
    threading.Thread(target=run, daemon=True).start()
    return result


def events(since=0, device=None):
    rows = []
    while True:
        more = get("/api/v1/events?since=%d%s" % (since, "&device=" + device if device else ""))["events"]
        if not more:
            return rows
        rows += more
        since = more[-1]["n"]


def last_event():
    return max([row["n"] for row in events()], default=0)


def upload(size=50000):
    """A payload of random bytes on the server: its digest."""
    payload = os.urandom(size)
    digest = hashlib.sha256(payload).hexdigest()
    answer = ask("PUT", "/api/v1/images/%s/payload" % digest, payload)
    expect(answer.status == 201, "uploaded", answer.status, answer.body)
    return digest, payload


def upload_image(suit=None):
    """A signed image on the server: its digest."""
    suit = suit or fleet.image("1.2.3")
    with open(suit[:-5] + ".fit", "rb") as file:
        payload = file.read()
    with open(suit, "rb") as file:
        manifest = file.read()
    digest = hashlib.sha256(payload).hexdigest()
    for part, body in (("payload", payload), ("manifest", manifest)):
        answer = ask("PUT", "/api/v1/images/%s/%s" % (digest, part), body)
        expect(answer.status in (200, 201), "uploaded", answer.status, answer.body)
    return digest


def order(device, digest, **more):
    answer = ask("POST", "/api/v1/jobs", dict({"device": device, "digest": digest}, **more))
    expect(answer.status == 201, "a job is made", answer.status, answer.body)
    return answer.json


def state_of(job):
    return get("/api/v1/jobs/" + job)


def offered(device):
    return device.jobs.get(timeout=LIMIT_S)


def accepted(device, job, status, expected, **details):
    kind, body = device.update(job, status, expected, **details)
    expect(kind == "accepted", "%s is accepted" % status, body)
    return body["executionState"]["versionNumber"]


# ---- start and end


@case("start: one ready line; SIGTERM and SIGINT end it orderly, also with requests that wait")
def start_and_end():
    for number in (signal.SIGTERM, signal.SIGINT):
        fleet.server.end()
        server = start_server()
        expect(server.ready == "skerryd: ready https=127.0.0.1:%d broker=connected\n" % fleet.http_port, "the ready line", server.ready)
        waiting = in_background(ask, "GET", "/api/v1/events?since=%d&wait=60" % last_event())
        home.wait_until(lambda: get("/api/v1/status")["broker"] == "connected", "it serves")
        time.sleep(0.3)
        code = server.end(number)
        expect(code == 0, "exit code 0", code, server.text()[-2000:])
        value, seconds = waiting.get(timeout=20)
        expect(seconds < 20 and (isinstance(value, Exception) or value.status in (200, 503)), "the waiting request ends", value, seconds)
    expect(not os.path.exists(fleet.file("server", "fleet.db-wal")), "the database is closed")
    start_server()


@case("start: without a broker it says so, serves, and connects when there is one")
def start_without_broker():
    fleet.server.end()
    fleet.broker.end()
    server = start_server()
    expect("broker=connecting" in server.ready, "the ready line", server.ready)
    expect(get("/api/v1/status")["broker"] == "disconnected", "the status")
    ask("PUT", "/api/v1/devices/dev", {"board": "qemu-virt"})
    answer = ask("POST", "/api/v1/devices/dev/cmd", {"cmd": "reboot"})
    expect_problem(answer, 503, "broker")
    fleet.start_broker()
    home.wait_until(lambda: get("/api/v1/status")["broker"] == "connected", "it connects by itself")


@case("start: wrong options, a newer database, what a crash left behind")
def start_errors():
    def run(*args):
        return subprocess.run([os.path.join(BIN, "skerryd"), *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    expect(run("--bogus").returncode == 2 and "usage" in run("--bogus").stderr, "a wrong option is exit code 2")
    expect(run("--help").returncode == 0, "help is exit code 0")
    fleet.server.end()
    leftover = fleet.file("server", "artifacts", "0" * 64 + ".fit.AbCdEf")
    with open(leftover, "wb") as file:
        file.write(b"half")
    path = fleet.file("server", "fleet.db")
    database = sqlite3.connect(path)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    database.execute("PRAGMA user_version = 99")
    database.close()
    done = run("--home", fleet.path)
    expect(done.returncode == 1 and "newer skerryd" in done.stderr and "remedy" in done.stderr, "a newer database is named", done.stderr)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = %d" % version)
    database.close()
    start_server()
    expect(not os.path.exists(leftover), "a half upload is swept away")


# ---- long polls


@case("long poll: answers when there is something, after its time with an empty list, and blocks nobody")
def long_poll():
    since = last_event()
    value, seconds = in_background(get, "/api/v1/events?since=%d&wait=1" % since).get(timeout=LIMIT_S)
    expect(value == {"events": []} and seconds >= 0.9, "empty after its time", value, seconds)
    waiting = [in_background(get, "/api/v1/events?since=%d&wait=60" % since) for _ in range(40)]
    time.sleep(0.5)
    for _ in range(5):
        expect(get("/api/v1/status"), "others are served meanwhile")
    expect(all(one.empty() for one in waiting), "they wait")
    ask("PUT", "/api/v1/devices/poll", {"board": "qemu-virt"})
    for one in waiting:
        value, seconds = one.get(timeout=LIMIT_S)
        expect(not isinstance(value, Exception) and [row["kind"] for row in value["events"]] == ["device-added"] and seconds < 50, "all are woken", value, seconds)
    for path in ("/api/v1/events?since=x", "/api/v1/events?wait=61", "/api/v1/events?since=-1", "/api/v1/events?device=a.b",
                 "/api/v1/events?rollout=a.b", "/api/v1/events?newest=x", "/api/v1/events?newest=501"):
        expect_problem(ask("GET", path), 400)


@case("the newest events: so many as asked for, of one device too, in the order in which they happened")
def newest_events():
    for number in range(3):
        ask("PUT", "/api/v1/devices/newest-%d" % number, {"board": "qemu-virt"})
    rows = events()
    expect(get("/api/v1/events?newest=3")["events"] == rows[-3:], "the last three")
    own = events(device="newest-1")
    expect(get("/api/v1/events?newest=1&device=newest-1")["events"] == own[-1:] and own, "of one device", own)
    expect(get("/api/v1/events?newest=500&since=%d" % rows[-2]["n"])["events"] == rows[-1:], "after a number")


@case("long poll: a job's change and a device's lines come at once")
def long_poll_job():
    device = fleet.device("lp")
    job = order("lp", upload_image())
    execution = offered(device)
    expect(job["versionNumber"] == 1 and job["status"] == "QUEUED", "a new job", job)
    expect(get("/api/v1/jobs/%s?since=0&wait=60" % job["jobId"])["versionNumber"] == 1, "something newer: at once")
    waiting = in_background(get, "/api/v1/jobs/%s?since=1&wait=60" % job["jobId"])
    time.sleep(0.3)
    expect(waiting.empty(), "nothing newer: it waits")
    accepted(device, execution["jobId"], "IN_PROGRESS", 1, step="download", percent=3)
    value, seconds = waiting.get(timeout=LIMIT_S)
    expect(value["versionNumber"] == 2 and value["statusDetails"] == {"step": "download", "percent": 3} and seconds < 50, "the change", value, seconds)
    lines = in_background(get, "/api/v1/devices/lp/logs?since=0&wait=60")
    time.sleep(0.3)
    device.say("log", {"first": 0, "lines": ["hello"]})
    value, seconds = lines.get(timeout=LIMIT_S)
    expect([row["text"] for row in value["lines"]] == ["hello"] and seconds < 50, "the line", value, seconds)
    accepted(device, execution["jobId"], "SUCCEEDED", 2)


# ---- images


@case("images: an upload is there whole or not at all")
def uploads():
    digest, payload = upload(300000)
    path = "/api/v1/images/%s/payload" % digest
    expect(ask("PUT", path, payload).status == 200, "again: 200")
    stored = fleet.file("server", "artifacts", digest + ".fit")
    with open(stored, "r+b") as file:
        file.write(b"rot")
    expect(ask("PUT", path, payload).status == 200 and ask("GET", "/artifacts/%s.fit" % digest, token=False).body == payload, "a rotten file is replaced")
    before = sorted(os.listdir(fleet.file("server", "artifacts")))
    other = "ab" * 32
    expect_problem(ask("PUT", "/api/v1/images/%s/payload" % other, payload), 422, digest)
    for bad in ("x", "AB" * 32, "ab" * 31):
        expect_problem(ask("PUT", "/api/v1/images/%s/payload" % bad, b"1"), 400, "digest")
    link = connect()  # announces more than it sends
    link.putrequest("PUT", "/api/v1/images/%s/payload" % other)
    link.putheader("Authorization", "Bearer " + fleet.token())
    link.putheader("Content-Length", "1000000")
    link.endheaders()
    link.send(b"x" * 500000)
    link.sock.shutdown(socket.SHUT_RDWR)
    link.close()
    home.wait_until(lambda: sorted(os.listdir(fleet.file("server", "artifacts"))) == before, "nothing of it stays")
    expect(ask("GET", "/artifacts/%s.fit" % other).status == 404, "nor can it be fetched")
    expect_problem(ask("PUT", "/api/v1/images/%s/payload" % other, headers={"Content-Length": str(1 << 40), "Expect": "100-continue"}), 413, "bytes")
    expect(ask("PUT", path, payload, token=False).status == 401, "not without the token")
    listed = {row["digest"]: row for row in get("/api/v1/images")["images"]}
    expect(digest in listed and other not in listed and listed[digest]["bytes"] == len(payload), "the list", listed)


@case("images: a body in chunks is as good as one with a length; one that never ends is cut off")
def chunked():
    payload = os.urandom(200000)
    digest = hashlib.sha256(payload).hexdigest()
    pieces = (payload[at:at + 7000] for at in range(0, len(payload), 7000))
    answer = ask("PUT", "/api/v1/images/%s/payload" % digest, pieces, {"Transfer-Encoding": "chunked"})
    expect(answer.status == 201 and ask("GET", "/artifacts/%s.fit" % digest).body == payload, "taken", answer.status, answer.body)
    endless = (b"x" * 65536 for _ in range(40))
    try:
        status = ask("POST", "/api/v1/jobs", endless, {"Transfer-Encoding": "chunked"}).status
    except OSError:
        status = 413  # the connection was closed instead
    expect(status == 413, "refused", status)


@case("images: a manifest is checked against the digest, and stored as it is with force")
def manifests():
    suit = fleet.image("1.9.0", counter=7)
    digest = upload_image(suit)
    with open(suit, "rb") as file:
        manifest = file.read()
    path = "/api/v1/images/%s/manifest" % digest
    ask("PUT", "/api/v1/devices/board", {"board": "qemu-virt"})
    row = next(row for row in get("/api/v1/images")["images"] if row["digest"] == digest)
    expect(row["version"] == "1.9.0" and row["counter"] == 7 and row["app"] == "sensor" and row["board"] == "qemu-virt" and row["bytes"] > 200000, "what it says", row)
    flipped = bytearray(manifest)
    flipped[len(flipped) // 2] ^= 1
    for bad, words in ((bytes(flipped), ()), (manifest[:-1], ("SUIT",)), (manifest + b"x", ("SUIT",)), (os.urandom(300), ("SUIT",))):
        expect_problem(ask("PUT", path, bad), 422, *words)
    expect_problem(ask("PUT", path, b""), 400, "empty")
    expect_problem(ask("PUT", path, b"x" * 20000), 413, "16384")
    expect_problem(ask("PUT", "/api/v1/images/%s/manifest" % ("cd" * 32), manifest), 422, "another payload")
    expect(ask("PUT", path + "?force=1", bytes(flipped)).status == 200, "force")
    fleet.device("forced")
    job = order("forced", digest)
    expect(job.get("version") is None, "nothing is known of it", job)
    ask("POST", "/api/v1/jobs/%s/cancel" % job["jobId"])
    expect(ask("PUT", path, manifest).status == 200, "the right one again")


# ---- artifacts


@case("artifacts: HEAD, entity tags, conditions")
def conditions():
    digest, payload = upload(100000)
    path, tag = "/artifacts/%s.fit" % digest, '"%s"' % digest
    whole = ask("GET", path, token=False)
    expect(whole.status == 200 and whole.body == payload and whole.headers["ETag"] == tag and whole.headers["Accept-Ranges"] == "bytes", "whole", dict(whole.headers))
    head = ask("HEAD", path, token=False, headers={"Range": "bytes=1-2"})
    expect(head.status == 200 and head.body == b"" and head.headers["Content-Length"] == "100000" and head.headers["ETag"] == tag, "HEAD", dict(head.headers))
    expect(ask("HEAD", "/artifacts/%s.fit" % ("0" * 64)).status == 404, "HEAD of nothing")
    same = ask("GET", path, headers={"If-None-Match": tag})
    expect(same.status == 304 and same.body == b"", "not modified", same.status)
    part = ask("GET", path, headers={"If-Range": tag, "Range": "bytes=10-19"})
    expect(part.status == 206 and part.body == payload[10:20] and part.headers["Content-Range"] == "bytes 10-19/100000", "If-Range that holds", part.status)
    part = ask("GET", path, headers={"If-Range": '"other"', "Range": "bytes=10-19"})
    expect(part.status == 200 and part.body == payload, "If-Range that does not", part.status)
    expect(ask("GET", path, headers={"Range": "bytes=1-2,4-5"}).status == 200, "several ranges: whole")
    expect_problem(ask("POST", path, b""), 405)


@case("artifacts: thirty devices at once, each its own range; and one that reads slowly stops nobody")
def many_downloads():
    digest, payload = upload(4 << 20)
    path = "/artifacts/%s.fit" % digest
    slow = connect()
    slow.request("GET", path)
    slow.getresponse().read(10)  # and no more
    jobs = [(first, in_background(ask, "GET", path, None, {"Range": "bytes=%d-" % first}, False)) for first in range(0, len(payload), len(payload) // 30)]
    for first, job in jobs:
        answer, _ = job.get(timeout=LIMIT_S)
        expect(not isinstance(answer, Exception) and answer.status == 206 and answer.body == payload[first:], "from byte %d" % first, answer)
    slow.close()


# ---- jobs


@case("jobs: wrong orders are refused, each with its reason")
def wrong_orders():
    digest = upload_image()
    naked, _ = upload()
    ask("PUT", "/api/v1/devices/wrong", {"board": "qemu-virt"})
    good = {"device": "wrong", "digest": digest}
    for change, status, word in (({"device": "absent"}, 404, "absent"), ({"device": "a/b"}, 400, "device"), ({"device": 1}, 400, "device"), ({"digest": "x"}, 400, "digest"),
                                 ({"digest": "ef" * 32}, 404, "payload"), ({"digest": naked}, 404, "manifest"), ({"retry": 1}, 400, "retry"),
                                 ({"trialSeconds": 9}, 400, "trialSeconds"), ({"trialSeconds": 3601}, 400, "trialSeconds"), ({"trialSeconds": "60"}, 400, "trialSeconds"),
                                 ({"urls": []}, 400, "urls"), ({"urls": ["http://x/y"]}, 400, "urls"), ({"urls": ["https://x/" + "y" * 250]}, 400, "urls"),
                                 ({"urls": ["https://x/y z"]}, 400, "urls"), ({"urls": ["https://x/y"] * 5}, 400, "urls"), ({"bogus": 1}, 400, "bogus")):
        expect_problem(ask("POST", "/api/v1/jobs", dict(good, **change)), status, word)
    expect(get("/api/v1/jobs?device=wrong")["jobs"] == [], "no job was made")
    job = order("wrong", digest)
    problem = expect_problem(ask("POST", "/api/v1/jobs", good), 409, "not over")
    expect(problem["jobId"] == job["jobId"], "it names the open one", problem)
    expect(ask("POST", "/api/v1/jobs/%s/cancel" % job["jobId"]).json["status"] == "CANCELED", "canceled")
    expect_problem(ask("POST", "/api/v1/jobs/%s/cancel" % job["jobId"]), 409, job["jobId"])
    expect_problem(ask("POST", "/api/v1/jobs/none/cancel"), 404, "none")
    expect([row["status"] for row in get("/api/v1/jobs?device=wrong")["jobs"]] == ["CANCELED"], "the list")


@case("jobs: the doorbell rings until the device asks, and again when it comes back")
def doorbell():
    device = fleet.device("bell")
    rings = queue.Queue()
    device.stop()
    client = fleet.client("bell")
    client.subscribe(device.topic + "/jobs/notify-next")
    job = order("bell", upload_image())
    for _ in range(2):  # nobody answers: at once, and again
        topic, body = client.inbox.get(timeout=LIMIT_S)
        rings.put(topic)
        expect(json.loads(body)["execution"]["jobId"] == job["jobId"], "it names the job", body)
    client.publish(device.topic + "/jobs/$next/get", json.dumps({"clientToken": "now"}))
    settled = time.monotonic() + 5  # the next ring would come 4 s after the second
    while time.monotonic() < settled:
        try:
            topic, _ = client.inbox.get(timeout=max(0.1, settled - time.monotonic()))
            rings.put(topic)
        except queue.Empty:
            break
    expect(rings.qsize() <= 3, "it is quiet after the device asked", rings.qsize())
    client.publish(device.topic + "/presence", json.dumps({"online": True, "boot": 50}))
    expect(client.inbox.get(timeout=LIMIT_S)[0].endswith("notify-next"), "it rings when the device comes online")
    client.close()
    ask("POST", "/api/v1/jobs/%s/cancel" % job["jobId"])


@case("jobs: one that is under way and silent times out; its device is told; a late success is an event, and the report counts")
def time_out():
    set_conf("step-timeout-s", "2")
    try:
        device = fleet.device("silent")
        digest = upload_image(fleet.image("5.5.5"))
        job = order("silent", digest)
        version = offered(device)["versionNumber"]
        version = accepted(device, job["jobId"], "IN_PROGRESS", version, step="download")
        home.wait_until(lambda: state_of(job["jobId"])["status"] == "TIMED_OUT", "it times out")
        kind, body = device.update(job["jobId"], "SUCCEEDED", version)
        expect(kind == "rejected" and body["code"] == "TerminalStateReached" and body["executionState"]["status"] == "TIMED_OUT", "too late", body)
        device.digest, device.version = digest, "5.5.5"
        device.report()
        home.wait_until(lambda: get("/api/v1/devices/silent")["version"] == "5.5.5", "what runs is what is shown")
        kinds = [row["kind"] for row in events(device="silent")]
        expect("job-late" in kinds and kinds.count("job-ended") == 1, "the operator is told", kinds)
    finally:
        set_conf("step-timeout-s", "3600")


@case("jobs: skerryd killed and started again between each two steps of a job")
def restarts():
    device = fleet.device("steps")
    job = order("steps", upload_image(fleet.image("6.6.6")))["jobId"]
    version = offered(device)["versionNumber"]
    for step in ("manifest", "download", "verify", "reboot", "trial"):
        version = accepted(device, job, "IN_PROGRESS", version, step=step)
        fleet.server.end(signal.SIGKILL)
        start_server()
        known = state_of(job)
        expect(known["versionNumber"] == version and known["statusDetails"]["step"] == step, "what was accepted is there", known)
    version = accepted(device, job, "SUCCEEDED", version, step="confirm")
    fleet.server.end(signal.SIGKILL)
    start_server()
    expect(accepted(device, job, "SUCCEEDED", version - 1, step="confirm") == version, "the same end again is acknowledged")
    expect(state_of(job)["status"] == "SUCCEEDED", "and it stays")


# ---- devices


@case("devices: put, list, wrong ids and boards")
def devices():
    expect(ask("PUT", "/api/v1/devices/new", {"board": "qemu-virt"}).status == 201, "201")
    known = ask("PUT", "/api/v1/devices/new", {"board": "other"})
    expect(known.status == 200 and known.json["board"] == "other" and known.json["online"] is False and known.json["addedAt"] > 1e9, "200", known.body)
    for path, body, status in (("/api/v1/devices/a.b", {"board": "x"}, 400), ("/api/v1/devices/" + "a" * 65, {"board": "x"}, 400), ("/api/v1/devices/ok", {}, 400),
                               ("/api/v1/devices/ok", {"board": "a b"}, 400), ("/api/v1/devices/ok", {"board": "x", "bogus": 1}, 400),
                               ("/api/v1/devices/ok", {"board": "x", "device": "other"}, 400)):
        expect_problem(ask("PUT", path, body), status)
    expect(ask("GET", "/api/v1/devices/ok").status == 404, "none was made")
    expect("new" in [row["id"] for row in get("/api/v1/devices")["devices"]], "the list")


@case("devices: one with a good certificate that nobody added is dropped, with an event; once added it is heard")
def unknown_device():
    fleet.server.end()
    fleet.skerry("device", "add", "stranger", "--board", "qemu-virt")
    os.remove(fleet.file("server", "enrol", "stranger.json"))
    start_server()
    device = fleet.device("stranger")
    home.wait_until(lambda: [row for row in events(device="stranger") if row["kind"] == "unknown-device"], "the operator is told")
    for _ in range(20):
        device.report()
    expect(ask("GET", "/api/v1/devices/stranger").status == 404, "it is not in the registry")
    ask("PUT", "/api/v1/devices/stranger", {"board": "qemu-virt"})
    device.report()
    home.wait_until(lambda: get("/api/v1/devices/stranger").get("version") == device.version, "now it is heard")
    expect(len([row for row in events(device="stranger") if row["kind"] == "unknown-device"]) == 1, "told once")


@case("devices: one that died while broker and skerryd were away counts as offline afterwards; one that lives, as online")
def presence_after_restart():
    dead, alive = fleet.device("dead"), fleet.device("alive")
    home.wait_until(lambda: get("/api/v1/devices/dead")["online"] and get("/api/v1/devices/alive")["online"], "both are online")
    fleet.server.end(signal.SIGKILL)
    fleet.broker.end(signal.SIGKILL)  # remembers nothing
    dead.client.kill()
    fleet.start_broker()
    alive.start()
    start_server()
    home.wait_until(lambda: get("/api/v1/devices/dead")["online"] is False, "the dead one is offline")
    expect(get("/api/v1/devices/alive")["online"] is True, "the living one is online")


@case("commands: answered, refused by the device, not answered")
def commands():
    device = fleet.device("cmd")
    waiting = in_background(ask, "POST", "/api/v1/devices/cmd/cmd", {"cmd": "log-level", "level": "debug"})
    command = device.commands.get(timeout=LIMIT_S)
    expect(command["cmd"] == "log-level" and command["level"] == "debug", "as it was given", command)
    device.say("cmd/reply", {"id": "another", "ok": False})
    device.say("cmd/reply", {"id": command["id"], "ok": True})
    value, _ = waiting.get(timeout=LIMIT_S)
    expect(value.status == 200 and value.json == {"id": command["id"], "ok": True}, "answered", value.body)
    waiting = in_background(ask, "POST", "/api/v1/devices/cmd/cmd", {"cmd": "cancel"})
    command = device.commands.get(timeout=LIMIT_S)
    device.say("cmd/reply", {"id": command["id"], "ok": False, "error": "E_JOB"})
    expect(waiting.get(timeout=LIMIT_S)[0].json == {"id": command["id"], "ok": False, "error": "E_JOB"}, "refused by the device")
    value, seconds = in_background(ask, "POST", "/api/v1/devices/cmd/cmd", {"cmd": "reboot"}).get(timeout=LIMIT_S)
    expect(seconds >= 9.5, "it waits", seconds)
    expect_problem(value, 504, "cmd")
    for body, status in (({"cmd": "format"}, 400), ({}, 400), ({"cmd": "reboot", "level": "debug"}, 400), ({"cmd": "log-level"}, 400), ({"cmd": "reboot", "x": 1}, 400)):
        expect_problem(ask("POST", "/api/v1/devices/cmd/cmd", body), status)
    expect_problem(ask("POST", "/api/v1/devices/absent/cmd", {"cmd": "reboot"}), 404, "absent")


@case("logs: long lines are cut, old ones go, numbers only grow")
def logs():
    device = fleet.device("logs")
    device.say("log", {"first": 0, "lines": ["é" * 2000]})
    rows = home.wait_until(lambda: get("/api/v1/devices/logs/logs")["lines"], "the line")
    expect(len(rows[0]["text"].encode()) <= 1024 and set(rows[0]["text"]) == {"é"}, "cut between characters", len(rows[0]["text"]))
    for first in range(1, 2400, 48):
        device.say("log", {"first": first, "lines": ["line %d" % number for number in range(first, first + 48)]})
    seen, since = [], 0
    home.wait_until(lambda: [row for row in get("/api/v1/devices/logs/logs?since=%d" % (rows[0]["n"] + 2300))["lines"] if row["text"] == "line 2400"], "the last line")
    while True:
        more = get("/api/v1/devices/logs/logs?since=%d" % since)["lines"]
        if not more:
            break
        expect(len(more) <= 500 and [row["n"] for row in more] == sorted(row["n"] for row in more) and more[0]["n"] > since, "in pages, in order")
        seen += [row["text"] for row in more]
        since = more[-1]["n"]
    expect(seen == ["line %d" % number for number in range(401, 2401)], "the newest 2000", len(seen), seen[:1], seen[-1:])
    expect_problem(ask("GET", "/api/v1/devices/absent/logs"), 404)


# ---- HTTP that is none


def raw(data, tls=True, timeout=LIMIT_S):
    """Send bytes, return what comes until the other side closes."""
    sock = socket.create_connection(("127.0.0.1", fleet.http_port), timeout)
    if tls:
        sock = ssl.create_default_context(cafile=fleet.file("server", "ca.pem")).wrap_socket(sock, server_hostname="127.0.0.1")
    got = b""
    with sock:
        try:
            sock.sendall(data)
            if tls:
                sock.settimeout(timeout)
            while True:
                more = sock.recv(65536)
                if not more:
                    return got
                got += more
        except (OSError, ssl.SSLError):
            return got


@case("HTTP: garbage, half requests and lies end in an error, never in a hang or a crash")
def garbage():
    token = ("Authorization: Bearer %s\r\n" % fleet.token()).encode()
    closed = b"Connection: close\r\n"
    for name, data, statuses in (("noise", bytes(number * 37 % 256 for number in range(3000)) + b"\r\n\r\n", (400,)), ("no version", b"GET /\r\n\r\n", (400, 401, 505)), ("old", b"GET /api/v1/status HTTP/1.0\r\n" + token + b"\r\n", (200,)),
                                 ("huge header", b"GET / HTTP/1.1\r\nX: " + b"y" * 300000 + b"\r\n\r\n", (400, 413, 414, 431)),
                                 ("huge path", b"GET /" + b"y" * 300000 + b" HTTP/1.1\r\n\r\n", (400, 413, 414, 431)),
                                 ("bad length", b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\n" + closed + token + b"Content-Length: -5\r\n\r\n", (400,)),
                                 ("length no number", b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\n" + closed + token + b"Content-Length: x\r\n\r\n", (400,)),
                                 ("bad chunk", b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\n" + closed + token + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", (400,)),
                                 ("empty object", b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\n" + closed + token + b"Content-Length: 2\r\n\r\n{}", (400,)),
                                 ("NUL", b"GET /api/v1/devices/a%00b HTTP/1.1\r\nHost: x\r\n" + closed + token + b"\r\n", (400, 404)),
                                 ("no UTF-8", b"GET /api/v1/devices/%ff%fe HTTP/1.1\r\nHost: x\r\n" + closed + token + b"\r\n", (400, 404)),
                                 ("unknown method", b"BREW /api/v1/jobs HTTP/1.1\r\nHost: x\r\n" + closed + token + b"\r\n", (404, 405))):
        answer = raw(data)
        status = int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/") else None
        expect(status in statuses or (status is None and 200 not in statuses), "%s: an error" % name, answer[:300])
    plain = raw(b"GET /api/v1/status HTTP/1.1\r\n\r\n", tls=False)
    expect(b"HTTP/1" not in plain, "no answer without TLS", plain[:100])
    raw(bytes(number * 37 % 256 for number in range(2000)), tls=False)
    expect(get("/api/v1/status"), "it goes on")


@case("HTTP: two hundred connections that say nothing, or half a line, stop nobody")
def idle_connections():
    context = ssl.create_default_context(cafile=fleet.file("server", "ca.pem"))
    idle = []
    for number in range(200):
        sock = socket.create_connection(("127.0.0.1", fleet.http_port), 20)
        if number % 4 == 0:
            sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
            sock.sendall(b"GET /api/v1/sta")
        idle.append(sock)
    for _ in range(10):
        start = time.monotonic()
        expect(get("/api/v1/status") and time.monotonic() - start < 20, "served")
    for sock in idle:
        sock.close()


@case("TLS: 1.2 and 1.3, nothing older; the certificate is for the names that devices use")
def tls():
    def version(minimum, maximum, host="127.0.0.1"):
        context = ssl.create_default_context(cafile=fleet.file("server", "ca.pem"))
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = minimum, maximum
        try:
            with context.wrap_socket(socket.create_connection(("127.0.0.1", fleet.http_port), 20), server_hostname=host) as sock:
                return sock.version()
        except (OSError, ssl.SSLError):
            return None
    v = ssl.TLSVersion
    expect(version(v.TLSv1_3, v.TLSv1_3) == "TLSv1.3" and version(v.TLSv1_2, v.TLSv1_2) == "TLSv1.2", "1.2 and 1.3")
    expect(version(v.TLSv1, v.TLSv1_1) is None, "nothing older")
    expect(version(v.TLSv1_2, v.TLSv1_3, "10.0.2.2") and version(v.TLSv1_2, v.TLSv1_3, "localhost"), "its names")
    expect(version(v.TLSv1_2, v.TLSv1_3, "10.0.2.3") is None, "no others")


def set_conf(key, value):
    """Change skerryd.conf and start skerryd again."""
    path = fleet.file("server", "skerryd.conf")
    with open(path) as file:
        lines = ["%s = %s" % (key, value) if line.startswith(key) else line for line in file.read().splitlines()]
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    fleet.server.end()
    start_server()


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    atexit.register(fleet.remove)  # also when no case was chosen
    fleet.start_broker()
    start_server()
    sys.exit(main(__doc__, clean_up))
