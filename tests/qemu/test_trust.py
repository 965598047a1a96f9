#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Trust on a running fleet, with real parts: keys rotated and revoked from the command line alone, a stolen fleet key recovered from, and what each part of
the fleet can do by itself when it is somebody else's: the broker, the artifact server, skerryd with its key. Needs ./dev build.
"""

import json
import os
import queue
import shutil
import sys
import tempfile
import threading
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), name) for name in ("..", "../fleet", "../hostile")]
import mqtt  # noqa: E402
import trust  # noqa: E402
from cases import case, expect, main  # noqa: E402
from lab import TIMEOUT_S, Lab  # noqa: E402
from pki import Authority  # noqa: E402
from server import Server  # noqa: E402

REJECTED = 4  # exit code of skerry update
PREFIX = "skerry/things"
ENDED = ("REJECTED", "FAILED", "SUCCEEDED")
FAR = 4102444800  # 2100-01-01: a clock that is not there yet


class Rogue:
    """
    Who runs the broker: its connection may read and write every topic. While it stands, skerryd does not run, and devices get what it says:
    offer() answers their question with a job, idle() with what it likes.
    """

    def __init__(self, lab):
        self.lab = lab
        self.plans, self.heard = {}, queue.Queue()
        lab.server.stop()
        lab.services.remove(lab.server)
        crt, key = lab.authority.issue("rogue-server", ("rogue.server",))
        self.client = mqtt.Client(lab.broker_port, os.path.join(lab.home, "server", "ca.pem"), crt, key, client_id="rogue.server")
        self.client.subscribe(PREFIX + "/+/jobs/#")
        threading.Thread(target=self._run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.lab.start_server()

    def _run(self):
        while message := self.client.inbox.get():
            device, suffix = message[0][len(PREFIX) + 1:].split("/", 1)
            if suffix == "jobs/$next/get":
                self._later(self._answer, device, json.loads(message[1]).get("clientToken", ""))
            elif suffix.endswith("/update"):
                body = json.loads(message[1])
                self.heard.put((device, suffix.split("/")[1], body))
                self._later(self.client.publish, "%s/%s/%s/accepted" % (PREFIX, device, suffix), json.dumps(
                    {"timestamp": 1, "clientToken": body.get("clientToken"), "executionState": {"status": body["status"], "versionNumber": body.get("expectedVersion", 0) + 1}}))

    @staticmethod
    def _later(function, *args):
        """Not in the reader's thread, which the broker's acknowledgement comes by."""
        def run():
            try:
                function(*args)
            except (ConnectionError, OSError):
                pass  # it has ended
        threading.Thread(target=run, daemon=True).start()

    def _answer(self, device, token):
        say = self.plans.pop(device, None)
        body = say(token) if say else {}
        self.client.publish("%s/%s/jobs/$next/get/accepted" % (PREFIX, device), json.dumps(dict({"timestamp": 1, "clientToken": token}, **body)))

    def say(self, device, make):
        """Answer the device's next question with make(token), and make it ask."""
        self.plans[device] = make
        self.client.publish("%s/%s/jobs/notify-next" % (PREFIX, device), "{}")

    def offer(self, device, job, image, assignment=None):
        """Offer a job; `assignment`: bytes, or a function of the token. The device's last word on it."""
        def make(token):
            document = {"op": "install", "manifest": trust.base64url(read(image.suit)), "urls": ["https://10.0.2.2:1/nowhere.fit"]}
            signed = assignment(token) if callable(assignment) else assignment
            if signed:
                document["assignment"] = trust.base64url(signed)
            return {"execution": {"jobId": job, "status": "QUEUED", "versionNumber": 1, "executionNumber": 1, "jobDocument": document}}
        self.say(device, make)
        while True:
            try:
                who, what, body = self.heard.get(timeout=TIMEOUT_S)
            except queue.Empty:
                raise AssertionError("%s says nothing of %s" % (device, job)) from None
            if (who, what) == (device, job) and body["status"] in ENDED:
                return body


def read(path):
    with open(path, "rb") as file:
        return file.read()


_lab = None


