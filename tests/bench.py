#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
./dev bench: what a start and an update cost.

boot    from power on to the kernel, the app's start and MQTT connected; min and median of several starts. Wall time: as the host sees the console. Guest
        instructions, with `-icount shift=0`, in which one is a nanosecond of the guest's time: up to the kernel the generic timer (62.5 MHz: 16 a tick)
        counts them, with `sleep=off`, or the host's pauses would count as guest's time; to MQTT QEMU's own count, of other starts, for there the guest
        has to wait for a network. The counts still differ: U-Boot polls while the host reads the disk, and a slow host lets it poll more; in TLS
        the random numbers differ, and what comes in which segment. The least count is what the guest itself needs.
update  a payload of 4 MiB over loopback, all of it: TLS, chunk digests, flash, read back, whole digest; until the reset is asked for. MiB per second
        and the CPU seconds of the QEMU process.
"""

import argparse
import json
import os
import random
import re
import shutil
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from lab import BOARD, IMAGES, TOP, Lab, LabError  # noqa: E402
import bootrec  # noqa: E402
from harness import TIMEOUT_S, Disk, Timeout  # noqa: E402

FOLDER = os.path.join(TOP, "build", "bench")
UPDATE_BYTES = 4 << 20
INSTRUCTIONS_PER_TICK = 16  # 1 GHz of -icount shift=0 by CNTFRQ 62.5 MHz
# The console's line for each point of a start.
POINTS = {"kernel": r"boot: skerry .*", "app": r"app: start .*", "mqtt": r"agent: mqtt\.connected .*"}
TICKS = r"boot: done .* uboot=(\d+)\.\.(\d+) kernel=(\d+)\.\.(\d+) hz"  # U-Boot's hook from..to, the kernel's start from..to


def boot_once(device, args=()):
    """One start: {point: (seconds since power on, line)}; the machine stays on."""
    device.power_on(args=args)
    seen = {}
    # App and agent run side by side: either may be first.
    while len(seen) < len(POINTS):
        match = device.wait("|".join("(?P<%s>%s)" % (point, POINTS[point]) for point in POINTS if point not in seen))
        seen[match.lastgroup] = (time.monotonic() - device.powered_at, match[0])
    return seen


def settle(device):
    """Until the agent cleared the count of starts: power cuts before that would lead to safe mode."""
    deadline = time.monotonic() + TIMEOUT_S
    disk = Disk.existing(device.disk, BOARD)
    while bootrec.read(disk).starts:
        if time.monotonic() > deadline:
            raise LabError("the agent does not clear the count of starts:\n" + device.console[-2000:])
        time.sleep(0.02)


def count_to_kernel(device):
    """Guest instructions of one start, between its points up to the kernel's threads."""
    # Guest's time runs ahead of the network then, and the watchdog may come before the power is cut: what is written meanwhile does not stay.
    device.power_on(args=("-icount", "shift=0,sleep=off", "-snapshot"))
    found = device.wait(TICKS)
    device.power_cut()
    hook, kernel, done = (int(found[n]) * INSTRUCTIONS_PER_TICK for n in (1, 3, 4))
    return {"reset_to_hook": hook, "hook_to_kernel": kernel - hook, "reset_to_kernel": kernel, "kernel_to_threads": done - kernel}


def count_to_mqtt(device):
    boot_once(device, ("-icount", "shift=0"))
    count = device.machine.qmp("query-replay")["icount"]
    settle(device)
    device.power_cut()
    return count


def boot_counts(device, starts):
    """Guest instructions: {part: [count of each start]}."""
    counts = {}
    for _ in range(starts):
        for name, count in {**count_to_kernel(device), "reset_to_mqtt": count_to_mqtt(device)}.items():
            counts.setdefault(name, []).append(count)
    return counts


def spread(values, digits=None):
    """How a list of numbers is shown."""
    return {"min": round(min(values), digits), "median": round(statistics.median(values), digits)}


