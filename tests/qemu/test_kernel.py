#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The kernel in QEMU: images of kernel/apps and tests/kernel/apps without the agent, most of them started directly, the
crash record through the real U-Boot. Needs build/device (./dev build); SKERRY_IMAGES names another folder of images.
"""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import types
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from cases import case, expect, main  # noqa: E402
from harness import QEMU, TOP, Disk, Flash, Machine, boot_keys, fit  # noqa: E402

IMAGES = os.environ.get("SKERRY_IMAGES", os.path.join(TOP, "build", "device", "images"))
BOARD = "qemu-virt"
SYMBOLS = {}


def image(name, suffix="elf"):
    path = os.path.join(IMAGES, "%s.%s" % (name, suffix))
    if not os.path.exists(path):
        raise AssertionError("%s is missing: ./dev build" % path)
    return path


class Kernel(Machine):
    """An image that QEMU itself loads: no U-Boot, no slots. `load`: the options that do so, if not -kernel with the ELF."""

    def __init__(self, name, cpu="cortex-a53", machine="", memory_mib=32, args=("-no-reboot",), load=None):
        flash, disk = types.SimpleNamespace(board=BOARD, path=""), types.SimpleNamespace(path="")
        super().__init__(flash, disk, start=False)
        self.command = [QEMU, "-M", "virt" + machine, "-cpu", cpu, "-m", str(memory_mib), "-nodefaults", "-display", "none",
                        "-global", "virtio-mmio.force-legacy=false", "-serial", "stdio", *(load or ("-kernel", image(name))), *args]
        self.start()


DEVICES = ("-no-reboot", "-device", "virtio-rng-device", "-device", "i6300esb")


def symbol_of(name, address):
    """The function of image `name` that holds `address`."""
    tool = "aarch64-linux-gnu-addr2line"
    done = subprocess.run([tool, "-f", "-e", image(name), hex(address)], capture_output=True, text=True, check=True)
    return done.stdout.split()[0]


def symbols(name):
    if name not in SYMBOLS:
        done = subprocess.run(["aarch64-linux-gnu-nm", image(name)], capture_output=True, text=True, check=True)
        SYMBOLS[name] = {row.split()[2]: int(row.split()[0], 16) for row in done.stdout.splitlines() if len(row.split()) == 3}
    return SYMBOLS[name]


# --- start ---------------------------------------------------------------------------------------------------------


def start_case(cpu, gic, el2, smp):
    def check():
        machine = ",gic-version=%d%s" % (gic, ",virtualization=on" if el2 else "")
        with Kernel("hello-bare", cpu, machine, args=("-no-reboot", "-smp", str(smp))) as m:
            m.wait(r"boot: skerry image=hello version=\S+ build=[0-9a-f]{40}\n")
            checked = m.wait(r"mmu: checked text_kb=(\d+) rodata_kb=(\d+) rw_kb=(\d+) device_kb=(\d+) guards=(\d+) wxn=on")
            m.wait(r"app: hello from hello \S+")
            expect(m.console.count("boot: skerry") == 1, "one core boots", m.console)
        sizes = [int(group) for group in checked.groups()]
        expect(all(sizes), "every kind of memory is mapped", checked[0])
        expect(sizes[4] == 5, "two exception stacks, main, supervisor and app have guards", checked[0])

    return check


for cpu_name in ("cortex-a53", "cortex-a72", "max"):
    for gic_version in (2, 3):
        for with_el2 in (False, True):
            for cores in (1, 2):
                case("start: %s gicv%d el%d smp %d" % (cpu_name, gic_version, 2 if with_el2 else 1, cores),
                     start_case(cpu_name, gic_version, with_el2, cores))


@case("start: a raw binary, its first byte the entry")
def start_raw():
    load = ("-device", "loader,file=%s,addr=0x40200000,force-raw=on" % image("hello-bare", "bin"),
            "-device", "loader,addr=0x40200000,cpu-num=0")
    with Kernel("hello-bare", load=load) as m:
        m.wait(r"app: hello from hello \S+")


@case("start: 32 MiB and 1 GiB, and what the kernel leaves")
def start_memory():
    notes = []
    for mib in (32, 1024):
        with Kernel("hello-bare", memory_mib=mib) as m:
            found = m.wait(r"mem: ram_kb=(\d+) free_kb=(\d+) image_kb=(\d+)\n")
            m.wait("hello from")
        ram, free, own = (int(group) for group in found.groups())
        expect(ram == mib * 1024, "all RAM is found", found[0])
        expect(ram - free < 512, "image, stacks, tables and device tree take less than 512 KiB", found[0])
        notes.append("%d MiB: %d KiB not free" % (mib, ram - free))
    return ", ".join(notes)


@case("size: hello without network loads at most 64 KiB")
def size_hello():
    size = os.path.getsize(image("hello-bare", "bin"))
    expect(size <= 65536, "64 KiB", size)
    return "%d bytes" % size


# --- faults --------------------------------------------------------------------------------------------------------


def report_of(name, args=DEVICES):
    """Run a fault app to its reset: (the report's fields, why, the functions of its backtrace, the machine's whole console)."""
    with Kernel(name + "-bare", args=args) as m:
        first = m.wait(r"panic: cause=(\S+) thread=(\S+) esr=(\S+) far=(\S+) elr=(\S+) sp=(\S+) ")
        why = m.wait(r"panic: why (.*)\n")[1]
        trace = m.wait(r"panic: backtrace((?: 0x[0-9a-f]+)+)\n")[1].split()
        built = m.wait(r"panic: image=(\S+) version=\S+ build=([0-9a-f]{40}) uptime_ms=\d+")
        m.wait("panic: resetting")
        expect(m.wait_end() == 0, "the machine resets")
        started = re.search(r"boot: skerry image=\S+ version=\S+ build=(\w+)", m.console)
        expect(built[1] == name and built[2] == started[1], "the report names the image", built[0])
        for register in (0, 4, 24):
            expect(re.search(r"panic: x%-2d( [0-9a-f]{16}){4}\n" % register, m.console), "registers", m.console)
        expect(m.console.count("panic: cause=") == 1, "one report", m.console)
        fields = dict(zip(("cause", "thread", "esr", "far", "elr", "sp"), first.groups()))
        return fields, why, [symbol_of(name + "-bare", int(pc, 16)) for pc in trace], m.console


@case("fault: a write to address 0 is reported where it happened, and resets")
def fault_null():
    fields, why, trace, _ = report_of("null")
    expect((fields["cause"], fields["thread"], fields["far"], why) == ("fault", "app", "0x0", "write"), "a write fault of the app", fields, why)
    expect(trace[:2] == ["app_main", "app_thread"], "the way there", trace)


@case("fault: a stack overflow meets the guard page")
def fault_overflow():
    fields, why, trace, _ = report_of("overflow")
    expect(fields["cause"] == "stack-overflow" and fields["thread"] == "app", "the cause", fields)
    expect(why == "stack of app overflowed", "whose stack", why)
    expect(trace[0] == "deeper" and trace[5] == "deeper", "the recursion", trace)


@case("fault: a frame larger than the stack does not leap over the guard page")
def fault_leap():
    fields, why, trace, _ = report_of("leap")
    expect(fields["cause"] == "stack-overflow" and why == "stack of app overflowed", "the cause", fields, why)
    expect(trace[0] == "leap", "where", trace)


@case("fault: an exhausted heap ends the app")
def fault_exhaust():
    fields, why, trace, _ = report_of("exhaust")
    expect(fields["cause"] == "heap-exhausted" and fields["thread"] == "app", "the cause", fields)
    numbers = [int(number) for number in re.findall(r"\d+", why)]
    expect(numbers[0] == 10000 and numbers[2] - 10100 < numbers[1] <= numbers[2], "asked and in use", why)
    expect("app_main" in trace, "who asked", trace)


@case("fault: an app that returns is reported with its value")
def fault_returns():
    fields, why, _, _ = report_of("returns")
    expect(fields["cause"] == "app-returned" and why == "app_main returned 7", "the cause", fields, why)


@case("fault: a smashed stack is caught before it returns anywhere")
def fault_smash():
    fields, _, trace, _ = report_of("smash")
    expect(fields["cause"] == "stack-smashed" and fields["thread"] == "app", "the cause", fields)
    expect("smash" in trace, "the function whose frame it was", trace)


@case("fault: .text cannot be written")
def fault_wx():
    fields, why, _, _ = report_of("wx")
    expect(fields["cause"] == "fault" and why == "write", "a write fault", fields, why)
    expect(int(fields["far"], 16) == symbols("wx-bare")["app_main"], "at the code", fields)
    expect(int(fields["esr"], 16) & 0x3f == 0x0f, "a permission fault, level 3", fields)


@case("fault: data cannot be run")
def fault_exec():
    fields, why, _, _ = report_of("exec")
    expect(fields["cause"] == "fault" and why == "instruction fetch", "a fetch fault", fields, why)
    expect(fields["far"] == fields["elr"], "at the data", fields)


@case("fault: in an interrupt handler, it is reported too")
def fault_handler():
    fields, why, trace, _ = report_of("handler")
    expect((fields["cause"], fields["far"], why) == ("fault", "0x8", "write"), "a write fault", fields, why)
    # A leaf function has no frame record: its caller stands in the report as lr.
    expect(trace[0] == "handler" and "exception_irq" in trace, "the way there", trace)


@case("fault: an overflow of the exception stack is reported on a stack of its own")
def fault_handler_deep():
    fields, why, trace, _ = report_of("handlerdeep")
    expect(fields["cause"] == "stack-overflow" and why == "stack of exceptions overflowed", "the cause", fields, why)
    expect(trace[0] == "handler_deeper", "where", trace)


@case("fault: a double free is caught")
def fault_double():
    fields, why, _, _ = report_of("doublefree")
    expect(fields["cause"] == "panic" and why.startswith("heap: double free"), "the cause", fields, why)


@case("fault: a heap overrun of one byte is caught at the free")
def fault_overrun():
    fields, why, _, _ = report_of("overrun")
    expect(fields["cause"] == "panic" and why.startswith("heap: overrun"), "the cause", fields, why)


@case("fault: a report needs no watchdog, no random source and no disk")
def fault_alone():
    fields, _, _, _ = report_of("null", args=("-no-reboot",))
    expect(fields["cause"] == "fault", "the cause", fields)


# The machine's clock counts instructions, 1 us each, so that its seconds pass quicker than ours, and do not depend on the host's load.
QUICK_CLOCK = ("-icount", "shift=10,sleep=off")


@case("watchdog: interrupts masked for ever end in a reset")
def watchdog_hang():
    with Kernel("hang-bare", args=DEVICES + QUICK_CLOCK) as m:
        m.wait("about to hang with interrupts off")
        expect(m.wait_end() == 0, "the machine resets")
        expect("panic:" not in m.console, "nobody could say a word", m.console)


@case("watchdog: an app that spins does not starve the supervisor that feeds it")
def watchdog_spin():
    with Kernel("spin-bare", args=DEVICES + QUICK_CLOCK) as m:
        m.wait("about to spin")
        m.wait("app: spinning s=40\\n")


# --- threads and heaps ---------------------------------------------------------------------------------------------


@case("threads: spinning equals share, the higher one wakes on time, registers and errno are everyone's own")
def threads():
    with Kernel("threads") as m:
        ran = m.wait(r"threads: wakes=(\d+) late_ms=(\d+) a=(\d+) b=(\d+) wrong_registers=(\d+) wrong_errno=(\d+)\n")
        lent = m.wait(r"threads: inherited=(\d) stack_peak=(\d+) stack=(\d+)\n")
        expect(m.wait_end() == 0, "the machine switches itself off")
    wakes, _, a, b, registers, errno = (int(group) for group in ran.groups())
    expect(wakes == 25, "the sleeper wakes although both below it spin", ran[0])
    expect(min(a, b) * 4 > max(a, b), "both spinners ran, and about as much", ran[0])
    expect(registers == 0 and errno == 0, "nobody saw another's registers or errno", ran[0])
    expect(lent[1] == "1", "a mutex held below the spinners is lent its waiter's priority", lent[0])
    expect(256 < int(lent[2]) < int(lent[3]) == 8192, "the stack's highest use is known", lent[0])
    return ran[0].strip()


@case("heaps: the app's limit is its own, the system's memory is not touched")
def heaps():
    with Kernel("heaps") as m:
        rows = [m.wait(r"heaps: when=%s app=(\d+) app_limit=(\d+) system=(\d+) system_limit=(\d+) pages=(\d+)\n" % when)
                for when in ("start", "app-full")]
        system = m.wait(r"heaps: system got=(\d) beyond=(\d)")
        full = m.wait(r"heaps: when=system-full app=(\d+) app_limit=(\d+) system=(\d+) ")
        m.wait("panic: cause=heap-exhausted thread=app")
        m.wait_end()
    start, app = ([int(group) for group in row.groups()] for row in rows)
    expect(app[0] > app[1] * 3 // 4, "the app took most of its heap", rows[1][0])
    expect(app[2] == start[2] and app[4] == start[4], "not from the system", rows[0][0], rows[1][0])
    expect(system.groups() == ("1", "0"), "the system still gets its own, and no more", system[0])
    expect(int(full[1]) == app[0] and int(full[3]) > app[3] * 3 // 4, "not from the app", full[0])


# --- through U-Boot ------------------------------------------------------------------------------------------------

WORK = tempfile.mkdtemp(prefix="skerry-kernel-")
CRASH_HEADER = "<6IQ4Q16s32s16s41s"


def chain():
    """(flash, keys) made once."""
    if not hasattr(chain, "made"):
        keys = boot_keys(os.path.join(WORK, "keys"))
        chain.made = Flash(BOARD, keys, os.path.join(WORK, "flash")), keys
    return chain.made


def disk_with(name):
    flash, keys = chain()
    disk = Disk(os.path.join(WORK, "%s.img" % name), BOARD)
    with open(image(name, "bin"), "rb") as binary:
        disk.put("slot-a", fit(WORK, keys, binary.read(), app=name))
    return flash, disk


def crash_record(disk):
    """The record's fields and its text, checked as kernel/crash.h says."""
    raw = disk.get("crash")
    expect(zlib.crc32(raw[:508]) == struct.unpack_from("<I", raw, 508)[0], "the header's CRC", raw[:64])
    values = struct.unpack_from(CRASH_HEADER, raw)
    names = ("magic", "format", "text_bytes", "text_crc", "cause", "seen", "uptime_ms", "esr", "far", "elr", "sp", "thread", "image",
             "version", "build_id")
    record = {name: value.split(b"\0")[0].decode() if isinstance(value, bytes) else value for name, value in zip(names, values)}
    text = raw[512:512 + record["text_bytes"]]
    expect(zlib.crc32(text) == record["text_crc"], "the text's CRC")
    return record, text.decode()


