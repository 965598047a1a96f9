#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The real unikernel in QEMU against a rogue broker (broker.py): it breaks the protocol, floods, falls silent, hands out malformed jobs and forged
manifests. Each ends in a named error on the console or in the job's status; the device is never reset, and comes back to the honest broker.
"""

import base64
import json
import os
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from broker import CONNECT, MALFORMED, MODES, PUBLISH, Broker  # noqa: E402
from cases import case, expect, main  # noqa: E402
from forge import forge  # noqa: E402
from lab import Lab  # noqa: E402
from pki import Authority  # noqa: E402
from server import Server  # noqa: E402
from trust import Key, assignment, base64url  # noqa: E402

PROTOCOL = {"E_MQTT_PROTOCOL", "E_MQTT"}
CLOSED = {"E_CLOSED", "E_RESET", "E_TLS_TRUNCATED", "E_MQTT"}
# What the console must say of each mode. None: the mode is borne; the agent stays connected and asks for its job.
EXPECTED = {
    "no-connack": {"E_TIMEOUT"},
    "refused-id": {"E_MQTT_AUTH"},
    "refused-auth": {"E_MQTT_AUTH"},
    "refused-odd": {"E_MQTT_REFUSED"} | PROTOCOL,
    "connack-short": PROTOCOL,
    "connack-twice": PROTOCOL,
    "disconnect-loop": CLOSED,
    "length-256m": {"E_MEMORY", "E_TOO_LONG"} | PROTOCOL,
    "length-endless": PROTOCOL | {"E_TOO_LONG"},
    "type-0": PROTOCOL,
    "type-15": PROTOCOL,
    "publish-empty": PROTOCOL,
    "publish-topic-long": PROTOCOL,
    "publish-no-id": PROTOCOL,
    "publish-qos3": PROTOCOL,
    "from-client": PROTOCOL,
    "noise": PROTOCOL | {"E_MEMORY", "E_TOO_LONG"},
    "flood": {"E_TOO_LONG"},
    "publish-wildcard": None,
    "suback-stray": None,
    "puback-stray": None,
    "stray-topics": PROTOCOL | {"E_TOO_LONG"},
    "suback-failure": {"E_MQTT_AUTH"},
    "no-puback": {"E_TIMEOUT"},
    "no-pingresp": {"E_MQTT_KEEPALIVE", "E_TIMEOUT"},
    "no-answer": {"E_TIMEOUT"},
    "job-oversized": {"E_MEMORY", "E_TOO_LONG", "E_JSON"} | PROTOCOL,
    "job-25k": {"E_TOO_LONG", "E_JSON"},
}
DEVICE = "hostile-2"
ENDED = ("REJECTED", "FAILED", "SUCCEEDED")


class World:
    """The lab with its one device, a rogue broker and a rogue artifact server."""

    def __init__(self):
        self.lab = Lab(tempfile.mkdtemp(prefix="skerry-hostile-"))
        self.lab.start()
        home = self.lab.home
        authority = Authority(self.lab.folder, "ca", os.path.join(home, "server", "ca.pem"), os.path.join(home, "keys", "ca.key"))
        self.rogue = Broker(*authority.issue("rogue-broker"), authority.crt)
        self.server = Server(self.lab.folder, {}, authority, host="10.0.2.2")
        self.v1 = self.lab.image("sensor", "1.0.0")
        self.device = self.lab.device(DEVICE, self.v1)
        self.device.power_on()
        self.device.wait_online("1.0.0")
        self.forged = None

    def rogue_serves(self, mode, jobs=()):
        """Start the device anew, so that its pauses are short; it meets the rogue broker at once."""
        self.device.power_cut()
        self.rogue.mode, self.rogue.jobs = mode, list(jobs)
        self.seen = len(self.rogue.seen)
        self.mark = len(self.device.console)
        self.lab.broker_link.target_port = self.rogue.port
        self.device.power_on()

    def wait_console(self, pattern, timeout_s=120):
        """A match of the pattern on the console since rogue_serves()."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = re.search(pattern, self.device.console[self.mark:])
            if found:
                return found
            expect(time.monotonic() < deadline, "/%s/ on the console" % pattern, self.device.console[self.mark:][-3000:])
            time.sleep(0.05)

    def statuses(self):
        """What the device said of jobs since rogue_serves(): {job id: its last update}."""
        found = {}
        for seen in self.rogue.seen[self.seen:]:
            if seen.kind == PUBLISH and seen.topic.endswith("/update"):
                found[seen.topic.split("/")[-2]] = json.loads(seen.payload)
        return found

    def honest(self):
        """The real broker again; the device must find it, unharmed."""
        self.lab.broker_link.target_port = self.lab.broker_port
        self.lab.broker_link.drop()
        self.expect_back()

    def expect_back(self):
        """It is connected, was not reset, and runs its confirmed image."""
        before = self.lab.broker_link.to_server
        known = self.device.wait_report(lambda known: known.get("online") and self.lab.broker_link.to_server > before and self.is_back(), "back")
        console = self.device.console[self.mark:]
        expect(known["version"] == "1.0.0" and known["mode"] == "normal", "the confirmed image runs", known)
        expect(console.count("boot: skerry ") <= 1 and "panic" not in console, "without a reset", console[-3000:])

    def is_back(self):
        console = self.device.console
        return "agent: mqtt.connected" in console[max(console.rfind("mqtt.down"), 0):]


