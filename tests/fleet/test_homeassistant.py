#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MQTT discovery for Home Assistant: a subscriber in its place reads every message, member by member, and presses INSTALL; with a real Mosquitto."""

import hashlib
import json
import sqlite3
import sys
import time

import home
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN)
LIMIT_S = home.TIMEOUT_S


class Assistant:
    """What Home Assistant would know: the last message of each topic below homeassistant/."""

    def __init__(self):
        self.client, self.topics = fleet.client("ha"), {}
        self.client.subscribe("homeassistant/#")

    def read(self):
        while not self.client.inbox.empty():
            message = self.client.inbox.get()
            if message is None:
                raise Failure("the broker closed the connection")
            self.topics[message[0]] = message[1].decode()
        return self.topics

    def text(self, topic):
        return self.read().get("homeassistant/" + topic)

    def json(self, topic):
        text = self.text(topic)
        return json.loads(text) if text else None

    def wait(self, topic, condition=bool):
        """The topic's message, once it fulfils the condition."""
        return home.wait_until(lambda: (lambda value: condition(value) and value)(self.json(topic)), "%s (%s)" % (topic, self.text(topic)))

    def wait_text(self, topic, text):
        home.wait_until(lambda: self.text(topic) == text, "%s is '%s', now %s" % (topic, text, self.text(topic)))

    def say(self, topic, text, **options):
        self.client.publish("homeassistant/" + topic, text, **options)


def jobs(device):
    return json.loads(fleet.api("/api/v1/jobs?device=" + device)[2])["jobs"]


def device_block(name, version):
    return {"identifiers": ["skerry_" + name], "name": name, "manufacturer": "Skerry", "model": "qemu-virt", "sw_version": version}


