# SPDX-License-Identifier: Apache-2.0
"""
Every state in which a power cut may leave a disk: the writes of a real run, logged by QEMU, and the points made of them.

    device.drive = logged(log_path)                    from the next power-on, each write and flush goes to the log as well
    log = Log(disk_before, log_path)                   the disk's content before the run, and what was written to it
    points = prefixes(log) + subsets(log, rng, 100)
    point.put(path)                                    makes the disk of that point: a few milliseconds

QEMU's blklogwrites writes the format of the kernel's dm-log-writes: a superblock, then for each request an entry (sector, sectors, flags, bytes of
data), filled up to a sector, and the data. What was written before a flush is durable; of what came after it any part may be on the disk.
A sector is written whole or not at all: tests/simulate/ tears them.
"""

import collections
import struct

from harness import SECTOR

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD = 1, 2, 4

Write = collections.namedtuple("Write", "number lba data")  # number: of its entry in the log; data: a memoryview


def logged(log_path):
    """For Device.drive."""
    def node(disk):
        with open(log_path, "wb"):
            pass
        # The log and the disk are files that outlive QEMU: only the guest's flushes count, not those to the host's disk.
        return {"driver": "blklogwrites", "log-super-update-interval": 1, "file": {"driver": "file", "filename": disk, "cache": {"no-flush": True}},
                "log": {"driver": "file", "filename": log_path, "cache": {"no-flush": True}}}
    return node


class Log:
    """`windows`: lists of Write; between two of them the disk was flushed."""

    def __init__(self, before, log_path):
        self.extents = list(extents(before))
        self.bytes = len(before)
        self.windows = [[]]
        with open(log_path, "rb") as file:
            self._parse(memoryview(file.read()))

    def _parse(self, log):
        magic, version, entries, sector_bytes = struct.unpack_from("<QQQI", log)
        if magic != MAGIC or version != 1 or sector_bytes != SECTOR:
            raise ValueError("not a log of writes: magic %#x, version %d, sectors of %d bytes" % (magic, version, sector_bytes))
        at = SECTOR
        for number in range(entries):
            lba, sectors, flags, _ = struct.unpack_from("<QQQQ", log, at)
            if flags & ~(FLUSH | FUA):
                raise ValueError("entry %d is neither write nor flush: flags %d" % (number, flags))
            if sectors:
                self.windows[-1].append(Write(number, lba, log[at + SECTOR:at + SECTOR + sectors * SECTOR]))
            if flags and self.windows[-1]:
                self.windows.append([])
            at += SECTOR + sectors * SECTOR

    @property
    def writes(self):
        return [write for window in self.windows for write in window]


class Point:
    """A state of the disk. `writes`: what it has got, in order; `edge`: all of them whole, from the first to some last."""

    def __init__(self, log, name, writes, edge=False):
        self.log, self.name, self.writes, self.edge = log, name, writes, edge

    def pieces(self):
        yield from self.log.extents
        for write in self.writes:
            yield write.lba * SECTOR, write.data

    def put(self, path):
        with open(path, "wb") as file:
            file.truncate(self.log.bytes)
            for offset, data in self.pieces():
                file.seek(offset)
                file.write(data)


def extents(content, step=64 * 1024):
    """(offset, bytes) of what is not zero."""
    for offset in range(0, len(content), step):
        piece = content[offset:offset + step]
        if piece.count(0) != len(piece):
            yield offset, piece


def part(write, sectors):
    """The writes of some of its sectors."""
    return [Write(write.number, write.lba + n, write.data[n * SECTOR:(n + 1) * SECTOR]) for n in sectors]


def sectors_of(write):
    return range(len(write.data) // SECTOR)


def prefixes(log):
    """The disk after each sector that was written."""
    done = []
    points = [Point(log, "before all", [], True)]
    for write in log.writes:
        for n in sectors_of(write):
            whole = n + 1 == len(sectors_of(write))
            cut = Write(write.number, write.lba, write.data[:(n + 1) * SECTOR])
            points.append(Point(log, "entry %d, %d of %d sectors" % (write.number, n + 1, len(sectors_of(write))), done + [cut], whole))
        done = done + [write]
    return points


def subsets(log, rng, draws):
    """Where several sectors were written between two flushes: without one of the writes, the last ones alone, and `draws` draws among the sectors."""
    done, points = [], []
    for window in log.windows:
        name = "entries %d to %d, " % (window[0].number, window[-1].number) if window else ""
        if len(window) > 1:
            for n, write in enumerate(window):
                points.append(Point(log, name + "without %d" % write.number, done + window[:n] + window[n + 1:]))
                if n:
                    points.append(Point(log, name + "those from %d on" % write.number, done + window[n:]))
        if sum(len(write.data) for write in window) > SECTOR:
            for draw in range(draws):
                share = rng.random()
                drawn = [piece for write in window for piece in part(write, (n for n in sectors_of(write) if rng.random() < share))]
                points.append(Point(log, name + "draw %d" % draw, done + drawn))
        done = done + window
    return points


def content(path):
    with open(path, "rb") as file:
        return file.read()
