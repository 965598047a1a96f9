#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What one device with good credentials can do to the others over MQTT: garbage, floods, messages that are too long; and what clients without any can do to skerryd by dripping. (Topics of others: test_update.py.)"""

import json
import os
import random
import re
import socket
import ssl
import sys
import threading
import time

import home
from cases import case, expect, main
from many import cpu_seconds

BIN = home.programs()
FLOOD = 3000
RATE_PER_S, BURST = 50, 200
CONNECTIONS = 101  # the fewest that skerryd does with
DRIPPERS = 500
HEAD_S = 60  # what a request's head may take while connections are not short
SEED = random.randrange(1 << 31)
fleet = home.Home(BIN).start()
for name in ("evil", "good"):
    fleet.skerry("device", "add", name, "--board", "qemu-virt")
chance = random.Random(SEED)


def topic(device, suffix):
    return "%s/%s/%s" % (home.PREFIX, device, suffix)


def garbage():
    return chance.choice((os.urandom(200), b"{" * 3000, b'{"clientToken":' + b"[" * 2000, b'{"first":-1,"lines":[1]}', b"[]", b'{"online":"yes"}', b"\xff\xfe"))


def asks(client, count):
    """So many questions of a device, each of which must be answered with its own token."""
    for number in range(count):
        client.publish(topic("good", "jobs/$next/get"), json.dumps({"clientToken": "t%d" % number}), timeout=home.TIMEOUT_S)
        while True:
            name, body = client.inbox.get(timeout=home.TIMEOUT_S)
            if name.endswith("get/accepted"):
                break
        expect(json.loads(body)["clientToken"] == "t%d" % number, "the answer is to this question", body)


def flood(client):
    """QoS 0: nothing slows it down."""
    kinds = ("report", "presence", "log", "jobs/$next/get", "jobs/none/update", "crash", "cmd/reply")
    for _ in range(FLOOD):
        name = topic("evil", chance.choice(kinds)).encode()
        client._send(0x30, bytes([len(name) >> 8, len(name) & 255]) + name + garbage())


@case("a flood of garbage from one device: another is answered meanwhile, and its row is its own")
def flooded():
    print("seed %d" % SEED)
    good, evil = fleet.client("good"), fleet.client("evil")
    good.subscribe(topic("good", "jobs/$next/get/accepted"))
    good.publish(topic("good", "presence"), json.dumps({"online": True, "boot": 1}))
    pour = threading.Thread(target=flood, args=(evil,))
    pour.start()
    asks(good, 20)
    pour.join()
    asks(good, 5)
    rows = {row["id"]: row for row in fleet.json("device", "list")}
    expect(rows["good"]["online"] and not rows["good"].get("malformed"), "the other's row is untouched", rows["good"])
    home.wait_until(lambda: fleet.json("device", "show", "evil").get("malformed", 0) > 0, "the flood is counted where it belongs")
    kinds = [json.loads(line)["kind"] for line in fleet.skerry("events", "--json").splitlines()]
    expect(kinds.count("malformed") <= 3, "and noted once, not for each message", kinds.count("malformed"))
    good.close()
    evil.close()


def report(number):
    return json.dumps({"device": "evil", "board": "qemu-virt", "app": "sensor", "version": "1.0.%d" % (number % 7), "digest": "%064x" % (number % 7),
                       "slot": "a", "mode": "normal", "counter": 1, "boots": 1})


def events_of(device):
    rows, since = [], 0
    while True:
        more = json.loads(fleet.api("/api/v1/events?device=%s&since=%d" % (device, since))[2])["events"]
        if not more:
            return [row["kind"] for row in rows]
        rows += more
        since = more[-1]["n"]


def throttled():
    return int(re.search(r"(?m)^skerryd_mqtt_messages_throttled_total (\d+)$", fleet.api("/metrics")[2].decode())[1])


@case("a flood of good messages from one device: what is above its rate is dropped, told once, and it is heard again afterwards")
def flooded_well():
    good, evil = fleet.client("good"), fleet.client("evil")
    good.subscribe(topic("good", "jobs/$next/get/accepted"))
    before, start, dropped = events_of("evil").count("report"), time.monotonic(), throttled()
    name = topic("evil", "report").encode()

    def pour():
        for number in range(FLOOD * 2):
            evil._send(0x30, bytes([len(name) >> 8, len(name) & 255]) + name + report(number).encode())
    thread = threading.Thread(target=pour)
    thread.start()
    asks(good, 20)
    thread.join()
    asks(good, 1)
    kinds = events_of("evil")
    bound = BURST + RATE_PER_S * (time.monotonic() - start) + 1
    took = kinds.count("report") - before
    print("    %d of %d taken, %d dropped" % (took, FLOOD * 2, throttled() - dropped))
    expect(0 < took <= bound, "no more than its share is taken", took, bound)
    expect(throttled() > dropped, "what was dropped is counted", throttled())
    expect(kinds.count("throttled") == 1, "and told once", kinds.count("throttled"))
    home.wait_until(lambda: evil.publish(topic("evil", "report"), report(5)) or fleet.json("device", "show", "evil").get("version") == "1.0.5", "it is heard again")
    good.close()
    evil.close()


@case("a message beyond 64 KiB: the broker ends that connection, and nobody else's")
def too_long():
    good, evil = fleet.client("good"), fleet.client("evil")
    good.subscribe(topic("good", "jobs/$next/get/accepted"))
    try:
        evil.publish(topic("evil", "log"), b"x" * 70000)
        expect(False, "it is not taken")
    except (ConnectionError, OSError):
        pass
    asks(good, 3)
    good.close()


