#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A whole update by the agent on the host: job over a real Mosquitto, payload from the artifact server, a file as flash. The boot loader is this test: it
starts the agent again as the image that the boot record names.
"""

import hashlib
import json
import os
import tempfile
import time

import home
from cases import case, expect, main
from proxy import Gate, Proxy
from server import Server

PROGRAMS = home.programs()
SECTOR, PROVISION_LBA, SLOT_B_LBA, DISK_SECTORS = 512, 0x1000, 0x6000, 0xA000
OLD = "ab" * 32
folder = tempfile.TemporaryDirectory(prefix="skerry-update-")
authority = home.Authority(folder.name, "ca")
mosquitto = home.Mosquitto(folder.name, authority)
operator = home.Operator(folder.name, authority, mosquitto)
server = Server(folder.name, {}, authority)
release = home.der(authority.key, "ec")


def payload(name, size=300_001):
    """A payload served as `name`: its bytes and its manifest."""
    data = (hashlib.sha256(name.encode()).digest() * (size // 32 + 1))[:size]
    path = os.path.join(folder.name, name)
    with open(path, "wb") as out:
        out.write(data)
    server.files[name] = data
    return data, home.run(os.path.join(PROGRAMS, "make_manifest"), path, release, "5", "2.0.0").split()


def make_trust(*arguments):
    return home.run(os.path.join(PROGRAMS, "make_trust"), *map(str, arguments)).strip()


def step(name):
    return lambda update: update["step"] == name


def status(name):
    return lambda update: update["status"] == name


class Rig:
    """A device with its disk and the server's side of one job."""

    def __init__(self, name, urls, size=300_001):
        self.data, (self.key, self.manifest) = payload(name, size)
        self.digest = hashlib.sha256(self.data).hexdigest()
        device = home.Device(folder.name, PROGRAMS, authority, broker=("localhost", mosquitto.port), release_key=self.key)
        self.disk = os.path.join(folder.name, name + ".disk")
        with open(device.path, "rb") as image, open(self.disk, "wb") as disk:
            disk.truncate(DISK_SECTORS * SECTOR)
            disk.seek(PROVISION_LBA * SECTOR)
            disk.write(image.read())
        self.job, self.version, self.status = "job-" + name.replace(".", "-"), 1, "QUEUED"
        self.document = {"op": "install", "manifest": self.manifest, "urls": urls, "trialSeconds": 60,
                         "assignment": make_trust("assignment", "dev-1", 1, 1, self.digest)}
        self.updates, self.mismatches = [], 0
        self.idle, self.get = None, {}  # the nil assignment's sequence, once the job has ended; the last question

    def start(self, slot="a", mode="normal", digest=OLD, factor=1):
        version, counter = ("1.0.0", "4") if digest == OLD else ("2.0.0", "5")
        return home.Lines(os.path.join(PROGRAMS, "agent_host"), self.disk, slot, mode, digest, version, counter, "1",
                          env={"CLOCK_FACTOR": str(factor)})

    def serve(self, until):
        """Answer the device's questions and updates until one is as `until` wants it (details as members besides); that one."""
        while True:
            match = operator.reader.wait(r"^skerry/things/dev-1/jobs/(\$next/get|%s/update) (.*)" % self.job)
            body = json.loads(match[2])
            reply = {"clientToken": body["clientToken"], "timestamp": int(time.time())}
            if match[1] == "$next/get":
                if self.status in ("QUEUED", "IN_PROGRESS"):
                    reply["execution"] = {"jobId": self.job, "status": self.status, "versionNumber": self.version, "jobDocument": self.document}
                elif self.idle:
                    reply["assignment"] = make_trust("assignment", "dev-1", body["keyset"], self.idle, "-", body["clientToken"])
                self.get = body
                operator.send("jobs/$next/get/accepted", reply)
                continue
            if body["expectedVersion"] != self.version:  # said again on a hurried clock, or not learnt after a reset
                self.mismatches += 1
                operator.send("jobs/%s/update/rejected" % self.job, {**reply, "code": "VersionMismatch", "message": ""})
                continue
            self.version += 1
            self.status = body["status"]
            self.updates.append(body)
            reply["executionState"] = {"status": self.status, "versionNumber": self.version}
            operator.send("jobs/%s/update/accepted" % self.job, reply)
            if until({**body, **body["statusDetails"]}):
                return body

    def serve_idle(self):
        """Answer one question of the device: nothing is assigned, signed."""
        match = operator.reader.wait(r"^skerry/things/dev-1/jobs/\$next/get (.*)")
        body = json.loads(match[1])
        operator.send("jobs/$next/get/accepted", {
            "clientToken": body["clientToken"], "timestamp": int(time.time()),
            "assignment": make_trust("assignment", "dev-1", body["keyset"], self.idle, "-", body["clientToken"])})

    def slot_b(self):
        with open(self.disk, "rb") as disk:
            disk.seek(SLOT_B_LBA * SECTOR)
            return disk.read(len(self.data))


