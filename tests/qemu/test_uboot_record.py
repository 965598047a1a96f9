#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which slot U-Boot starts, how, and what it notes: boot record, trials, watchdog, hand-over, the machines it runs on, and its time."""

import os
import random
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "uboot"))
import bootrec  # noqa: E402
import forge  # noqa: E402
import rig  # noqa: E402
from bootrec import BAD, CONFIRMED, EMPTY, NORMAL, READY, SAFE, TRIAL, TRIAL_MODE, WRITING, Record, Slot  # noqa: E402
from cases import case, expect, main  # noqa: E402

SEED = int(os.environ.get("SKERRY_TEST_SEED", random.randrange(1 << 32)))
RANDOM = random.Random(SEED)


def pair(action_a="s", action_b="s"):
    return rig.fit("A", action_a), rig.fit("B", action_b)


def noted(disk, **facts):
    """Both copies of the record are whole, equal, and say so."""
    copies = bootrec.copies(disk)
    expect(all(copies) and copies[0].encode() == copies[1].encode(), "both copies are whole and equal")
    for name, value in facts.items():
        expect(getattr(copies[0], name) == value, "the record's %s is %s" % (name, value), getattr(copies[0], name))
    return copies[0]


@case("slot: the active one boots, and the start is counted in both copies")
def active():
    a, b = pair()
    for active_slot, letter in ((0, "A"), (1, "B")):
        disk = rig.disk(a, b, rig.record(a, b, active_slot, seq=40, boots=7))
        rig.starts(disk, letter)
        noted(disk, active=active_slot, seq=41, boots=8, starts=1, last_slot=active_slot, last_mode=NORMAL, last_cause=0)


@case("slot: the other one boots when the active slot's content is not what the record says, or is being written")
def other():
    a, b = pair()
    disk = rig.disk(a, b, Record(0, rig.slot(b), rig.slot(b)))
    rig.starts(disk, "B")
    noted(disk, last_cause=bootrec.CAUSES["digest-mismatch"])
    for state in (EMPTY, WRITING, BAD):
        rig.starts(rig.disk(a, b, Record(0, rig.slot(a, state), rig.slot(b))), "B")


@case("slot: a last resort boots when nothing else does: a whole image nobody vouched for; a failed one only in safe mode")
def last_resort():
    b = rig.fit("B")
    disk = rig.disk(None, b, Record(0, rig.slot(rig.fit("A")), Slot()))
    rig.starts(disk, "B")
    expect(noted(disk, last_mode=NORMAL).slots[1].state == READY, "what runs is in the record")
    disk = rig.disk(None, b, Record(0, rig.slot(rig.fit("A")), rig.slot(b, BAD), failed=[(rig.digest(b), 7)]))
    rig.starts(disk, "B")
    noted(disk, last_mode=SAFE)


@case("record: one copy zeroed, torn or random: boots as before, and the copy is whole again")
def one_copy():
    a, b = pair()
    spoil = {"zeroed": lambda good: bytes(512), "torn": lambda good: good[:256] + bytes(256), "torn in its head": lambda good: bytes(16) + good[16:],
             "random": lambda good: RANDOM.randbytes(512), "a bit flipped": lambda good: forge.flip(good, RANDOM.randrange(512))}
    for name, change in spoil.items():
        for copy in (0, 1):
            record = rig.record(a, b, active=1, seq=9)
            disk = rig.disk(a, b, record)
            disk.write(disk.map["boot-record"][copy], change(record.encode()))
            console = rig.starts(disk, "B")
            expect("record lost" not in console, "the other copy is used (%s, copy %d)" % (name, copy), console)
            noted(disk, seq=10, active=1)


@case("record: the newer copy wins, whichever it is, over all 64 bits")
def newest():
    a, b = pair()
    for old, new in ((1, 2), (0xFFFFFFFF, 0x100000000), (5, 0xFFFFFFFFFFFFFFFE)):
        for copy in (0, 1):
            disk = rig.disk(a, b, rig.record(a, b, active=0, seq=old))
            disk.write(disk.map["boot-record"][copy], rig.record(a, b, active=1, seq=new).encode())
            rig.starts(disk, "B")
            noted(disk, seq=new + 1, active=1)


