# SPDX-License-Identifier: Apache-2.0
"""
A board in QEMU, as its QEMU command says, with the real U-Boot in its flash: what every test of the whole chain needs.

    flash = Flash("qemu-virt", key_dir)              U-Boot with that key; built once, cached
    disk = Disk(path, "qemu-virt")                   a raw disk image; disk.put("slot-a", fit_bytes)
    with Machine(flash, disk) as machine:
        machine.wait(r"boot: slot=(\\w) start")       the next match on the console after the one before; raises when it does not come
        machine.type(b"\\x03")                        into the UART
        machine.qmp("system_reset")
    boot_keys(folder), fit(folder, key_dir, kernel_bin, version=…, counter=…), image_digest(fit_bytes)

Waiting is for events; the time limits are only there to end a test that has failed (SKERRY_TEST_TIMEOUT_S, default 120).
"""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
QEMU = os.environ.get("QEMU", "qemu-system-aarch64")
TIMEOUT_S = float(os.environ.get("SKERRY_TEST_TIMEOUT_S", "120"))
SECTOR = 512
DISK_SECTORS = 0xA000


class Timeout(AssertionError):
    """The console never showed what was waited for."""


def run(*command, **options):
    """A command that must succeed; its output. Raises with its words."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise AssertionError("%s failed (%d):\n%s" % (" ".join(map(str, command)), done.returncode, text))
    return text


def board_dir(board):
    return os.path.join(TOP, "board", board)


def flash_map(board):
    """{name: (first LBA, sectors)}; boot-record: the LBAs of its two copies."""
    with open(os.path.join(board_dir(board), "flashmap.conf")) as conf:
        rows = [line.split() for line in conf if line.strip() and not line.startswith("#")]
    return {name: (int(lba, 0), int(sectors, 0)) for name, lba, sectors in rows}


def tools_dir():
    """U-Boot's host tools: mkimage and others."""
    global _tools_dir
    if not _tools_dir:
        _tools_dir = run(os.path.join(TOP, "toolchain", "uboot.sh"), "tools").split()[-1]
    return _tools_dir


_tools_dir = None


def boot_keys(folder, bits=2048):
    """Makes boot.key and boot.crt in `folder`; returns it."""
    os.makedirs(folder, exist_ok=True)
    key, crt = os.path.join(folder, "boot.key"), os.path.join(folder, "boot.crt")
    run("openssl", "req", "-batch", "-x509", "-newkey", "rsa:%d" % bits, "-nodes", "-keyout", key, "-out", crt, "-subj", "/CN=boot",
        "-days", "36500")
    return folder


def fit(folder, key_dir, kernel, app="test", version="1.0.0", counter=1, load=0x40200000, entry=None):
    """A signed FIT of the kernel (bytes), as bytes."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        path, out = os.path.join(work, "kernel.bin"), os.path.join(work, "out.fit")
        with open(path, "wb") as file:
            file.write(kernel)
        run(os.path.join(TOP, "board", "uboot", "mkfit.sh"), "--keys", key_dir, "--app", app, "--version", version,
            "--counter", str(counter), "--load", hex(load), "--entry", hex(entry or load), path, out,
            env=dict(os.environ, MKIMAGE=os.path.join(tools_dir(), "mkimage"), SOURCE_DATE_EPOCH="0"))
        with open(out, "rb") as file:
            return file.read()


def fit_bytes(image):
    """The FIT's totalsize: how much of a slot's content is the payload."""
    return struct.unpack(">I", image[4:8])[0]


def image_digest(image):
    return hashlib.sha256(image[:fit_bytes(image)]).digest()


class Flash:
    """U-Boot for a board and a key. `timeout_s`: another time for the watchdog that it arms."""

    def __init__(self, board, key_dir, folder=None, timeout_s=None):
        self.board = board
        self.folder = folder or tempfile.mkdtemp(prefix="skerry-flash-")
        source = board_dir(board)
        if timeout_s:
            source = os.path.join(self.folder, board)
            shutil.copytree(board_dir(board), source, dirs_exist_ok=True)
            path = os.path.join(source, "control.dts")
            with open(path) as file:
                text = file.read()
            with open(path, "w") as file:
                file.write(re.sub(r"timeout-sec = <\d+>", "timeout-sec = <%d>" % timeout_s, text))
        run(os.path.join(TOP, "board", "uboot", "build.sh"), source, key_dir, self.folder)
        self.path = os.path.join(self.folder, "flash.bin")
        self.uboot = os.path.join(self.folder, "u-boot.bin")


class Disk:
    """A raw image with a board's flash map. All offsets are sectors."""

    def __init__(self, path, board, sectors=DISK_SECTORS):
        self.path, self.map = path, flash_map(board)
        with open(path, "wb") as file:
            file.truncate(sectors * SECTOR)

    @classmethod
    def existing(cls, path, board):
        """An image that is there already."""
        disk = cls.__new__(cls)
        disk.path, disk.map = path, flash_map(board)
        return disk

    def write(self, lba, data):
        with open(self.path, "r+b") as file:
            file.seek(lba * SECTOR)
            file.write(data)

    def read(self, lba, sectors):
        with open(self.path, "rb") as file:
            file.seek(lba * SECTOR)
            return file.read(sectors * SECTOR)

    def put(self, name, data, at=0):
        """Write `data` at sector `at` of the named range."""
        lba, sectors = self.map[name]
        if at * SECTOR + len(data) > sectors * SECTOR:
            raise ValueError("%d bytes do not fit %s" % (len(data), name))
        self.write(lba + at, data)

    def get(self, name):
        return self.read(*self.map[name])

    def erase(self, name):
        self.put(name, bytes(self.map[name][1] * SECTOR))


