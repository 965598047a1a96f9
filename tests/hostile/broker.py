#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A rogue MQTT 3.1.1 broker over mutual TLS, on loopback. Each way to misbehave is one row of MODES.

    broker = Broker(crt, key, ca)      the server's certificate and key, and the CA of its clients (PEM files)
    broker.mode = "no-connack"         for the next connections; broker.drop() ends those there are
    broker.jobs = [...]                documents that the mode "jobs" gives out, one for each `$next/get`
    broker.seen                        what clients sent: list of Seen; broker.wait(kind, count) waits for it

Only as much of MQTT as one client at a time needs: CONNECT, SUBSCRIBE, PUBLISH of QoS 0 and 1, PINGREQ, DISCONNECT.
"""

import argparse
import json
import os
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
from typing import Callable, NamedTuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pki import Authority  # noqa: E402

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = (
    1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14)


def remaining_length(value):
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7f
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def packet(kind, body=b"", flags=0):
    return bytes([kind << 4 | flags]) + remaining_length(len(body)) + body


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(raw)) + raw


def publish(topic, payload, qos=0, ident=1):
    if not isinstance(payload, bytes):
        payload = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    return packet(PUBLISH, text(topic) + (struct.pack(">H", ident) if qos else b"") + payload, qos << 1)


class Seen(NamedTuple):
    """A packet from a client. `topic` and `payload` for PUBLISH; `at` is time.monotonic()."""
    kind: int
    at: float
    topic: str = ""
    payload: bytes = b""


class Client:
    """One connection after the TLS handshake."""

    def __init__(self, broker, sock):
        self.broker = broker
        self.sock = sock
        self.mode = MODES[broker.mode]
        self.things = ""        # "<prefix>/<device id>", learnt from the first topic

    def send(self, data):
        self.sock.sendall(data)

    def hang(self):
        """Read and ignore until the client goes."""
        while self.sock.recv(4096):
            pass

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.sock.recv(count - len(data))
            if not part:
                raise ConnectionError("client closed")
            data += part
        return data

    def receive(self):
        """The next packet: (kind, flags, body)."""
        first = self._exactly(1)[0]
        length = shift = 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7f) << shift
            shift += 7
            if not byte & 0x80:
                break
        return first >> 4, first & 15, self._exactly(length)

    def serve(self):
        kind, _, _ = self.receive()
        self.broker.note(Seen(kind, time.monotonic()))
        self.mode.on_connect(self)
        while True:
            kind, flags, body = self.receive()
            if kind == PUBLISH:
                self._on_publish(flags, body)
                continue
            self.broker.note(Seen(kind, time.monotonic()))
            if kind == SUBSCRIBE:
                self._on_subscribe(body)
            elif kind == UNSUBSCRIBE:
                self.send(packet(UNSUBACK, body[:2]))
            elif kind == PINGREQ and self.mode.pingresp:
                self.send(packet(PINGRESP))
            elif kind == DISCONNECT:
                return

    def _on_subscribe(self, body):
        count, at = 0, 2
        while at < len(body):
            at += 2 + struct.unpack_from(">H", body, at)[0] + 1
            count += 1
        self.send(packet(SUBACK, body[:2] + bytes([self.mode.suback]) * count))

    def _on_publish(self, flags, body):
        length = struct.unpack_from(">H", body)[0]
        topic, at = body[2:2 + length].decode(), 2 + length
        if flags & 6:
            if self.mode.puback:
                self.send(packet(PUBACK, body[at:at + 2]))
            at += 2
        self.broker.note(Seen(PUBLISH, time.monotonic(), topic, body[at:]))
        if topic.endswith("/jobs/$next/get"):
            self.things = topic[:-len("/jobs/$next/get")]
            self.mode.on_next(self, _token(body[at:]))
        elif topic.endswith("/update"):
            self.send(publish(topic + "/accepted", {"timestamp": int(time.time()), "clientToken": _token(body[at:]),
                                                    "executionState": {"status": "IN_PROGRESS", "versionNumber": 2}}))


def _token(payload):
    try:
        return json.loads(payload).get("clientToken", "")
    except ValueError:
        return ""


def accept(client):
    client.send(packet(CONNACK, b"\0\0"))


def refuse(code):
    def on_connect(client):
        client.send(packet(CONNACK, bytes([0, code])))
        client.hang()
    return on_connect


def idle(client, token):
    """The honest answer when there is no job."""
    client.send(publish(client.things + "/jobs/$next/get/accepted", {"timestamp": int(time.time()), "clientToken": token}))


def after_connack(data):
    """Accept, then send `data` at once and read on."""
    def on_connect(client):
        accept(client)
        client.send(data)
    return on_connect


def bye(client):
    accept(client)
    raise ConnectionError("disconnect loop")


def flood(client):
    accept(client)
    while True:
        client.send(publish("skerry/things/nobody/log", bytes(60000)))


def answer(make):
    """Answer `$next/get` with the payload `make(token)`."""
    def on_next(client, token):
        client.send(publish(client.things + "/jobs/$next/get/accepted", make(token)))
    return on_next


def hand_out(client, token):
    """
    Answer with the next of broker.jobs and ring for more while there are any. A row is an execution (wrapped as it should be), or bytes: sent
    as they are, with the token put in, and an honest idle answer behind them.
    """
    with client.broker.lock:
        row = client.broker.jobs.pop(0) if client.broker.jobs else None
        more = bool(client.broker.jobs)
    topic = client.things + "/jobs/$next/get/accepted"
    if isinstance(row, bytes):
        client.send(publish(topic, row.replace(b'{"execution"', b'{"clientToken":"%s","execution"' % token.encode(), 1)))
    elif row is not None:
        client.send(publish(topic, {"timestamp": int(time.time()), "clientToken": token, "execution": row}))
    if row is None or isinstance(row, bytes):
        idle(client, token)
    if more:
        client.send(publish(client.things + "/jobs/notify-next", "{}"))


def stray(client, token):
    """Messages on topics that were never subscribed, of other devices, and with odd names."""
    for topic in ("", "a", "/", "skerry/things/other/jobs/$next/get/accepted", client.things + "/jobs//update/accepted",
                  client.things + "/jobs/$next/get/accepted/x", client.things + "/cmd/reply", b"\xff\xfe\x00", "x" * 60000):
        client.send(publish(topic, {"clientToken": token, "execution": {"jobId": "stray"}}))
    idle(client, token)


def silent(client, token):
    """No answer to `$next/get`."""


class Mode(NamedTuple):
    about: str
    on_connect: Callable = accept
    on_next: Callable = idle
    pingresp: bool = True
    puback: bool = True
    suback: int = 1


MODES = {
    "good": Mode("honest, with no job for anybody"),
    "jobs": Mode("honest, gives out broker.jobs", on_next=hand_out),
    "no-connack": Mode("never sends CONNACK", on_connect=Client.hang),
    "refused-id": Mode("CONNACK 2, identifier rejected", on_connect=refuse(2)),
    "refused-auth": Mode("CONNACK 5, not authorised", on_connect=refuse(5)),
    "refused-odd": Mode("CONNACK with return code 255", on_connect=refuse(255)),
    "connack-short": Mode("CONNACK of one byte", on_connect=lambda c: (c.send(packet(CONNACK, b"\0")), c.hang())),
    "connack-twice": Mode("two CONNACKs", on_connect=lambda c: (accept(c), accept(c))),
    "disconnect-loop": Mode("accepts and hangs up, every time", on_connect=bye),
    "length-256m": Mode("announces a packet of 256 MiB and sends some of it",
                        on_connect=after_connack(bytes([PUBLISH << 4]) + remaining_length(268435455) + bytes(20000))),
    "length-endless": Mode("remaining length of five continuation bytes", on_connect=after_connack(b"\x30\xff\xff\xff\xff\xff\xff")),
    "type-0": Mode("packet of type 0", on_connect=after_connack(b"\x00\x00")),
    "type-15": Mode("packet of type 15", on_connect=after_connack(b"\xf0\x02ab")),
    "publish-empty": Mode("PUBLISH of no bytes", on_connect=after_connack(packet(PUBLISH))),
    "publish-topic-long": Mode("PUBLISH whose topic is longer than the packet", on_connect=after_connack(packet(PUBLISH, b"\xff\xffab"))),
    "publish-no-id": Mode("PUBLISH of QoS 1 without packet id", on_connect=after_connack(packet(PUBLISH, text("a"), 2))),
    "publish-qos3": Mode("PUBLISH of QoS 3", on_connect=after_connack(packet(PUBLISH, text("a") + b"\0\1x", 6))),
    "publish-wildcard": Mode("PUBLISH to a topic with wildcards", on_connect=after_connack(publish("skerry/things/+/#", "{}"))),
    "suback-stray": Mode("SUBACK nobody asked for", on_connect=after_connack(packet(SUBACK, b"\x12\x34\x01"))),
    "puback-stray": Mode("PUBACK nobody asked for", on_connect=after_connack(packet(PUBACK, b"\x12\x34"))),
    "from-client": Mode("packets only a client may send", on_connect=after_connack(packet(CONNECT, b"x") + packet(PINGREQ))),
    "noise": Mode("noise after CONNACK", on_connect=after_connack(bytes(range(255, -1, -1)) * 8)),
    "flood": Mode("publishes for other devices, without end", on_connect=flood),
    "stray-topics": Mode("messages on topics never subscribed", on_next=stray),
    "suback-failure": Mode("refuses every subscription", suback=0x80),
    "no-puback": Mode("never acknowledges a PUBLISH", puback=False),
    "no-pingresp": Mode("never answers PINGREQ", pingresp=False, on_next=idle),
    "no-answer": Mode("never answers `$next/get`", on_next=silent),
    "job-oversized": Mode("job message of 1 MiB", on_next=answer(lambda token: b'{"execution":{"jobId":"' + b"a" * (1 << 20) + b'"}}')),
    "job-25k": Mode("job document just above the limit of 24 KiB", on_next=answer(lambda token: json.dumps({
        "clientToken": token, "execution": {"jobId": "big", "versionNumber": 1, "jobDocument": {
            "op": "install", "manifest": "A" * 25000, "urls": ["https://localhost/x"]}}}).encode())),
}

# What a job message may look like that is none. Each must end in REJECTED or be ignored, and never stop the device.
MALFORMED = {
    "empty": b"",
    "not-json": b"hello",
    "cut": b'{"execution":{"jobId":"j1","jobDocument":{"op":"inst',
    "array": b"[]",
    "number": b"17",
    "null": b"null",
    "deep": b"[" * 20000,
    "deep-object": b'{"execution":' * 2000,
    "nul": b'{"execution"\0:{}}',
    "bad-utf8": b'{"execution":{"jobId":"\xff\xfe"}}',
    "bad-escape": b'{"execution":{"jobId":"\\u12"}}',
    "execution-string": b'{"execution":"x"}',
    "no-id": b'{"execution":{"versionNumber":1,"jobDocument":{"op":"install"}}}',
    "id-long": b'{"execution":{"jobId":"' + b"a" * 300 + b'","versionNumber":1,"jobDocument":{"op":"install"}}}',
    "id-topic": b'{"execution":{"jobId":"../../+/#","versionNumber":1,"jobDocument":{"op":"install"}}}',
    "id-number": b'{"execution":{"jobId":17,"versionNumber":1,"jobDocument":{}}}',
    "version-huge": b'{"execution":{"jobId":"m1","versionNumber":99999999999999999999,"jobDocument":{"op":"install"}}}',
    "version-float": b'{"execution":{"jobId":"m2","versionNumber":1e999,"jobDocument":{"op":"install"}}}',
    "version-negative": b'{"execution":{"jobId":"m3","versionNumber":-1,"jobDocument":{"op":"install"}}}',
    "document-missing": b'{"execution":{"jobId":"m4","versionNumber":1}}',
    "op-unknown": b'{"execution":{"jobId":"m5","versionNumber":1,"jobDocument":{"op":"format"}}}',
    "manifest-missing": b'{"execution":{"jobId":"m6","versionNumber":1,"jobDocument":{"op":"install","urls":["https://localhost/x"]}}}',
    "manifest-not-base64": b'{"execution":{"jobId":"m7","versionNumber":1,"jobDocument":{"op":"install","manifest":"@@@@","urls":["https://localhost/x"]}}}',
    "manifest-empty": b'{"execution":{"jobId":"m8","versionNumber":1,"jobDocument":{"op":"install","manifest":"","urls":["https://localhost/x"]}}}',
    "manifest-noise": b'{"execution":{"jobId":"m9","versionNumber":1,"jobDocument":{"op":"install","manifest":"AAAAAAAA","urls":["https://localhost/x"]}}}',
    "urls-missing": b'{"execution":{"jobId":"m10","versionNumber":1,"jobDocument":{"op":"install","manifest":"AAAA"}}}',
    "urls-empty": b'{"execution":{"jobId":"m11","versionNumber":1,"jobDocument":{"op":"install","manifest":"AAAA","urls":[]}}}',
    "urls-many": b'{"execution":{"jobId":"m12","versionNumber":1,"jobDocument":{"op":"install","manifest":"AAAA","urls":['
                 + b'"https://localhost/x",' * 50 + b'"https://localhost/x"]}}}',
    "url-long": b'{"execution":{"jobId":"m13","versionNumber":1,"jobDocument":{"op":"install","manifest":"AAAA","urls":["https://localhost/'
                + b"x" * 400 + b'"]}}}',
    "url-http": b'{"execution":{"jobId":"m14","versionNumber":1,"jobDocument":{"op":"install","manifest":"AAAA","urls":["http://localhost/x"]}}}',
    "url-crlf": b'{"execution":{"jobId":"m15","versionNumber":1,"jobDocument":{"op":"install","manifest":"AAAA","urls":["https://localhost/x\\r\\nX: y"]}}}',
}


class Broker:
    """See the module's text. One listener on 127.0.0.1:`port`; several clients may be connected."""

    def __init__(self, crt, key, ca, mode="good"):
        self.mode = mode
        self.jobs = []
        self.seen = []
        self.clients = set()
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(crt, key)
        self.context.load_verify_locations(ca)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def note(self, seen):
        with self.changed:
            self.seen.append(seen)
            self.changed.notify_all()

    def count(self, kind, since=0):
        return sum(1 for seen in self.seen[since:] if seen.kind == kind)

    def wait(self, kind, count=1, since=0, timeout_s=120):
        """Wait until `count` packets of `kind` came after the first `since` packets; whether they came."""
        with self.changed:
            return self.changed.wait_for(lambda: self.count(kind, since) >= count, timeout_s)

    def drop(self):
        """End all connections."""
        with self.lock:
            clients = list(self.clients)
        for sock in clients:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.clients.add(sock)
        try:
            with self.context.wrap_socket(sock, server_side=True) as tls:
                Client(self, tls).serve()
        except (OSError, struct.error, UnicodeDecodeError):
            pass  # the client went away, as it may
        finally:
            with self.lock:
                self.clients.discard(sock)
            sock.close()


def main():
    parser = argparse.ArgumentParser(description="Rogue MQTT brokers on loopback, one port for each mode; serve until standard input ends. "
                                                 "Prints one line of JSON: ca, client crt and key, ports, about.")
    parser.add_argument("--list", action="store_true", help="print the modes and end")
    parser.add_argument("--device", default="device", help="name in the client's certificate")
    if parser.parse_args().list:
        for name, mode in MODES.items():
            print("%-20s %s" % (name, mode.about))
        return
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(folder, "ca")
        crt, key = authority.issue("broker")
        client_crt, client_key = authority.issue("client", (parser.parse_args().device,))
        ports = {name: Broker(crt, key, authority.crt, name).port for name in MODES}
        print(json.dumps({"ca": authority.crt, "crt": client_crt, "key": client_key, "ports": ports,
                          "about": {name: mode.about for name, mode in MODES.items()}}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
