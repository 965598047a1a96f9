# SPDX-License-Identifier: Apache-2.0
"""
The test image of tests/bsp/apps in QEMU: run("script") boots it with the script on its disk and gives back what it said.

    m = run("rtc\\nrng 100")            a Result: m["rng"] is the first answer of that verb as a dictionary, m.all("rng") all of them
    with Machine(script) as m:          to meddle while it runs: m.wait("tcp-open"), m.qmp("set_link", name="net0", up=False)
"""

import json
import os
import queue
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests"))

IMAGE = os.environ.get("SKERRY_BSPTEST", os.path.join(TOP, "build", "device", "images", "bsptest.elf"))
SECTOR = 512
DISK_SECTORS = 32768
TIMEOUT_S = 180  # of a whole run on a busy machine; nothing is expected to come near it


def pattern(seed, length, start=0):
    """The test image's script_pattern()."""
    return bytes((i * 31 + (i >> 8) * 7 + (i >> 16) + seed * 101) & 0xFF for i in range(start, start + length))


def crc(data):
    return "%08x" % zlib.crc32(data)


def parse(line):
    """`… test: verb key=value …` as (verb, {key: int or text}), or None."""
    found = re.search(r"test: (\S+)((?: \S+)*)\s*$", line)
    if not found:
        return None
    pairs = (word.partition("=") for word in found[2].split())
    return found[1], {key: int(value) if re.fullmatch(r"-?\d+", value) and key != "crc" else value for key, _, value in pairs}


class Died(Exception):
    pass


class Machine:
    def __init__(self, script, gic=2, el2=False, cpu="cortex-a72", memory_mib=32, net="user,id=net0", drive=None, disk_bytes=None,
                 rng=True, watchdog=True, legacy=False, extra=()):
        self.folder = tempfile.TemporaryDirectory(prefix="skerry-qemu-")
        self.disk = os.path.join(self.folder.name, "disk.img")
        with open(self.disk, "wb") as disk:
            disk.write((script + "\n").encode())
            disk.truncate(disk_bytes or DISK_SECTORS * SECTOR)
        control = os.path.join(self.folder.name, "qmp")
        self.command = [
            "qemu-system-aarch64", "-M", "virt,gic-version=%d%s" % (gic, ",virtualization=on" if el2 else ""), "-cpu", cpu,
            "-m", str(memory_mib), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-qmp", "unix:%s,server=on,wait=off" % control, "-global", "virtio-mmio.force-legacy=%s" % str(legacy).lower(),
            "-kernel", IMAGE, "-drive", (drive or "if=none,id=disk0,format=raw,file={disk}").format(disk=self.disk),
            "-device", "virtio-blk-device,drive=disk0"]
        if rng:
            self.command += ["-device", "virtio-rng-device"]
        if watchdog:
            self.command += ["-device", "i6300esb"]
        if net:
            self.command += ["-netdev", net, "-device", "virtio-net-device,netdev=net0,id=nic0"]
        self.command += extra
        self.lines, self.answers, self.events = [], [], []
        self.news = queue.Queue()
        self.deadline = time.monotonic() + TIMEOUT_S
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self._read, daemon=True).start()
        self._qmp_connect(control)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        for raw in self.process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self.lines.append(line)
            answer = parse(line)
            if answer:
                self.answers.append(answer)
            self.news.put(line)
        self.news.put(None)

    def _qmp_connect(self, path):
        self.qmp_socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.qmp_socket.connect(path)
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > self.deadline:
                    raise Died("QEMU did not start: %s\n%s" % (" ".join(self.command), self.text()))
                time.sleep(0.01)
        self.qmp_file = self.qmp_socket.makefile("r")
        self.qmp_file.readline()
        self.qmp("qmp_capabilities")

    def qmp(self, verb, **arguments):
        self.qmp_socket.sendall(json.dumps({"execute": verb, "arguments": arguments}).encode() + b"\n")
        for line in self.qmp_file:
            message = json.loads(line)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise Died("QEMU refused %s: %s" % (verb, message["error"]["desc"]))
            else:
                return message["return"]
        raise Died("QEMU ended during %s" % verb)

    def text(self):
        return "\n".join(self.lines[-60:])

    def wait_line(self, wanted):
        """Until the console shows `wanted`."""
        while True:
            if any(wanted in line for line in self.lines):
                return
            self._next("'%s'" % wanted)

    def wait(self, verb, count=1):
        """Until `verb` has answered `count` times; the last answer."""
        while True:
            found = [values for name, values in self.answers if name == verb]
            if len(found) >= count:
                return found[count - 1]
            self._next("an answer of '%s'" % verb)

    def _next(self, what):
        try:
            line = self.news.get(timeout=max(0.01, self.deadline - time.monotonic()))
        except queue.Empty:
            raise Died("no %s in %d s; console:\n%s" % (what, TIMEOUT_S, self.text())) from None
        if line is None:
            self.news.put(None)
            raise Died("the machine ended without %s; console:\n%s" % (what, self.text()))

    def wait_exit(self):
        """Until QEMU has ended (reset or off, for -no-reboot); the names of the QMP events, and why it shut down."""
        for line in self.qmp_file:
            message = json.loads(line)
            if "event" in message:
                self.events.append(message)
        self.process.wait(timeout=max(1, self.deadline - time.monotonic()))
        while self.news.get(timeout=10) is not None:
            pass
        self.news.put(None)
        reasons = [event["data"].get("reason") for event in self.events if event["event"] == "SHUTDOWN"]
        return [event["event"] for event in self.events], reasons[0] if reasons else None

    def all(self, verb):
        return [values for name, values in self.answers if name == verb]

    def __getitem__(self, verb):
        found = self.all(verb)
        if not found:
            raise Died("no answer of '%s'; console:\n%s" % (verb, self.text()))
        return found[0]

    def disk_read(self, lba, sectors):
        with open(self.disk, "rb") as disk:
            disk.seek(lba * SECTOR)
            return disk.read(sectors * SECTOR)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.qmp_file.close()
        self.qmp_socket.close()
        self.folder.cleanup()


def run(script, inspect=None, **options):
    """Boot, wait for the script's end, stop. `inspect(machine)` is called while the disk still exists."""
    with Machine(script, **options) as machine:
        machine.wait("end")
        if inspect:
            inspect(machine)
        return machine
