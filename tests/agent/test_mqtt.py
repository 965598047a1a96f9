#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The whole agent on the host against a real Mosquitto with mutual TLS, and against brokers that misbehave (../hostile/broker.py)."""

import json
import os
import tempfile

import home
from broker import MALFORMED, MODES, PUBLISH, SUBSCRIBE, Broker, Mode, idle, publish
from cases import case, expect, main
from proxy import FlipRecord, Proxy

PROGRAMS = home.programs()
SECTOR, PROVISION_LBA, DISK_SECTORS = 512, 0x1000, 0xA000
DIGEST = "ab" * 32
folder = tempfile.TemporaryDirectory(prefix="skerry-mqtt-")
authority = home.Authority(folder.name, "ca")
mosquitto = home.Mosquitto(folder.name, authority)
operator = home.Operator(folder.name, authority, mosquitto)


def disk_of(device_path):
    path = os.path.join(folder.name, "disk")
    with open(device_path, "rb") as image, open(path, "wb") as disk:
        disk.truncate(DISK_SECTORS * SECTOR)
        disk.seek(PROVISION_LBA * SECTOR)
        disk.write(image.read())
    return path


def agent(port=None, identity=authority, host="localhost", boots=7, factor=1, **env):
    """The agent as device dev-1, told to connect to `port`."""
    device = home.Device(folder.name, PROGRAMS, identity, broker=(host, port or mosquitto.port))
    return home.Lines(os.path.join(PROGRAMS, "agent_host"), disk_of(device.path), "a", "normal", DIGEST, "1.2.3", "4", str(boots),
                      env={"CLOCK_FACTOR": str(factor), **env})


@case("connects with mutual TLS; presence, report, log, question for a job")
def connects():
    with agent() as host:
        expect("tls=TLSv1.3" in host.wait("mqtt.connected.*").string, "speaks TLS 1.3")
        host.wait("^link 1")
        get = operator.wait("jobs/$next/get")
        expect(set(get) == {"clientToken", "keyset"} and get["keyset"] == 1, "asks for its job, and says whom it believes", get)
        presence = operator.wait("presence", '"online":true')
        expect(presence == {"online": True, "boot": 7}, "presence with the number of the start", presence)
        report = operator.wait("report")
        known = {"device": "dev-1", "board": "qemu-virt", "app": "host", "version": "1.2.3", "digest": DIGEST, "slot": "a", "mode": "normal",
                 "counter": 4, "boots": 7, "heapBytes": 3, "heapPeak": 2, "stackPeak": 1, "buildId": "none", "agent": "host", "keyset": 1, "holds": True}
        expect(known.items() <= report.items(), "the report says what runs", report)
        expect(set(report) - set(known) == {"minCounter", "slots", "cause", "uptimeMs", "bootMs"}, "and nothing else", report)
        log = operator.wait("log")
        expect(any("mqtt.connected" in line for line in log["lines"]), "log lines come from the ring", log)


@case("the report names the board by serial number and MAC; a serial number that is no text is left out, the report comes")
def board():
    with agent(boots=91, BOARD_SERIAL="10000000a1b2 ~", BOARD_MAC="52:54:00:12:34:56"):
        report = operator.wait("report", '"boots":91')
        expect(report.get("serial") == "10000000a1b2 ~" and report.get("mac") == "52:54:00:12:34:56", "both are told", report)
    with agent(boots=92, BOARD_SERIAL="a\x1b[31m", BOARD_MAC="52:54:00:12:34:56"):
        report = operator.wait("report", '"boots":92')
        expect("serial" not in report and report.get("mac") == "52:54:00:12:34:56", "one with a control character is not", report)


@case("the will says which start was lost")
def will():
    with agent(boots=41) as host:
        operator.wait("presence", '"online":true')
        host.kill()
        presence = operator.wait("presence", '"online":false')
        expect(presence == {"online": False, "boot": 41}, "the will", presence)


@case("a broker that was killed is found again")
def broker_killed():
    with agent() as host:
        host.wait("mqtt.connected")
        mosquitto.kill()
        host.wait("mqtt.down err=(E_TLS_TRUNCATED|E_RESET|E_CLOSED)")
        host.wait("^link 0")
        host.wait("mqtt.down err=E_CONNECT")
        mosquitto.start()
        operator.open()
        host.wait("mqtt.connected")
        host.wait("^link 1")