@case("record: both copies lost: the slot that was confirmed last boots, becomes the active one, and the counter's floor is back")
def both_lost():
    a, b = rig.fit("A", counter=5), rig.fit("B", counter=4)
    # In the first case b was confirmed last, but is below the floor that a's confirmation set.
    for seq_a, seq_b, letter in ((10, 11, "A"), (11, 10, "A"), (11, None, "A"), (None, 10, "B")):
        disk = rig.disk(a, b)
        for name, image, seq in (("a", a, seq_a), ("b", b, seq_b)):
            if seq:
                bootrec.put_mark(disk, name, seq, rig.digest(image), 4)
        for lba in disk.map["boot-record"]:
            disk.write(lba, RANDOM.randbytes(512))
        console = rig.starts(disk, letter)
        expect("boot: record lost, choosing by the slots" in console, "U-Boot says so", console)
        record = noted(disk, active=ord(letter) - ord("A"), min_counter=5 if seq_a else 4, boots=1)
        expect(record.seq > max(seq_a or 0, seq_b or 0), "later confirms outrank the marks", record.seq)
        expect(record.slots[record.active].state == CONFIRMED, "what boots is confirmed")
        rig.starts(disk, letter)


def both_copies(disk, times):
    return {lba: times for lba in disk.map["boot-record"]}


@case("record: read errors that pass cost nothing: the trial starts with its try taken, whichever reads failed")
def read_errors_pass():
    a, b = pair()
    # Two of three reads in a row; all three of the first attempts; only one copy, for good.
    for times in (2, 3, 7):
        disk = rig.disk(a, b, rig.on_trial(a, b, seq=9))
        console = rig.starts(disk, "B", read_errors=both_copies(disk, times))
        expect("choosing by the slots" not in console, "the record is used (%d errors)" % times, console)
        expect(noted(disk, seq=10).slots[1].tries == 2, "the try is taken")
    disk = rig.disk(a, b, rig.on_trial(a, b, seq=9))
    console = rig.starts(disk, "B", read_errors={disk.map["boot-record"][1]: None})
    expect("choosing by the slots" not in console, "one copy is enough", console)


@case("record: both copies unreadable for good: the slot with the confirm mark boots, nothing is written over them, and no trial starts")
def unreadable():
    a, b = pair()
    disk = rig.disk(a, b, rig.on_trial(a, b, seq=9))
    bootrec.put_mark(disk, "a", 8, rig.digest(a), 1)
    console = rig.starts(disk, "A", read_errors=both_copies(disk, None))
    expect("boot: record unreadable, choosing by the slots" in console, "U-Boot says so", console)
    expect("record cannot be written" not in console, "it did not try to write", console)
    expect(noted(disk, seq=9, boots=0).slots[1].tries == 3, "the record is as it was")
    rig.starts(disk, "B")


@case("record: one copy lost and the other unreadable is not a lost record")
def lost_and_unreadable():
    a, b = pair()
    disk = rig.disk(a, b, rig.on_trial(a, b, seq=9))
    bootrec.put_mark(disk, "a", 8, rig.digest(a), 1)
    first, second = disk.map["boot-record"]
    disk.write(first, bytes(512))
    console = rig.starts(disk, "A", read_errors={second: None})
    expect("boot: record unreadable" in console and bootrec.copies(disk)[0] is None, "nothing was written", console)
    rig.starts(disk, "B")


@case("slot: a read error that passes does not cost a trial")
def slot_read_error():
    a, b = pair()
    disk = rig.disk(a, b, rig.on_trial(a, b))
    rig.starts(disk, "B", read_errors={disk.map["slot-b"][0]: 2})
    expect(noted(disk).slots[1].state == TRIAL, "it is still on trial")