def lab():
    """The fleet: two devices that run 1.0.0 and hold keyset 1, when the first case begins. Cases go on from where the one before ended."""
    global _lab
    if _lab:
        return _lab
    _lab = Lab(tempfile.mkdtemp(prefix="skerry-trust-"))
    _lab.start()
    _lab.authority = Authority(_lab.folder, "ca", os.path.join(_lab.home, "server", "ca.pem"), os.path.join(_lab.home, "keys", "ca.key"))
    with open(os.path.join(_lab.home, "server", "mosquitto.acl"), "a", encoding="ascii") as acl:
        acl.write("\nuser rogue.server\ntopic readwrite #\n")
    _lab.broker.stop()
    _lab.services.remove(_lab.broker)
    _lab.start_broker()
    _lab.numbers = iter(range(2, 100))
    first = _lab.image("sensor", "1.0.0", counter=5)
    for name in ("dev-1", "dev-2"):
        _lab.device(name, first).power_on()
    for device in _lab.devices:
        device.wait_online("1.0.0")
    return _lab


def close():
    if _lab:
        _lab.stop()
        shutil.rmtree(_lab.folder, ignore_errors=True)


def image(counter=5, **options):
    """A new version."""
    version = "%d.0.0" % next(lab().numbers)
    return lab().image("sensor", version, counter, kernel="sensor", name="v%s-%d" % (version, counter), **options)


def keyset_version():
    return lab().skerry_json("keys", "show")["version"]


def key(role):
    """The file of the role's key that counts now."""
    return lab().skerry_json("keys", "show")[role]["keys"][0]["file"]


def steal(role):
    """A copy of the key that counts now."""
    loot = os.path.join(lab().folder, "stolen-%s.key" % role)
    shutil.copy(key(role), loot)
    return trust.Key(loot)


def wait_keyset(device, version):
    device.wait_report(lambda known: known.get("keyset") == version, "told of keyset %d" % version)


def succeed(device, target):
    update = lab().update(device.name, target)
    code, last = update.result()
    expect(code == 0 and last["status"] == "SUCCEEDED", "the update succeeds", last, update.error_text(), device.console[-3000:])
    device.wait_online(target.version)


def refused(device, target, error):
    """REJECTED with `error`, nothing fetched, the same image runs."""
    before, fetched = device.show()["version"], lab().artifact_link.to_client
    update = lab().update(device.name, target)
    code, _ = update.result()
    expect(code == REJECTED and update.details().get("error") == error, "refused: " + error, code, update.details(), device.console[-3000:])
    expect(lab().artifact_link.to_client == fetched, "not a byte was fetched")
    expect(device.wait_online()["version"] == before, "the same image runs")


def assigns(fleet_key, device, target, keyset=None, **changes):
    """What a server would sign to assign `target`, with `changes`: a function of the question's token."""
    now = int(time.time())
    said = dict(dict(keyset=keyset or keyset_version(), sequence=(now + 86400) * 65536, issued=now, expires=now + 3600, device=device.name,
                     digest=target.digest if target else None), **changes)
    return lambda token: trust.assignment([fleet_key], nonce=token, **said)


@case("release key rotated, the old one revoked, on a running fleet: its next image is refused, one by the new key is taken")
def release_rotation():
    devices = lab().devices
    for device in devices:
        expect(device.show()["keyset"] == 1, "it holds keyset 1", device.show())
    old = key("release")
    lab().skerry("keys", "rotate", "release")
    for device in devices:
        wait_keyset(device, 2)
        refused(device, image(key=old), "E_SIG")
    for device in devices:
        succeed(device, image())
    boots = [device.console.count("boot: skerry ") for device in devices]
    expect(boots == [2, 2], "no reset but for the update", boots)


@case("a release key is added, then the other one revoked, without a gap: each image is by keys that count at the time")
def release_overlap():
    device = lab().devices[0]
    old = key("release")
    lab().skerry("keys", "rotate", "release", "--keep-old")
    wait_keyset(device, keyset_version())
    succeed(device, image(key=old))
    old_id = trust.Key(old).kid.hex()
    lab().skerry("keys", "revoke", old_id)
    wait_keyset(device, keyset_version())
    refused(device, image(key=old), "E_SIG")
    succeed(device, image())


