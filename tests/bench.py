#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
./dev bench: what a start and an update cost.

boot    from power on to the kernel, the app's start and MQTT connected. Wall time: min and median of several starts, as the host sees the console. Guest
        instructions: one start with `-icount shift=0`, in which an instruction is a nanosecond of the guest's time. Up to the app the guest never
        waits, so the generic timer (62.5 MHz: 16 instructions a tick) counts them; behind it it waits for the network, so QEMU is asked.
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
TICKS = r"boot: done .* uboot=(\d+)\.\.(\d+) kernel=(\d+)\.\.(\d+)"  # U-Boot's hook from..to, the kernel's start from..to
TARGETS = {"kernel_wall_s": 0.1, "kernel_instructions": 12e6, "mqtt_from_kernel_instructions": 50e6, "mqtt_wall_s": 0.35, "update_mib_per_s": 5.0}


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


def boot_instructions(device):
    """Guest instructions since reset at each point."""
    boot_once(device, ("-icount", "shift=0"))
    total = device.machine.qmp("query-replay")["icount"]
    console = device.machine.console  # of this start alone
    found = re.search(TICKS, console)
    app = re.search(r"app: start .*ticks=(\d+)", console)
    if not found or not app:
        raise LabError("the console does not tell the ticks:\n" + device.console[-2000:])
    device.power_cut()
    ticks = [int(n) * INSTRUCTIONS_PER_TICK for n in found.groups()]
    return {"uboot_hook": ticks[0], "kernel": ticks[2], "kernel_done": ticks[3], "app": int(app[1]) * INSTRUCTIONS_PER_TICK, "mqtt": total}


def bench_boot(lab, starts):
    device = lab.device("bench", lab.image("sensor", "1.0.0"), memory_mib=32, host_flush=True)
    boot_once(device)
    device.wait_online()  # confirmed and settled; what follows are plain starts
    device.power_cut()
    walls = {point: [] for point in POINTS}
    for _ in range(starts):
        for point, (seconds, _line) in boot_once(device).items():
            walls[point].append(seconds)
        settle(device)
        device.power_cut()
    counts = boot_instructions(device)
    return {
        "starts": starts,
        "wall_s": {point: {"min": round(min(values), 4), "median": round(statistics.median(values), 4)} for point, values in walls.items()},
        "instructions": {"reset_to_kernel": counts["kernel"], "of_it_boot_hook": counts["kernel"] - counts["uboot_hook"],
                         "kernel_to_threads": counts["kernel_done"] - counts["kernel"], "kernel_to_app": counts["app"] - counts["kernel"], "kernel_to_mqtt": counts["mqtt"] - counts["kernel"],
                         "reset_to_mqtt": counts["mqtt"]},
    }


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
    print("guest instructions")
    for name, count in result["instructions"].items():
        print("  %-22s %8.2f M" % (name.replace("_", " "), count / 1e6))


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description="What a start and an update cost.")
    parser.add_argument("what", nargs="?", choices=("boot", "update"), help="default: both")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--starts", type=int, default=15, metavar="N", help="starts for the wall times (default 15)")
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
