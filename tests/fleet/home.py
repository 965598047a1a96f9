# SPDX-License-Identifier: Apache-2.0
"""A fleet's home in a temporary folder, with real Mosquitto and skerryd on free ports, and simulated devices that speak the job contract (SPEC §8)."""

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "hostile")]
import mqtt  # noqa: E402
from cases import Failure, expect  # noqa: E402
from ports import free_ports  # noqa: E402

TIMEOUT_S = float(os.environ.get("SKERRY_TEST_TIMEOUT_S", "120"))
PREFIX = "skerry/things"


def programs():
    """Takes `--programs FOLDER` off the command line; without it the presets' folders are looked through."""
    if "--programs" in sys.argv:
        at = sys.argv.index("--programs")
        folder = sys.argv[at + 1]
        del sys.argv[at:at + 2]
        return os.path.realpath(folder)
    build = os.environ.get("SKERRY_BUILD", os.path.join(TOP, "build"))
    for preset in ("host-release", "host"):
        if os.path.exists(os.path.join(build, preset, "bin", "skerry")):
            return os.path.join(build, preset, "bin")
    sys.exit("no program 'skerry': build it first, or name its folder with --programs")


def mkimage():
    """U-Boot's, as the toolchain folder makes it."""
    given = os.environ.get("SKERRY_MKIMAGE")
    if given:
        return given
    done = subprocess.run([os.path.join(TOP, "toolchain", "uboot.sh"), "tools"], stdout=subprocess.PIPE, text=True, check=True)
    return os.path.join(done.stdout.strip().splitlines()[-1], "mkimage")