@case("record: both copies lost, equal counters: the highest mark decides; a mark of another image, or a torn one, does not count")
def marks():
    a, b = pair()
    for seq_a, digest_a, seq_b, letter in ((10, a, 11, "B"), (11, a, 10, "A"), (99, b, 1, "B")):
        disk = rig.disk(a, b)
        bootrec.put_mark(disk, "a", seq_a, rig.digest(digest_a), 1)
        bootrec.put_mark(disk, "b", seq_b, rig.digest(b), 1)
        rig.starts(disk, letter)
    disk = rig.disk(a, b)
    bootrec.put_mark(disk, "b", 3, rig.digest(b), 1)
    disk.put("slot-a", forge.flip(bootrec.mark(9, rig.digest(a), 1), 300), at=rig.SLOT_SECTORS - 1)
    rig.starts(disk, "B")


@case("record: both copies lost and no mark: the higher security counter, slot a on a tie, the verifiable one in any case")
def no_marks():
    for a, b, letter in ((1, 2, "B"), (2, 1, "A"), (2, 2, "A")):
        rig.starts(rig.disk(rig.fit("A", counter=a), rig.fit("B", counter=b)), letter)
    rig.starts(rig.disk(None, rig.fit("B")), "B")
    rig.starts(rig.disk(forge.kernel_byte(rig.fit("A", counter=9)), rig.fit("B")), "B")


@case("trial: three crashes in a row, then the old image, with the cause, and never that digest again")
def trial():
    a, b = pair("s", "r")
    disk = rig.disk(a, b, rig.on_trial(a, b))
    with rig.boot(disk) as machine:
        runs = [machine.wait("kernel (.) el")[1] for _ in range(4)]
        expect(runs == list("BBBA"), "B B B A", runs)
        tree, _ = rig.handed_over(machine)
        expect(rig.cells(tree["cause"]) == (bootrec.CAUSES["tries-exhausted"],) and tree["mode"] == b"normal\0", "the old image is told why", tree)
        modes = [line for line in machine.console.splitlines() if " start mode=" in line]
        expect([("mode=trial tries-left=%d" % (2 - i)) in line for i, line in enumerate(modes[:3])] == [True] * 3, "each try is told", modes)
    record = noted(disk, active=0, boots=4, starts=1, last_slot=0, last_mode=NORMAL, last_cause=bootrec.CAUSES["tries-exhausted"])
    expect(record.slots[1].state == BAD and record.failed == [(rig.digest(b), bootrec.CAUSES["tries-exhausted"])], "b is bad, its digest has failed")
    rig.starts(disk, "A")


@case("trial: a cause that the trial named before it went down is the one that is kept")
def named_cause():
    a, b = pair()
    record = rig.on_trial(a, b, tries=0)
    record.slots[1].cause = bootrec.CAUSES["app-returned"]
    disk = rig.disk(a, b, record)
    rig.starts(disk, "A")
    expect(noted(disk, last_cause=7).failed == [(rig.digest(b), 7)], "the cause is in the failed list")


@case("trial: an image that does not verify is not tried: the old one boots and knows why")
def bad_trial():
    a, b = rig.fit("A"), forge.kernel_byte(rig.fit("A"))
    disk = rig.disk(a, b, rig.on_trial(a, b))
    with rig.boot(disk) as machine:
        expect(machine.wait("kernel (.) el")[1] == "A", "the old image runs", machine.console)
        tree, _ = rig.handed_over(machine)
        expect(rig.cells(tree["cause"]) == (bootrec.CAUSES["signature-refused"],), "the cause", tree)
    expect(noted(disk).slots[1].state == BAD, "the trial is over")


@case("trial: not started from a disk that cannot be written, for the try could not be taken; a confirmed image is")
def read_only():
    a, b = pair("s", "r")
    disk = rig.disk(a, b, rig.on_trial(a, b))
    with rig.boot(disk, read_only=True) as machine:
        expect(machine.wait("kernel (.) el")[1] == "A", "the old image runs", machine.console)
        expect(machine.console.count("boot: record cannot be written") == 2, "U-Boot says so", machine.console)