@case("a broker that is gone for minutes is found again; the waits are spread and bounded")
def broker_away():
    link = Proxy(mosquitto.port)
    with agent(link.port, factor=20) as host:
        host.wait("mqtt.connected")
        link.down()
        waits = [int(host.wait(r"mqtt.down err=\w+ retry_ms=(\d+)")[1]) for _ in range(12)]
        expect(max(waits) <= 30000, "no wait is longer than 30 s", waits)
        expect(len(set(waits)) > 6, "they differ", waits)
        link.up()
        host.wait("mqtt.connected")


@case("a corrupted TLS record ends the connection by name, and it comes back")
def corrupted():
    link = Proxy(mosquitto.port, FlipRecord(2000, times=1))
    with agent(link.port, factor=5) as host:
        host.wait("mqtt.connected")
        for _ in range(3):
            operator.send("app/x", "y" * 1000)
        host.wait("mqtt.down err=E_TLS_RECORD")
        host.wait("mqtt.connected")


@case("commands: identify, log-level, unknown, malformed")
def commands():
    with agent() as host:
        host.wait("mqtt.connected")
        for word, reply, effect in (
                ({"id": "1", "cmd": "identify"}, {"id": "1", "ok": True}, "^identify"),
                ({"id": "2", "cmd": "log-level", "level": "debug"}, {"id": "2", "ok": True}, "^level 3"),
                ({"id": "3", "cmd": "log-level", "level": "loud"}, {"id": "3", "ok": False, "error": "E_ARG"}, "id=3"),
                ({"id": "4", "cmd": "format"}, {"id": "4", "ok": False, "error": "E_UNSUPPORTED"}, "id=4"),
                ({"id": "5"}, {"id": "5", "ok": False, "error": "E_JSON"}, "id=5"),
                ({"id": "6", "cmd": "cancel"}, {"id": "6", "ok": False, "error": "E_JOB"}, "id=6")):
            operator.send("cmd", word)
            host.wait(effect)
            got = operator.wait("cmd/reply", '"id":"%s"' % word["id"])
            expect(got == reply, "the reply to %s" % word, got)
        for noise in ("", "x", "[]", "{}", '{"id":7,"cmd":"identify"}', '{"id":"' + "a" * 100 + '","cmd":"identify"}'):
            operator.send("cmd", noise)
        operator.send("cmd", {"id": "last", "cmd": "identify"})
        host.wait("^identify")


@case("command reboot: says good-bye, no will, ends")
def command_reboot():
    with agent(boots=8) as host:
        host.wait("mqtt.connected")
        operator.send("cmd", {"id": "r", "cmd": "reboot"})
        expect(operator.wait("cmd/reply", '"r"')["ok"], "a reply comes before the reset")
        expect(operator.wait("presence", '"online":false') == {"online": False, "boot": 8}, "says good-bye")
        host.wait("^reboot")
        expect(host.wait_end() == 0, "ends in order")


@case("messages to and from the app")
def app_messages():
    with agent() as host:
        host.wait("mqtt.connected")
        host.write("say reading 21.5")
        expect(operator.wait("telemetry/reading") == 21.5, "telemetry arrives")
        operator.send("app/" + "n" * 40, "name too long")
        operator.send("app/setting", "x" * 2000)
        operator.send("app/setting", "on")
        host.wait("^app setting on$")


# Brokers that misbehave: how each connection ends. A tuple: any of these. Those that only a wall clock can tell (no answer to
# a ping) are tested with the whole chain.
ENDS = {
    "no-connack": "E_TIMEOUT", "refused-id": "E_MQTT_AUTH", "refused-auth": "E_MQTT_AUTH", "refused-odd": "E_MQTT_REFUSED",
    "connack-short": "E_MQTT_PROTOCOL", "connack-twice": "E_MQTT_PROTOCOL", "disconnect-loop": ("E_TLS_TRUNCATED", "E_CLOSED", "E_RESET"),
    "length-256m": "E_TOO_LONG", "length-endless": ("E_TOO_LONG", "E_MQTT_PROTOCOL"), "type-0": "E_MQTT_PROTOCOL", "type-15": "E_MQTT_PROTOCOL",
    "publish-empty": "E_MQTT_PROTOCOL", "publish-topic-long": "E_MQTT_PROTOCOL", "publish-no-id": "E_MQTT_PROTOCOL",
    "publish-qos3": "E_MQTT_PROTOCOL", "from-client": "E_MQTT_PROTOCOL", "noise": ("E_MQTT_PROTOCOL", "E_TOO_LONG"), "flood": "E_TOO_LONG",
    "suback-failure": "E_MQTT_AUTH", "no-puback": "E_TIMEOUT", "job-oversized": "E_TOO_LONG",
}
# A clock that runs faster, where a time limit is what ends it.
FASTER = {"no-connack": 10, "no-puback": 10}


