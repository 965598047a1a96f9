#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The drivers of bsp/ on QEMU's virt machine, with the test image of tests/bsp/apps. Needs build/device (./dev build)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import scripted  # noqa: E402
from cases import case, expect, main  # noqa: E402
from scripted import DISK_SECTORS, SECTOR, Machine, crc, pattern, run  # noqa: E402


@case("disk: what is written lands on the host's file, and only there")
def blk_write():
    def inspect(m):
        # 5000 sectors need three requests.
        expect(m.disk_read(1000, 5000) == pattern(3, 5000 * SECTOR), "the pattern on the disk")
        expect(m.disk_read(999, 1) == bytes(SECTOR) and m.disk_read(6000, 1) == bytes(SECTOR), "the neighbours untouched")
        expect(m.disk_read(DISK_SECTORS - 1, 1) == pattern(4, SECTOR), "the last sector")

    m = run("blk-info\nblk-write 1000 5000 3\nblk-read 1000 5000\nblk-write %d 1 4\nblk-beyond" % (DISK_SECTORS - 1), inspect)
    expect(m["blk-info"]["sectors"] == DISK_SECTORS, "the disk's size", m["blk-info"])
    expect(m["blk-write"]["rc"] == 0 and m["blk-write"]["flush"] == 0, "write and flush succeed", m["blk-write"])
    expect(m["blk-read"]["crc"] == crc(pattern(3, 5000 * SECTOR)), "reading back gives the same", m["blk-read"])
    expect(m["blk-beyond"] == {"read": -2, "write": -2}, "beyond the end is refused", m["blk-beyond"])


def blkdebug(rule):
    """A drive whose host file fails by `rule`."""
    return ("if=none,id=disk0,file.driver=blkdebug,driver=raw,file.image.driver=file,file.image.filename={disk},"
            + ",".join("file.inject-error.0.%s" % part for part in rule.split(",")))


@case("disk: a failing write is an error, and the next one works")
def blk_write_error():
    m = run("blk-write 1000 8 1\nblk-write 1000 8 2\nblk-read 1000 8",
            drive=blkdebug("event=write_aio,errno=5,once=on") + ",werror=report")
    expect([w["rc"] for w in m.all("blk-write")] == [-1, 0], "EIO, then success", m.all("blk-write"))
    expect(m["blk-read"]["crc"] == crc(pattern(2, 8 * SECTOR)), "the second pattern", m["blk-read"])


@case("disk: a failing flush is an error")
def blk_flush_error():
    m = run("blk-write 1000 8 1\nblk-write 1000 8 2", drive=blkdebug("event=flush_to_disk,errno=5,once=on"))
    expect([w["flush"] for w in m.all("blk-write")] == [-1, 0], "EIO from the first flush", m.all("blk-write"))


@case("disk: a read-only disk refuses writes")
def blk_readonly():
    m = run("blk-write 1000 8 1\nblk-read 0 1", drive="if=none,id=disk0,format=raw,file={disk},readonly=on")
    expect(m["blk-write"]["rc"] == -1, "the write fails", m["blk-write"])
    expect(m["blk-read"]["rc"] == 0, "reading works", m["blk-read"])


@case("disk: a device of legacy virtio is skipped with a remedy")
def virtio_legacy():
    with Machine("blk-info", legacy=True) as m:
        m.wait_line("no script on the disk")
        expect("reason=legacy" in m.text() and "force-legacy=false" in m.text(), "the reason and the remedy on the console", m.text())


@case("random: the generator's bytes are spread out and differ between draws and starts")
def rng():
    seen = set()
    for _ in range(2):
        m = run("rng 4096\nrng 4096")
        for draw in m.all("rng"):
            expect(draw["rc"] == 0 and draw["most"] < 64, "4096 bytes, none of them too common", draw)
            seen.add(draw["crc"])
    expect(len(seen) == 4, "four different draws", seen)


@case("devices that are not there are not found")
def absent():
    m = run("rng 16\nwdt-start 1000\nnet-start", rng=False, watchdog=False, net=None)
    expect("none" in m["rng"], "no generator", m["rng"])
    expect(m["wdt-start"]["rc"] == -5, "no watchdog", m["wdt-start"])
    expect(m["net-start"]["rc"] == -7, "no network", m["net-start"])


@case("clock: the RTC's time")
def rtc():
    m = run("rtc", extra=["-rtc", "base=2031-05-06T07:08:09"])
    expect(0 <= m["rtc"]["unix_s"] - 1935817689 < 120, "the machine's time", m["rtc"])
    m = run("rtc")
    expect(abs(m["rtc"]["unix_s"] - time.time()) < 120, "the host's time", m["rtc"])


@case("watchdog: fed, the machine lives; not fed, it is reset")
def watchdog():
    with Machine("wdt-start 2000\nwdt-feed 20 200\nsleep 60000") as m:
        m.wait("wdt-feed")
        events, reason = m.wait_exit()
        expect("WATCHDOG" in events, "the watchdog bites", events)
        expect(reason == "guest-reset", "and resets the machine", reason)
        expect(not m.all("sleep"), "long before the sleep is over", m.text())


@case("watchdog: a later start replaces the time")
def watchdog_restart():
    with Machine("wdt-start 100000\nwdt-start 1000\nsleep 60000") as m:
        events, _ = m.wait_exit()
        expect("WATCHDOG" in events and not m.all("sleep"), "the second time counts", events, m.text())
    m = run("wdt-start 1000\nwdt-start 100000\nsleep 3000")
    expect(m["sleep"]["ms"] >= 3000, "a short one can be made long", m["sleep"])


def power(el2):
    for verb, wanted in (("reset", "guest-reset"), ("off", "guest-shutdown")):
        with Machine(verb, el2=el2) as m:
            _, reason = m.wait_exit()
            expect(reason == wanted, "%s: QEMU sees %s" % (verb, wanted), reason, m.text())


case("power: reset and off by HVC", lambda: power(False))
case("power: reset and off by SMC", lambda: power(True))


def everything(gic, el2, cpu, cpus=1):
    # Disk and network complete by interrupt, the sleep by the timer's.
    m = run("blk-write 1000 100 1\nblk-read 1000 100\nrng 64\nrtc\nnet-start\nnet-bound 60000\nsleep 50", gic=gic, el2=el2, cpu=cpu,
            extra=["-smp", str(cpus)])
    expect(m["blk-read"]["crc"] == crc(pattern(1, 100 * SECTOR)), "the disk", m["blk-read"])
    expect(m["rng"]["rc"] == 0, "the generator", m["rng"])
    expect(m["net-bound"]["bound"] == 1, "the network", m["net-bound"])
    expect(m["sleep"]["ms"] >= 50, "the timer", m["sleep"])


for gic in (2, 3):
    for el2 in (False, True):
        for cpu in ("cortex-a53", "cortex-a72", "max"):
            case("GICv%d, entry at EL%d, %s" % (gic, 2 if el2 else 1, cpu),
                 lambda gic=gic, el2=el2, cpu=cpu: everything(gic, el2, cpu))

for gic in (2, 3):
    case("GICv%d beside three other CPUs" % gic, lambda gic=gic: everything(gic, False, "cortex-a72", cpus=4))

if __name__ == "__main__":
    if not os.path.exists(scripted.IMAGE):
        sys.exit("%s is missing; build it with ./dev build" % scripted.IMAGE)
    sys.exit(main(__doc__))
