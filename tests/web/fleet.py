# SPDX-License-Identifier: Apache-2.0
"""A fleet to look at: a home with real Mosquitto and skerryd, three devices that speak MQTT, and many that are rows of the database only."""

import hashlib
import json
import math
import os
import sqlite3
import ssl
import sys
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "fleet")]
import home  # noqa: E402

ROWS = 10000
OLD_EVENTS = 2000
VERSIONS = ["2.1.0", "2.0.3", "2.0.2", "1.9.8"]


class Fleet:
    """start() gives what the browser has to know; remove() ends everything."""

    def __init__(self, bin_folder, rows=ROWS):
        self.home, self.rows = home.Home(bin_folder), rows
        self.devices, self.ended, self.failing = {}, threading.Event(), {"tide-2"}

    def start(self):
        self.home.start()
        self.home.stop()  # the database is there now, and nobody has it open
        self._fill()
        self.home.start()
        self.images = [self._upload(self.home.image(version)) for version in ("1.0.0", "1.1.0")]
        for name in ("harbour-1", "harbour-2", "beacon-7"):
            self.devices[name] = self.home.device(name, play=self._install)
            self._answer(self.devices[name])
        self.devices.update({name: self.home.device(name, play=self._install, digest=self.images[0]) for name in ("tide-1", "tide-2")})
        self._speak()
        tokens = {role: self._make("tokens", {"name": "web-" + role, "role": role}, self.home.token())["token"] for role in ("viewer", "operator")}
        threading.Thread(target=self._restart, daemon=True).start()
        return {"tokens": tokens, "skerryd": self.home.server.process.pid, "rollout": self._rollout(tokens["operator"]), "url": "https://127.0.0.1:%d" % self.home.http_port, "token": self.home.token().strip(), "rows": self.rows + len(self.devices),
                "digests": self.images}

    def _fill(self):
        """Rows as skerryd writes them itself when devices report."""
        now = int(time.time())
        database = sqlite3.connect(self.home.file("server", "fleet.db"))
        with database:
            for i in range(self.rows):
                report = {"device": "node-%05d" % i, "board": "qemu-virt", "app": "sensor", "version": VERSIONS[i * i % 7 % 4], "slot": "ab"[i % 2]}
                database.execute("INSERT INTO devices (id, board, added_at, last_seen, online, version, digest, slot, mode, report, report_at, app) "
                                 "VALUES (?, ?, ?, ?, 0, ?, ?, ?, 'normal', ?, ?, 'sensor')",
                                 (report["device"], report["board"], now - 86400 * 40, now - 60 - i * 37 % 90000, report["version"], "%064x" % (i * i % 7 % 4),
                                  report["slot"], json.dumps(report), now - 3600))
            database.execute("UPDATE devices SET cert_serial = '5', cert_expires = ? WHERE id = 'node-00005'", (now + 86400 * 12 + 7200,))
            # More than one answer holds: pages must ask for the newest.
            database.executemany("INSERT INTO events (time, kind, device, text, tenant) VALUES (?, 'offline', ?, ?, 'default')",
                                 [(now - 86400 + i, "node-%05d" % i, "node-%05d is offline" % i) for i in range(OLD_EVENTS)])
            for minute in range(0, 1440, 5):
                row = (now // 60 * 60 - 86400 + minute * 60, json.dumps(self._history(minute / 1440)))
                database.executemany("INSERT INTO history (tenant, time, value) VALUES (?, ?, ?)", [("", *row), ("default", *row)])
        database.close()

    def _history(self, part):
        """What there was when `part` of the last day had gone: an update on its way, with a dip in the night."""
        new = int(self.rows * min(1, part ** 2) * 0.43)
        old = int((self.rows - new) * 0.5)
        return {"devices": self.rows, "online": int(self.rows * (0.97 - (0.12 if 0.3 < part < 0.4 else 0))), "jobs": 0,
                "versions": {"2.1.0": new, "2.0.3": old, "2.0.2": self.rows - new - old}, "health": {"good": self.rows - 12, "safe": 12}}

    def _upload(self, suit):
        fit = suit[:-5] + ".fit"
        with open(fit, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        for what, path in (("payload", fit), ("manifest", suit)):
            code, _, body = self.home.api("/api/v1/images/%s/%s" % (digest, what), "-X", "PUT", "--data-binary", "@" + path, "-H",
                                          "Content-Type: application/octet-stream")
            home.expect(code in (200, 201), "the %s is taken" % what, code, body)
        return digest

    def _make(self, path, body, token):
        context = ssl.create_default_context(cafile=self.home.file("server", "ca.pem"))
        request = urllib.request.Request("https://127.0.0.1:%d/api/v1/%s" % (self.home.http_port, path), json.dumps(body).encode(),
                                         {"Authorization": "Bearer " + token.strip(), "Content-Type": "application/json"})
        with urllib.request.urlopen(request, context=context, timeout=home.TIMEOUT_S) as answer:
            return json.load(answer)

    def _rollout(self, token):
        """A draft of somebody else than who looks at it, that needs an approval; one of its two devices fails at first."""
        return self._make("rollouts", {"name": "neap tide", "image": self.images[1], "selector": "id in (tide-1 tide-2)", "approvals": 1, "members": "continuous",
                                       "waves": [{"name": "all"}], "device": {"retries": 0, "trialS": 10}}, token)["id"]

    def _restart(self):
        """skerryd is started again when a case ended it."""
        while not self.ended.wait(0.5):
            if self.home.server.process.poll() is not None and not self.ended.wait(1):
                self.home.start_server()

    def _job(self, job):
        """Asked for by several devices at a time, which Home.api() is not made for."""
        context = ssl.create_default_context(cafile=self.home.file("server", "ca.pem"))
        request = urllib.request.Request("https://127.0.0.1:%d/api/v1/jobs/%s" % (self.home.http_port, job),
                                         headers={"Authorization": "Bearer " + self.home.token().strip()})
        with urllib.request.urlopen(request, context=context, timeout=home.TIMEOUT_S) as answer:
            return json.load(answer)

    def _install(self, device, execution):
        """Plays an update, slowly enough to be seen, and ends it well."""
        job, expected = execution["jobId"], execution["versionNumber"]
        wanted = self._job(job)
        if device.name in self.failing:
            self.failing.remove(device.name)
            device.update(job, "FAILED", expected, error="E_DOWNLOAD")
            return
        for percent in (25, 50, 75, 100):
            outcome, _ = device.update(job, "IN_PROGRESS", expected, step="download", percent=percent)
            if outcome != "accepted":
                return  # it was withdrawn
            expected += 1
            time.sleep(0.1)
        device.digest, device.version = wanted["digest"], wanted["version"]
        device.report()
        device.update(job, "SUCCEEDED", expected, version=device.version)

    def _answer(self, device):
        """Commands are obeyed and answered."""
        def run():
            while True:
                command = device.commands.get()
                device.say("cmd/reply", {"id": command["id"], "ok": True})
        threading.Thread(target=run, daemon=True).start()

    def _speak(self):
        for device in self.devices.values():
            for i in range(30):
                device.say("telemetry/climate", {"celsius": 21 + math.sin(i / 4) * 3, "humidity": 48 + i % 7})
            device.say("log", {"first": 0, "lines": ["sensor: sample temperature_mc=%d" % (21000 + 130 * i) for i in range(12)]})
        # What a device says is text, whatever it says.
        self.devices["beacon-7"].say("log", {"first": 12, "lines": ["<img src=x onerror=alert(1)><b>bold</b> & text"]})

        threading.Thread(target=self._stay, daemon=True).start()

    def _stay(self):
        """The broker ends a connection on which nothing comes for 90 s."""
        try:
            while not self.ended.wait(20):
                for device in self.devices.values():
                    device.say("telemetry/climate", {"celsius": 21.5, "humidity": 50})
        except (OSError, ValueError):
            pass  # the broker is gone, or the device was switched off

    def remove(self):
        self.ended.set()
        self.home.remove()
