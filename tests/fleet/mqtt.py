# SPDX-License-Identifier: Apache-2.0
"""
A small MQTT 3.1.1 client over mutual TLS, of the standard library only. One connection per identity: the broker takes the certificate's name as
client id, so that mosquitto_pub and mosquitto_sub with one certificate would end each other.
"""

import queue
import select
import socket
import ssl
import struct
import threading


def _text(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(data)) + data


def _packet(kind, body):
    head, length = bytes([kind]), len(body)
    while True:
        head += bytes([length % 128 | (128 if length > 127 else 0)])
        length //= 128
        if not length:
            return head + body


class Refused(Exception):
    """The broker did not accept the connection."""


class Client:
    """Connects in the constructor. Messages that arrive are in `inbox` as (topic, bytes); None when the connection is gone."""

    def __init__(self, port, ca, cert, key, client_id="x", will=None, host="127.0.0.1"):
        context = ssl.create_default_context(cafile=ca)
        context.load_cert_chain(cert, key)
        self.inbox, self.lock, self.last_id = queue.Queue(), threading.Lock(), 0
        self.waiting, self.gone = {}, False  # packet id → event of its acknowledgement
        self.socket = context.wrap_socket(socket.create_connection((host, port), 20), server_hostname=host)
        flags, payload = 0x02, _text(client_id)
        if will:
            flags |= 0x04 | 0x08 | 0x20  # will, QoS 1, retained
            payload += _text(will[0]) + _text(will[1])
        self._send(0x10, _text("MQTT") + bytes([4, flags]) + struct.pack(">H", 60) + payload)
        kind, body = self._read()
        if kind != 0x20 or body[1]:
            raise Refused("CONNACK %d %s" % (kind, body.hex()))
        # A TLS connection must not be read and written at the same time: nothing blocks while the lock is held but a full send buffer.
        self.socket.setblocking(False)
        threading.Thread(target=self._reader, daemon=True).start()

    def _send(self, kind, body):
        data = memoryview(_packet(kind, body))
        with self.lock:
            while data:
                try:
                    data = data[self.socket.send(data):]
                except ssl.SSLWantWriteError:
                    select.select([], [self.socket], [])
                except ssl.SSLWantReadError:
                    select.select([self.socket], [], [])

    def _receive(self, count):
        while True:
            try:
                with self.lock:
                    return self.socket.recv(count)
            except ssl.SSLWantReadError:
                select.select([self.socket], [], [])
            except ssl.SSLWantWriteError:
                select.select([], [self.socket], [])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self._receive(count - len(data))
            if not more:
                raise ConnectionError("the broker closed the connection")
            data += more
        return data

    def _read(self):
        kind, length, shift = self._exactly(1)[0], 0, 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return kind, self._exactly(length)

    def _reader(self):
        try:
            while True:
                kind, body = self._read()
                if kind & 0xF0 == 0x30:
                    self._take(kind, body)
                elif kind in (0x40, 0x90):  # PUBACK, SUBACK
                    self.waiting.pop(body[:2]).set()
        except (OSError, ValueError, KeyError):
            self.gone = True
            self.inbox.put(None)
            for event in list(self.waiting.values()):
                event.set()

    def _take(self, kind, body):
        end = 2 + struct.unpack(">H", body[:2])[0]
        topic, rest = body[2:end].decode(), body[end:]
        if kind & 0x06:
            self._send(0x40, rest[:2])
            rest = rest[2:]
        self.inbox.put((topic, rest))

    def _acknowledged(self, kind, body, timeout):
        """Send body(packet id) and wait until the broker acknowledges it."""
        with self.lock:
            self.last_id = self.last_id % 65535 + 1
            packet_id = struct.pack(">H", self.last_id)
            event = self.waiting[packet_id] = threading.Event()
        self._send(kind, body(packet_id))
        if not self.gone and not event.wait(timeout):
            raise TimeoutError("the broker does not acknowledge")
        if self.gone:
            raise ConnectionError("the broker closed the connection")

    def subscribe(self, *filters, timeout=20):
        for topic in filters:
            self._acknowledged(0x82, lambda packet_id, topic=topic: packet_id + _text(topic) + b"\x01", timeout)

    def publish(self, topic, payload, retain=False, timeout=20):
        """QoS 1; returns when the broker took it (which it also says of what its access list drops)."""
        body = payload.encode() if isinstance(payload, str) else payload
        self._acknowledged(0x32 | (1 if retain else 0), lambda packet_id: _text(topic) + packet_id + body, timeout)

    def close(self):
        try:
            self._send(0xE0, b"")
        except OSError:
            pass
        self.kill()

    def kill(self):
        """Without a DISCONNECT: the broker publishes the will."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