def wait_until(condition, what, timeout_s=TIMEOUT_S):
    """The first true value of condition()."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure("waited in vain: %s" % what)
        time.sleep(0.05)


class Service:
    """A program that runs until stop(); its output goes to the file `log`."""

    def __init__(self, command, log, env=None):
        self.command, self.log = command, log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)

    def wait_port(self, port):
        def ready():
            if self.process.poll() is not None:
                raise Failure("%s ended with code %d:\n%s" % (self.command[0], self.process.returncode, self.text()))
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(ready, "%s listens on port %d" % (self.command[0], port))
        return self

    def text(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


class Home:
    """`skerry init` in a new folder; start() starts broker and server. remove() ends and deletes all of it."""

    def __init__(self, bin_folder, name="home"):
        self.bin, self.folder = bin_folder, tempfile.mkdtemp(prefix="skerry-fleet-")
        self.path = os.path.join(self.folder, name)
        self.broker_port, self.http_port = free_ports(2)
        self.broker = self.server = None
        self.devices = []
        self.env = dict(os.environ, SKERRY_HOME=self.path, SKERRY_MKIMAGE=mkimage(), SKERRY_BOARDS=os.path.join(TOP, "board"))
        self.skerry("init", "--broker-host", "127.0.0.1", "--broker-port", str(self.broker_port), "--http-port", str(self.http_port))

    def file(self, *names):
        return os.path.join(self.path, *names)

    def scratch(self, name):
        return os.path.join(self.folder, name)

    # ---- programs

    def command(self, *args, **options):
        """A finished `skerry`: returncode, stdout, stderr."""
        options = dict({"env": self.env, "timeout": TIMEOUT_S}, **options)
        return subprocess.run([os.path.join(self.bin, "skerry"), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, **options)

    def skerry(self, *args):
        """One that must succeed; its output."""
        done = self.command(*args)
        expect(done.returncode == 0, "skerry %s succeeds" % " ".join(args), done.returncode, done.stdout, done.stderr)
        return done.stdout

    def json(self, *args):
        return json.loads(self.skerry(*args, "--json"))

    def refused(self, *args, code=1, says=(), **options):
        """One that must fail with `code`, name its cause with each word of `says`, and a remedy."""
        done = self.command(*args, **options)
        expect(done.returncode == code, "skerry %s ends with code %d" % (" ".join(args), code), done.returncode, done.stdout, done.stderr)
        for word in (says,) if isinstance(says, str) else says:
            expect(word in done.stderr, "its error names '%s'" % word, done.stderr)
        expect("remedy:" in done.stderr, "its error names a remedy", done.stderr)
        expect("Sanitizer" not in done.stderr and "runtime error" not in done.stderr, "no sanitizer complains", done.stderr)
        return done

    def update(self, device, suit, *options):
        """A running `skerry update --json`."""
        return Update([os.path.join(self.bin, "skerry"), "update", device, suit, "--json", *options], self.env)

    # ---- services

    def start(self):
        self.start_broker()
        self.start_server()
        return self

    def start_broker(self):
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        self.broker = Service([shutil.which("mosquitto", path=path), "-c", self.file("server", "mosquitto.conf")],
                              self.scratch("mosquitto.log"),
                              dict(os.environ, OPENSSL_CONF=self.file("server", "mosquitto.openssl.cnf"))).wait_port(self.broker_port)

    def start_server(self):
        self.server = Service([os.path.join(self.bin, "skerryd"), "--home", self.path], self.scratch("skerryd.log")).wait_port(self.http_port)
        wait_until(lambda: self.status().get("broker") == "connected", "skerryd reaches the broker")

    def status(self):
        return json.loads(self.command("status", "--json").stdout or "{}")

    def stop(self):
        for service in (self.server, self.broker):
            if service:
                service.end()
        self.server = self.broker = None

    def remove(self):
        for device in self.devices:
            device.stop()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def curl(self, path, *options, ca=None):
        """(exit code, status and headers in lower case, body) of a GET."""
        head, body = self.scratch("head"), self.scratch("body")
        for name in (head, body):
            if os.path.exists(name):
                os.remove(name)
        done = subprocess.run(["curl", "-sS", "--cacert", ca or self.file("server", "ca.pem"), "-D", head, "-o", body, *options,
                               "https://127.0.0.1:%d%s" % (self.http_port, path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT_S)
        read = lambda name: open(name, "rb").read() if os.path.exists(name) else b""  # noqa: E731
        return done.returncode, read(head).decode().lower(), read(body)

    def token(self):
        with open(self.file("operator", "api-token")) as file:
            return file.read()

    def api(self, path, *options):
        code, head, body = self.curl(path, "-H", "Authorization: Bearer " + self.token(), *options)
        expect(code == 0, "the server answers", head)
        return int(head.split()[1]), head, body

    # ---- things

    def image(self, version, counter=1, board="qemu-virt", size=200000, home=None):
        """A signed image of random bytes: the path of its manifest."""
        home = home or self
        base = self.scratch("app-%s-%d-%s-%s" % (version, counter, board.replace("/", "_"), os.path.basename(home.path)))
        with open(base + ".bin", "wb") as file:
            file.write(os.urandom(size))
        home.skerry("image", "build", "--kernel", base + ".bin", "--board", board, "--app", "sensor", "--version", version, "--counter", str(counter),
                    "-o", base + ".fit")
        home.skerry("image", "sign", base + ".fit")
        return base + ".suit"

    def client(self, device, **options):
        """An MQTT connection with the device's certificate."""
        return mqtt.Client(self.broker_port, self.file("server", "ca.pem"), self.file("devices", device, "device.crt"),
                           self.file("devices", device, "device.key"), client_id=device, **options)

    def device(self, name, **options):
        """A device that is added (if it is not yet) and runs."""
        if not os.path.exists(self.file("devices", name)):
            self.skerry("device", "add", name, "--board", "qemu-virt")
        device = Device(self, name, **options)
        self.devices.append(device)
        return device


class Update:
    """A running `skerry update --json`: each change is a JSON line."""

    def __init__(self, command, env):
        self.lines = []
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    def first(self):
        """Its first change: it has a job and watches it."""
        self.lines.append(self.process.stdout.readline())
        return json.loads(self.lines[0])

    def result(self):
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        changes = [json.loads(line) for line in self.lines + out.splitlines()]
        return self.process.returncode, changes, err