@case("download, verify, trial, confirm")
def good():
    rig = Rig("v2.fit", [server.url("good", "v2.fit")])
    with rig.start() as host:
        rig.serve(step("reboot"))
        host.wait("^reboot")
        expect(host.wait_end() == 0, "resets in order")
    expect(rig.slot_b() == rig.data, "slot b holds the payload")
    steps = [update["statusDetails"]["step"] for update in rig.updates]
    expect(steps[0] in ("manifest", "download") and "download" in steps, "steps are told", steps)
    with rig.start("b", "trial", rig.digest) as host:
        host.wait("mqtt.connected")
        host.write("well")
        end = rig.serve(status("SUCCEEDED"))
        details = end["statusDetails"]
        expect(details["digest"] == rig.digest and details["netBytes"] == len(rig.data) and details["version"] == "2.0.0", "what ran", details)
        host.write("quit")
        host.wait_end()
    with rig.start("b", "normal", rig.digest) as host:
        report = operator.wait("report", '"mode":"normal"')
        expect(rig.mismatches == 0, "every update had the server's version, over the reset too", rig.mismatches)
        expect(report["slots"]["b"]["state"] == "confirmed" and report["minCounter"] == 5, "the record says so", report)


@case("an image that never gets well is given up, and the old one says why")
def never_well():
    rig = Rig("v3.fit", [server.url("good", "v3.fit")])
    with rig.start() as host:
        rig.serve(step("reboot"))
        host.wait("^reboot")
    with rig.start("b", "trial", rig.digest, factor=10) as host:
        rig.serve(step("trial"))
        host.wait("^reboot")
    with rig.start() as host:
        end = rig.serve(status("FAILED"))
        details = end["statusDetails"]
        expect(details["reason"] == "rolled-back" and details["cause"] == "health-timeout", "reason and cause", details)


@case("power cut in mid-download: goes on where it was")
def power_cut():
    gate = Gate(700_000)
    link = Proxy(server.ports["tls"], gate)
    rig = Rig("v4.fit", ["https://localhost:%d/good/v4.fit" % link.port], size=1_200_000)
    with rig.start() as host:
        rig.serve(step("download"))
        deadline = time.monotonic() + home.TIMEOUT_S
        while rig.slot_b()[:300_000] != rig.data[:300_000]:
            expect(time.monotonic() < deadline, "the first chunks come to the slot")
            time.sleep(0.05)
        host.kill()
    gate.open()
    with rig.start() as host:
        host.wait("download url=.* off=[1-9]")
        rig.serve(step("reboot"))
        host.wait("^reboot")
    expect(rig.slot_b() == rig.data, "slot b holds the payload")
    spent = rig.updates[-1]["statusDetails"]["netBytes"]
    expect(spent < 1_200_000 + 2 * 65536 + 16384, "hardly a byte came twice", spent)


@case("a job that holds resets when it is released, not before, and not because of a power cut")
def holds():
    rig = Rig("v4h.fit", [server.url("good", "v4h.fit")])
    rig.document["reset"] = "hold"
    with rig.start() as host:
        rig.serve(step("hold"))
        operator.send("jobs/notify-next", {})
        rig.serve(step("hold"))
        host.kill()
    with rig.start() as host:
        end = rig.serve(step("hold"))
        expect(end["statusDetails"]["netBytes"] == len(rig.data), "nothing was fetched again", end)
        expect(end["statusDetails"]["percent"] == 100, "all of it is there", end)
        rig.document["reset"] = "now"
        operator.send("jobs/notify-next", {})
        rig.serve(step("reboot"))
        host.wait("^reboot")
    expect(rig.slot_b() == rig.data, "slot b holds the payload")


@case("wrong bytes from the first server, right ones from the second")
def second_server():
    rig = Rig("v5.fit", [server.url("flipped", "v5.fit"), server.url("good", "v5.fit")])
    with rig.start(factor=10) as host:
        rig.serve(step("reboot"))
        host.wait("^reboot")
    expect(rig.slot_b() == rig.data, "slot b holds the payload")


