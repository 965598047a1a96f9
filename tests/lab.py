# SPDX-License-Identifier: Apache-2.0
"""
A laboratory on one machine, of real parts: a fleet's home made by `skerry init`, Mosquitto, skerryd, and devices in QEMU that start from U-Boot in
read-only flash and a raw disk of `skerry device add`. The demo, the tests of the whole chain and the benches are built on it.

    with Lab(folder) as lab:
        v1, v2 = lab.image("sensor", "1.0.0"), lab.image("sensor", "2.0.0")
        device = lab.device("dev-1", v1)
        device.power_on()
        device.wait_online()
        job = lab.update("dev-1", v2)          a running `skerry update`; job.wait("step", "trial"), job.result()
        device.power_cut()                     kill -9 of its QEMU

Devices reach broker and skerryd through relays (hostile/proxy.py): lab.broker_link, lab.artifact_link. They count the bytes, and tests make them
misbehave. Everything that is waited for is an event; time limits (harness.TIMEOUT_S) only end a test that has failed.
"""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "qemu"), os.path.join(HERE, "hostile"), os.path.join(HERE, "fleet")]
from harness import TIMEOUT_S, TOP, Flash, Machine, Timeout, run, tools_dir  # noqa: E402
import mqtt  # noqa: E402
from ports import free_ports  # noqa: E402
from proxy import Proxy  # noqa: E402

BOARD = "qemu-virt"
BUILD = os.environ.get("SKERRY_BUILD", os.path.join(TOP, "build"))  # CMake's presets: device, host-release
IMAGES = os.path.join(BUILD, "device", "images")
HOST = os.path.join(BUILD, "host-release")


class LabError(Exception):
    """Something that should have worked did not; the text says what was run and what it said."""


def program(name):
    """A host program of the build."""
    path = shutil.which(name, path=os.pathsep.join(os.path.join(HOST, folder) for folder in ("bin", "fleet")))
    if not path:
        raise LabError("no program '%s' in %s: run ./dev build first" % (name, HOST))
    return path


def broker_program():
    path = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not path:
        raise LabError("mosquitto is not installed: run ./dev build, which installs it")
    return path


class Service:
    """A program of the lab's own that runs until stop(); its output goes to a file."""

    def __init__(self, name, command, log, env=None):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)

    def wait_port(self, port):
        """Until it accepts connections."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise LabError("%s ended with code %d:\n%s" % (self.name, self.process.returncode, tail(self.log)))
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise LabError("%s does not listen on port %d:\n%s" % (self.name, port, tail(self.log)))

    def stop(self):
        """Ask it to end; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def tail(path, lines=20):
    with open(path, errors="replace") as log:
        return "".join(log.readlines()[-lines:])


class Image:
    """A signed image: `fit` and `suit` are its files."""

    def __init__(self, fit, suit, app, version, counter):
        self.fit, self.suit, self.app, self.version, self.counter = fit, suit, app, version, counter

    @property
    def bytes(self):
        return os.path.getsize(self.fit)

    def read(self):
        with open(self.fit, "rb") as file:
            return file.read()

    @property
    def digest(self):
        import hashlib
        return hashlib.sha256(self.read()).hexdigest()


class Update:
    """A `skerry update` that runs. Each change it prints is a dictionary in `changes`."""

    def __init__(self, command, env, on_change=None):
        self.started_at = time.monotonic()
        self.changes = []
        self.on_change = on_change
        self._news = queue.Queue()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        self._errors = []
        threading.Thread(target=self._read, daemon=True).start()
        self._error_reader = threading.Thread(target=lambda: self._errors.extend(self.process.stderr), daemon=True)
        self._error_reader.start()

    def _read(self):
        for line in self.process.stdout:
            try:
                self._news.put(json.loads(line))
            except ValueError:
                self._errors.append("not JSON: " + line)
        self._news.put(None)

    def _next(self, deadline):
        """The next change, or None when the program has ended."""
        try:
            change = self._news.get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            raise Timeout("the update does not go on; last: %s %s" % (self.last, "".join(self._errors))) from None
        if change is not None:
            self.changes.append(change)
            if self.on_change:
                self.on_change(change)
        else:
            self._news.put(None)
        return change

    @property
    def last(self):
        return self.changes[-1] if self.changes else {}

    def details(self, change=None):
        return (change or self.last).get("statusDetails") or {}

    @property
    def job_id(self):
        return self.last.get("jobId")

    def wait_until(self, condition, what, timeout_s=TIMEOUT_S):
        """The first change for which condition(change, details) holds."""
        for change in self.changes:
            if condition(change, self.details(change)):
                return change
        deadline = time.monotonic() + timeout_s
        while change := self._next(deadline):
            if condition(change, self.details(change)):
                return change
        raise LabError("the update ended before %s: %s %s" % (what, self.last, self.error_text()))

    def result(self, timeout_s=TIMEOUT_S):
        """Wait for its end: (exit code, last change)."""
        deadline = time.monotonic() + timeout_s
        while self._next(deadline):
            pass
        return self.process.wait(), self.last

    def error_text(self):
        self._error_reader.join(5)
        return "".join(self._errors).strip()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()