class Device:
    """
    A simulated device. `play(device, execution)` is run for each job that it is given; without one it keeps them in `jobs`. Replies to its
    updates come back from update(). `keyset`: the version that it says it holds (None: it does not say). Keysets and assignments that come
    are kept as they are, in `keysets` and `assignments` (of jobs, and of idle answers).
    """

    def __init__(self, home, name, play=None, version="1.0.0", digest="11" * 32, boot=1, keyset=None):
        self.home, self.name, self.play, self.keyset = home, name, play, keyset
        self.keysets, self.assignments = queue.Queue(), queue.Queue()
        self.version, self.digest, self.boot = version, digest, boot
        self.jobs, self.commands, self.answers, self.crashes = queue.Queue(), queue.Queue(), queue.Queue(), queue.Queue()
        self.played = None
        self.start()

    @property
    def topic(self):
        return "%s/%s" % (PREFIX, self.name)

    def start(self):
        will = (self.topic + "/presence", json.dumps({"online": False, "boot": self.boot}))
        self.client = self.home.client(self.name, will=will)
        self.client.subscribe(self.topic + "/jobs/#", self.topic + "/cmd", self.topic + "/crash/accepted", self.topic + "/trust/keyset")
        threading.Thread(target=self._run, args=(self.client,), daemon=True).start()
        self.say("presence", {"online": True, "boot": self.boot}, retain=True)
        self.report()
        self.say("jobs/$next/get", self.request("start"))

    def request(self, token):
        return {"clientToken": token} if self.keyset is None else {"clientToken": token, "keyset": self.keyset}

    def stop(self):
        self.client.close()

    def say(self, suffix, body, **options):
        self.client.publish("%s/%s" % (self.topic, suffix), json.dumps(body) if not isinstance(body, (str, bytes)) else body, **options)

    def report(self):
        self.say("report", {"device": self.name, "board": "qemu-virt", "app": "sensor", "version": self.version, "digest": self.digest, "slot": "a",
                            "mode": "normal", "counter": 1, "boots": self.boot})

    def update(self, job, status, expected, **details):
        """("accepted" or "rejected", body)."""
        body = {"status": status, "clientToken": "u%d" % expected, "statusDetails": details}
        if expected:
            body["expectedVersion"] = expected
        self.say("jobs/%s/update" % job, body)
        return self.answers.get(timeout=TIMEOUT_S)

    def _run(self, client):
        while True:
            message = client.inbox.get()
            if message is None:
                return
            topic, body = message[0][len(self.topic) + 1:], json.loads(message[1])
            if topic == "cmd":
                self.commands.put(body)
            elif topic == "crash/accepted":
                self.crashes.put(body)
            elif topic == "jobs/notify-next":
                self.say_async("jobs/$next/get", self.request("bell"))
            elif topic == "trust/keyset":
                self.keysets.put(body["keyset"])
            elif topic == "jobs/$next/get/accepted":
                execution = body.get("execution") or {}
                self.assignments.put(execution.get("jobDocument", body).get("assignment"))
                self._offer(execution)
            elif topic.endswith(("/update/accepted", "/update/rejected")):
                self.answers.put((topic.rsplit("/", 1)[1], body))

    def say_async(self, suffix, body):
        """From the reader's thread, which must not wait for what it reads itself."""
        def run():
            try:
                self.say(suffix, body)
            except (OSError, ValueError):
                pass  # the device was switched off meanwhile
        threading.Thread(target=run, daemon=True).start()

    def _offer(self, execution):
        if not execution or execution["jobId"] == self.played:
            return
        self.played = execution["jobId"]
        if self.play:
            threading.Thread(target=self.play, args=(self, execution), daemon=True).start()
        else:
            self.jobs.put(execution)
