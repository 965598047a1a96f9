#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Webhooks: signed, in order, retried, kept over a killed skerryd, and sent nowhere they should not go; with real HTTP and HTTPS receivers."""

import hashlib
import hmac
import http.server
import json
import queue
import signal
import sqlite3
import ssl
import sys
import threading
import time

import home
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN)
LIMIT_S = home.TIMEOUT_S
QUEUE_MAX = 1000  # store_webhook.h


class Receiver:
    """An HTTP server that keeps what is POSTed to it, as (headers, body, arrival); answers[] are its next statuses, then 200."""

    def __init__(self, tls=None, port=0):
        self.got, self.answers, self.location = queue.Queue(), [], None
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 200
                receiver.got.put((self.headers, body, time.monotonic(), status))
                self.send_response(status)
                if status // 100 == 3:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.handle_error = lambda *args: None  # skerryd is killed while it is connected
        self.port = self.server.server_address[1]
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "%s://127.0.0.1:%d/hook" % ("https" if tls else "http", self.port)

    def next(self):
        headers, body, arrival, status = self.got.get(timeout=LIMIT_S)
        return headers, json.loads(body), body, arrival, status

    def expect_none(self, seconds=1.5):
        try:
            raise Failure("nothing should arrive: %s" % (self.got.get(timeout=seconds)[1],))
        except queue.Empty:
            pass

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def configure(**lines):
    """Set lines of skerryd.conf, and start skerryd anew."""
    path = fleet.file("server", "skerryd.conf")
    with open(path) as file:
        kept = [line for line in file.read().splitlines() if line.split(" =")[0].replace("-", "_") not in lines]
    with open(path, "w") as file:
        file.write("\n".join(kept + ["%s = %s" % (key.replace("_", "-"), value) for key, value in lines.items()]) + "\n")
    if fleet.server:
        fleet.server.end()
    fleet.start_server()


def database(*statements):
    """Changes behind a stopped skerryd's back."""
    base = sqlite3.connect(fleet.file("server", "fleet.db"))
    with base:
        for statement, values in statements:
            base.execute(statement, values)
    base.close()


def post(url, *kinds):
    """The webhook, with its secret."""
    status, head, body = fleet.api("/api/v1/webhooks", "-X", "POST", "-d", json.dumps({"url": url, "kinds": kinds}))
    expect(status == 201, "added", head, body)
    return json.loads(body)


def get(identity):
    status, head, body = fleet.api("/api/v1/webhooks/" + identity)
    expect(status == 200, "got", head, body)
    return json.loads(body)


def remove(webhook):
    expect(fleet.api("/api/v1/webhooks/" + webhook["id"], "-X", "DELETE")[0] == 200, "removed")


def problem(answer, status, *words):
    expect(answer[0] == status and "application/problem+json" in answer[1], "status %d" % status, answer)
    expect(all(word in json.loads(answer[2])["detail"] for word in words), "it names %s" % (words,), answer)