ROGUE = authority.issue("rogue")


def rogue(mode):
    return Broker(*ROGUE, authority.crt, mode)


for mode_name, error in ENDS.items():
    @case("broker, %s: %s" % (mode_name, MODES[mode_name].about))
    def rogue_end(mode_name=mode_name, error=error):
        broker = rogue(mode_name)
        with agent(broker.port, factor=FASTER.get(mode_name, 4)) as host:
            name = host.wait(r"mqtt.down err=(\w+)")[1]
            expect(name in (error if isinstance(error, tuple) else (error,)), "ends in %s" % (error,), name)
            broker.mode = "good"
            host.wait("mqtt.connected")
        broker.stop()


@case("brokers that are odd but harmless: wildcards in a topic, stray messages and acknowledgements")
def harmless():
    for mode_name in ("publish-wildcard", "suback-stray", "puback-stray", "stray-topics"):
        broker = rogue(mode_name)
        with agent(broker.port, factor=4) as host:
            first = host.wait("mqtt.(connected|down)")[1]
            broker.mode = "good"
            if first == "down":
                host.wait("mqtt.connected")
            expect(broker.wait(PUBLISH, 3), "it goes on working with %s" % mode_name)
        broker.stop()


def command(client, ident, word, retained=False):
    data = bytearray(publish(client.things + "/cmd", {"id": ident, "cmd": word}))
    data[0] |= retained
    client.send(bytes(data))


@case("what the broker remembers for the app reaches it, at the first connection and at each further one")
def retained_for_app():
    operator.send("app/setting", "kept", "-r")
    operator.send("app/other", "too", "-r")
    operator.send("cmd", {"id": "old", "cmd": "reboot"}, "-r")
    try:
        for _ in range(2):
            with agent() as host:
                host.wait("^link 1")
                operator.wait("jobs/$next/get")
                operator.send("app/setting", "now")
                host.wait("^app setting now$")
                seen = [line for line in host.lines if line.startswith("app ")]
                expect(sorted(seen) == ["app other too", "app setting kept", "app setting now"], "all of them, once", host.lines)
                expect(not any("reboot" in line for line in host.lines), "but no command", host.lines)
    finally:
        for suffix in ("app/setting", "app/other", "cmd"):
            operator.send(suffix, "", "-r")


@case("a command that the broker retained is ignored: a reboot would come back with every connection")
def retained_command():
    def on_next(client, token):
        idle(client, token)
        command(client, "old", "reboot", retained=True)
        command(client, "new", "identify")
    MODES["retained"] = Mode("a retained command", on_next=on_next)
    broker = rogue("retained")
    with agent(broker.port) as host:
        host.wait("cmd.ignored")
        host.wait("^identify")
        expect(not any(line.startswith("agent: reboot") or line == "reboot" for line in host.lines), "no reboot", host.lines)
    broker.stop()


@case("a broker that acknowledges nothing leaves the processor to the app")
def unacknowledged():
    def on_next(client, token):
        idle(client, token)
        for i in range(6):
            command(client, str(i), "identify")
    MODES["unacknowledged"] = Mode("commands, and no PUBACK for their answers", on_next=on_next, puback=False)
    broker = rogue("unacknowledged")
    with agent(broker.port) as host:
        for _ in range(6):
            host.wait("^identify")
        with open("/proc/%d/stat" % host.process.pid) as stat:
            before = stat.read().split()
        host.wait("mqtt.down err=E_TIMEOUT")  # after 30 s
        with open("/proc/%d/stat" % host.process.pid) as stat:
            after = stat.read().split()
        used_s = sum(int(after[i]) - int(before[i]) for i in (13, 14)) / os.sysconf("SC_CLK_TCK")
        expect(used_s < 3, "it waits instead of spinning", used_s)
    broker.stop()


