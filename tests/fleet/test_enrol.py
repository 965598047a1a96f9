#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Enrolment: the real agent, on the host, claims its identity from the real skerryd and comes to the real broker with it; and what is refused."""

import base64
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import threading

import home
import mqtt
from cases import Failure, case, expect, main
from pki import Authority  # noqa: E402

BIN = home.programs()
AGENT = os.path.join(BIN, "..", "tests", "agent", "agent_host")
SECTOR, IDENTITY_LBA, PROVISION_LBA, DISK_SECTORS = 512, 0x980, 0x1000, 0xA000
fleet = home.Home(BIN).start()
agents = []


class Agent:
    """A running agent_host on `disk`; its lines as they come."""

    def __init__(self, disk, boots=1):
        self.lines, self.wake = [], threading.Condition()
        self.process = subprocess.Popen([AGENT, disk, "a", "normal", "ab" * 32, "1.0.0", "1", str(boots)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        agents.append(self)

    def _read(self):
        for line in self.process.stdout:
            with self.wake:
                self.lines.append(line.rstrip("\n"))
                self.wake.notify_all()

    def wait(self, pattern):
        """The first line that matches, whenever it came."""
        def found():
            return next((match for match in (re.search(pattern, line) for line in self.lines) if match), None)
        with self.wake:
            if not self.wake.wait_for(found, home.TIMEOUT_S):
                raise Failure("waited in vain for '%s':\n%s" % (pattern, "\n".join(self.lines)))
            return found()

    def end(self):
        self.process.stdin.close()
        self.process.wait(30)
        text = "\n".join(self.lines)
        expect("Sanitizer" not in text and "runtime error" not in text, "no sanitizer complains", text)


def make_disk(name, token, board="qemu-virt"):
    path, provision = fleet.scratch(name + ".disk"), fleet.scratch(name + ".provision")
    fleet.skerry("device", "disk", "--enrol", token, "--board", board, "--provision", provision)
    with open(provision, "rb") as image, open(path, "wb") as disk:
        disk.truncate(DISK_SECTORS * SECTOR)
        disk.seek(PROVISION_LBA * SECTOR)
        disk.write(image.read())
    return path


def read_disk(path, lba, sectors):
    with open(path, "rb") as disk:
        disk.seek(lba * SECTOR)
        return disk.read(sectors * SECTOR)


def create(*options):
    return fleet.json("enrol", "create", "--board", "qemu-virt", *options)


def device(name):
    return fleet.json("device", "show", name)


@case("a device claims its identity with a key of its own, comes to the broker, and is itself again after a restart")
def claims():
    token = create("--pattern", "claim-{key}", "--attribute", "site=north")["token"]
    disk = make_disk("claims", token)
    before = read_disk(disk, PROVISION_LBA, 0x80)
    first = Agent(disk)
    name = first.wait(r"claim\.done device=(claim-[0-9a-f]{12}) ")[1]
    first.wait(r"mqtt\.connected")
    home.wait_until(lambda: device(name)["online"], "the device is online")
    first.end()
    expect(read_disk(disk, PROVISION_LBA, 0x80) == before, "the provisioning is as it was")
    again = Agent(disk, boots=2)
    again.wait(r"mqtt\.connected")
    home.wait_until(lambda: device(name)["online"], "the device is online again")
    expect(not any("claim" in line for line in again.lines), "and claimed nothing", again.lines)
    again.end()
    expect(fleet.json("enrol", "list")[0]["usesLeft"] == 0, "one use was taken")


def claim(body):
    """(status, detail or answer) of a POST to /claim, without any other credentials."""
    code, head, answer = fleet.curl("/claim", "-X", "POST", "-H", "Content-Type: application/json", "-d", body if isinstance(body, str) else json.dumps(body))
    expect(code == 0, "the server answers", head)
    return int(head.split()[1]), json.loads(answer)


def make_key(name, curve="P-256"):
    path = fleet.scratch(name + ".key")
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve, "-out", path], check=True, capture_output=True)
    return path


def make_csr(key, *options):
    done = subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=whoever", "-outform", "DER", *options], check=True, capture_output=True)
    return done.stdout


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout.decode()


