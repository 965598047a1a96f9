# SPDX-License-Identifier: Apache-2.0
"""The boot record and the confirm mark on a disk, written again from ota/SPEC.md §2 and §3: a second reader beside ota/src/bootrec.c."""

import struct
import zlib

NONE = 0xFF
EMPTY, WRITING, READY, TRIAL, CONFIRMED, BAD = range(6)
NORMAL, TRIAL_MODE, SAFE = range(3)
CAUSES = {"none": 0, "fault": 1, "app-returned": 7, "watchdog": 8, "tries-exhausted": 11, "signature-refused": 12, "counter-too-low": 13,
          "slot-unreadable": 14, "image-malformed": 15, "digest-mismatch": 16, "failed-before": 17, "record-unwritable": 18}


class Slot:
    def __init__(self, digest=bytes(32), state=EMPTY, image_bytes=0, counter=0, version=(0, 0, 0), tries=0, cause=0):
        self.digest, self.state, self.image_bytes, self.counter = digest, state, image_bytes, counter
        self.version, self.tries, self.cause = version, tries, cause

    def encode(self):
        return (self.digest + struct.pack("<IIHHIBBB", self.image_bytes, self.counter, *self.version, self.state, self.tries, self.cause)).ljust(64, b"\0")

    @classmethod
    def decode(cls, data):
        size, counter, major, minor, patch, state, tries, cause = struct.unpack_from("<IIHHIBBB", data, 32)
        return cls(data[:32], state, size, counter, (major, minor, patch), tries, cause)


class Record:
    def __init__(self, active=NONE, a=None, b=None, seq=1, starts=0, min_counter=0, boots=0, last_slot=NONE, last_mode=0, last_cause=0, failed=(),
                 reset_cause=0, safe_resets=0):
        self.active, self.slots, self.seq, self.starts, self.min_counter = active, [a or Slot(), b or Slot()], seq, starts, min_counter
        self.reset_cause, self.safe_resets = reset_cause, safe_resets
        self.boots, self.last_slot, self.last_mode, self.last_cause, self.failed = boots, last_slot, last_mode, last_cause, list(failed)

    def encode(self):
        head = struct.pack("<4sHBBQIIBBBBB3x", b"SKB1", 1, self.active, self.starts, self.seq, self.min_counter, self.boots, self.last_slot,
                           self.last_mode, self.last_cause, self.reset_cause, self.safe_resets)
        failed = b"".join(digest + struct.pack("<B3x", cause) for digest, cause in self.failed).ljust(144, b"\0")
        body = (head + self.slots[0].encode() + self.slots[1].encode() + failed).ljust(508, b"\0")
        return body + struct.pack("<I", zlib.crc32(body))

    @classmethod
    def decode(cls, data):
        """None for a copy that is lost."""
        if data[:6] != b"SKB1\x01\x00" or struct.unpack("<I", data[508:512])[0] != zlib.crc32(data[:508]):
            return None
        active, starts, seq, min_counter, boots, slot, mode, cause, reset, safe = struct.unpack_from("<BBQIIBBBBB", data, 6)
        failed = [(data[at:at + 32], data[at + 32]) for at in range(160, 304, 36) if any(data[at:at + 32])]
        return cls(active, Slot.decode(data[32:96]), Slot.decode(data[96:160]), seq, starts, min_counter, boots, slot, mode, cause, failed, reset, safe)


def write(disk, record):
    for lba in disk.map["boot-record"]:
        disk.write(lba, record.encode())


def copies(disk):
    return [Record.decode(disk.read(lba, 1)) for lba in disk.map["boot-record"]]


def read(disk):
    """The newest whole copy."""
    return max((copy for copy in copies(disk) if copy), key=lambda copy: copy.seq)


def mark(seq, digest, counter):
    body = struct.pack("<4sIQ32sI", b"SKCF", 1, seq, digest, counter).ljust(508, b"\0")
    return body + struct.pack("<I", zlib.crc32(body))


def put_mark(disk, slot, seq, digest, counter):
    name = "slot-" + slot
    disk.put(name, mark(seq, digest, counter), at=disk.map[name][1] - 1)