def upload(suit):
    """Both parts of an image."""
    fit = suit[:-5] + ".fit"
    with open(fit, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    for part, path in (("payload", fit), ("manifest", suit)):
        status, head, body = fleet.api("/api/v1/images/%s/%s" % (digest, part), "-X", "PUT", "-H", "Content-Type: application/octet-stream",
                                       "--data-binary", "@" + path)
        expect(status in (200, 201), "uploaded", head, body)


def is_known(name):
    return fleet.api("/api/v1/devices/" + name)[0] == 200


STATUS = {"topic": "homeassistant/skerry/status"}


@case("discovery: an update entity and a connectivity sensor for each device, as Home Assistant documents them")
def entities():
    fleet.device("pi")
    update = assistant.wait("update/skerry_pi/firmware/config", lambda value: value and "sw_version" in value["device"])
    version = update["origin"].pop("sw_version")
    expect(version and update == {
        "unique_id": "skerry_pi_firmware", "name": "Firmware", "device_class": "firmware", "entity_category": "config",
        "state_topic": "homeassistant/skerry/pi/update", "command_topic": "homeassistant/skerry/pi/install", "payload_install": "INSTALL",
        "availability": [STATUS], "availability_mode": "all", "device": device_block("pi", "1.0.0"), "origin": {"name": "skerryd"}},
        "the update entity", update)
    online = assistant.wait("binary_sensor/skerry_pi/online/config", lambda value: value and "sw_version" in value["device"])
    del online["origin"]
    expect(online == {
        "unique_id": "skerry_pi_online", "name": "Online", "device_class": "connectivity", "entity_category": "diagnostic",
        "state_topic": "homeassistant/skerry/pi/online", "payload_on": "online", "payload_off": "offline",
        "availability": [STATUS], "availability_mode": "all", "device": device_block("pi", "1.0.0")}, "the connectivity sensor", online)
    assistant.wait_text("skerry/status", "online")
    assistant.wait_text("skerry/pi/online", "online")
    state = assistant.wait("skerry/pi/update")
    expect(state == {"installed_version": "1.0.0", "latest_version": "1.0.0", "title": "sensor", "in_progress": False, "update_percentage": None},
           "its state, of nothing new", state)


@case("discovery: telemetry becomes sensors: of a number, and of each number of an object")
def sensors():
    device = fleet.devices[0]
    device.say("telemetry/room.temp", "21.5")
    config = assistant.wait("sensor/skerry_pi/room_temp/config")
    del config["origin"]
    expect(config == {
        "unique_id": "skerry_pi_room_temp", "name": "room.temp", "state_class": "measurement", "state_topic": "homeassistant/skerry/pi/value/room.temp",
        "availability": [STATUS, {"topic": "homeassistant/skerry/pi/online"}], "availability_mode": "all", "device": device_block("pi", "1.0.0")},
        "a number's", config)
    assistant.wait_text("skerry/pi/value/room.temp", "21.5")
    device.say("telemetry/room.temp", "22")
    assistant.wait_text("skerry/pi/value/room.temp", "22")
    device.say("telemetry/climate", {"humidity": 40, "unit": "%", "a'}} {{b": 1})
    config = assistant.wait("sensor/skerry_pi/climate_humidity/config")
    expect(config["value_template"] == "{{ value_json['humidity'] }}" and config["name"] == "climate humidity", "a member's", config)
    assistant.wait("skerry/pi/value/climate", lambda value: value and value["humidity"] == 40)
    expect([topic for topic in assistant.read() if "/sensor/" in topic and "climate" in topic] == ["homeassistant/sensor/skerry_pi/climate_humidity/config"],
           "no text's, and none whose name would break the template", sorted(assistant.read()))


@case("discovery: a newer image shows; INSTALL makes one job, audited; its progress shows; its end too")
def install():
    device = fleet.devices[0]
    assistant.say("skerry/pi/install", "INSTALL")
    upload(fleet.image("1.2.0"))
    upload(fleet.image("1.10.0", counter=2))
    upload(fleet.image("1.9.0"))
    state = assistant.wait("skerry/pi/update", lambda value: value and value["latest_version"] == "1.10.0")
    expect(state["installed_version"] == "1.0.0" and not state["in_progress"], "there is something new", state)
    expect(jobs("pi") == [], "INSTALL with nothing to install did nothing")
    assistant.say("skerry/pi/install", "install")
    assistant.say("skerry/pi/x/install", "INSTALL")
    assistant.say("skerry/absent/install", "INSTALL")
    assistant.say("skerry/pi/install", "INSTALL")
    execution = device.jobs.get(timeout=LIMIT_S)
    assistant.say("skerry/pi/install", "INSTALL")
    state = assistant.wait("skerry/pi/update", lambda value: value and value["in_progress"])
    expect(state["update_percentage"] is None, "no percentage yet", state)
    device.update(execution["jobId"], "IN_PROGRESS", 1, step="download", bytes=50, total=200)
    assistant.wait("skerry/pi/update", lambda value: value and value["update_percentage"] == 25)
    device.update(execution["jobId"], "IN_PROGRESS", 2, step="download", bytes=150, total=200)
    assistant.wait("skerry/pi/update", lambda value: value and value["update_percentage"] == 75 and value["in_progress"])
    device.version = "1.10.0"
    device.report()
    device.update(execution["jobId"], "SUCCEEDED", 3)
    state = assistant.wait("skerry/pi/update", lambda value: value and not value["in_progress"] and value["installed_version"] == "1.10.0")
    expect(state["update_percentage"] is None and state["latest_version"] == "1.10.0", "done", state)
    assistant.wait("update/skerry_pi/firmware/config", lambda value: value["device"]["sw_version"] == "1.10.0")
    expect(len(jobs("pi")) == 1 and jobs("pi")[0]["version"] == "1.10.0", "one job", jobs("pi"))
    base = sqlite3.connect(fleet.file("server", "fleet.db"))
    acts = base.execute("SELECT actor, action, object FROM audit WHERE actor = 'homeassistant'").fetchall()
    base.close()
    expect(acts == [("homeassistant", "job.create", "device/pi")], "audited", acts)


@case("discovery: told anew when Home Assistant or skerryd comes back; skerryd's end shows; an old INSTALL does not come back")
def again():
    kept = {topic: text for topic, text in assistant.read().items() if topic.endswith("/config") and "skerry_pi" in topic}
    for topic in kept:
        assistant.client.publish(topic, "", retain=True)  # it lost them
    home.wait_until(lambda: all(assistant.read()[topic] == "" for topic in kept), "they are lost")
    assistant.say("status", "offline")
    assistant.say("status", "online")
    home.wait_until(lambda: all(assistant.read()[topic] == text for topic, text in kept.items()), "all of them again")
    count = len(jobs("pi"))
    fleet.server.end()
    assistant.wait_text("skerry/status", "offline")
    assistant.say("skerry/pi/install", "INSTALL", retain=True)
    fleet.start_server()
    assistant.wait_text("skerry/status", "online")
    fleet.server.end(9)
    assistant.wait_text("skerry/status", "offline")
    fleet.start_server()
    assistant.wait_text("skerry/status", "online")
    assistant.client.publish("homeassistant/skerry/pi/update", "", retain=True)
    assistant.say("status", "online")  # whatever the broker remembered was taken before this
    assistant.wait("skerry/pi/update")
    expect(len(jobs("pi")) == count, "no job of a retained INSTALL")
    assistant.say("skerry/pi/install", "", retain=True)


@case("discovery: a device that goes offline shows; one that is retired goes, with all of its entities")
def goes():
    fleet.devices[0].client.kill()
    assistant.wait_text("skerry/pi/online", "offline")
    status, head, body = fleet.api("/api/v1/devices/pi", "-X", "DELETE")
    expect(status // 100 == 2, "retired", head, body)
    mine = lambda: {topic for topic, text in assistant.read().items() if text and ("skerry_pi/" in topic or "/skerry/pi/" in topic) and not topic.endswith("/x/install")}  # noqa: E731
    home.wait_until(lambda: not mine(), "nothing is left")
    fresh = Assistant()
    fresh.wait_text("skerry/status", "online")
    expect(not [topic for topic in fresh.read() if "pi" in topic.split("/") or "skerry_pi" in topic], "nor retained", sorted(fresh.read()))
    fresh.client.close()


@case("discovery: a device may neither read nor write any of it; without the option there is none")
def closed():
    spy = fleet.device("spy")
    spy.client.publish("homeassistant/skerry/other/install", "INSTALL")
    spy.client.publish("homeassistant/status", "offline")
    spy.client.publish("homeassistant/update/skerry_x/firmware/config", "{}", retain=True)
    time.sleep(0.5)
    again_assistant = Assistant()
    again_assistant.wait_text("skerry/status", "online")
    expect("homeassistant/update/skerry_x/firmware/config" not in again_assistant.read(), "not written")
    configure("no")
    fleet.device("late")
    home.wait_until(lambda: is_known("late"), "it is known")
    time.sleep(1.5)
    expect(not [topic for topic in again_assistant.read() if "late" in topic], "nothing is told without the option")
    again_assistant.client.close()


def configure(value):
    path = fleet.file("server", "skerryd.conf")
    with open(path) as file:
        lines = [line for line in file.read().splitlines() if not line.startswith("homeassistant")]
    with open(path, "w") as file:
        file.write("\n".join(lines + ["homeassistant = " + value]) + "\n")
    if fleet.server:
        fleet.server.end()
    fleet.start_server()


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


fleet.skerry("device", "add", "ha", "--board", "qemu-virt")
with open(fleet.file("server", "mosquitto.acl"), "a") as acl:
    acl.write("\nuser ha\ntopic readwrite homeassistant/#\n")
fleet.start_broker()
configure("yes")
assistant = Assistant()

if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