@case("trial: the watchdog resets a kernel that hangs; after three times the old image, cause watchdog")
def watchdog():
    a, b = pair("s", "h")
    disk = rig.disk(a, b, rig.on_trial(a, b))
    with rig.boot(disk, rig.flash(watchdog_s=2)) as machine:
        runs = [machine.wait("kernel (.) el")[1] for _ in range(4)]
        expect(runs == list("BBBA"), "B B B A", runs)
        tree, _ = rig.handed_over(machine)
        expect(rig.cells(tree["cause"]) == (bootrec.CAUSES["watchdog"],), "the old image is told why", tree)
    record = noted(disk)
    expect(record.failed == [(rig.digest(b), bootrec.CAUSES["watchdog"])], "the failed list says watchdog")
    expect(record.reset_cause == bootrec.CAUSES["watchdog"], "and of this start, that the watchdog came before it", record.reset_cause)
    rig.starts(disk, "A")
    expect(noted(disk).reset_cause == 0, "a start after power off does not say so")


@case("watchdog: without the device everything boots all the same")
def no_watchdog():
    a, b = pair()
    rig.starts(rig.disk(a, b, rig.record(a, b)), "A", without=["i6300esb"])


@case("ladder: a confirmed image that keeps dying is started in safe mode, then the other slot, after growing pauses")
def ladder():
    a, b = pair()
    for starts, letter, mode, pause in ((2, "A", NORMAL, 0), (3, "A", SAFE, 1000), (4, "A", SAFE, 2000), (12, "A", NORMAL, 60000),
                                        (6, "B", NORMAL, 8000), (9, "B", SAFE, 60000)):
        disk = rig.disk(a, b, rig.record(a, b, starts=starts))
        with rig.boot(disk) as machine:
            if pause:
                said = machine.wait(r"boot: slot=(.) pause ms=(\d+) starts=")
                expect((said[1].upper(), int(said[2])) == (letter, pause), "slot %s after %d ms" % (letter, pause), said[0])
            if pause > 2000:
                expect(bootrec.read(disk).starts == starts, "nothing is counted before the pause is over")
                continue
            before = time.monotonic()
            expect(machine.wait("kernel (.) el")[1] == letter, "kernel " + letter, machine.console)
            expect(time.monotonic() - before > pause / 1000 - 0.2, "it did wait")
            tree, _ = rig.handed_over(machine)
            expect(tree["mode"] == (b"safe\0" if mode == SAFE else b"normal\0"), "the mode", tree)
        noted(disk, starts=starts + 1, last_mode=mode)


@case("record: what U-Boot has written is on the disk before the jump: the disk is in write-through mode while U-Boot runs")
def durable():
    a, b = pair()
    with rig.boot(rig.disk(a, b, rig.record(a, b, starts=9))) as machine:
        machine.wait("pause ms=")
        cache = next(disk["inserted"]["cache"] for disk in machine.qmp("query-block") if disk["device"] == "disk")
        expect(cache["writeback"] is False, "no write-back cache between U-Boot and the disk", cache)


@case("record: power cut 25 times at random moments of a resetting machine: a whole copy is always left")
def power_cuts():
    a, b = pair("r", "r")
    disk = rig.disk(a, b, rig.record(a, b))
    for _ in range(25):
        bootrec.write(disk, rig.record(a, b, seq=bootrec.read(disk).seq + 1))
        with rig.boot(disk, without=["i6300esb"]) as machine:
            machine.wait("kernel A")
            time.sleep(RANDOM.random() * 0.1)
        expect(any(bootrec.copies(disk)), "a copy is whole")