def check_signature(webhook, headers, body):
    parts = dict(part.split("=") for part in headers["Skerry-Signature"].split(","))
    mac = hmac.new(webhook["secret"].encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    expect(parts["v1"] == mac, "the signature is right", parts, mac)
    expect(abs(int(parts["t"]) - time.time()) < 600, "signed now", parts)
    expect(headers["Skerry-Delivery"] == json.loads(body)["id"] and headers["Content-Type"] == "application/json", "headers", headers)


def happen(count, kind="crash", device="hook"):
    """So many events of the kind."""
    happen.number = getattr(happen, "number", 0)
    for _ in range(count):
        happen.number += 1
        fleet.devices[0].say("crash", {"id": "%08x" % happen.number, "cause": "fault", "pc": []})


@case("webhooks: signed deliveries in order; the secret is shown once; kinds choose; what is removed is silent")
def delivered():
    receiver, other = Receiver(), Receiver()
    hook, all_kinds = post(receiver.url, "crash"), post(other.url)
    listed = json.loads(fleet.api("/api/v1/webhooks")[2])["webhooks"]
    expect({row["id"] for row in listed} == {hook["id"], all_kinds["id"]} and not any("secret" in row for row in listed), "no secrets", listed)
    expect(len(hook["secret"]) >= 32 and hook["secret"] != all_kinds["secret"], "secrets of their own")
    expect("secret" not in get(hook["id"]), "nor alone")
    happen(5)
    ids = set()
    for number in range(5):
        headers, body, raw, _, _ = receiver.next()
        check_signature(hook, headers, raw)
        expect(body["kind"] == "crash" and body["event"]["device"] == "hook" and body["event"]["details"]["id"].endswith(str(happen.number - 4 + number)),
               "in order", body)
        expect(abs(body["time"] - time.time()) < 600 and body["event"]["tenant"] == "default", "its members", body)
        ids.add(body["id"])
    expect(len(ids) == 5, "each delivery has an id", ids)
    for _ in range(5):
        headers, body, raw, _, _ = other.next()
        check_signature(all_kinds, headers, raw)
    fleet.device("hook-new")
    headers, body, raw, _, _ = other.next()
    expect(body["kind"] == "device-added", "other kinds", body)
    receiver.expect_none()
    remove(hook)
    happen(1)
    while other.next()[1]["kind"] != "crash":
        pass
    receiver.expect_none()
    problem(fleet.api("/api/v1/webhooks/" + hook["id"]), 404, hook["id"])
    remove(all_kinds)
    audit = [row for row in audit_rows() if row[1] == "webhook/" + hook["id"]]
    expect([row[0] for row in audit] == ["webhook.add", "webhook.remove"] and hook["secret"] not in str(audit), "audited", audit)
    receiver.close()
    other.close()


def audit_rows():
    base = sqlite3.connect(fleet.file("server", "fleet.db"))
    rows = base.execute("SELECT action, object, details FROM audit ORDER BY n").fetchall()
    base.close()
    return rows


@case("webhooks: a failed delivery comes again, the same and signed anew, after growing pauses; later ones wait behind it")
def retried():
    receiver = Receiver()
    receiver.answers = [500, 503, 404]
    hook = post(receiver.url, "crash")
    happen(2)
    tries = [receiver.next() for _ in range(4)]
    expect([one[4] for one in tries] == [500, 503, 404, 200], "until it is taken", [one[4] for one in tries])
    expect(len({one[2] for one in tries}) == 1, "the very same body", tries)
    for one in tries:
        check_signature(hook, one[0], one[2])
    pauses = [tries[i + 1][3] - tries[i][3] for i in range(3)]
    expect(pauses[0] > 0.9 and pauses[1] > 2 and pauses[2] > 5, "pauses grow", pauses)
    second = receiver.next()
    expect(second[1]["id"] != tries[0][1]["id"], "then the next one", second)
    state = home.wait_until(lambda: (lambda row: row["queued"] == 0 and row)(get(hook["id"])), "the queue is empty")
    expect(state["lastStatus"] == 200 and "lastError" not in state and state["lastDelivery"] == second[1]["id"], "its state", state)
    remove(hook)
    receiver.close()


@case("webhooks: a receiver that is away, and skerryd killed meanwhile: nothing is lost")
def killed():
    receiver = Receiver()
    hook = post(receiver.url, "crash")
    port = receiver.port
    receiver.close()
    happen(10)
    state = home.wait_until(lambda: (lambda row: row["queued"] == 10 and "lastError" in row and row)(get(hook["id"])), "all wait")
    expect("lastStatus" not in state, "there was no answer", state)
    fleet.server.end(signal.SIGKILL)
    receiver = Receiver(port=port)
    fleet.start_server()
    seen = []
    while len(set(seen)) < 10:
        headers, body, raw, _, _ = receiver.next()
        check_signature(hook, headers, raw)
        seen.append(body["event"]["details"]["id"])
        if len(seen) == 4:
            fleet.server.end(signal.SIGKILL)
            fleet.start_server()
    expect(seen == sorted(seen), "in order, some perhaps twice", seen)
    home.wait_until(lambda: get(hook["id"])["queued"] == 0, "all are settled")
    remove(hook)
    receiver.close()


@case("webhooks: the queue is bounded by number and age")
def bounded():
    receiver = Receiver()
    hook = post(receiver.url, "crash")
    receiver.close()
    fleet.server.end()
    now = int(time.time())
    row = "INSERT INTO webhook_queue (webhook, body, next_at, added_at, tries) VALUES (?, ?, ?, ?, 3)"
    database(*[(row, (hook["id"], '{"id":"%d"}' % number, now + 3600, now)) for number in range(QUEUE_MAX)])
    fleet.start_server()
    happen(3)
    home.wait_until(lambda: "skerryd_webhook_dropped_total 3" in fleet.api("/metrics")[2].decode(), "three are pushed out")
    expect(get(hook["id"])["queued"] == QUEUE_MAX, "no more than there may be", get(hook["id"]))
    fleet.server.end()
    database(("DELETE FROM webhook_queue", ()), (row, (hook["id"], '{"id":"old"}', 0, now - 86500)), (row, (hook["id"], '{"id":"new"}', 0, now)))
    fleet.start_server()
    home.wait_until(lambda: get(hook["id"]).get("lastDelivery") == "new", "the old one was tried a last time")
    expect(get(hook["id"])["queued"] == 1 and "given-up" in fleet.server.text(), "and given up")
    remove(hook)


@case("webhooks: a tenant's hears of the tenant's devices only; one for all tenants of all")
def tenants():
    receiver, all_tenants = Receiver(), Receiver()
    hook, for_all = post(receiver.url, "crash"), post(all_tenants.url, "crash")
    fleet.server.end()
    database(("INSERT INTO tenants VALUES ('acme', 0)", ()), ("UPDATE webhooks SET tenant = 'acme' WHERE id = ?", (hook["id"],)))
    fleet.start_server()
    happen(1)
    expect(all_tenants.next()[1]["event"]["tenant"] == "default", "the one for all hears")
    receiver.expect_none()
    fleet.server.end()
    database(("UPDATE devices SET tenant = 'acme' WHERE id = 'hook'", ()))
    fleet.start_server()
    happen(1)
    expect(receiver.next()[1]["event"]["tenant"] == "acme" and all_tenants.next()[1]["event"]["tenant"] == "acme", "both hear of the tenant's")
    fleet.server.end()
    database(("UPDATE devices SET tenant = 'default' WHERE id = 'hook'", ()))
    fleet.start_server()
    remove(hook)
    remove(for_all)
    receiver.close()
    all_tenants.close()


@case("webhooks: HTTPS is verified; redirects are not followed; what is not public is refused unless it is allowed")
def where():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(fleet.file("server", "skerryd.crt"), fleet.file("server", "skerryd.key"))
    receiver, victim = Receiver(tls=context), Receiver()
    hook = post(receiver.url, "crash")
    fleet.refused("webhook", "test", hook["id"], says="certificate")
    expect(receiver.got.empty(), "nothing was sent to who is not verified")
    configure(webhook_ca=fleet.file("server", "ca.pem"))
    home.wait_until(lambda: get(hook["id"])["queued"] == 0, "taken, once it is verified")
    headers, body, raw, _, _ = receiver.next()
    check_signature(hook, headers, raw)
    expect(body["kind"] == "test" and "event" not in body, "the test", body)
    receiver.answers, receiver.location = [302], victim.url
    fleet.refused("webhook", "test", hook["id"], says="redirects are not followed")
    expect(victim.got.empty(), "the redirect was not followed")
    fleet.server.end()
    database(("DELETE FROM webhook_queue", ()))
    fleet.start_server()
    while not receiver.got.empty():
        receiver.next()
    configure(webhook_private="no")
    fleet.refused("webhook", "test", hook["id"], says="not public")
    receiver.expect_none(1)
    for url in (receiver.url, victim.url, "http://localhost:1/", "http://example.com/", "https://u:p@example.com/", "file:///etc/passwd", "x"):
        problem(fleet.api("/api/v1/webhooks", "-X", "POST", "-d", json.dumps({"url": url})), 422, url)
    remove(hook)
    configure(webhook_private="yes")
    receiver.close()
    victim.close()


@case("webhooks: bad requests are refused; there is an end to how many; a bad setting is named")
def refused():
    for body in ("{}", '{"url":1}', '{"url":"https://example.com/","kinds":"crash"}', '{"url":"https://example.com/","kinds":["Crash!"]}',
                 '{"url":"https://example.com/","secret":"x"}', '{"url":"https://example.com/","kinds":%s}' % json.dumps(["a"] * 33)):
        expect(fleet.api("/api/v1/webhooks", "-X", "POST", "-d", body)[0] == 400, "%s is refused" % body)
    hooks = [post("https://example.com/%d" % number, "no-such-kind") for number in range(16)]
    problem(fleet.api("/api/v1/webhooks", "-X", "POST", "-d", '{"url":"https://example.com/"}'), 409, "16")
    for hook in hooks:
        remove(hook)
    expect(fleet.api("/api/v1/webhooks/absent/test", "-X", "POST")[0] == 404 and fleet.api("/api/v1/webhooks/absent", "-X", "DELETE")[0] == 404, "unknown ones")
    fleet.server.end()
    try:
        configure(webhook_private="perhaps")
        raise Failure("it started")
    except Failure as failure:
        expect("webhook-private = perhaps" in str(failure), "the setting is named", failure)
    configure(webhook_private="yes")


@case("webhooks: `skerry webhook add|list|test|remove`")
def command_line():
    receiver = Receiver()
    added = fleet.skerry("webhook", "add", receiver.url, "--kind", "crash", "--kind", "job-ended")
    identity, secret = [line.split()[1] for line in added.splitlines()]
    expect("was taken" in fleet.skerry("webhook", "test", identity), "delivered")
    headers, _, raw, _, _ = receiver.next()
    check_signature({"secret": secret}, headers, raw)
    rows = fleet.json("webhook", "list")
    expect(len(rows) == 1 and rows[0]["kinds"] == ["crash", "job-ended"] and rows[0]["lastStatus"] == 200, "listed", rows)
    expect(secret not in fleet.skerry("webhook", "list"), "without its secret")
    receiver.answers = [500]
    fleet.refused("webhook", "test", identity, says="HTTP status 500")
    fleet.skerry("webhook", "remove", identity)
    fleet.refused("webhook", "remove", identity, says=identity)
    fleet.refused("webhook", "add", "http://example.com/", says="http://example.com/")
    for verb in ("add", "list", "remove", "test"):
        expect("usage" in fleet.skerry("webhook", verb, "--help"), "help")
    receiver.close()


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


fleet.start_broker()
configure(webhook_private="yes")
fleet.device("hook")

if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
