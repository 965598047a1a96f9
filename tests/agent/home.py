# SPDX-License-Identifier: Apache-2.0
"""Where the host tests of the agent find their programs (argument --programs) and how they make a device's identity."""

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "hostile")]
from pki import Authority  # noqa: E402, F401
from ports import free_ports  # noqa: E402

TIMEOUT_S = float(os.environ.get("SKERRY_TEST_TIMEOUT_S", "120"))


def programs():
    """Takes `--programs FOLDER` off the command line."""
    at = sys.argv.index("--programs")
    folder = sys.argv[at + 1]
    del sys.argv[at:at + 2]
    return folder


def run(*command, **options):
    """A command that must succeed; its output."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT_S, text=True,
                          **options)
    if done.returncode != 0:
        raise AssertionError("%s failed (%d):\n%s%s" % (" ".join(map(str, command)), done.returncode, done.stdout, done.stderr))
    return done.stdout


def der(pem, kind):
    """The DER file beside a PEM file; kind: x509 or ec."""
    out = pem + ".der"
    run("openssl", kind, "-in", pem, "-outform", "DER", "-out", out)
    return out


class Device:
    """An identity issued by `authority` for clients, and its provisioning image `path`. Key and certificate are made once."""

    made = {}

    def __init__(self, folder, tools, authority, name="dev-1", broker=("localhost", 1), release_key="-"):
        if (authority, name) not in self.made:
            crt, key = authority.issue("device-" + name, (name,))
            self.made[authority, name] = crt, der(key, "ec"), der(crt, "x509"), der(authority.crt, "x509")
        self.crt, key_der, crt_der, ca_der = self.made[authority, name]
        self.path = os.path.join(folder, name + ".provision")
        run(os.path.join(tools, "provision_image"), self.path, name, key_der, crt_der, ca_der, broker[0], str(broker[1]), release_key)


class Lines:
    """A program whose output is read line by line; wait() looks behind the match before."""

    def __init__(self, *command, env=None):
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        errors="replace", bufsize=1, env=dict(os.environ, **(env or {})))
        self.lines, self.seen, self.ended = [], 0, False
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def _find(self, pattern):
        for at in range(self.seen, len(self.lines)):
            match = re.search(pattern, self.lines[at])
            if match:
                self.seen = at + 1
                return match
        return None

    def wait(self, pattern):
        """The next line that matches; raises when it does not come."""
        found = []
        with self.changed:
            self.changed.wait_for(lambda: found.append(self._find(pattern)) or found[-1] or self.ended, TIMEOUT_S)
        match = found[-1] or self._find(pattern)
        if not match:
            raise AssertionError("no line /%s/ from %s; its last lines:\n%s" % (pattern, self.command[0], "\n".join(self.lines[-30:])))
        return match

    def write(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait_end(self):
        """Its exit code."""
        return self.process.wait(TIMEOUT_S)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


class Mosquitto:
    """A real broker with mutual TLS on 127.0.0.1:`port`; a certificate's name is the user."""

    def __init__(self, folder, authority):
        self.port = free_ports(1)[0]
        self.folder = folder
        crt, key = authority.issue("mosquitto")
        self.conf = os.path.join(folder, "mosquitto.conf")
        with open(self.conf, "w") as conf:
            conf.write("listener %d 127.0.0.1\ncafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true\nuse_identity_as_username true\n"
                       "allow_anonymous false\nset_tcp_nodelay true\nuser %s\nlog_type all\n"
                       % (self.port, authority.crt, crt, key, getpass.getuser()))
        self.process = None
        self.start()

    def start(self):
        path = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self.process = subprocess.Popen([path, "-c", self.conf], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("mosquitto does not listen")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Operator:
    """The other side of the broker: what the device said, and words to it."""

    def __init__(self, folder, authority, broker, base="skerry/things/dev-1"):
        crt, key = authority.issue("operator", ("operator",))
        self.options = ["-h", "localhost", "-p", str(broker.port), "--cafile", authority.crt, "--cert", crt, "--key", key, "-q", "1"]
        self.base = base
        self.reader = None
        self.open()

    def open(self):
        """Listen (again: mosquitto_sub ends with its broker)."""
        if self.reader:
            self.reader.kill()
        self.reader = Lines("mosquitto_sub", *self.options, "-v", "-t", self.base + "/#")
        # Retained: it comes whenever the subscription stands.
        self.send("test/ready", "yes", "-r")
        self.reader.wait("test/ready")

    def send(self, suffix, payload, *options):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        run("mosquitto_pub", *self.options, *options, "-t", "%s/%s" % (self.base, suffix), *(["-m", text] if text else ["-n"]))

    def send_raw(self, suffix, payload):
        """Bytes as they are."""
        subprocess.run(["mosquitto_pub", *self.options, "-t", "%s/%s" % (self.base, suffix), "-s" if payload else "-n"],
                       input=payload, check=True, timeout=TIMEOUT_S)

    def wait(self, suffix, containing=""):
        """The next message on base/suffix whose text has `containing`, as JSON."""
        pattern = "^%s/%s (.*%s.*)$" % (re.escape(self.base), re.escape(suffix), re.escape(containing))
        return json.loads(self.reader.wait(pattern)[1])

    def close(self):
        self.reader.kill()
