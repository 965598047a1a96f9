# SPDX-License-Identifier: Apache-2.0
"""A fleet of many simulated devices for tests and measurements: skerry-sim, its journal, the API over one connection, the database as it is on the disk."""

import collections
import http.client
import json
import os
import signal
import sqlite3
import ssl
import subprocess
import threading
import time

from home import TIMEOUT_S, wait_until
from cases import Failure, expect

BOARD = "qemu-virt"
OPEN = ("QUEUED", "IN_PROGRESS")


class Api:
    """The operator's API over one kept connection; opened again when the server was away."""

    def __init__(self, fleet):
        self.fleet, self.link = fleet, None

    def _connect(self):
        context = ssl.create_default_context(cafile=self.fleet.file("server", "ca.pem"))
        return http.client.HTTPSConnection("127.0.0.1", self.fleet.http_port, context=context, timeout=TIMEOUT_S)

    def ask(self, method, path, body=None):
        """(status, JSON) of an answer; OSError or HTTPException if there is none."""
        try:
            self.link = self.link or self._connect()
            self.link.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None,
                              {"Authorization": "Bearer " + self.fleet.token(), "Content-Type": "application/json"})
            answer = self.link.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        return answer.status, json.loads(text) if text else None

    def must(self, method, path, body=None):
        status, said = self.ask(method, path, body)
        expect(status in (200, 201, 202, 204), "%s %s is done" % (method, path), status, said)
        return said

    def patiently(self, method, path, body=None):
        """As must(), while the server may be killed and started again."""
        def once():
            try:
                status, said = self.ask(method, path, body)
            except (OSError, http.client.HTTPException):
                return None
            return (status, said) if status < 500 else None
        status, said = wait_until(once, "%s %s is answered" % (method, path))
        expect(status in (200, 201, 202, 204), "%s %s is done" % (method, path), status, said)
        return said

    def close(self):
        if self.link:
            self.link.close()
        self.link = None


class Sim:
    """A running skerry-sim over the devices whose ids begin with `prefix`; `state` is its newest line."""

    def __init__(self, fleet, image, *options, prefix="sim-", journal=None, per_second=50):
        command = [os.path.join(fleet.bin, "skerry-sim"), "--devices", fleet.file("devices"), "--image", image[:-5] + ".fit", "--prefix", prefix,
                   "--per-second", str(per_second), *options]
        if journal:
            command += ["--journal", journal]
        self.journal, self.state = journal, {}
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        for line in self.process.stdout:
            self.state = json.loads(line)

    def wait_online(self, count, timeout_s=TIMEOUT_S):
        def there():
            if self.process.poll() is not None:
                raise Failure("skerry-sim ended with code %d: %s" % (self.process.returncode, self.process.stderr.read()[-2000:]))
            return self.state.get("online", 0) >= count
        wait_until(there, "%d simulated devices are online" % count, timeout_s)

    def starts(self):
        """Of the journal: {device: [start…]}."""
        found = collections.defaultdict(list)
        with open(self.journal, encoding="ascii") as file:
            for line in file:
                start = json.loads(line)
                found[start["device"]].append(start)
        return found

    def stop(self):
        self.process.terminate()
        errors = self.process.communicate(timeout=60)[1]
        expect(self.process.returncode == 0, "skerry-sim ends well", errors[-2000:])


class Database:
    """What is on the disk, also while skerryd is dead."""

    def __init__(self, fleet):
        self.path = fleet.file("server", "fleet.db")

    def rows(self, sql, *values):
        def once():
            link = sqlite3.connect("file:%s?mode=ro" % self.path, uri=True, timeout=10)
            try:
                link.row_factory = sqlite3.Row
                return (link.execute(sql, values).fetchall(),)
            except sqlite3.OperationalError:
                return None  # skerryd is just starting: it recovers the log
            finally:
                link.close()
        return wait_until(once, "the database can be read")[0]

    def change(self, sql, *values):
        """While skerryd is dead."""
        with sqlite3.connect(self.path) as link:
            link.execute(sql, values)
        link.close()

    def one(self, sql, *values):
        return self.rows(sql, *values)[0][0]


def upload(fleet, suit):
    """The image's digest, once skerryd has it."""
    digest = fleet.json("image", "inspect", suit)["digest"]
    put(fleet, "/api/v1/images/%s/payload" % digest, suit[:-5] + ".fit")
    put(fleet, "/api/v1/images/%s/manifest" % digest, suit)
    return digest


def put(fleet, path, name, port=None):
    """A file to the server, or to another one with the same certificate and token."""
    with open(name, "rb") as file:
        body = file.read()
    context = ssl.create_default_context(cafile=fleet.file("server", "ca.pem"))
    link = http.client.HTTPSConnection("127.0.0.1", port or fleet.http_port, context=context, timeout=TIMEOUT_S)
    try:
        link.request("PUT", path, body, {"Authorization": "Bearer " + fleet.token()})
        answer = link.getresponse()
        text = answer.read()
        expect(answer.status in (200, 201), "PUT %s is taken" % path, answer.status, text)
    finally:
        link.close()


def kill(service):
    """As a power cut does to a program; its end is waited for."""
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(30)


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    with open("/proc/%d/statm" % pid, encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def now_ms():
    return time.monotonic() * 1000