@case("a device that was off during rotations of fleet key, roots and release key walks the chain when it comes back")
def chain():
    here, away = lab().devices
    start = keyset_version()
    away.power_cut()
    for role in ("fleet", "root", "release"):
        lab().skerry("keys", "rotate", role)
    wait_keyset(here, start + 3)
    away.power_on()
    for version in range(start + 1, start + 4):
        away.wait(r"ota: keyset\.take version=%d\b" % version)
    wait_keyset(away, start + 3)
    for device in (here, away):
        succeed(device, image())
    # What it holds is on its disk.
    away.power_cut()
    away.power_on()
    away.wait(r"ota: trust keyset=%d " % (start + 3))
    away.wait_online()


@case("the broker alone: it cannot have installed what the fleet did not assign, though the release key signed it")
def broker_alone():
    device, other = lab().devices
    target, fleet = image(), trust.Key(key("fleet"))
    stranger = trust.new_key(os.path.join(lab().folder, "stranger.key"))
    now, version, digests = int(time.time()), keyset_version(), device.show()["digest"]
    replayed = assigns(fleet, device, target, sequence=1)(None)  # one that the fleet signed long ago
    tries = {
        "no assignment": (None, "E_ASSIGNMENT"),
        "an old assignment, replayed": (replayed, "E_REPLAYED"),
        "another device's assignment": (assigns(fleet, other, target), "E_SCOPE"),
        "one that has expired": (assigns(fleet, device, target, issued=now - 7200, expires=now - 3600), "E_EXPIRED"),
        "the assignment of another image": (assigns(fleet, device, image()), "E_ASSIGNMENT"),
        "signed by a key of its own": (assigns(stranger, device, target), "E_ASSIGNMENT"),
        "signed by a release key": (assigns(trust.Key(key("release")), device, target), "E_ASSIGNMENT"),
        "noise": (b"\x82\x40\x40", "E_FORMAT"),
    }
    fetched = lab().artifact_link.to_client
    with Rogue(lab()) as rogue:
        for n, (name, (assignment, error)) in enumerate(tries.items()):
            said = rogue.offer(device.name, "rogue-%d-%d" % (version, n), target, assignment)
            expect(said["status"] == "REJECTED" and said["statusDetails"].get("error") == error, "%s: %s" % (name, error), said, device.console[-2000:])
        # Nor a keyset of its own making: it is told what is wrong, and holds what it held.
        body = (1, [stranger])
        rogue.client.publish("%s/%s/trust/keyset" % (PREFIX, device.name), json.dumps(
            {"keyset": trust.base64url(trust.keyset([stranger], version + 1, now, body, (1, [trust.new_key(os.path.join(lab().folder, "s2.key"))]),
                                                    (1, [trust.new_key(os.path.join(lab().folder, "s3.key"))])))}))
        device.wait(r"ota: keyset\.refuse held=%d err=E_KEYSET\b" % version)
    expect(lab().artifact_link.to_client == fetched, "not a byte was fetched")
    known = device.wait_online()
    expect(known["digest"] == digests and known["keyset"] == version, "the same image runs, the same keyset counts", known)
    succeed(device, target)  # assigned rightly it is taken


@case("the artifact server alone: what it serves instead, another signed image or a changed one, is never started")
def artifact_server_alone():
    device = lab().devices[0]
    target, instead = image(), image()
    rogue = Server(lab().folder, {}, lab().authority, host="10.0.2.2")
    try:
        before = device.show()["version"]
        starts = device.console.count("mode=trial")
        rogue.files["x.fit"] = instead.read()[:target.bytes].ljust(target.bytes, b"\0")
        for mode in ("good", "flipped"):
            target = image() if mode == "flipped" else target
            rogue.files["x.fit"] = target.read() if mode == "flipped" else rogue.files["x.fit"]
            update = lab().update(device.name, target, "--url", rogue.url(mode, "x.fit"))
            code, last = update.result()
            expect(code in (3, 4) and update.details().get("error") in ("E_DIGEST", "E_NO_SOURCE"), "refused", code, last, device.console[-2000:])
        expect(device.wait_online()["version"] == before and device.console.count("mode=trial") == starts, "nothing was tried")
    finally:
        rogue.stop()


