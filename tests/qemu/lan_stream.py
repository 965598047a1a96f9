# SPDX-License-Identifier: Apache-2.0
"""
A TCP server inside lan.py's network that loses, repeats and reorders segments in both directions, by the rules of `chance`.
It sends `data` and closes; whatever the device writes is collected in `received`.
"""

import struct
import threading
import time

SEGMENT = 1400
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Stream:
    def __init__(self, send, chance, data, source, destination, source_port, port, their_sequence):
        """`send(segment_without_checksum, source, destination)`; addresses as seen by the device's SYN."""
        self.send_segment, self.chance, self.data = send, chance, data
        self.ends = destination, source
        self.ports = port, source_port
        self.base = chance.getrandbits(32)  # sequence number of our SYN
        self.expected = (their_sequence + 1) & 0xFFFFFFFF
        self.acked = 0  # bytes of data, and one more for the FIN
        self.window = 0
        self.received = bytearray()
        self.closed = False  # the device has sent its FIN
        self.smallest_window = 65535
        self.lock = threading.Lock()
        self._send(SYN | ACK, self.base, b"")
        threading.Thread(target=self._repeat, daemon=True).start()

    def _send(self, flags, sequence, payload):
        self.send_segment(struct.pack("!HHIIHHHH", *self.ports, sequence & 0xFFFFFFFF, self.expected, 5 << 12 | flags, 40000, 0, 0)
                          + payload, *self.ends)

    def _done(self):
        return self.acked > len(self.data)

    def _repeat(self):
        """Without news for a while, begin again at what is not acknowledged."""
        while not (self._done() and self.closed):
            before = self.acked
            time.sleep(0.05)
            with self.lock:
                if self.acked == before:
                    self._flight()

    def _flight(self):
        """A window of segments in a random order, some missing, some twice."""
        limit = min(self.acked + max(self.window, 1), len(self.data))
        flight = [(at, self.data[at:min(at + SEGMENT, limit)]) for at in range(self.acked, limit, SEGMENT)]
        if self.chance.random() < 0.7:
            at = self.chance.randrange(len(flight) + 1)
            part = flight[at:at + 6]
            self.chance.shuffle(part)
            flight[at:at + 6] = part
        for at, payload in flight:
            for _ in range(self.chance.choices((0, 1, 2), (1, 30, 1))[0]):
                self._send(ACK | PSH, self.base + 1 + at, payload)
        if limit == len(self.data) and not self._done():
            self._send(ACK | FIN, self.base + 1 + limit, b"")

    def segment(self, body):
        """A segment of the device for this connection."""
        sequence, acknowledged, offset_flags, window = struct.unpack("!IIHH", body[4:16])
        payload, flags = body[(offset_flags >> 12) * 4:], offset_flags & 63
        with self.lock:
            if (payload or flags & FIN) and self.chance.random() < 0.04:
                return
            if sequence == self.expected and payload:
                self.received += payload
                self.expected = (self.expected + len(payload)) & 0xFFFFFFFF
            if flags & FIN and (sequence + len(payload)) & 0xFFFFFFFF == self.expected and not self.closed:
                self.expected = (self.expected + 1) & 0xFFFFFFFF
                self.closed = True
            progress = ((acknowledged - self.base - 1) & 0xFFFFFFFF) - self.acked
            opened = self.window == 0 and window > 0
            self.window = window
            self.smallest_window = min(self.smallest_window, window)
            if payload or flags & FIN:
                self._send(ACK, self.base + 1 + self.acked, b"")
            if 0 < progress <= len(self.data) + 1 - self.acked:
                self.acked += progress
            if opened or (progress > 0 and self.chance.random() < 0.3):
                self._flight()