@case("skerryd certifies a key for a token: what it says, the same again, and nobody else's request")
def tokens():
    made = create("--uses", "2", "--pattern", "tok-{serial}")
    key, other = make_key("tok-1"), make_key("tok-2")
    asked = {"token": made["token"], "board": "qemu-virt", "serial": "0815", "csr": text(make_csr(key))}
    status, answer = claim(asked)
    expect(status == 200 and answer["device"] == "tok-0815", "certified", status, answer)
    der = base64.urlsafe_b64decode(answer["certificate"] + "===")
    shown = openssl("x509", "-inform", "DER", "-noout", "-subject", "-issuer", "-ext", "basicConstraints,keyUsage,extendedKeyUsage", data=der)
    for word in ("CN = tok-0815", "skerry device issuer", "CA:FALSE", "TLS Web Client Authentication"):
        expect(word in shown or word.replace(" = ", "=") in shown, "it says %s" % word, shown)
    expect("Server" not in shown, "it is no server's", shown)
    expect(openssl("x509", "-inform", "DER", "-noout", "-pubkey", data=der) == openssl("pkey", "-in", key, "-pubout"), "it is for the key that asked")
    expect(claim(dict(asked, csr=text(make_csr(key))))[1] == answer, "the same key gets the same again")
    expect(claim(dict(asked, csr=text(make_csr(other))))[0] == 409, "another key does not get the id")
    expect(next(row for row in fleet.json("enrol", "list") if row["id"] == made["id"])["usesLeft"] == 1, "one use was taken, once")
    wrong = make_csr(key)
    for what, body, code in (
            ("a token that is none", dict(asked, token="A" * 43), 403), ("another board's token", dict(asked, board="other"), 403),
            ("a request with another key's signature", dict(asked, csr=text(wrong[:-4] + bytes([wrong[-4] ^ 1]) + wrong[-3:])), 400),
            ("a request with bytes behind it", dict(asked, csr=text(wrong + b"x")), 400), ("no request", dict(asked, csr="AAAA"), 400),
            ("a key on another curve", dict(asked, csr=text(make_csr(make_key("p384", "P-384")))), 400),
            ("a request signed with another hash", dict(asked, csr=text(make_csr(key, "-sha512"))), 400),
            ("a serial number that breaks out", dict(asked, serial="a/b"), 400), ("a member too many", dict(asked, id="me"), 400),
            ("no JSON", "nonsense", 400), ("too much", json.dumps(dict(asked, board="x" * 5000)), 413)):
        status, answer = claim(body)
        expect(status == code and answer["detail"], "%s: %d" % (what, code), status, answer)
    expect(claim(dict(asked, serial="0816", csr=text(make_csr(other))))[0] == 200, "the second use")
    status, answer = claim(dict(asked, serial="0817", csr=text(make_csr(make_key("tok-3")))))
    expect(status == 403 and "used up" in answer["detail"], "a third one is refused", status, answer)
    fleet.skerry("enrol", "revoke", made["id"])
    expect(claim(asked)[0] == 403, "a token that was revoked lets nobody in")
    brief = create()
    subprocess.run(["sqlite3", fleet.file("server", "fleet.db"), "UPDATE enrolments SET expires_at = 5 WHERE id = '%s'" % brief["id"]], check=True)
    status, answer = claim(dict(asked, token=brief["token"]))
    expect(status == 200, "a key that is known needs no use and no time", status, answer)
    status, answer = claim({"token": brief["token"], "board": "qemu-virt", "csr": text(make_csr(make_key("late")))})
    expect(status == 403 and "expired" in answer["detail"], "but a new one does", status, answer)