_world = None


def world():
    global _world
    if not _world:
        _world = World()
    return _world


def close():
    if _world:
        _world.rogue.stop()
        _world.server.stop()
        _world.lab.stop()
        shutil.rmtree(_world.lab.folder, ignore_errors=True)


def against(mode):
    wanted = EXPECTED[mode]

    def run():
        w = world()
        w.rogue_serves(mode)
        try:
            if wanted is None:
                expect(w.rogue.wait(PUBLISH, 2, w.seen), "the agent asks for its job", w.rogue.seen[w.seen:], w.device.console[w.mark:][-2000:])
                return "borne"
            return w.wait_console(r"(?:mqtt\.down|job\.\w+)(?: id=\S+)? err=(%s)\b" % "|".join(sorted(wanted)))[1]
        finally:
            w.honest()
    return run


# The others run against the same code on the host, under sanitizers (tests/agent/test_mqtt.py), and here in the long run.
LONG = ("no-connack", "no-puback", "no-pingresp", "no-answer", "refused-odd", "connack-short", "type-0", "publish-no-id", "publish-topic-long", "from-client",
        "suback-stray", "puback-stray", "suback-failure")
for _mode in EXPECTED:
    case("broker: %s: %s" % (_mode, MODES[_mode].about), against(_mode), long=_mode in LONG)


@case("broker: jobs: malformed job messages (%d) are refused by name or ignored" % len(MALFORMED))
def malformed():
    w = world()
    w.rogue_serves("jobs", MALFORMED.values())
    try:
        expect(w.rogue.wait(CONNECT, 1, w.seen), "the agent connects")
        deadline = time.monotonic() + 120
        while w.rogue.jobs and time.monotonic() < deadline:
            time.sleep(0.05)
        expect(not w.rogue.jobs, "the agent goes on asking", "not asked for: %s" % w.rogue.jobs[:1], w.device.console[w.mark:][-3000:])
        time.sleep(1)
        statuses = w.statuses()
        bad = {job: status for job, status in statuses.items() if status["status"] != "REJECTED" or "error" not in status["statusDetails"]}
        expect(not bad, "each job that is named is REJECTED with its error", bad)
        expect(len(statuses) >= 10, "jobs that are named are answered", statuses)
        return " ".join(sorted({status["statusDetails"]["error"] for status in statuses.values()}))
    finally:
        w.honest()