@case("a manifest with one flipped bit is rejected before anything is fetched")
def forged():
    rig = Rig("v6.fit", [server.url("good", "v6.fit")])
    at = len(rig.manifest) // 2
    rig.document["manifest"] = rig.manifest[:at] + ("A" if rig.manifest[at] != "A" else "B") + rig.manifest[at + 1:]
    with rig.start():
        end = rig.serve(status("REJECTED"))
        expect(end["statusDetails"]["error"] in ("E_SIG", "E_DIGEST", "E_FORMAT"), "by name", end)
    expect(not [request for request in server.requests("good") if request.name == "v6.fit"], "nothing was fetched")
    expect(rig.slot_b() == bytes(len(rig.data)), "slot b was not touched")


@case("the operator withdraws the job: the download stops")
def withdrawn():
    gate = Gate(200_000)
    link = Proxy(server.ports["tls"], gate)
    rig = Rig("v7.fit", ["https://localhost:%d/good/v7.fit" % link.port], size=1_000_000)
    with rig.start() as host:
        rig.serve(step("download"))
        expect(gate.reached.wait(home.TIMEOUT_S), "the download is under way")
        operator.send("cmd", {"id": "c", "cmd": "cancel"})
        expect(operator.wait("cmd/reply", '"id":"c"')["ok"], "the command is taken")
        end = rig.serve(status("FAILED"))
        expect(end["statusDetails"]["error"] == "E_CANCELLED", "by name", end)
        gate.open()
        host.wait("agent: job id=.* outcome=failed err=E_CANCELLED")


@case("a job withdrawn when its image is on trial is refused, and the trial goes on")
def withdrawn_late():
    rig = Rig("v8.fit", [server.url("good", "v8.fit")])
    with rig.start() as host:
        rig.serve(step("reboot"))
        host.wait("^reboot")
    with rig.start("b", "trial", rig.digest) as host:
        rig.serve(step("trial"))
        operator.send("cmd", {"id": "late", "cmd": "cancel"})
        reply = operator.wait("cmd/reply", '"id":"late"')
        expect(reply["ok"] is False and reply["error"] == "E_TRIAL", "refused, by name", reply)
        host.write("well")
        rig.serve(status("SUCCEEDED"))


@case("without an assignment, or with that of another image, the signed image is not installed")
def unassigned():
    for name, assignment in (("v9.fit", None), ("v10.fit", make_trust("assignment", "dev-1", 1, 1, "cd" * 32))):
        rig = Rig(name, [server.url("good", name)])
        rig.document.pop("assignment")
        rig.document.update({"assignment": assignment} if assignment else {}, retry=True)
        with rig.start():
            end = rig.serve(status("REJECTED"))
            expect(end["statusDetails"]["error"] == "E_ASSIGNMENT", "by name", end)
        expect(not [request for request in server.requests("good") if request.name == name], "nothing was fetched")


@case("a release key that a new keyset revokes ends the download in flight; the new keyset stays, and older ones are ignored")
def revoked():
    gate = Gate(200_000)
    link = Proxy(server.ports["tls"], gate)
    rig = Rig("v11.fit", ["https://localhost:%d/good/v11.fit" % link.port], size=1_000_000)
    other = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
    with rig.start() as host:
        rig.serve(step("download"))
        expect(gate.reached.wait(home.TIMEOUT_S), "the download is under way")
        operator.send("trust/keyset", {"keyset": make_trust("keyset", 3, other)})
        expect(operator.wait("report", '"keysetError":"E_KEYSET_VERSION"')["keyset"] == 1, "a step left out is refused")
        operator.send("trust/keyset", {"keyset": make_trust("keyset", 2, other)})
        end = rig.serve(status("REJECTED"))
        expect(end["statusDetails"]["error"] == "E_SIG", "by name", end)
        gate.open()
        rig.idle = 1
        expect(operator.wait("report", '"keyset":2').get("keysetError") is None, "held")
        operator.send("trust/keyset", {"keyset": make_trust("keyset", 1, rig.key)})
        host.wait("agent: keyset.received held=2 err=OK")
        host.kill()
    with rig.start() as host:
        report = operator.wait("report", '"keyset":2')
        expect("heardS" not in report, "nobody was heard yet in this start", report)
        rig.serve_idle()
        operator.wait("report", '"heardS"')


def close():
    server.stop()
    operator.close()
    mosquitto.kill()


raise SystemExit(main(__doc__, close))