@case("hand-over: /chosen/skerry tells the flash map, slot, mode, digest, version, counters; /memory is the machine's own")
def hand_over():
    a, b = rig.fit("A"), rig.fit("B", counter=0xFFFFFFFE, version="12.34.567")
    disk = rig.disk(a, b, rig.on_trial(a, b, boots=99))
    with rig.boot(disk, memory_mib=64) as machine:
        machine.wait("kernel B")
        tree, memory = rig.handed_over(machine)
    for name, value in disk.map.items():
        expect(rig.cells(tree[name]) == value, "%s is %s" % (name, value), tree[name])
    expect((tree["slot"], tree["mode"], tree["digest"]) == (b"b\0", b"trial\0", rig.digest(b)), "slot, mode, digest", tree)
    numbers = {"image-bytes": len(b), "security-counter": 0xFFFFFFFE, "boots": 100, "starts": 1, "cause": 0}
    for name, value in numbers.items():
        expect(rig.cells(tree[name]) == (value,), "%s is %d" % (name, value), tree[name])
    expect(rig.cells(tree["version"]) == (12, 34, 567), "the version", tree["version"])
    entry, leave = (int.from_bytes(tree["uboot-%s-ticks" % name], "big") for name in ("entry", "exit"))
    expect(0 < entry < leave, "the times", entry, leave)
    expect(rig.cells(memory) == (0, 0x40000000, 0, 64 << 20), "64 MiB of memory", memory)


def machine_case(name, args=(), el=1, **options):
    @case("machine: " + name)
    def boots():
        a, b = pair("s", "r")
        disk = rig.disk(a, b, rig.on_trial(a, b, tries=1))
        with rig.boot(disk, args=args, **options) as machine:
            # B resets by PSCI, A stays: U-Boot twice.
            runs = [machine.wait("kernel (.) el=(.)") for _ in range(2)]
            expect([run[1] + run[2] for run in runs] == ["B%d" % el, "A%d" % el], "B resets, A stays, at EL%d" % el, machine.console)
        # U-Boot's own reset, too.
        rig.no_slot(rig.disk(), "none-verifies", args=args, **options)


machine_case("cortex-a72", ["-cpu", "cortex-a72"])
machine_case("cpu max", ["-cpu", "max"])
machine_case("entered at EL2", ["-M", "virt,virtualization=on"], el=2)
machine_case("GICv3, two CPUs, 1 GiB", ["-M", "virt,gic-version=3", "-smp", "2"], memory_mib=1024)
machine_case("EL2, GICv3, two CPUs, cpu max, 256 MiB", ["-M", "virt,gic-version=3,virtualization=on", "-smp", "2", "-cpu", "max"], el=2, memory_mib=256)
machine_case("five more virtio devices", ["-device", "virtio-rng-device", "-netdev", "user,id=net0,restrict=on", "-device", "virtio-net-device,netdev=net0",
                                          "-device", "virtio-serial-device", "-device", "virtio-rng-device", "-device", "virtio-rng-device"])
machine_case("legacy virtio", ["-global", "virtio-mmio.force-legacy=true"])


def boot_time(args):
    a, b = pair()
    disk = rig.disk(rig.fit("A", pad=300000), b, rig.record(rig.fit("A", pad=300000), b))
    wall_ms, entry, leave = [], [], []
    for _ in range(5):
        with rig.boot(disk, args=args) as machine:
            machine.wait("U-Boot 2025")
            start = time.monotonic()
            machine.wait("kernel A")
            wall_ms.append((time.monotonic() - start) * 1000)
            tree, _ = rig.handed_over(machine)
        # Under -icount shift=0 an instruction takes 1 ns, a tick of the 62.5 MHz counter 16.
        entry.append(int.from_bytes(tree["uboot-entry-ticks"], "big") * 16e-6)
        leave.append(int.from_bytes(tree["uboot-exit-ticks"], "big") * 16e-6)
        bootrec.write(disk, rig.record(rig.fit("A", pad=300000), b))
    return wall_ms, entry, leave


@case("time: U-Boot's start to the kernel's first line; 300 KB image")
def boot_figures():
    wall_ms, _, _ = boot_time([])
    _, entry, leave = boot_time(["-icount", "shift=0"])
    # After the hook's entry U-Boot polls for the host's disk: then the count has the host's load in it, and is told, not judged.
    expect(min(entry) <= 6, "at most 6 million instructions from power on to the hook", entry)
    return "wall min %.0f ms, median %.0f ms; guest instructions to the hook %.1f M, to the kernel min %.1f M, median %.1f M" % (
        min(wall_ms), statistics.median(wall_ms), min(entry), min(leave), statistics.median(leave))


if __name__ == "__main__":
    print("seed %d" % SEED)
    sys.exit(main(__doc__))