@case("skerryd with its fleet key alone: nothing that the release key did not sign for this device, nothing below the confirmed counter")
def server_alone():
    device = lab().devices[0]
    stolen = steal("fleet")
    stranger = trust.new_key(os.path.join(lab().folder, "stranger-release.key"))
    tries = {
        "an image by another release key": (image(key=stranger.path), "E_SIG"),
        "an image below the confirmed counter": (image(counter=4), "E_COUNTER"),
        "an image for another device": (image(device="somebody-else"), "E_DEVICE"),
    }
    before, fetched = device.show()["digest"], lab().artifact_link.to_client
    now = int(time.time())
    with Rogue(lab()) as rogue:
        for n, (name, (target, error)) in enumerate(tries.items()):
            said = rogue.offer(device.name, "stolen-%d" % n, target, assigns(stolen, device, target, sequence=(now + 86400) * 65536 + n))
            expect(said["status"] == "REJECTED" and said["statusDetails"].get("error") == error, "%s: %s" % (name, error), said, device.console[-2000:])
    expect(lab().artifact_link.to_client == fetched and device.wait_online()["digest"] == before, "nothing was fetched, the same image runs")
    # Its rows of the key's numbers were used up by the thief: the fleet gets them back as below.
    lab().skerry("keys", "rotate", "fleet")
    wait_keyset(device, keyset_version())
    succeed(device, image())


@case("a stolen fleet key that used up sequence and time: `skerry keys rotate fleet` gets the device back, from afar")
def stolen_fleet_key():
    device = lab().devices[0]
    stolen, target = steal("fleet"), image()
    with Rogue(lab()) as rogue:
        poison = assigns(stolen, device, None, sequence=1 << 63, issued=FAR, expires=FAR + 86400)
        said = queue.Queue()
        rogue.say(device.name, lambda token: said.put(token) or {"assignment": trust.base64url(poison(token))})
        said.get(timeout=TIMEOUT_S)
        # It took the poison: an honest assignment by the very same key is refused from now on.
        answer = rogue.offer(device.name, "after-poison", target, assigns(stolen, device, target))
        expect(answer["statusDetails"].get("error") in ("E_REPLAYED", "E_EXPIRED"), "the theft works", answer, device.console[-2000:])
    refused(device, target, answer["statusDetails"]["error"])
    lab().skerry("keys", "rotate", "fleet")
    wait_keyset(device, keyset_version())
    succeed(device, target)
    # And the thief has nothing any more.
    again = image()
    with Rogue(lab()) as rogue:
        answer = rogue.offer(device.name, "thief-again", again, assigns(stolen, device, again, sequence=(1 << 63) + 1, issued=FAR, expires=FAR + 86400))
        expect(answer["status"] == "REJECTED" and answer["statusDetails"]["error"] == "E_ASSIGNMENT", "the stolen key means nothing", answer)


@case("a device that is kept from its server shows it: answers that are replayed count for nothing, and heardS is missing or grows")
def kept_back():
    device = lab().devices[0]
    fleet = trust.Key(key("fleet"))
    device.power_cut()
    device.power_on()
    known = device.wait_report(lambda known: known.get("online") and "heardS" in known, "has heard its server")
    expect(0 <= known["heardS"] < TIMEOUT_S, "just now", known)
    now = int(time.time())
    with Rogue(lab()) as rogue:
        said = queue.Queue()
        old = trust.base64url(assigns(fleet, device, None, sequence=(now + 86400) * 65536)("another question"))
        rogue.say(device.name, lambda token: said.put(token) or {"assignment": old})
        said.get(timeout=TIMEOUT_S)
        device.wait(r"ota: idle\.refuse err=E_REPLAYED")


if __name__ == "__main__":
    sys.exit(main("Trust on a running fleet, in QEMU.", close))