def forged_outcomes(w):
    """Hand out all forgeries, one job each; {name: the device's last word}. Once for all cases."""
    if w.forged is not None:
        return w.forged
    image = w.lab.image("sensor", "2.0.0")
    with open(image.suit, "rb") as file:
        manifests = forge(file.read())
    w.server.files[image.digest + ".fit"] = image.read()
    jobs = {"forged-%d" % n: name for n, name in enumerate(FORGERIES)}
    # Rightly assigned, so that it is the manifest which is refused.
    now = int(time.time())
    assigned = assignment([Key(os.path.join(w.lab.home, "server", "fleet-1.key"))], keyset=1, sequence=(now + 3600) << 16, issued=now, expires=now + 3600,
                          device=DEVICE, digest=image.digest)
    documents = {job: {"op": "install", "assignment": base64url(assigned), "manifest": base64.urlsafe_b64encode(manifests[name]).decode().rstrip("="),
                       "urls": [w.server.url("good", image.digest + ".fit")]} for job, name in jobs.items()}
    w.rogue_serves("jobs", [{"jobId": job, "status": "QUEUED", "versionNumber": 1, "executionNumber": 1, "jobDocument": document}
                            for job, document in documents.items()])
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and any(w.statuses().get(job, {}).get("status") not in ENDED for job in jobs):
            time.sleep(0.05)
        w.forged = {name: w.statuses().get(job) for job, name in jobs.items()}
    finally:
        w.honest()
    return w.forged


def forged_case(name):
    def run():
        status = forged_outcomes(world())[name]
        expect(status and status["status"] == "REJECTED", "REJECTED", status, world().device.console[-3000:])
        expect(status["statusDetails"]["error"] in ("E_SIG", "E_FORMAT", "E_UNSUPPORTED", "E_MANIFEST_SIZE", "E_TOO_LONG", "E_JSON"), "for its manifest", status)
        expect(not world().server.log, "nothing is fetched", world().server.log)
        return status["statusDetails"]["error"]
    return run


# The names do not depend on the manifest; any envelope gives them.
FORGERIES = [
    "digest of the image changed", "digest of the image changed, wrapper made to fit", "size of the image changed", "version raised",
    "security counter raised", "chunk digests changed", "bit of the signature flipped", "signature of zeros", "signature of no bytes",
    "algorithm none", "unsigned", "two signatures more, of nobody", "cut in the middle", "bytes behind the end", "first byte changed",
    "longer than 16 KiB", "ten thousand nested arrays", "a length of 2^64 - 1",
]
for _name in FORGERIES:
    case("forged manifest: " + _name, forged_case(_name))


@case("the broker is gone for a minute: the agent comes back by itself, with jitter, and the app's readings with it")
def broker_gone():
    w = world()
    w.device.wait_online("1.0.0")
    w.mark = len(w.device.console)
    w.lab.broker_link.down()
    time.sleep(60)
    w.lab.broker_link.up()
    w.expect_back()
    waits = [int(ms) for ms in re.findall(r"mqtt\.down err=\w+ retry_ms=(\d+)", w.device.console[w.mark:])]
    expect(len(waits) >= 3 and len(set(waits)) == len(waits), "several attempts, with different pauses", waits)
    expect(max(waits) <= 60000, "the pauses are bounded", waits)
    sent, deadline = w.lab.broker_link.to_server, time.monotonic() + 60
    while w.lab.broker_link.to_server < sent + 100 and time.monotonic() < deadline:
        time.sleep(0.1)
    expect(w.lab.broker_link.to_server >= sent + 100, "the app's readings arrive again", sent, w.lab.broker_link.to_server)
    return "%d attempts, pauses %s ms" % (len(waits), " ".join(map(str, waits)))


@case("after all that: a good update over the honest broker")
def good_at_last():
    w = world()
    image = w.lab.image("sensor", "2.0.0")
    update = w.lab.update(DEVICE, image)
    code, last = update.result()
    expect(code == 0, "the update succeeds", last, update.error_text(), w.device.console[-3000:])


if __name__ == "__main__":
    sys.exit(main("The agent against a rogue broker.", close))