class Drip:
    """Connections to the server that are never idle and never come to an end of their request: `told` of them shook hands before."""

    def __init__(self, count, told):
        context = ssl.create_default_context(cafile=fleet.file("server", "ca.pem"))
        self.sockets, self.since, self.over = [], [], threading.Event()
        for number in range(count):
            self.since.append(time.monotonic())
            link = socket.create_connection(("127.0.0.1", fleet.http_port), timeout=home.TIMEOUT_S)
            if number < told:
                link = context.wrap_socket(link, server_hostname="127.0.0.1")
                link.sendall(b"GET /api/v1/status HTTP/1.1\r\nX: ")
            else:
                link.sendall(b"\x16\x03\x01\x3f\xff")  # a TLS record of 16 KiB begins
            link.setblocking(False)
            self.sockets.append(link)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.over.wait(0.3):
            for link in self.sockets:
                try:
                    link.send(b"\x01" if not isinstance(link, ssl.SSLSocket) else b"a")
                except OSError:
                    pass  # that one was ended, or waits to be accepted

    def cut_short(self):
        """How many were ended before their time; to those that shook hands the server has written, which hides their end."""
        count = 0
        for link, since in zip(self.sockets, self.since):
            try:
                ended = not isinstance(link, ssl.SSLSocket) and link.recv(1, socket.MSG_PEEK) == b""
            except BlockingIOError:
                ended = False
            except OSError:
                ended = True
            count += ended and time.monotonic() - since < HEAD_S
        return count

    def close(self):
        self.over.set()
        self.thread.join()
        for link in self.sockets:
            link.close()


class Slowly:
    """An HTTPS client whose every byte of the handshake is a packet of its own."""

    def __init__(self, home_):
        self.home = home_
        self.socket = socket.create_connection(("127.0.0.1", home_.http_port), timeout=home.TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = ssl.create_default_context(cafile=home_.file("server", "ca.pem"))
        self.heard, self.said = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.heard, self.said, server_hostname="127.0.0.1")
        self._until(self.tls.do_handshake)

    def _tell(self):
        for byte in self.said.read():
            self.socket.sendall(bytes([byte]))

    def _until(self, act):
        while True:
            try:
                result = act()
                self._tell()
                return result
            except ssl.SSLWantReadError:
                self._tell()
                more = self.socket.recv(16384)
                expect(more, "the server is there")
                self.heard.write(more)

    def get(self, path):
        """The status of the answer."""
        self.tls.write(("GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s\r\n\r\n" % (path, self.home.token())).encode())
        line = self._until(lambda: self.tls.read(12))
        self.socket.close()
        return int(line.split()[1])


def hello():
    """The first flight of a TLS client."""
    context, said = ssl.create_default_context(cafile=fleet.file("server", "ca.pem")), ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), said, server_hostname="127.0.0.1").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return said.read()


@case("clients that fall silent in their handshake cost nothing, and one that is slow in it is served")
def silent_handshakes():
    sockets = [socket.create_connection(("127.0.0.1", fleet.http_port)) for _ in range(20)]
    first = hello()
    for number, one in enumerate(sockets):
        one.sendall(first if number % 2 else first[:number + 3])
    fleet.json("device", "list")  # skerryd has been through a few turns since
    pid = fleet.server.process.pid
    before, begun = cpu_seconds(pid), time.monotonic()
    time.sleep(2)
    spent, wall = cpu_seconds(pid) - before, time.monotonic() - begun
    print("    %.2f s of CPU in %.1f s" % (spent, wall))
    # One that tried them over and over would take all that it gets of a processor.
    expect(spent < 0.1 * wall, "it waits for them", spent, wall)
    slow = Slowly(fleet)
    expect(slow.get("/api/v1/status") == 200, "a handshake of single bytes ends")
    for one in sockets:
        one.close()
    fleet.json("device", "list")


@case("clients that drip their requests take all connections: they are ended, and an operator is answered")
def dripping():
    fleet.server.end()
    fleet.server = home.Service(["prlimit", "--nofile=%d" % (CONNECTIONS + 100), os.path.join(fleet.bin, "skerryd"), "--home", fleet.path],
                                fleet.scratch("skerryd.log")).wait_port(fleet.http_port)
    drip = Drip(CONNECTIONS + 50, CONNECTIONS // 3)
    start = time.monotonic()
    try:
        expect(fleet.api("/api/v1/status", "--max-time", "50")[0] == 200, "the operator is answered")
        print("    answered after %.1f s" % (time.monotonic() - start))
        expect(fleet.api("/api/v1/status")[0] == 200, "and again")
    finally:
        drip.close()
    fleet.server.end()
    fleet.start_server()


@case("%d clients that drip, of the connections there are by default: operators and devices are answered, and no client is ended for it" % DRIPPERS)
def dripping_few():
    device = fleet.client("good")
    device.subscribe(topic("good", "jobs/$next/get/accepted"))
    drip = Drip(DRIPPERS, DRIPPERS // 5)
    try:
        for _ in range(5):
            expect(fleet.api("/api/v1/status")[0] == 200, "the operator is answered")
            asks(device, 1)
        expect(drip.cut_short() == 0, "it was not by ending others", drip.cut_short())
    finally:
        drip.close()
        device.close()


if __name__ == "__main__":
    sys.exit(main("Abuse.", fleet.remove))