class Device:
    """One device: its disk, and its QEMU while the power is on. `options` are what its machine is like, see power_on()."""

    def __init__(self, lab, name, disk, **options):
        self.lab, self.name, self.disk = lab, name, disk
        self.options = dict(dict(cpu="cortex-a53", memory_mib=64, gic=2, el2=False, smp=1, args=(), host_flush=False), **options)
        self.machine = None
        self.drive = None  # for a disk that is more than its file: a function from the file's path to a block node of QEMU's, a dictionary
        self.consoles = []  # of earlier power-ons

    def power_on(self, **options):
        """Start its QEMU; `options` replace those of the device for this time."""
        o = dict(self.options, **options)
        args = ["-M", "virt,gic-version=%d%s" % (o["gic"], ",virtualization=on" if o["el2"] else ""), "-cpu", o["cpu"], "-smp", str(o["smp"]),
                "-netdev", "user,id=net0", "-device", "virtio-net-device,netdev=net0", *o["args"]]
        self.machine = Machine(self.lab.flash(o["el2"]), self, args, o["memory_mib"])
        self.powered_at = self.machine.started_at
        return self

    def follow(self, on_line):
        """Call on_line(text) for each line of the console from now on, until the power is cut."""
        machine = self.machine

        def run():
            at = 0
            while True:
                with machine._changed:
                    machine._changed.wait_for(lambda: "\n" in machine.console[at:] or machine._closed)
                    text, closed = machine.console[at:], machine._closed
                whole = text.rfind("\n") + 1
                for line in text[:whole].splitlines():
                    on_line(line)
                at += whole
                if closed:
                    return
        threading.Thread(target=run, daemon=True).start()

    @property
    def path(self):
        """
        For harness.Machine. A power cut here is the end of QEMU, which the host's page cache outlives: flushing to the host's disk would
        protect from nothing and cost time. QEMU still sees the guest's flushes; the benches keep them.
        """
        if self.drive:
            return "json:" + json.dumps({"driver": "raw", "file": self.drive(self.disk)}).replace(",", ",,")
        return self.disk + ("" if self.options["host_flush"] else ",cache=unsafe")

    def power_cut(self):
        """kill -9."""
        machine, self.machine = self.machine, None
        if machine:
            machine.kill()
            self.consoles.append(machine.console)

    @property
    def pid(self):
        return self.machine.process.pid

    def wait(self, pattern, timeout_s=TIMEOUT_S):
        """The next match on the console."""
        return self.machine.wait(pattern, timeout_s)

    @property
    def console(self):
        """All that its consoles ever said."""
        return "".join(self.consoles) + (self.machine.console if self.machine else "")

    def show(self):
        """What skerryd knows of it."""
        return self.lab.skerry_json("device", "show", self.name)

    def wait_report(self, condition, what, timeout_s=TIMEOUT_S):
        """Until condition(device as skerryd knows it) holds; that."""
        deadline = time.monotonic() + timeout_s
        while True:
            known = self.show()
            if condition(known):
                return known
            if self.machine and self.machine.process.poll() is not None:
                raise LabError("%s: QEMU has ended\n%s" % (self.name, self.console[-3000:]))
            if time.monotonic() > deadline:
                raise Timeout("%s is not %s\nskerryd knows: %s\nconsole's end:\n%s" % (self.name, what, json.dumps(known), self.console[-3000:]))
            time.sleep(0.1)

    def wait_online(self, version=None, timeout_s=TIMEOUT_S):
        """Until it is connected and has reported (that it runs `version`)."""
        return self.wait_report(lambda known: known.get("online") and known.get("report") and (version is None or known.get("version") == version),
                                "online%s" % (" with " + version if version else ""), timeout_s)