@case("job messages that are none are rejected or ignored, and the next question is asked")
def malformed_jobs():
    rows = dict(MALFORMED)
    rejected = {}
    with agent() as host:
        while True:
            match = operator.reader.wait(r"/jobs/(\$next/get|[^/]+/update) (.*)")
            body = json.loads(match[2])
            token = body["clientToken"]
            if match[1] != "$next/get":
                rejected[match[1].split("/")[0]] = (body["status"], body["statusDetails"]["error"])
                operator.send("jobs/%s/accepted" % match[1], {"clientToken": token, "executionState": {"versionNumber": 2}})
                continue
            if not rows:
                break
            name, row = rows.popitem()
            operator.send_raw("jobs/$next/get/accepted", row.replace(b"{", b'{"clientToken":"%s",' % token.encode(), 1))
            operator.send("jobs/$next/get/accepted", {"clientToken": token})  # ends the question if the row did not
            operator.send("jobs/notify-next", "{}")
        expect(host.process.poll() is None, "it lives")
    expect(all(status == "REJECTED" for status, _ in rejected.values()), "none is taken", rejected)
    expected = {"m4": "E_JSON", "m5": "E_JSON", "m6": "E_JSON", "m7": "E_FORMAT", "m8": "E_FORMAT", "m9": "E_FORMAT", "m10": "E_JSON",
                "m11": "E_URL", "m12": "E_URL", "m13": "E_URL", "m14": "E_URL", "m15": "E_URL"}
    expect({job: error for job, (_, error) in rejected.items()} == expected, "each by its name", rejected)


@case("who the broker is: other CA, other host's certificate, no TLS, nobody there")
def wrong_brokers():
    stranger = home.Authority(folder.name, "stranger")
    for crt, key, error in ((*stranger.issue("rogue-ca"), "E_TLS_CERT"), (*authority.issue("rogue-host", ("other.invalid",)), "E_TLS_NAME"),
                            (*authority.issue("rogue-old", expired=True), "E_TLS_CERT")):
        broker = Broker(crt, key, authority.crt)
        with agent(broker.port) as host:
            name = host.wait(r"mqtt.down err=(\w+)")[1]
            expect(name == error, "ends in %s" % error, name)
            expect(broker.count(SUBSCRIBE) == 0 and not broker.seen, "nothing was said to it", broker.seen)
        broker.stop()
    with agent(home.free_ports(1)[0]) as host:
        host.wait("mqtt.down err=E_CONNECT")
    with agent(mosquitto.port, host="no-such-host.invalid") as host:
        host.wait("mqtt.down err=E_DNS")


@case("a broker that does not accept our certificate: E_TLS_ALERT")
def not_accepted():
    broker = Broker(*ROGUE, home.Authority(folder.name, "other-clients").crt)
    with agent(broker.port) as host:
        host.wait("mqtt.down err=(E_TLS_ALERT|E_RESET|E_TLS_TRUNCATED)")
    broker.stop()


@case("without an identity it does not start: E_PROVISION; with a key of another certificate: E_TLS_KEY")
def no_identity():
    empty = os.path.join(folder.name, "empty")
    open(empty, "w").close()
    other_crt, other_key = authority.issue("device-other", ("dev-1",))
    device = home.Device(folder.name, PROGRAMS, authority)
    swapped = os.path.join(folder.name, "swapped")
    home.run(os.path.join(PROGRAMS, "provision_image"), swapped, "dev-1", home.der(other_key, "ec"), home.der(device.crt, "x509"),
             home.der(authority.crt, "x509"), "localhost", "1", "-")
    for image, error in ((empty, "E_PROVISION"), (swapped, "E_TLS_KEY")):
        with home.Lines(os.path.join(PROGRAMS, "agent_host"), disk_of(image), "a", "normal", DIGEST, "1.0.0", "1", "1") as host:
            host.wait("init %s" % error)


def close():
    operator.close()
    mosquitto.kill()


raise SystemExit(main(__doc__, close))