class Rogue:
    """A server that devices trust, with a certificate of the home's CA (or, if `files` says so, of another), and that answers as `answer` says."""

    def __init__(self, files=None):
        rogue = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                rogue.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status, headers, body = rogue.answer
                self.send_response(status)
                for name, value in dict({"Content-Length": str(len(body))}, **headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass

        self.asked, self.answer = [], None
        self.server = Quiet(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(files or (fleet.file("server", "skerryd.crt"), fleet.file("server", "skerryd.key"))))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def disk(self, name, token):
        """A disk whose device claims here."""
        conf = fleet.file("skerry.conf")
        said = open(conf).read()
        try:
            with open(conf, "w") as out:
                out.write(re.sub(r"(?m)^claim-url = .*$", "claim-url = https://127.0.0.1:%d/claim" % self.server.server_address[1], said))
            return make_disk(name, token)
        finally:
            with open(conf, "w") as out:
                out.write(said)


@case("a device takes no certificate but its own: every lie is named, nothing is kept, and the honest answer counts after all of them")
def lies():
    fleet.skerry("device", "add", "other-one", "--board", "qemu-virt")
    other = ssl.PEM_cert_to_DER_cert(open(fleet.file("devices", "other-one", "device.crt")).read())
    rogue, token = Rogue(), create("--uses", "1", "--pattern", "lied-{key}")["token"]
    disk = rogue.disk("lies", token)
    body = lambda **members: json.dumps(members).encode()  # noqa: E731
    for error, answer in (
            ("E_TLS_KEY", (200, {}, body(device="other-one", certificate=text(other)))),
            ("E_FORMAT", (200, {}, body(device="lied", certificate=text(other[:-1])))),
            ("E_FORMAT", (200, {}, body(device="lied", certificate="*"))),
            ("E_JSON", (200, {}, body(device="lied"))), ("E_JSON", (200, {}, b"nonsense")),
            ("E_TOO_LONG", (200, {}, body(device="lied", certificate=text(b"x" * 2049)))),
            ("E_HTTP_TOO_LONG", (200, {}, b" " * 4097)), ("E_HTTP_LENGTH", (200, {}, b"")),
            ("E_TRUNCATED", (200, {"Content-Length": "900"}, b"{")),
            ("E_HTTP_STATUS", (403, {}, b"{}")), ("E_HTTP_REDIRECT", (307, {"Location": "https://127.0.0.1:%d/claim" % fleet.http_port}, b""))):
        rogue.answer = answer
        agent = Agent(disk)
        expect(agent.wait(r"claim\.failed err=(\w+)")[1] == error, "%s: %s" % (answer[2][:40], error), agent.lines)
        agent.end()
    keys = {openssl("req", "-inform", "DER", "-noout", "-pubkey", data=base64.urlsafe_b64decode(asked["csr"] + "===")) for asked in rogue.asked}
    expect(len(keys) == 1, "one key through all starts", keys)
    status, honest = claim(rogue.asked[0])
    expect(status == 200, "the server certifies it", honest)
    rogue.answer = (200, {}, body(device="other-one", certificate=honest["certificate"]))
    agent = Agent(disk)
    expect(agent.wait(r"claim\.failed err=(\w+)")[1] == "E_FORMAT", "another name than the certificate's", agent.lines)
    agent.end()
    rogue.answer = (200, {}, json.dumps(honest).encode())
    agent = Agent(disk)
    agent.wait(r"claim\.done device=%s " % honest["device"])
    agent.wait(r"mqtt\.connected")
    agent.end()
    authority = Authority(fleet.folder, "foreign")
    foreign = Rogue(authority.issue("foreign-server"))
    agent = Agent(foreign.disk("foreign", token))
    expect(agent.wait(r"claim\.failed err=(\w+)")[1] == "E_TLS_CERT" and not foreign.asked, "a server of another CA never hears the token", foreign.asked)
    agent.end()


def listed(name):
    """What `skerry device list` says of its certificate."""
    head, *rows = fleet.skerry("device", "list").splitlines()
    at, end = head.index("CERTIFICATE"), head.index("LAST ERROR")
    return next(row[at:end].strip() for row in rows if row.startswith(name + " "))


def expiring():
    return int(re.search(r"(?m)^skerryd_certificates_expiring (\d+)$", fleet.api("/metrics")[2].decode())[1])


@case("a certificate in its last third is renewed over the broker, kept, and used; one of another key is not")
def renewal():
    conf = fleet.file("server", "skerryd.conf")
    said = open(conf).read()
    fleet.server.end()
    with open(conf, "w") as out:
        out.write(said.replace("certificate-lifetime-s = 31536000", "certificate-lifetime-s = 7200"))
    fleet.start_server()
    disk = make_disk("renewal", create("--pattern", "renew-{key}")["token"])
    agent = Agent(disk)
    name = agent.wait(r"claim\.done device=(renew-[0-9a-f]{12}) ")[1]
    agent.wait(r"cert\.issued err=E_FORMAT")  # issued a moment ago: the same again
    agent.end()
    short = device(name)["certExpires"]
    expect(listed(name) == "0 days" and expiring() == 1, "it is told that it expires soon", listed(name), expiring())
    expect(re.search(r"(?m)^certExpires +20\d\d-", fleet.skerry("device", "show", name)), "as a date", fleet.skerry("device", "show", name))
    fleet.server.end()
    with open(conf, "w") as out:
        out.write(said)
    fleet.start_server()
    again = Agent(disk, boots=2)
    again.wait(r"cert\.renewed err=OK")
    home.wait_until(lambda: len([line for line in again.lines if "mqtt.connected" in line]) >= 2, "it came back with the new one")
    expect(device(name)["certExpires"] > short + 30000000, "the new one expires a year later", short, device(name)["certExpires"])
    home.wait_until(lambda: device(name)["online"], "and is online")
    expect(listed(name) == "good" and expiring() == 0, "nothing expires soon", listed(name), expiring())
    again.end()
    last = Agent(disk, boots=3)
    last.wait(r"mqtt\.connected")
    home.wait_until(lambda: device(name)["online"], "the device is online")
    expect(not any("cert.renew" in line for line in last.lines), "nothing is to be renewed", last.lines)
    last.end()
    stranger = fleet.device("renew-other")
    stranger.say("cert/renew", {"csr": text(make_csr(make_key("renew-other")))})
    home.wait_until(lambda: "another key than the device's" in fleet.server.text(), "a renewal with another key is refused")
    expect("certExpires" not in device("renew-other"), "nothing was certified")


def edit(path, *changes):
    """What each pattern finds in the file is taken out or replaced, and is there."""
    with open(path) as file:
        text = file.read()
    for pattern, by in changes:
        expect(re.search(pattern, text), "%s has %s" % (path, pattern), text)
        text = re.sub(pattern, by, text)
    with open(path, "w") as file:
        file.write(text)


@case("a home of before the issuer: --add-issuer gives it one, once; devices claim, and their certificates open the broker")
def add_issuer():
    old = home.Home(BIN, "old")
    try:
        for name in ("issuer.pem", "issuer.key", "clients.pem"):
            os.remove(old.file("server", name))
        edit(old.file("server", "mosquitto.conf"), (r"/server/clients\.pem", "/ca.pem" if os.path.exists(old.file("ca.pem")) else "/server/ca.pem"))
        edit(old.file("server", "mosquitto.acl"), (r"pattern .*/cert/.*\n", ""))
        edit(old.file("skerry.conf"), (r"claim-url = .*\n", ""))
        old.start()
        old.refused("enrol", "create", "--board", "qemu-virt", says="--add-issuer")
        old.skerry("init", "--add-issuer")
        old.stop()
        old.refused("init", "--add-issuer", says="has an issuer already")
        old.start()
        made = old.json("enrol", "create", "--board", "qemu-virt", "--pattern", "late-{serial}")
        old.skerry("device", "disk", "--enrol", made["token"], "--board", "qemu-virt", "--provision", old.scratch("late.provision"))
        key, body = make_key("late-1"), {"token": made["token"], "board": "qemu-virt", "serial": "1"}
        body["csr"] = text(make_csr(key))
        code, head, answer = old.curl("/claim", "-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(body))
        expect(code == 0 and " 200" in head.splitlines()[0], "certified", head, answer)
        crt = old.scratch("late-1.crt")
        with open(crt, "w") as file:
            file.write(ssl.DER_cert_to_PEM_cert(base64.urlsafe_b64decode(json.loads(answer)["certificate"] + "===")))
        client = mqtt.Client(old.broker_port, old.file("server", "ca.pem"), crt, key, client_id="late-1")
        client.subscribe("%s/late-1/cert/issued" % home.PREFIX)
        client.publish("%s/late-1/presence" % home.PREFIX, json.dumps({"online": True, "boot": 1}))
        home.wait_until(lambda: old.json("device", "show", "late-1")["online"], "it is online")
        client.publish("%s/late-1/cert/renew" % home.PREFIX, json.dumps({"csr": body["csr"]}))
        expect(client.inbox.get(timeout=home.TIMEOUT_S)[0].endswith("/cert/issued"), "it may renew")
        client.close()
        before = old.device("before-1")  # one with a certificate of the CA
        home.wait_until(lambda: old.json("device", "show", "before-1")["online"], "devices of before are let in as ever")
        before.stop()
    finally:
        old.remove()


@case("a revoked device is heard no more, at once, and gets nothing; others go on")
def revoke():
    kept, gone = fleet.device("rev-kept"), fleet.device("rev-gone")
    home.wait_until(lambda: device("rev-gone")["online"] and device("rev-kept")["online"], "both are online")
    answer = fleet.json("device", "revoke", "rev-gone")
    expect(answer["state"] == "revoked" and answer["broker"] == "told", "revoked, and the broker told", answer)
    gone.version = "6.6.6"
    gone.report()
    kept.version = "2.2.2"
    kept.report()
    home.wait_until(lambda: device("rev-kept").get("version") == "2.2.2", "the other one is heard")
    shown = device("rev-gone")
    expect(shown["state"] == "revoked" and shown["version"] == "1.0.0" and not shown["online"], "the revoked one is not", shown)
    acl = open(fleet.file("server", "mosquitto.acl")).read()
    expect("user rev-gone\ntopic deny #" in acl and "rev-kept" not in acl, "the broker's list", acl)
    fleet.refused("device", "revoke", "rev-none", says="rev-none")
    fleet.refused("cmd", "rev-gone", "identify", says="did not answer")
    expect(gone.commands.empty(), "the broker gives it nothing any more")
    fleet.server.end()
    fleet.start_server()
    gone.report()
    kept.version = "2.2.3"
    kept.report()
    home.wait_until(lambda: device("rev-kept").get("version") == "2.2.3", "also after a restart")
    expect(device("rev-gone")["version"] == "1.0.0", "not after a restart either")


def clean_up():
    for agent in agents:
        if agent.process.poll() is None:
            agent.process.kill()
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
