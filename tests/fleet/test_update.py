#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`skerry`, skerryd and Mosquitto together, with simulated devices: jobs, artifacts, what devices may and may not, and what happens when a part fails."""

import hashlib
import json
import os
import resource
import shutil
import signal
import ssl
import subprocess
import sys
import time

import home
import mqtt
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN).start()
other = home.Home(BIN)  # another fleet: other CA, other release key
TOPIC = home.PREFIX


def read(*names):
    with open(os.path.join(*names), "rb") as file:
        return file.read()


def digest_of(suit):
    return hashlib.sha256(read(suit[:-5] + ".fit")).hexdigest()


def show(device):
    return fleet.json("device", "show", device)


def events(device=None):
    lines = fleet.skerry("events", "--json", *(["--device", device] if device else [])).splitlines()
    return [json.loads(line) for line in lines]


def job_of(execution):
    return execution["jobId"], execution["versionNumber"], execution["jobDocument"]


def offered(device):
    """The job that the device is given next."""
    return device.jobs.get(timeout=home.TIMEOUT_S)


def queue_job(device, suit, *options):
    """Starts a job without waiting; the execution as the device got it."""
    job = fleet.json("update", device.name, suit, "--no-wait", *options)
    execution = offered(device)
    expect(execution["jobId"] == job["jobId"], "the device is given this job", execution, job)
    return execution


def published(device, suffix, body):
    """Published, and skerryd has worked through it: it answers the device's next question only afterwards."""
    device.client.publish("%s/%s" % (device.topic, suffix), body)
    settle(device)


def settle(device):
    """Until skerryd has taken everything that the device published before."""
    seen = show(device.name).get("lastSeen")
    mark = "settle-%d" % time.monotonic_ns()
    device.say("report", {"device": device.name, "version": device.version, "digest": device.digest, "slot": "a", "mode": "normal", "buildId": mark})
    home.wait_until(lambda: show(device.name).get("report", {}).get("buildId") == mark, "skerryd takes the report of %s (%s)" % (device.name, seen))


# ---- the life of a job