def boot_walls(device):
    """Seconds from power on to each point of one start."""
    seen = boot_once(device)
    settle(device)
    device.power_cut()
    return {point: seen[point][0] for point in POINTS}


def bench_boot(lab, starts):
    device = lab.device("bench", lab.image("sensor", "1.0.0"), memory_mib=32, host_flush=True)
    boot_once(device)
    device.wait_online()  # confirmed and settled; what follows are plain starts
    device.power_cut()
    walls = [boot_walls(device) for _ in range(starts)]
    counts = {name: spread(values) for name, values in boot_counts(device, starts).items()}
    counts["kernel_to_mqtt"] = {key: counts["reset_to_mqtt"][key] - counts["reset_to_kernel"][key] for key in ("min", "median")}
    return {"starts": starts, "wall_s": {point: spread([wall[point] for wall in walls], 4) for point in POINTS},
            "instructions": counts}


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def padded_kernel(path, size):
    """The sensor's kernel with noise behind it, which the loader brings to memory and the kernel takes for free memory."""
    with open(os.path.join(IMAGES, "sensor.bin"), "rb") as source:
        kernel = source.read()
    with open(path, "wb") as target:
        target.write(kernel + random.Random(1).randbytes(size - len(kernel)))
    return path


def bench_update(lab):
    device = lab.device("bench", lab.image("sensor", "1.0.0"), memory_mib=64, host_flush=True)
    big = lab.image("sensor", "2.0.0", kernel=padded_kernel(os.path.join(lab.folder, "big.bin"), UPDATE_BYTES))
    device.power_on()
    device.wait_online("1.0.0")
    before, start = cpu_seconds(device.pid), time.monotonic()
    update = lab.update("bench", big)
    update.wait_until(lambda change, details: details.get("step") == "download", "the download")
    fetching = time.monotonic()
    update.wait_until(lambda change, details: details.get("step") in ("reboot", "trial"), "the reset")
    end, cpu = time.monotonic(), cpu_seconds(device.pid) - before
    code, last = update.result()
    if code != 0:
        raise LabError("the update did not succeed: %s" % last)
    total = time.monotonic()
    mib = big.bytes / (1 << 20)
    return {"bytes": big.bytes, "seconds": round(end - fetching, 3), "mib_per_s": round(mib / (end - fetching), 2), "cpu_s": round(cpu, 3),
            "command_to_confirmed_s": round(total - start, 3)}


def show(what, result):
    if what == "update":
        print("update of %d bytes: %.2f MiB/s (%.2f s), %.2f s of CPU; confirmed %.2f s after the command"
              % (result["bytes"], result["mib_per_s"], result["seconds"], result["cpu_s"], result["command_to_confirmed_s"]))
        return
    print("power on to …         wall min   median   (%d starts)" % result["starts"])
    for point, wall in result["wall_s"].items():
        print("  %-18s %7.0f ms %5.0f ms" % (point, wall["min"] * 1000, wall["median"] * 1000))
    print("guest instructions       min   median")
    for name, count in result["instructions"].items():
        print("  %-18s %6.2f M %6.2f M" % (name.replace("_", " "), count["min"] / 1e6, count["median"] / 1e6))


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description="What a start and an update cost.")
    parser.add_argument("what", nargs="?", choices=("boot", "update"), help="default: both")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--starts", type=int, default=15, metavar="N", help="starts that are timed, and as many that are counted (default 15)")
    args = parser.parse_args()
    if args.starts < 1:
        parser.error("--starts must be 1 or more")
    results = {}
    try:
        for what in [args.what] if args.what else ["boot", "update"]:
            shutil.rmtree(FOLDER, ignore_errors=True)
            with Lab(FOLDER, relays=False) as lab:
                results[what] = bench_boot(lab, args.starts) if what == "boot" else bench_update(lab)
            if not args.json:
                show(what, results[what])
    except (LabError, Timeout, OSError) as error:
        print("bench: %s" % error, file=sys.stderr)
        return 1
    if args.json:
        print(json.dumps(results[args.what] if args.what else results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
