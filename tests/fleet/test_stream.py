#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Server-sent events (GET /api/v1/stream): what a listener is told, from where it left off, and what many or slow listeners cost."""

import atexit
import hashlib
import json
import os
import resource
import selectors
import socket
import ssl
import sys
import time

import home
from cases import Failure, case, expect, main

# Freed memory that a sanitizer keeps would look like a queue.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=2:malloc_context_size=2"
BIN = home.programs()
fleet = home.Home(BIN)
with open(fleet.file("server", "skerryd.conf"), "a") as conf:
    conf.write("device-rate-burst = 100000\n")
LIMIT_S = home.TIMEOUT_S
CONTEXT = ssl.create_default_context(cafile=fleet.file("server", "ca.pem"))
MANY = 1000
SILENT = 50


class Stream:
    """One listener, read by hand: what has come is in `heard` as (event, id, data)."""

    def __init__(self, query="", token=None, buffer_bytes=0):
        raw = socket.socket()
        if buffer_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        raw.settimeout(LIMIT_S)
        raw.connect(("127.0.0.1", fleet.http_port))
        self.socket = CONTEXT.wrap_socket(raw, server_hostname="127.0.0.1")
        self.socket.sendall(("GET /api/v1/stream%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % (query, (token or fleet.token()).strip())).encode())
        self.wire, self.text, self.heard, self.beats, self.ended, self.status = b"", "", [], 0, False, None

    def read(self):
        """One read; False: nothing more will come."""
        data = self.socket.recv(65536)
        self.wire += data
        if self.status is None and b"\r\n\r\n" in self.wire:
            head, self.wire = self.wire.split(b"\r\n\r\n", 1)
            self.status = int(head.split()[1])
            self.head = head.decode().lower()
        while self.status is not None and b"\r\n" in self.wire:
            size, rest = self.wire.split(b"\r\n", 1)
            length = int(size, 16)
            if len(rest) < length + 2:
                break
            self.text += rest[:length].decode()
            self.wire = rest[length + 2:]
            self.ended = self.ended or length == 0
        while "\n\n" in self.text:
            block, self.text = self.text.split("\n\n", 1)
            self._take(block)
        return bool(data) and not self.ended

    def _take(self, block):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if "data" in fields:
            self.heard.append((fields["event"], int(fields.get("id", 0)), json.loads(fields["data"])))
        elif block.startswith(":"):
            self.beats += 1

    def until(self, condition, what):
        """Reads until condition(event, id, data) holds of something heard from now on; that one's data."""
        at, deadline = 0, time.monotonic() + LIMIT_S
        while True:
            for item in self.heard[at:]:
                if condition(*item):
                    return item[2]
            at = len(self.heard)
            if not self.read() or time.monotonic() > deadline:
                raise Failure("waited in vain: %s" % what)

    def kinds(self):
        return [data["kind"] for event, _, data in self.heard if event == "event"]

    def close(self):
        self.socket.close()


def api(path):
    status, _, body = fleet.api(path)
    expect(status == 200, path, status, body)
    return json.loads(body)


def log_lines(device, first, lines):
    device.say("log", {"first": first, "lines": lines})


@case("a stream tells the fleet's picture at once and each event as it happens, with its number")
def live():
    stream = Stream()
    picture = stream.until(lambda event, n, data: event == "fleet", "the picture")
    expect(stream.status == 200 and "content-type: text/event-stream" in stream.head, "server-sent events", stream.head)
    expect(picture == {"devices": 0, "online": 0, "versions": {}, "health": {}}, "of an empty fleet", picture)
    device = fleet.device("live-1")
    row = stream.until(lambda event, n, data: event == "event" and data["kind"] == "online", "the device is online")
    expect(row["device"] == "live-1" and row["tenant"] == "default", "the event's row", row)
    stream.until(lambda event, n, data: event == "fleet" and data["devices"] == 1 and data["online"] == 1 and data["versions"] == {"1.0.0": 1}, "the new picture")
    rows = api("/api/v1/events?since=0")["events"]
    told = [(n, data) for event, n, data in stream.heard if event == "event"]
    expect(told == [(row["n"], row) for row in rows if row["n"] >= told[0][0]], "each event once, as /events has it, its number as id", told, rows)
    device.client.kill()
    stream.until(lambda event, n, data: event == "event" and data["kind"] == "offline", "the device is offline")
    stream.close()


@case("since=N: what was missed comes first, in order, none twice, then what happens")
def catch_up():
    for number in range(120):
        device = fleet.file("server", "enrol", "past-%d.json" % number)
        with open(device, "w") as file:
            json.dump({"device": "past-%d" % number, "board": "qemu-virt"}, file)
    fleet.server.end()
    fleet.start_server()
    stream = Stream("?since=0")
    other = fleet.device("now-1")
    stream.until(lambda event, n, data: event == "event" and data.get("device") == "now-1" and data["kind"] == "online", "what happens now")
    ids = [n for event, n, _ in stream.heard if event == "event"]
    expect(len(ids) > 120 and ids == sorted(set(ids)), "in order, none twice", ids)
    expect(ids[0] == api("/api/v1/events?since=0")["events"][0]["n"], "from the first", ids[:3])
    middle = ids[50]
    stream.close()
    stream = Stream("?since=%d" % middle)
    stream.until(lambda event, n, data: event == "event" and data.get("device") == "now-1", "it goes on from there")
    expect([n for event, n, _ in stream.heard if event == "event"][0] == ids[51], "the next one", stream.heard[:2])
    stream.close()
    other.stop()


@case("device=ID: only its events, and its log lines as they come")
def one_device():
    first, second = fleet.device("one-1"), fleet.device("one-2")
    stream = Stream("?device=one-1")
    stream.until(lambda event, n, data: event == "fleet", "the picture")
    log_lines(second, 0, ["not for this listener"])
    log_lines(first, 0, ["hello from one-1"])
    line = stream.until(lambda event, n, data: event == "log", "its log line")
    expect(line["text"] == "hello from one-1", "the line", line)
    second.client.kill()
    first.client.kill()
    stream.until(lambda event, n, data: event == "event" and data["kind"] == "offline", "its end")
    expect({data["device"] for event, _, data in stream.heard if event == "event"} == {"one-1"}, "only its own", stream.heard)
    stream.close()


@case("a listener further behind than the events at hand (1024) is told each of them all the same, in order, and goes on")
def far_behind():
    devices = [fleet.device("far-%d" % number) for number in range(10)]
    stream = Stream(buffer_bytes=4096)
    stream.until(lambda event, n, data: event == "fleet", "the picture")
    for turn in range(150):
        for device in devices:
            device.digest = hashlib.sha256(b"%s %d" % (device.name.encode(), turn)).hexdigest()
            device.report()
    last = devices[-1]
    wanted = [digest for digest in (hashlib.sha256(b"far-9 %d" % turn).hexdigest() for turn in range(150))]
    home.wait_until(lambda: fleet.json("device", "show", last.name)["digest"] == wanted[-1], "all of it has happened")
    stream.until(lambda event, n, data: event == "event" and data.get("device") == last.name and (data.get("details") or {}).get("digest") == wanted[-1], "the last")
    told = [(n, data) for event, n, data in stream.heard if event == "event"]
    expect([n for n, _ in told] == sorted({n for n, _ in told}), "in order, none twice")
    expect([data["details"]["digest"] for _, data in told if data.get("device") == last.name and data["kind"] == "report"][-150:] == wanted, "each report of it")
    last.client.kill()
    stream.until(lambda event, n, data: event == "event" and data["kind"] == "offline" and data["device"] == last.name, "what happens next")
    stream.close()
    for device in devices[:-1]:
        device.stop()


@case("the fleet's picture follows what no event tells: a device's health")
def picture():
    device = fleet.device("pic-1")
    home.wait_until(lambda: fleet.json("device", "show", "pic-1").get("health") == "good", "its first report is taken")
    stream = Stream()
    base = stream.until(lambda event, n, data: event == "fleet" and data["health"].get("good"), "the picture")
    report = {"device": "pic-1", "board": "qemu-virt", "app": "sensor", "version": "1.0.0", "digest": "11" * 32, "slot": "a", "counter": 1, "boots": 1}
    device.say("report", dict(report, mode="trial"))
    stream.until(lambda event, n, data: event == "fleet" and data["health"].get("trial") == 1, "its health in the picture")
    device.say("report", dict(report, mode="normal"))
    stream.until(lambda event, n, data: event == "fleet" and data["health"] == base["health"], "it is well again")
    device.stop()
    stream.close()


def install(device, execution):
    """Plays an update that goes well."""
    job = json.loads(fleet.skerry("job", "show", execution["jobId"], "--json"))
    device.update(job["jobId"], "IN_PROGRESS", execution["versionNumber"], step="download", percent=50)
    device.digest, device.version = job["digest"], job["version"]
    device.report()
    device.update(job["jobId"], "SUCCEEDED", execution["versionNumber"] + 1, version=device.version)


@case("a device is retired and brought back: an event and the fleet's picture tell of each, to its own listener, too")
def retired_and_back():
    device = fleet.device("back")
    every, own = Stream(), Stream("?device=back")
    before = every.until(lambda event, number, data: event == "fleet", "the picture")["devices"]
    for method, body, kind, devices in (("DELETE", None, "device-retired", before - 1), ("PUT", {"board": "qemu-virt"}, "device-restored", before)):
        sent = ["-d", json.dumps(body), "-H", "Content-Type: application/json"] if body else []
        status, answer = fleet.api("/api/v1/devices/back", "-X", method, *sent)[::2]
        expect(status == 200, "it is done", status, answer)
        for stream in (every, own):
            stream.until(lambda event, number, data: event == "event" and (data["kind"], data["device"]) == (kind, "back"), kind)
        every.until(lambda event, number, data: event == "fleet" and data["devices"] == devices, "%d devices" % devices)
    device.stop()
    every.close()
    own.close()


@case("a rollout is told as it goes: its states as pictures, its events with its id; rollout=ID: nothing of another one")
def rollouts():
    device = fleet.device("roll-1", play=install)
    suit = fleet.image("2.0.0", size=6000)
    path = fleet.scratch("rollout.json")
    with open(path, "w") as file:
        json.dump({"name": "r", "waves": [{"name": "all"}], "selector": "id=roll-1", "device": {"trialS": 10}}, file)
    everything = Stream()
    everything.until(lambda event, n, data: event == "fleet", "the picture")
    ids = [fleet.json("rollout", "create", path, "--image", suit)["id"] for _ in range(2)]
    streams = [everything] + [Stream("?rollout=" + rollout) for rollout in ids]
    for stream in streams[1:]:
        stream.until(lambda event, n, data: event == "fleet", "the picture")
    fleet.skerry("rollout", "start", ids[0])
    for stream in streams[:2]:
        last = stream.until(lambda event, n, data: event == "rollout" and data["id"] == ids[0] and data["state"] == "complete", "it is complete")
        expect(last["counts"] == {"succeeded": 1} and "spec" not in last, "with its counts", last)
        stream.until(lambda event, n, data: event == "event" and data["kind"] == "rollout-ended", "its end as an event")
    fleet.skerry("rollout", "start", ids[1])  # nothing is left to do in it
    for stream, own in ((everything, ids), (streams[1], ids[:1]), (streams[2], ids[1:])):
        if ids[1] in own:
            stream.until(lambda event, n, data: event == "rollout" and data["id"] == ids[1] and data["state"] == "complete", "the other one's end")
        told = {data["id"] for event, _, data in stream.heard if event == "rollout"}
        expect(told == set(own), "pictures of %s only" % own, told)
    kinds = [data["kind"] for event, _, data in streams[1].heard if event == "event"]
    for kind in ("rollout-started", "job-created", "job-ended", "rollout-ended"):
        expect(kind in kinds, "told of %s" % kind, kinds)
    for stream, own in zip(streams[1:], ids):
        expect({data["rollout"] for event, _, data in stream.heard if event == "event"} == {own}, "events of it only", own, stream.heard)
    for stream in streams:
        stream.close()
    device.stop()


@case("%d listeners that never read: skerryd holds nothing for them, and another one hears all in time" % SILENT)
def silent():
    device = fleet.device("quiet-1")
    reader = Stream()
    reader.until(lambda event, n, data: event == "fleet", "the picture")
    streams = [Stream(buffer_bytes=4096) for _ in range(SILENT)]
    for stream in streams:
        stream.until(lambda event, n, data: event == "fleet", "the picture")

    def happen(first, count):
        for number in range(first, first + count):
            device.digest = hashlib.sha256(b"quiet %d" % number).hexdigest()
            device.say("report", {"device": "quiet-1", "board": "qemu-virt", "version": "1.0.0", "digest": device.digest, "slot": "a", "mode": "normal", "boots": 1})
            if number % 100 == 99:
                reader.until(lambda event, n, data: event == "event" and (data.get("details") or {}).get("digest") == device.digest, "the reader hears it")
                del reader.heard[:]
    happen(0, 1200)  # the ring of events is full now, and sockets are
    before = memory_kib()
    happen(1200, 2000)
    after = memory_kib()
    print("    %d KiB more after 2000 events" % (after - before))
    expect(after - before < 4096, "memory does not grow", before, after)
    for stream in [reader] + streams:
        stream.close()
    device.stop()


@case("bad questions: 400 with a problem document; without a token 401")
def bad_questions():
    for query, status in (("?device=a%20b", 400), ("?rollout=..", 400), ("?since=x", 400), ("", 401)):
        code, head, body = fleet.curl("/api/v1/stream" + query, *(["-H", "Authorization: Bearer " + fleet.token()] if status == 400 else []))
        expect(code == 0 and int(head.split()[1]) == status, "status", head)
        expect("application/problem+json" in head and json.loads(body)["status"] == status, "a problem document", head, body)


def memory_kib():
    with open("/proc/%d/status" % fleet.server.process.pid) as file:
        return int([line for line in file if line.startswith("VmRSS")][0].split()[1])


def cpu_s():
    with open("/proc/%d/stat" % fleet.server.process.pid) as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@case("%d streams at once: all are told, others are answered meanwhile, and the broker's connection lives on" % MANY)
def many():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, MANY + 500), hard))
    before = memory_kib()
    streams = [Stream() for _ in range(MANY)]
    for stream in streams:
        stream.until(lambda event, n, data: event == "fleet", "the picture")
    after, spent, start = memory_kib(), cpu_s(), time.monotonic()
    print("    %d streams: %.1f KiB each" % (MANY, (after - before) / MANY))
    device = fleet.device("many-1")
    poll = selectors.DefaultSelector()
    for stream in streams:
        poll.register(stream.socket, selectors.EVENT_READ, stream)
    waiting, deadline = set(streams), time.monotonic() + LIMIT_S
    while waiting and time.monotonic() < deadline:
        for key, _ in poll.select(1):
            stream = key.data
            stream.read()
            if ("online" in stream.kinds() or stream.ended) and stream in waiting:
                waiting.remove(stream)
                poll.unregister(stream.socket)
    expect(not waiting and not any(stream.ended for stream in streams), "each heard it", len(waiting))
    print("    told in %.2f s, %.2f s of CPU" % (time.monotonic() - start, cpu_s() - spent))
    expect(fleet.status()["broker"] == "connected", "others are answered")
    # A connection to the broker that is made now has a descriptor above 1024, which select() could not wait for.
    fleet.broker.end()
    home.wait_until(lambda: fleet.status()["broker"] == "disconnected", "the broker is gone")
    fleet.start_broker()
    home.wait_until(lambda: fleet.status()["broker"] == "connected", "the broker is back")
    device.stop()
    again = fleet.device("many-2")
    streams[0].until(lambda event, n, data: event == "event" and data.get("device") == "many-2" and data["kind"] == "online", "devices are heard again")
    again.stop()
    for stream in streams:
        stream.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@case("the end of skerryd ends the streams in order, at an event's end")
def orderly_end():
    stream = Stream()
    stream.until(lambda event, n, data: event == "fleet", "the picture")
    fleet.server.end()
    while stream.read():
        pass
    expect(stream.ended and stream.text == "", "a last chunk, nothing half", stream.text)
    fleet.start_server()


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    atexit.register(fleet.remove)  # also when no case was chosen
    fleet.start()
    sys.exit(main(__doc__, clean_up))