def qemu_args(board, flash, disk):
    """The board's QEMU options with the file names filled in."""
    args = []
    with open(os.path.join(board_dir(board), "qemu.args")) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                args += line.split(None, 1)
    return [arg.strip().replace("@FLASH@", flash).replace("@DISK@", disk) for arg in args]


class Machine:
    """One QEMU, from power on to power off. `args`: more options; of a repeated option the last counts."""

    def __init__(self, flash, disk, args=(), memory_mib=32, start=True):
        self.command = [QEMU, *qemu_args(flash.board, flash.path, disk.path), "-m", str(memory_mib), "-serial", "stdio", *args]
        self.process = None
        self._changed = threading.Condition()
        if start:
            self.start()

    def start(self):
        """Power on, also again after kill(); the console begins anew."""
        self.console = ""
        self._seen = 0
        self._closed = False
        self._qmp = None
        self._folder = tempfile.TemporaryDirectory(prefix="skerry-qemu-")
        self._qmp_path = os.path.join(self._folder.name, "qmp")
        command = self.command + ["-qmp", "unix:%s,server=on,wait=off" % self._qmp_path]
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            data = os.read(self.process.stdout.fileno(), 65536)
            with self._changed:
                self.console += data.decode("utf-8", "replace").replace("\r", "")
                self._closed = not data
                self._changed.notify_all()
            if not data:
                return

    def wait(self, pattern, timeout_s=TIMEOUT_S):
        """The first match of the regular expression on the console behind the previous one's."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                match = expression.search(self.console, self._seen)
                if match:
                    self._seen = match.end()
                    return match
                left = deadline - time.monotonic()
                if left <= 0 or self._closed:
                    why = "QEMU has ended" if self._closed else "nothing in %d s" % timeout_s
                    raise Timeout("waited for /%s/: %s; the console's end:\n%s" % (pattern, why, self.console[-3000:]))
                self._changed.wait(left)

    def type(self, data):
        """Bytes into the UART."""
        self.process.stdin.write(data)

    def qmp(self, command, **arguments):
        """Run a monitor command; its result. Raises on an error."""
        if not self._qmp:
            self._qmp = self._qmp_open()
        self._qmp.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self._qmp.flush()
        while True:
            answer = json.loads(self._qmp.readline() or '{"error": "QEMU has ended"}')
            if "error" in answer:
                raise AssertionError("QMP %s: %s" % (command, answer["error"]))
            if "return" in answer:
                return answer["return"]

    def _qmp_open(self):
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(TIMEOUT_S)
        deadline = time.monotonic() + TIMEOUT_S
        while link.connect_ex(self._qmp_path):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Timeout("no QMP; the console's end:\n%s" % self.console[-3000:])
            time.sleep(0.01)
        stream = link.makefile("rwb")
        stream.readline()
        stream.write(b'{"execute": "qmp_capabilities"}\n')
        stream.flush()
        stream.readline()
        return stream

    def wait_end(self, timeout_s=TIMEOUT_S):
        """QEMU ends by itself (-no-reboot); its exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join(timeout_s)
        return code

    def kill(self):
        """The power is cut."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()
            self._reader.join()
            self.process.stdin.close()
            self.process.stdout.close()
            self._folder.cleanup()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