class Lab:
    """
    See the module's text. `folder` is made if it is not there and kept; a lab that is there is started again. relays=False: devices talk to
    Mosquitto and skerryd directly.
    """

    def __init__(self, folder, relays=True):
        self.folder = os.path.realpath(folder)
        self.home = os.path.join(self.folder, "home")
        self.env = dict(os.environ, SKERRY_HOME=self.home, SKERRY_MKIMAGE=os.path.join(tools_dir(), "mkimage"),
                        SKERRY_BOARDS=os.path.join(TOP, "board"))
        self.services, self.devices, self.updates = [], [], []
        self._flash = {}
        self.relays = relays
        self.broker_link = self.artifact_link = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Make the home if there is none; start relays, Mosquitto and skerryd."""
        self.broker_port, self.http_port = free_ports(2)
        os.makedirs(self.folder, exist_ok=True)
        if not os.path.exists(os.path.join(self.home, "skerry.conf")):
            self.skerry("init", "--broker-port", str(self.broker_port), "--http-port", str(self.http_port))
        try:
            self._start_services()
        except BaseException:
            self.stop()
            raise

    def _start_services(self):
        self._edit("server/mosquitto.conf", "listener ", "listener %d 127.0.0.1" % self.broker_port)
        self._edit("server/skerryd.conf", "broker-port", "broker-port = %d" % self.broker_port)
        self._edit("server/skerryd.conf", "http-port", "http-port = %d" % self.http_port)
        self._edit("skerry.conf", "url", "url = https://127.0.0.1:%d" % self.http_port)
        if self.relays:
            self.broker_link, self.artifact_link = Proxy(self.broker_port, port=self._kept_port("broker")), Proxy(self.http_port)
        broker, artifacts = (self.broker_link.port, self.artifact_link.port) if self.relays else (self.broker_port, self.http_port)
        self._edit("skerry.conf", "broker-port", "broker-port = %d" % broker)
        self._edit("server/skerryd.conf", "artifact-url", "artifact-url = https://10.0.2.2:%d/artifacts" % artifacts)
        self.start_broker()
        self.start_server()

    def _kept_port(self, name):
        """The relay's port of this lab's first start: devices have it in their provisioning."""
        path = os.path.join(self.folder, name + ".port")
        if not os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write(str(free_ports(1)[0]))
        with open(path, encoding="ascii") as file:
            return int(file.read())

    def start_broker(self):
        conf = os.path.join(self.home, "server", "mosquitto")
        self.broker = Service("mosquitto", [broker_program(), "-c", conf + ".conf"], os.path.join(self.folder, "mosquitto.log"),
                              dict(os.environ, OPENSSL_CONF=conf + ".openssl.cnf"))
        self.services.append(self.broker)
        self.broker.wait_port(self.broker_port)

    def start_server(self):
        self.server = Service("skerryd", [program("skerryd"), "--home", self.home], os.path.join(self.folder, "skerryd.log"), self.env)
        self.services.append(self.server)
        self.server.wait_port(self.http_port)

    def stop(self):
        """End all that this lab started."""
        for update in self.updates:
            update.stop()
        for device in self.devices:
            device.power_cut()
        for service in reversed(self.services):
            service.stop()
        for link in (self.broker_link, self.artifact_link):
            if link:
                link.down()
        self.services, self.devices, self.updates = [], [], []

    def _edit(self, file, begin, line):
        """Replace the line of a configuration file that begins with `begin`."""
        path = os.path.join(self.home, file)
        with open(path, encoding="utf-8") as source:
            lines = source.read().splitlines()
        changed = [line if old.startswith(begin) else old for old in lines]
        if line not in changed:
            raise LabError("%s has no line '%s…'" % (path, begin))
        with open(path, "w", encoding="utf-8") as target:
            target.write("\n".join(changed) + "\n")

    def skerry(self, *args, check=True):
        """Run the operator's program; the finished process, with text in stdout and stderr."""
        done = subprocess.run([program("skerry"), *args], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise LabError("skerry %s: exit code %d\n%s%s" % (" ".join(args), done.returncode, done.stdout, done.stderr))
        return done

    @staticmethod
    def program(name):
        return program(name)

    def skerry_json(self, *args):
        return json.loads(self.skerry(*args, "--json").stdout)

    def flash(self, el2=False):
        """U-Boot with this home's boot key, in a flash image."""
        if el2 not in self._flash:
            self._flash[el2] = Flash(BOARD, os.path.join(self.home, "keys"), os.path.join(self.folder, "uboot"))
        return self._flash[el2]

    def image(self, app, version, counter=1, kernel=None, keys=None, board=BOARD, key=None, device=None, vendor=None, name=None):
        """
        Build and sign an image. `kernel`: file in build/device/images without .bin (default: the app's own, of this version if there is one).
        `keys`, `key`, `board`, `vendor`, `device` as the options of `skerry image build` and `image sign`.
        """
        own = "%s-%s" % (app, version)
        kernel = kernel or (own if os.path.exists(os.path.join(IMAGES, own + ".bin")) else app)
        folder = os.path.join(self.folder, "images")
        os.makedirs(folder, exist_ok=True)
        base = os.path.join(folder, name or "%s-%s-c%d" % (app, version, counter))
        image = Image(base + ".fit", base + ".suit", app, version, counter)
        source = kernel if os.path.isabs(kernel) else os.path.join(IMAGES, kernel + ".bin")
        if not os.path.exists(source):
            raise LabError("no kernel image %s: run ./dev build first" % source)
        optional = lambda option, value: [option, value] if value else []  # noqa: E731
        self.skerry("image", "build", "--kernel", source, "--board", board, "--app", app, "--version", version, "--counter", str(counter),
                    "-o", image.fit, *optional("--keys", keys))
        self.skerry("image", "sign", image.fit, "-o", image.suit, *optional("--key", key), *optional("--device", device),
                    *optional("--vendor", vendor))
        return image

    def device(self, name, image, **options):
        """A new device whose slot a holds `image`; or the one of that name that is there already."""
        disk = os.path.join(self.folder, name + ".img")
        if not os.path.exists(disk):
            self.skerry("device", "add", name, "--board", BOARD, "--disk", disk, "--image", image.suit)
        device = Device(self, name, disk, **options)
        self.devices.append(device)
        return device

    def operator(self):
        """A connection to the broker, as an operator's own program has it: tests/fleet/mqtt.py. One at a time."""
        key, cert = os.path.join(self.folder, "operator.key"), os.path.join(self.folder, "operator.crt")
        if not os.path.exists(cert):
            self._admit_operator(key, cert)
        return mqtt.Client(self.broker_port, os.path.join(self.home, "server", "ca.pem"), cert, key)

    def publish(self, device, suffix, text):
        """Say something to a device. The broker has taken it on return."""
        client = self.operator()
        client.publish("skerry/things/%s/%s" % (device, suffix), text)
        client.close()

    def _admit_operator(self, key, cert):
        """A certificate of the fleet's authority, and a line for it in the broker's access list."""
        name, request = "operator.lab", cert + ".req"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=" + name)
        run("openssl", "x509", "-req", "-in", request, "-CA", os.path.join(self.home, "server", "ca.pem"), "-CAkey", os.path.join(self.home, "keys", "ca.key"),
            "-CAcreateserial", "-days", "100", "-out", cert)
        with open(os.path.join(self.home, "server", "mosquitto.acl"), "a", encoding="utf-8") as acl:
            acl.write("\nuser %s\ntopic readwrite skerry/things/#\n" % name)
        self.broker.process.send_signal(signal.SIGHUP)

    def update(self, device, image, *options, on_change=None):
        """Start `skerry update`; `image` is an Image or a .suit file."""
        suit = image.suit if isinstance(image, Image) else image
        update = Update([program("skerry"), "update", device, suit, "--json", *options], self.env, on_change)
        self.updates.append(update)
        return update

    def artifact(self, image):
        """The file that skerryd serves for an image."""
        return os.path.join(self.home, "server", "artifacts", image.digest + ".fit")