@case("start: through U-Boot, from EL2 and EL1, with the boot loader's words")
def start_chain():
    for options in (("-M", "virt,virtualization=on,gic-version=3", "-cpu", "cortex-a72"), ("-smp", "2")):
        flash, disk = disk_with("hello-bare")
        with Machine(flash, disk, args=options) as m:
            m.wait(r"boot: slot=a mode=normal boots=1 starts=1 counter=1")
            times = m.wait(r"boot: done us=\d+ ticks uboot=(\d+)\.\.(\d+) kernel=(\d+)\.\.(\d+) hz=\d+\n")
            m.wait(r"app: hello from hello \S+")
        ticks = [int(group) for group in times.groups()]
        expect(0 < ticks[0] < ticks[1] <= ticks[2] < ticks[3], "time goes one way from loader to kernel", times[0])


@case("crash record: survives the reset, is read once, and the third crash in a row ends in safe mode")
def crash_chain():
    flash, disk = disk_with("null-bare")
    with Machine(flash, disk) as m:
        for start in range(3):
            m.wait(r"boot: slot=a mode=normal boots=\d+ starts=\d+")
            if start:
                m.wait(r"crash: last start ended cause=fault thread=app version=\S+ elr=0x[0-9a-f]+ far=0x0")
            m.wait("panic: cause=fault thread=app")
            m.wait(r"crash: record written lba=0x810")
            if start == 0:
                m.wait("panic: resetting")
        m.wait(r"boot: slot=a mode=safe")
        m.wait("crash: last start ended cause=fault")
        m.wait("boot: safe mode, app not started")
        m.wait("boot: done")
        expect("about to write" not in m.console[m.console.rindex("mode=safe"):], "the app rests")
    record, text = crash_record(disk)
    expect(record["magic"] == 0x52434b53 and record["format"] == 1 and record["seen"] == 1, "header", record)
    expect(record["thread"] == "app" and record["image"] == "null" and record["far"] == 0, "what happened", record)
    expect(symbol_of("null-bare", record["elr"]) == "app_main", "where", record)
    expect("app: about to write to address 0" in text and "panic: backtrace" in text, "the last lines", text)


@case("crash record: torn text or header is no record")
def crash_torn():
    for at in (16, 600):
        flash, disk = disk_with("ill-bare")
        header = bytearray(512)
        struct.pack_into("<6I", header, 0, 0x52434b53, 1, 200, zlib.crc32(b"x" * 200), 1, 0)
        struct.pack_into("<I", header, 508, zlib.crc32(header[:508]))
        record = bytes(header) + b"x" * 200
        disk.put("crash", record[:at] + bytes([record[at] ^ 1]) + record[at + 1:])
        with Machine(flash, disk) as m:
            m.wait("app: never well")
            expect("crash:" not in m.console, "byte %d flipped: nothing is claimed" % at, m.console)


if __name__ == "__main__":
    sys.exit(main(__doc__, before_exit=lambda: shutil.rmtree(WORK, ignore_errors=True)))