def good_device(device, execution):
    """Fetches in two ranges, verifies, restarts, confirms."""
    job, version, document = job_of(execution)
    url, total, body = document["urls"][0], 0, b""
    path = "/" + url.split("/", 3)[3]
    device.update(job, "IN_PROGRESS", version, step="manifest")
    for first in (None, 100000):
        code, head, part = device.home.curl(path, "-r", "%d-" % (first or 0), "--max-filesize", "10000000")
        body = part if first is None else body[:first] + part
        version += 1
        total = int(head.split("content-range: bytes ")[1].split("/")[1].split("\r")[0])
        device.update(job, "IN_PROGRESS", version, step="download", bytes=len(body) // (2 if first is None else 1), total=total)
    device.digest, device.version = hashlib.sha256(body).hexdigest(), "2.0.0"
    device.update(job, "IN_PROGRESS", version + 1, step="reboot")
    device.report()
    device.update(job, "SUCCEEDED", version + 2, step="confirm", digest=device.digest, version="2.0.0")


@case("update: the device fetches by ranges, confirms; the operator sees each step and exit code 0")
def update_succeeds():
    suit = fleet.image("2.0.0", size=300000)
    device = fleet.device("good", play=good_device)
    code, changes, errors = fleet.update("good", suit).result()
    expect(code == 0, "exit code 0", code, changes, errors)
    steps = [change["statusDetails"].get("step") for change in changes]
    order = [step for step in ("manifest", "download", "reboot", "confirm") if step in steps]
    expect(changes[-1]["status"] == "SUCCEEDED" and order == sorted(order, key=steps.index) and len(order) >= 2, "the steps in their order", steps)
    versions = [change["versionNumber"] for change in changes]
    expect(versions == sorted(set(versions)), "each change once, in order", versions)
    known = show("good")
    expect(known["online"] is True and known["version"] == "2.0.0" and known["digest"] == digest_of(suit), "what it reports is known", known)
    expect(device.digest == digest_of(suit), "what it fetched is what was built")
    listed = [row for row in fleet.json("device", "list") if row["id"] == "good"]
    expect(listed and listed[0]["version"] == "2.0.0", "in the list too", listed)
    expect("good" in fleet.skerry("device", "list") and "2.0.0" in fleet.skerry("image", "list"), "tables hold both")


@case("update: the job document is what SPEC §8 says")
def job_document():
    suit, device = fleet.image("2.1.0"), fleet.device("doc")
    execution = queue_job(device, suit, "--retry", "--trial-seconds", "33", "--url", "https://a.example/x", "--url", "https://b.example/y")
    job, version, document = job_of(execution)
    manifest = document["manifest"]
    import base64
    expect(base64.urlsafe_b64decode(manifest + "=" * (-len(manifest) % 4)) == read(suit), "the manifest, base64url", document)
    expect(document["op"] == "install" and document["retry"] is True and document["trialSeconds"] == 33, "op, retry, trialSeconds", document)
    expect(document["urls"] == ["https://a.example/x", "https://b.example/y"], "the mirrors that were given", document)
    expect(execution["status"] == "QUEUED" and version == 1 and execution["executionNumber"] == 1 and execution["queuedAt"] > 1e9, "the execution", execution)
    device.update(job, "REJECTED", version, error="E_URL")
    document = job_of(queue_job(device, suit))[2]
    expect(document["urls"] == ["https://127.0.0.1:%d/artifacts/%s.fit" % (fleet.http_port, digest_of(suit))], "the server's own address", document)
    expect("retry" not in document or document["retry"] is False, "no retry unless asked", document)


def outcome_case(status, code, details, words):
    def run():
        name = "out-" + status.lower()
        play = lambda device, execution: device.update(execution["jobId"], status, execution["versionNumber"], **details)  # noqa: E731
        fleet.device(name, play=play)
        done = fleet.command("update", name, fleet.image("3.0.0"))
        expect(done.returncode == code, "exit code %d" % code, done.returncode, done.stdout, done.stderr)
        for word in words:
            expect(word in done.stdout, "the operator reads '%s'" % word, done.stdout)
    return run


case("update: a rollback is exit code 3, with its reason and cause",
     outcome_case("FAILED", 3, {"step": "trial", "reason": "rolled-back", "error": "E_ROLLED_BACK", "cause": "health-timeout"},
                  ["FAILED", "rolled-back", "E_ROLLED_BACK", "the image was tried and not confirmed", "health-timeout"]))
case("update: a refusal is exit code 4, with its reason",
     outcome_case("REJECTED", 4, {"step": "manifest", "reason": "refused", "error": "E_SIG"}, ["REJECTED", "E_SIG", "no signature by a trusted release key"]))


@case("update: canceled is exit code 6; the job is gone for the device")
def update_canceled():
    device, suit = fleet.device("cancel"), fleet.image("3.1.0")
    running = fleet.update("cancel", suit)
    job, version, _ = job_of(offered(device))
    device.update(job, "IN_PROGRESS", version, step="download")
    fleet.skerry("job", "cancel", job)
    code, changes, errors = running.result()
    expect(code == 6 and changes[-1]["status"] == "CANCELED", "exit code 6", code, changes, errors)
    kind, body = device.update(job, "SUCCEEDED", version + 1)
    expect(kind == "rejected", "the device cannot end it otherwise", body)
    done = fleet.command("job", "cancel", job)
    expect(done.returncode == 1 and job in done.stderr, "it cannot be canceled twice", done.stderr)
    expect(fleet.json("job", "show", job)["status"] == "CANCELED", "the end is final")


@case("update: --timeout ends the watching, not the job; the same command again goes on watching")
def update_timeout():
    suit = fleet.image("3.2.0")
    fleet.skerry("device", "add", "away", "--board", "qemu-virt")
    done = fleet.command("update", "away", suit, "--timeout", "1")
    expect(done.returncode == 5 and "job wait" in done.stderr, "exit code 5, and how to go on", done.returncode, done.stderr)
    jobs = fleet.json("job", "list", "--device", "away")
    expect(len(jobs) == 1 and jobs[0]["status"] == "QUEUED", "the job waits for the device", jobs)
    fleet.refused("update", "away", fleet.image("3.2.1"), says="away")
    again = fleet.update("away", suit)
    expect(again.first()["jobId"] == jobs[0]["jobId"], "it is the same job")
    fleet.device("away", play=lambda d, e: d.update(e["jobId"], "SUCCEEDED", e["versionNumber"], digest=digest_of(suit)))
    code, changes, errors = again.result()
    expect(code == 0 and changes[-1]["jobId"] == jobs[0]["jobId"], "and sees its end", code, changes, errors)


@case("update: a manifest that the device will refuse is told early, and sent all the same")
def update_warns():
    device = fleet.device("warn")
    for suit, says in ((other.image("1.0.0"), "not signed by this fleet's release key"), (fleet.image("3.3.1", home=None), None)):
        if says is None:
            fleet.skerry("image", "sign", suit[:-5] + ".fit", "--device", "somebody-else")
            says = "for device somebody-else only"
        done = fleet.command("update", "warn", suit, "--no-wait", "--json")
        expect(done.returncode == 0 and says in done.stderr, "warned", done.stdout, done.stderr)
        job, version, _ = job_of(offered(device))
        device.update(job, "REJECTED", version, error="E_SIG")
    bad = fleet.scratch("forged.suit")
    suit = fleet.image("3.3.2")
    shutil.copy(suit[:-5] + ".fit", bad[:-5] + ".fit")
    with open(bad, "wb") as file:
        file.write(read(suit)[:-1])
    fleet.refused("update", "warn", bad, says="not an update manifest")
    done = fleet.command("update", "warn", bad, "--force", "--no-wait", "--json")
    expect(done.returncode == 0, "--force sends it", done.stderr)
    job, version, document = job_of(offered(device))
    device.update(job, "REJECTED", version, error="E_FORMAT")


@case("update: wrong files and devices are named; nothing is queued")
def update_errors():
    device, suit = fleet.device("err"), fleet.image("3.4.0")
    before = len(fleet.json("job", "list"))
    fleet.refused("update", "no-such-device", suit, says="no-such-device")
    fleet.refused("update", "err", fleet.scratch("absent.suit"), says="absent.suit")
    fleet.refused("update", "err", suit[:-5] + ".fit", says=".fit")
    os.rename(suit[:-5] + ".fit", suit[:-5] + ".away")
    fleet.refused("update", "err", suit, says="cannot open")
    with open(suit[:-5] + ".fit", "wb") as file:
        file.write(b"something else")
    fleet.refused("update", "err", suit, says="")
    expect(len(fleet.json("job", "list")) == before, "no job was made")
    stored = os.listdir(fleet.file("server", "artifacts"))
    expect(digest_of(suit) + ".fit" not in stored and hashlib.sha256(read(suit[:-5] + ".away")).hexdigest() + ".fit" not in stored, "nothing was stored")
    expect(device.jobs.empty(), "the device was not bothered")


# ---- the contract


@case("jobs: a stale version is refused with the current one; an end is final; a repeated end is acknowledged")
def job_versions():
    device = fleet.device("lock")
    job, version, _ = job_of(queue_job(device, fleet.image("4.0.0")))
    kind, body = device.update(job, "IN_PROGRESS", version, step="download")
    expect(kind == "accepted" and body["executionState"]["versionNumber"] == version + 1 and body["clientToken"] == "u%d" % version, "accepted, one higher", body)
    kind, body = device.update(job, "IN_PROGRESS", version)
    expect(kind == "rejected" and body["code"] == "VersionMismatch", "a stale version is refused", body)
    kind, body = device.update(job, "QUEUED", version + 1)
    expect(kind == "rejected", "a device cannot queue", body)
    kind, body = device.update(job, "CANCELED", version + 1)
    expect(kind == "rejected", "a device cannot cancel", body)
    kind, body = device.update(job, "FAILED", version + 1, error="E_IO")
    expect(kind == "accepted", "the end", body)
    kind, body = device.update(job, "SUCCEEDED", version + 2)
    expect(kind == "rejected", "is final", body)
    expect(fleet.json("job", "show", job)["status"] == "FAILED", "and stays")
    kind, body = device.update("no-such-job", "FAILED", 1)
    expect(kind == "rejected" and body["code"] == "ResourceNotFound", "a job that is none", body)


@case("jobs: one device cannot touch another's job")
def job_foreign():
    victim, rogue = fleet.device("victim"), fleet.device("rogue")
    job, version, _ = job_of(queue_job(victim, fleet.image("4.1.0")))
    kind, body = rogue.update(job, "REJECTED", version)
    expect(kind == "rejected", "its own topic does not help", body)
    rogue.client.publish("%s/victim/jobs/%s/update" % (TOPIC, job), json.dumps({"status": "REJECTED"}))
    settle(rogue)
    expect(fleet.json("job", "show", job)["status"] == "QUEUED", "the job is as it was")
    expect(victim.update(job, "SUCCEEDED", version)[0] == "accepted", "its owner ends it")


@case("jobs: a success with another digest than the job's is not believed; the report decides what runs")
def job_truth():
    device, suit = fleet.device("truth"), fleet.image("4.2.0")
    job, version, _ = job_of(queue_job(device, suit))
    device.update(job, "SUCCEEDED", version, digest=digest_of(suit))
    device.digest = digest_of(suit)
    device.report()
    settle(device)
    device.digest = "77" * 32
    device.report()
    settle(device)
    known = show("truth")
    expect(known["digest"] == "77" * 32, "the report wins", known)
    told = [event for event in events("truth") if event.get("job") == job and ("7777" in event["text"] or "mismatch" in event["kind"] or "drift" in event["kind"])]
    expect(told, "and the operator is told", events("truth"))


@case("jobs: a job that was queued while the device was away is given at its next question")
def job_waits():
    device = fleet.device("late")
    device.stop()
    home.wait_until(lambda: show("late")["online"] is not True or True, "it is gone")
    job = fleet.json("update", "late", fleet.image("4.3.0"), "--no-wait")
    device.boot += 1
    device.start()
    expect(offered(device)["jobId"] == job["jobId"], "it gets the job")


@case("presence: the will says when a device is gone; one that comes late is not believed")
def presence():
    device = fleet.device("ghost", boot=5)
    home.wait_until(lambda: show("ghost")["online"] is True, "online")
    device.client.kill()
    home.wait_until(lambda: show("ghost")["online"] is False, "its will says that it is gone")
    device.boot = 6
    device.start()
    home.wait_until(lambda: show("ghost")["online"] is True, "online again")
    published(device, "presence", json.dumps({"online": False, "boot": 5}))
    expect(show("ghost")["online"] is True, "the will of an earlier start changes nothing")


@case("logs, events, commands")
def logs_and_commands():
    device = fleet.device("talk")
    published(device, "log", json.dumps({"first": 0, "lines": ["boot: hello", "net: up\x1b[31m"]}))
    published(device, "log", json.dumps({"first": 1, "lines": ["net: up\x1b[31m", "app: well"]}))
    lines = [json.loads(line)["text"] for line in fleet.skerry("logs", "talk", "--json").splitlines()]
    expect([line.split("\x1b")[0] for line in lines] == ["boot: hello", "net: up", "app: well"], "each line once", lines)
    expect("\x1b" not in fleet.skerry("logs", "talk"), "control characters do not reach the terminal")
    follow = subprocess.Popen([os.path.join(BIN, "skerry"), "logs", "talk", "-f", "--json"], env=fleet.env, stdout=subprocess.PIPE, text=True)
    try:
        for _ in range(3):
            follow.stdout.readline()
        device.say("log", {"first": 3, "lines": ["later"]})
        expect("later" in follow.stdout.readline(), "-f shows new lines as they come")
    finally:
        follow.kill()
        follow.wait()
    running = subprocess.Popen([os.path.join(BIN, "skerry"), "cmd", "talk", "log-level", "debug"], env=fleet.env, stdout=subprocess.PIPE, text=True)
    command = device.commands.get(timeout=home.TIMEOUT_S)
    expect(command["cmd"] == "log-level" and command["level"] == "debug", "the command arrives", command)
    device.say("cmd/reply", {"id": command["id"], "ok": True})
    expect(running.wait(home.TIMEOUT_S) == 0, "its answer is success")
    running = subprocess.Popen([os.path.join(BIN, "skerry"), "cmd", "talk", "reboot"], env=fleet.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    command = device.commands.get(timeout=home.TIMEOUT_S)
    device.say("cmd/reply", {"id": command["id"], "ok": False, "error": "E_BUSY"})
    _, err = running.communicate(timeout=home.TIMEOUT_S)
    expect(running.returncode == 1 and "E_BUSY" in err, "a refusal is an error that names its reason", err)
    kinds = {event["kind"] for event in events("talk")}
    expect("device-added" in kinds and len(kinds) >= 2, "events tell what happened", kinds)


# ---- artifacts


@case("artifacts: Range as RFC 9110 wants it, without a token")
def ranges():
    suit = fleet.image("5.0.0")
    device = fleet.device("range")
    job, version, _ = job_of(queue_job(device, suit))
    device.update(job, "REJECTED", version)
    fit, path = read(suit[:-5] + ".fit"), "/artifacts/%s.fit" % digest_of(suit)
    size = len(fit)
    for header, status, first, last in ((None, 200, 0, size - 1), ("bytes=0-", 206, 0, size - 1), ("bytes=5-9", 206, 5, 9), ("bytes=%d-" % (size - 1), 206, size - 1, size - 1),
                                        ("bytes=-4", 206, size - 4, size - 1), ("bytes=10-%d" % (size + 99), 206, 10, size - 1),
                                        ("bytes=65536-", 206, 65536, size - 1), ("lines=1-2", 200, 0, size - 1), ("bytes=9-5", 200, 0, size - 1)):
        code, head, body = fleet.curl(path, *(["-H", "Range: " + header] if header else []))
        expect(code == 0 and int(head.split()[1]) == status, "%s is %d" % (header, status), head)
        expect(body == fit[first:last + 1], "%s brings these bytes" % header, len(body))
        if status == 206:
            expect("content-range: bytes %d-%d/%d\r" % (first, last, size) in head, "Content-Range", head)
        expect("content-length: %d\r" % (last - first + 1) in head, "Content-Length", head)
    for header in ("bytes=%d-" % size, "bytes=99999999999999999999-", "bytes=-0"):
        code, head, body = fleet.curl(path, "-H", "Range: " + header)
        expect(int(head.split()[1]) == 416 and "content-range: bytes */%d\r" % size in head, "%s cannot be satisfied" % header, head)
    for bad in ("/artifacts/%s.fit" % ("0" * 64), "/artifacts/../skerryd.key", "/artifacts/..%2f..%2fkeys%2fca.key", "/artifacts/", "/artifacts/%s" % digest_of(suit)):
        code, head, body = fleet.curl(bad, "--path-as-is")
        expect(int(head.split()[1]) in (400, 401, 404) and b"PRIVATE" not in body, "%s is not there" % bad, head)


@case("API: no token, a wrong token, a wrong path, a wrong body")
def api_errors():
    for options in ((), ("-H", "Authorization: Bearer wrong"), ("-H", "Authorization: Basic abc")):
        code, head, body = fleet.curl("/api/v1/devices", *options)
        expect(int(head.split()[1]) == 401 and b"title" in body, "refused as 401 with a problem document", head, body)
    for path, options, status in (("/api/v1/nothing", (), (404,)), ("/api/v1/devices", ("-X", "DELETE"), (404, 405)), ("/api/v1/jobs", ("-d", "{"), (400, 422)),
                                  ("/api/v1/jobs", ("-d", "[]"), (400, 422)), ("/api/v1/jobs", ("-d", '{"device":1}'), (400, 422)), ("/api/v1/devices/none", (), (404,)),
                                  ("/api/v1/jobs/none", (), (404,))):
        got, head, body = fleet.api(path, *options)
        problem = json.loads(body)
        expect(got in status and problem["status"] == got and problem["detail"], "%s %s is %s" % (path, options, status), got, body)
        expect("application/problem+json" in head, "as a problem document", head)
    huge = fleet.scratch("huge")
    with open(huge, "wb") as file:
        file.write(b'{"a":"' + b"x" * 5000000 + b'"}')
    got, head, body = fleet.api("/api/v1/jobs", "--data-binary", "@" + huge)
    expect(got in (400, 413), "a body of 5 MB is refused", got, body)
    with open(fleet.file("operator", "api-token"), "r+") as file:
        token = file.read()
        file.seek(0)
        file.write(("y" if token.startswith("x") else "x") + token[1:])
    fleet.refused("device", "list", says="token")
    with open(fleet.file("operator", "api-token"), "w") as file:
        file.write(token)
    shutil.copy(fleet.file("server", "ca.pem"), fleet.scratch("ca.pem"))
    shutil.copy(other.file("server", "ca.pem"), fleet.file("server", "ca.pem"))
    fleet.refused("device", "list", says="not this fleet's")
    shutil.copy(fleet.scratch("ca.pem"), fleet.file("server", "ca.pem"))


# ---- what devices may


def try_connect(ca, crt, key):
    try:
        client = mqtt.Client(fleet.broker_port, ca, crt, key)
        client.subscribe("x", timeout=10)
        client.close()
        return True
    except (mqtt.Refused, OSError):
        return False


@case("broker: only certificates of this fleet's CA come in")
def broker_certificates():
    fleet.device("inside").stop()
    ca = fleet.file("server", "ca.pem")
    own = fleet.file("devices", "inside", "device.crt"), fleet.file("devices", "inside", "device.key")
    expect(try_connect(ca, *own), "a device of ours comes in")
    other.skerry("device", "add", "inside", "--board", "qemu-virt")
    expect(not try_connect(ca, other.file("devices", "inside", "device.crt"), other.file("devices", "inside", "device.key")), "one of another fleet does not")
    expect(not try_connect(other.file("server", "ca.pem"), *own), "nor does a device trust another fleet's broker")
    context = ssl.create_default_context(cafile=ca)
    import socket
    try:
        with context.wrap_socket(socket.create_connection(("127.0.0.1", fleet.broker_port), 10), server_hostname="127.0.0.1") as bare:
            bare.sendall(b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x")
            answer = bare.recv(4)
    except (OSError, ssl.SSLError):
        answer = b""
    expect(answer == b"", "without a certificate there is no answer", answer)


@case("broker: a device can neither read nor write another's topics, nor take its session")
def broker_acl():
    alice, mallory = fleet.device("alice"), fleet.device("mallory")
    mallory.client.subscribe("#", "%s/alice/#" % TOPIC, "%s/+/cmd" % TOPIC, "$SYS/#")
    for suffix, body in (("report", {"version": "6.6.6", "digest": "66" * 32}), ("presence", {"online": False, "boot": 99}), ("log", {"first": 0, "lines": ["forged"]}),
                         ("jobs/$next/get", {}), ("jobs/notify-next", {}), ("cmd", {"id": "x", "cmd": "reboot"})):
        mallory.client.publish("%s/alice/%s" % (TOPIC, suffix), json.dumps(body))
    for suffix in ("jobs/$next/get/accepted", "jobs/notify-next", "cmd"):
        mallory.client.publish("%s/mallory/%s" % (TOPIC, suffix), json.dumps({"execution": None}))
    settle(mallory)
    known = show("alice")
    expect(known["version"] == alice.version and known["online"] is True, "skerryd believes nothing of it", known)
    expect("forged" not in fleet.skerry("logs", "alice"), "no line of log")
    expect(alice.commands.empty(), "no command arrived")
    job, version, _ = job_of(queue_job(alice, fleet.image("6.0.0")))
    alice.update(job, "FAILED", version, error="E_IO")
    settle(mallory)
    seen = []
    while not mallory.client.inbox.empty():
        message = mallory.client.inbox.get()
        if message:
            seen.append(message[0])
    expect(not [topic for topic in seen if "/alice/" in topic or topic.startswith("$SYS")], "mallory heard nothing of it", seen)
    thief = mqtt.Client(fleet.broker_port, fleet.file("server", "ca.pem"), fleet.file("devices", "mallory", "device.crt"),
                        fleet.file("devices", "mallory", "device.key"), client_id="alice")
    settle(alice)
    thief.close()
    alice.say("jobs/$next/get", {"clientToken": "still"})


MALFORMED = [b"", b"{", b"null", b"[]", b"1", b'"x"', b"\xff\xfe", b"{}", b'{"status":1}', b'{"status":"DONE"}', b'{"status":"IN_PROGRESS","expectedVersion":"x"}',
             b'{"status":"IN_PROGRESS","statusDetails":[]}', b'{"status":"IN_PROGRESS","statusDetails":{"a":{"b":{}}}}', b'{"online":"yes"}', b'{"online":true,"boot":"x"}',
             b'{"first":-1,"lines":["x"]}', b'{"first":0,"lines":"x"}', b'{"first":0,"lines":[1,2]}', b'{"first":1e99,"lines":[]}', b'{"digest":"zz"}', b'{"digest":1}',
             b'{"version":"' + b"9" * 3000 + b'"}', b"[" * 3000, b'{"a":' * 1000 + b"1" + b"}" * 1000, b'{"clientToken":"' + b"t" * 5000 + b'"}', b'{"id":"x","ok":"maybe"}',
             b'{"a":"\\u0000"}', b"x" * 60000]


@case("broker: malformed and oversized messages of one device harm no other, nor skerryd")
def malformed():
    bystander, noisy = fleet.device("bystander"), fleet.device("noisy")
    job, version, _ = job_of(queue_job(noisy, fleet.image("6.1.0")))
    for suffix in ("jobs/$next/get", "jobs/%s/update" % job, "jobs/x/update", "report", "presence", "log", "cmd/reply"):
        for body in MALFORMED:
            noisy.client.publish("%s/noisy/%s" % (TOPIC, suffix), body)
    settle(bystander)
    expect(show("bystander")["online"] is True and fleet.server.process.poll() is None, "the others go on")
    noisy.say("presence", {"online": True, "boot": noisy.boot}, retain=True)
    settle(noisy)
    while not noisy.answers.empty():
        noisy.answers.get()
    execution = fleet.json("job", "show", job)
    expect(execution["status"] in ("QUEUED", "IN_PROGRESS"), "its own job was not ended by noise", execution)
    kind, body = noisy.update(job, "SUCCEEDED", execution["versionNumber"])
    expect(kind == "accepted", "and can still end it", body)
    count = len([event for event in events("noisy")])
    expect(count < 100, "noise does not flood the events", count)


# ---- what fails


@case("broker gone: skerryd goes on serving and says so; afterwards all is as before")
def broker_gone():
    device = fleet.device("survivor")
    suit = fleet.image("7.0.0")
    execution = queue_job(device, suit)
    fleet.broker.end(signal.SIGKILL)
    home.wait_until(lambda: fleet.status().get("broker") == "disconnected", "skerryd notices")
    code, head, body = fleet.curl("/artifacts/%s.fit" % digest_of(suit))
    expect(code == 0 and body == read(suit[:-5] + ".fit"), "artifacts are served")
    expect(fleet.json("device", "list"), "the API answers")
    expect("lost" in fleet.server.text() or "disconnected" in fleet.server.text(), "its log says so", fleet.server.text()[-500:])
    done = fleet.command("cmd", "survivor", "reboot")
    expect(done.returncode == 1 and "remedy" in done.stderr, "a command fails with a reason", done.stderr)
    fleet.start_broker()
    home.wait_until(lambda: fleet.status().get("broker") == "connected", "skerryd comes back by itself")
    device.start()
    home.wait_until(lambda: show("survivor")["online"] is True, "and the device")
    kind, body = device.update(execution["jobId"], "SUCCEEDED", execution["versionNumber"])
    expect(kind == "accepted", "its job goes on", body)


@case("skerryd killed, and stopped, in the middle of a job: the job and all else is there afterwards; the watching operator notices nothing")
def server_killed():
    device, suit = fleet.device("steady"), fleet.image("7.1.0")
    running = fleet.update("steady", suit)
    job, version, _ = job_of(offered(device))
    device.update(job, "IN_PROGRESS", version, step="download", bytes=1, total=2)
    before = {row["id"]: row["digest"] for row in fleet.json("device", "list")}
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        fleet.server.end(number)
        fleet.start_server()
    expect({row["id"]: row["digest"] for row in fleet.json("device", "list")} == before, "the registry is the same")
    expect(fleet.json("job", "show", job)["versionNumber"] == version + 1, "the job is where it was")
    kind, body = device.update(job, "SUCCEEDED", version + 1, digest=digest_of(suit))
    expect(kind == "accepted", "and ends", body)
    code, changes, errors = running.result()
    expect(code == 0 and changes[-1]["status"] == "SUCCEEDED", "the operator sees its end", changes, errors)


@case("device add while skerryd is away: it takes the device up when it starts")
def add_offline():
    fleet.server.end()
    said = fleet.skerry("device", "add", "early", "--board", "qemu-virt")
    expect("when it starts" in said, "the operator is told", said)
    fleet.start_server()
    expect(show("early")["board"] == "qemu-virt", "it is known")


@case("device add while skerryd runs: known at once")
def add_online():
    said = fleet.json("device", "add", "prompt", "--board", "qemu-virt")
    expect(said["enrolled"] is True, "the operator is told", said)
    expect(show("prompt")["board"] == "qemu-virt", "it is known")


@case("skerryd: a busy port, a second one on the same home, missing files, a broken database are named")
def server_errors():
    def refused(says, path=fleet.path):
        done = subprocess.run([os.path.join(BIN, "skerryd"), "--home", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=home.TIMEOUT_S)
        expect(done.returncode == 1, "skerryd ends with code 1", done.returncode, done.stderr)
        for word in says:
            expect(word in done.stderr, "its error names '%s'" % word, done.stderr)
        expect("Sanitizer" not in done.stderr, "no sanitizer complains", done.stderr)

    refused(["another skerryd"])
    copy = fleet.scratch("copy")
    shutil.copytree(other.path, copy)
    conf = os.path.join(copy, "server", "skerryd.conf")
    text = read(conf).decode()
    with open(conf, "w") as file:
        file.write(text.replace("http-port = %d" % other.http_port, "http-port = %d" % fleet.http_port))
    refused([str(fleet.http_port), "in use"], copy)
    with open(conf, "w") as file:
        file.write(text.replace("http-port = ", "http-port = x"))
    refused(["http-port"], copy)
    with open(conf, "w") as file:
        file.write(text)
    for name in ("skerryd.conf", "skerryd.key", "skerryd.crt", "api-token.sha256"):
        path = os.path.join(copy, "server", name)
        os.rename(path, path + ".away")
        refused([name], copy)
        os.rename(path + ".away", path)
    with open(os.path.join(copy, "server", "fleet.db"), "wb") as file:
        file.write(os.urandom(4096))
    refused(["fleet.db"], copy)
    refused(["/nonexistent"], "/nonexistent")


@case("a full disk on the server: the operator reads it, nothing half-written stays, skerryd goes on")
def server_full():
    device = fleet.device("full")
    fleet.server.end()
    limit = 400000
    with open(fleet.scratch("skerryd.log"), "ab") as out:
        limited = subprocess.Popen([os.path.join(BIN, "skerryd"), "--home", fleet.path], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    try:
        home.wait_until(lambda: fleet.status().get("broker") == "connected", "it runs")
        before = sorted(os.listdir(fleet.file("server", "artifacts")))
        fleet.refused("update", "full", fleet.image("8.0.0", size=limit + 100000), says="")
        expect(sorted(os.listdir(fleet.file("server", "artifacts"))) == before, "nothing is left in the store", os.listdir(fleet.file("server", "artifacts")))
        expect(limited.poll() is None and fleet.json("device", "list"), "it goes on serving")
    finally:
        limited.terminate()
        limited.wait(30)
    fleet.start_server()
    device.stop()


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    other.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
