#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Who may do what: every endpoint of fleet/openapi.json × role × tenant, with real things in each tenant. A new endpoint needs its entry there and, if
its path has a new kind of name, a thing of that kind in Tenant below. Then tokens, limits, entity tags, problem documents and hostile HTTP.
"""

import atexit
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import sys
import time

import home
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN)
LIMIT_S = home.TIMEOUT_S
CONTEXT = ssl.create_default_context(cafile=fleet.file("server", "ca.pem"))
ROLES = ("viewer", "operator", "admin")
with open(os.path.join(home.TOP, "fleet", "openapi.json")) as openapi_file:
    OPENAPI = json.load(openapi_file)


class Answer:
    def __init__(self, response, body=None):
        self.status, self.headers = response.status, response.headers
        self.body = response.read() if body is None else body

    @property
    def json(self):
        return json.loads(self.body)


def ask(method, path, body=None, token=None, headers=None):
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = "Bearer " + token
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    link = http.client.HTTPSConnection("127.0.0.1", fleet.http_port, context=CONTEXT, timeout=LIMIT_S)
    try:
        link.request(method, path, body, headers)
        response = link.getresponse()
        # A stream has no end: its head is the answer.
        return Answer(response, b"" if response.headers["Content-Type"] == "text/event-stream" else None)
    finally:
        link.close()


def home_token():
    return fleet.token().strip()


def good(method, path, body=None, token=None):
    answer = ask(method, path, body, token or home_token())
    expect(answer.status in (200, 201), "%s %s" % (method, path), answer.status, answer.body)
    return answer.json


def expect_problem(answer, status, *words):
    expect(answer.status == status, "status %d" % status, answer.status, answer.body)
    expect(answer.headers["Content-Type"] == "application/problem+json", "a problem document", dict(answer.headers), answer.body[:300])
    problem = answer.json
    expect(problem["status"] == status and problem["title"] and problem["type"] == "about:blank", "RFC 9457", problem)
    for word in words:
        expect(word in problem["detail"], "its detail names '%s'" % word, problem)
    return problem


def operations():
    return [(method.upper(), path, entry) for path, entries in OPENAPI["paths"].items() for method, entry in entries.items()]


# ---- things


class Tenant:
    """Real things of one tenant, each with the tenant's name in it. `x(name of a path's parameter)` makes or finds one."""

    serial = 0

    def __init__(self, name):
        self.name = name
        good("PUT", "/api/v1/tenants/" + name, {})
        self.tokens = {role: good("POST", "/api/v1/tokens", {"name": "%s-%s" % (name, role), "role": role, "tenant": name})["token"] for role in ROLES}
        self.kept = {}

    def fresh(self, kind):
        Tenant.serial += 1
        return "%s-%s-%d" % (self.name, kind, Tenant.serial)

    def call(self, method, path, body):
        return good(method, path, body, self.tokens["admin"])

    def device(self):
        name = self.fresh("device")
        self.call("PUT", "/api/v1/devices/" + name, {"board": "qemu-virt"})
        return name

    def digest(self):
        suit = fleet.image("1.0.%d" % (len(self.name) + Tenant.serial), size=20000)
        with open(suit[:-5] + ".fit", "rb") as file:
            payload = file.read()
        with open(suit, "rb") as file:
            manifest = file.read()
        digest = hashlib.sha256(payload).hexdigest()
        self.call("PUT", "/api/v1/images/%s/payload" % digest, payload)
        self.call("PUT", "/api/v1/images/%s/manifest" % digest, manifest)
        return digest

    def token(self):
        return self.call("POST", "/api/v1/tokens", {"name": self.fresh("token"), "role": "viewer"})["id"]

    def tenant(self):
        return self.name

    def group(self):
        name = self.fresh("group")
        self.call("PUT", "/api/v1/groups/" + name, {"selector": "board=qemu-virt"})
        return name

    def job(self):
        return self.call("POST", "/api/v1/jobs", {"device": self.device(), "digest": self.thing("digest")})["jobId"]

    def rollout(self):
        return self.call("POST", "/api/v1/rollouts", {"name": self.fresh("rollout"), "image": self.thing("digest"), "waves": [{"name": "all"}]})["id"]

    def channel(self):
        name = self.fresh("channel")
        self.call("PUT", "/api/v1/channels/sensor/qemu-virt/" + name, {"digest": self.thing("digest")})
        return name

    def webhook(self):
        return self.call("POST", "/api/v1/webhooks", {"url": "https://hooks.invalid/%s" % self.fresh("webhook"), "kinds": ["online"]})["id"]

    def enrolment(self):
        return self.call("POST", "/api/v1/enrolments", {"board": "qemu-virt"})["id"]

    def thing(self, kind, anew=False):
        """Of names that stand for nothing by themselves (of a page, of a verb) any one will do."""
        plain = {"crash": "0badc0de", "verb": "abort", "page": "devices", "thing": "x", "asset": "none.css", "app": "sensor", "board": "qemu-virt"}
        if kind in plain:
            return plain[kind]
        if not hasattr(self, kind):
            raise Failure("no thing for {%s}: add a method '%s' to Tenant" % (kind, kind))
        if anew or kind not in self.kept:
            made = getattr(self, kind)()
            if anew:
                return made
            self.kept[kind] = made
        return self.kept[kind]

    def fill(self, path, anew=False):
        return re.sub(r"\{(\w+)\}", lambda match: self.thing(match.group(1), anew), path)

    def example(self, entry):
        """The operation's example, with this tenant's things in it; bytes that are none where it takes bytes."""
        content = entry.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return b"none" if content else None
        text = json.dumps(content["application/json"].get("example", {}))
        return re.sub(r'"\$(\w+)"', lambda match: json.dumps(self.fresh("new") if match.group(1) == "new" else self.thing(match.group(1))), text)


things = {}


def tenants():
    """Two tenants and tokens of each role for all, made once."""
    if not things:
        for name in ("aardvark", "zebra"):
            things[name] = Tenant(name)
        things["all"] = {role: good("POST", "/api/v1/tokens", {"name": "all-" + role, "role": role})["token"] for role in ROLES}
    return things["aardvark"], things["zebra"], things["all"]


def names_a_thing(path):
    return any(kind in path for kind in ("{device}", "{token}", "{tenant}", "{group}", "{job}", "{rollout}", "{webhook}", "{enrolment}", "{channel}", "images/{digest}"))


def may(role, needed, bound):
    if needed == "fleet-admin":
        return role == "admin" and not bound
    return needed == "nobody" or ROLES.index(role) >= ROLES.index(needed)


# ---- the table


@case("openapi.json has every route of the sources with its role, and no other")
def description():
    routes = set()
    folder = os.path.join(home.TOP, "fleet", "skerryd")
    for name in os.listdir(folder):
        if name.startswith("http") and name.endswith(".c"):
            with open(os.path.join(folder, name)) as file:
                for method, path, role in re.findall(r'\{"([A-Z]+)",\s*"([^"]+)",\s*\w+,\s*\w+,\s*ROLE_(\w+)\}', file.read()):
                    routes.add((method, path, role.lower().replace("_", "-")))
    expect(len(routes) > 30, "the routes are found in the sources", routes)
    described = {(method, re.sub(r"\{\w+\}", "*", path), entry["x-role"]) for method, path, entry in operations()}
    expect(routes == described, "sources and description agree", "only in the sources:", sorted(routes - described), "only described:", sorted(described - routes))
    expect(good("GET", "/api/v1/openapi.json") == OPENAPI, "it is served as it is")


@case("every endpoint without a token: 401, but those for nobody")
def without_token():
    first = tenants()[0]
    for method, path, entry in operations():
        time.sleep(0.1)  # or it is 429, which another case is about
        answer = ask(method, first.fill(path), first.example(entry) if isinstance(first.example(entry), str) else None)
        if entry["x-role"] == "nobody":
            expect(answer.status < 500 and (method != "GET" or answer.status in (200, 404)), "%s %s needs no token" % (method, path), answer.status)
        elif answer.status != 429:
            expect_problem(answer, 401)
            expect(answer.headers["WWW-Authenticate"] == "Bearer", "says how", dict(answer.headers))


@case("every endpoint × role × tenant: 403 below its role, 404 for another's thing, else let in; nothing of another tenant is told")
def table():
    own, other, everywhere = tenants()
    tried = 0
    for method, path, entry in operations():
        needed = entry["x-role"]
        if needed == "nobody":
            continue
        for role in ROLES:
            for where in ("own", "other", "all"):
                bound = where != "all"
                token = own.tokens[role] if bound else everywhere[role]
                whose = other if where == "other" else own
                allowed = may(role, needed, bound)
                if where == "other" and entry.get("x-creates"):
                    continue
                where_to = whose.fill(path, anew=allowed and (method == "DELETE" or path.endswith("/revoke"))) + ("" if bound else "?tenant=" + own.name)
                names_things = "$d" in json.dumps(entry.get("requestBody", {}))
                answer = ask(method, where_to, (whose if names_things else own).example(entry), token)
                what = "%s %s as %s, thing of %s tenant" % (method, path, role, where)
                tried += 1
                if not allowed:
                    problem = expect_problem(answer, 403)
                    expect("role " + needed.replace("fleet-", "") in problem["detail"], what + ": names the role needed", problem)
                elif where == "other" and names_a_thing(path) and not entry.get("x-creates"):
                    expect(answer.status == 404, what + ": 404", answer.status, answer.body[:300])
                elif where == "other" and names_things:
                    expect(400 <= answer.status < 500, what + ": the body names another's things", answer.status, answer.body[:300])
                else:
                    expect(answer.status not in (401, 403, 429, 500), what + ": let in", answer.status, answer.body[:300])
                    if "{crash}" not in path:
                        expect(answer.status != 404 or where == "other", what + ": found", answer.status, answer.body[:300])
                if bound and method == "GET" and answer.status == 200 and path != "/api/v1/openapi.json":
                    expect(b"zebra" not in answer.body, what + ": tells nothing of the other tenant", answer.body[:2000])
    return "%d tried" % tried


@case("a rollout by a token of all tenants is the named tenant's: its image, its devices; plan says the same")
def rollout_of_tenant():
    own, other, everywhere = tenants()
    body = {"name": "named", "image": own.thing("digest"), "waves": [{"name": "all"}]}
    for path in ("/api/v1/rollouts/plan", "/api/v1/rollouts"):
        good("POST", path + "?tenant=" + own.name, body, everywhere["operator"])
        expect_problem(ask("POST", path + "?tenant=" + other.name, body, everywhere["operator"]), 422)
        expect_problem(ask("POST", path + "?tenant=nobody", body, everywhere["operator"]), 404, "nobody")
        expect(ask("POST", path + "?tenant=" + other.name, body, own.tokens["operator"]).status in (200, 201), "a token of a tenant acts in its own")
    rows = good("GET", "/api/v1/rollouts", token=own.tokens["viewer"])["rollouts"]
    expect([row["tenant"] for row in rows if row["name"] == "named"] == [own.name] * 2, "the tenant's own people see them", rows)


@case("what the other tenant had is still there, as it was")
def untouched():
    other = tenants()[1]
    for kind, path in (("device", "devices"), ("group", "groups"), ("token", "tokens"), ("rollout", "rollouts"), ("job", "jobs")):
        found = good("GET", "/api/v1/%s/%s" % (path, other.thing(kind)), token=other.tokens["admin"])
        expect(found.get("attributes", {}) == {} and found.get("state", "active") in ("active", "draft"), "unchanged", found)


def mismatch(schema, value, where="answer"):
    """What of `value` is not as the schema says (the words of JSON Schema that openapi.json uses), None: it fits."""
    if "$ref" in schema:
        schema = OPENAPI["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": (int, float)}
    if "type" in schema and (not isinstance(value, kinds[schema["type"]]) or (schema["type"] == "integer" and isinstance(value, bool))):
        return "%s is no %s: %r" % (where, schema["type"], value)
    if "enum" in schema and value not in schema["enum"]:
        return "%s is none of %s: %r" % (where, schema["enum"], value)
    unknown = set(schema) - {"type", "enum", "required", "properties", "items", "additionalProperties", "description", "format"}
    if unknown:
        return "%s: this test does not know %s" % (where, unknown)
    for name in schema.get("required", ()):
        if name not in value:
            return "%s has no %s: %r" % (where, name, value)
    parts = [(where + "." + name, part, value[name]) for name, part in schema.get("properties", {}).items() if isinstance(value, dict) and name in value]
    parts += [("%s[%d]" % (where, at), schema["items"], item) for at, item in enumerate(value if "items" in schema else ())]
    return next((found for found in (mismatch(part, item, at) for at, part, item in parts) if found), None)


@case("real answers of every GET are as their schemas say; each has an entity tag that is honoured")
def schemas():
    own = tenants()[0]
    for method, path, entry in operations():
        content = entry["responses"].get("200", {}).get("content", {})
        if method != "GET" or "application/json" not in content or "{crash}" in path:
            continue
        where = own.fill(path) + "?tenant=" + own.name
        answer = ask("GET", where, token=home_token())
        expect(answer.status == 200 and answer.headers["Content-Type"] == "application/json", path, answer.status, answer.body[:300])
        wrong = mismatch(content["application/json"]["schema"], answer.json)
        expect(wrong is None, "%s: %s" % (path, wrong))
        expect(answer.headers["ETag"], "%s has an entity tag" % path, dict(answer.headers))
    first = ask("GET", "/api/v1/tenants", token=home_token())
    again = ask("GET", "/api/v1/tenants", token=home_token(), headers={"If-None-Match": first.headers["ETag"]})
    expect(again.status == 304 and again.body == b"" and again.headers["ETag"] == first.headers["ETag"], "304", again.status, again.body)
    good("PUT", "/api/v1/tenants/newcomer", {})
    changed = ask("GET", "/api/v1/tenants", token=home_token(), headers={"If-None-Match": first.headers["ETag"]})
    expect(changed.status == 200 and b"newcomer" in changed.body, "200 when it changed", changed.status)


# ---- tokens


@case("tokens: said once, kept as a hash; they expire, are revoked, and say who they are")
def tokens():
    made = json.loads(fleet.skerry("token", "create", "carol", "--role", "operator", "--days", "3", "--json"))
    secret = made["token"]
    expect(len(secret) > 60 and made["expiresAt"] > time.time() + 2 * 86400, "a long one, with an end", made)
    expect(good("GET", "/api/v1/whoami", token=secret) == {"name": "carol", "role": "operator", "expiresAt": made["expiresAt"]}, "who am I")
    listed = [row for row in fleet.json("token", "list") if row["name"] == "carol"]
    expect(len(listed) == 1 and "token" not in listed[0] and listed[0]["lastUsed"] > 0, "listed without it", listed)
    for name in os.listdir(fleet.file("server")):
        if name.startswith("fleet.db"):
            with open(fleet.file("server", name), "rb") as file:
                expect(secret.encode() not in file.read(), "not in " + name)
    expect(secret not in fleet.server.text(), "not in the log")
    expect_problem(ask("POST", "/api/v1/tokens", {"name": "carol", "role": "viewer"}, home_token()), 409, "name")
    short = good("POST", "/api/v1/tokens", {"name": "short", "role": "viewer", "expiresAt": int(time.time()) + 2})["token"]
    expect(ask("GET", "/api/v1/whoami", token=short).status == 200, "it counts")
    home.wait_until(lambda: ask("GET", "/api/v1/whoami", token=short).status == 401, "it expires")
    expect("carol" in fleet.skerry("token", "list"), "the table")
    fleet.skerry("token", "revoke", made["id"])
    expect_problem(ask("GET", "/api/v1/whoami", token=secret), 401)
    fleet.refused("token", "revoke", made["id"], says="no token")
    fleet.refused("token", "create", "x", "--role", "king", says="role")
    fleet.skerry("tenant", "add", "quiet")
    expect("quiet" in fleet.skerry("tenant", "list"), "a tenant")
    expect(fleet.json("whoami") == {"name": "operator", "role": "admin"}, "the home's token")


@case("an administrator of a tenant makes tokens for that tenant only")
def tenant_admin():
    own, _, _ = tenants()
    made = good("POST", "/api/v1/tokens", {"name": "mine", "role": "admin"}, own.tokens["admin"])
    expect(made["tenant"] == own.name, "bound to it", made)
    expect_problem(ask("POST", "/api/v1/tokens", {"name": "theirs", "role": "viewer", "tenant": "zebra"}, own.tokens["admin"]), 404, "zebra")
    for body, word in (({"name": "a b", "role": "viewer"}, "name"), ({"name": "x", "role": "root"}, "role"), ({"name": "operator", "role": "viewer"}, "operator"),
                       ({"name": "x", "role": "viewer", "expiresAt": 5}, "expiresAt"), ({"name": "x", "role": "viewer", "hash": ""}, "hash")):
        expect_problem(ask("POST", "/api/v1/tokens", body, home_token()), 400, word)


@case("the end of a token ends its streams")
def stream_ends():
    made = good("POST", "/api/v1/tokens", {"name": "listener", "role": "viewer"})
    link = http.client.HTTPSConnection("127.0.0.1", fleet.http_port, context=CONTEXT, timeout=LIMIT_S)
    link.request("GET", "/api/v1/stream", headers={"Authorization": "Bearer " + made["token"]})
    response = link.getresponse()
    expect(response.status == 200, "it listens", response.status)
    good("DELETE", "/api/v1/tokens/" + made["id"])
    response.read()
    link.close()


# ---- limits


@case("too many bad tokens: 429 with Retry-After, and a good token from the same address is answered at once")
def bad_tokens():
    answers = [ask("GET", "/api/v1/whoami", token="guess-%d" % number) for number in range(14)]
    slowed = [answer for answer in answers if answer.status == 429]
    expect(slowed and {answer.status for answer in answers} <= {401, 429}, "some are slowed", [answer.status for answer in answers])
    expect(int(slowed[0].headers["Retry-After"]) >= 1, "says when", dict(slowed[0].headers))
    expect_problem(slowed[0], 429, "address")
    expect(ask("GET", "/api/v1/whoami", token=home_token()).status == 200, "a good one is answered")


@case("too many requests with one token: 429 with Retry-After; others are not held up, and it may again")
def rate():
    secret = good("POST", "/api/v1/tokens", {"name": "eager", "role": "viewer"})["token"]
    link = http.client.HTTPSConnection("127.0.0.1", fleet.http_port, context=CONTEXT, timeout=LIMIT_S)
    refused = None
    for _ in range(2000):
        link.request("GET", "/api/v1/whoami", headers={"Authorization": "Bearer " + secret})
        answer = Answer(link.getresponse())
        if answer.status != 200:
            refused = answer
            break
    link.close()
    expect(refused, "it is refused in the end")
    expect_problem(refused, 429, "this token")
    expect(int(refused.headers["Retry-After"]) >= 1, "says when", dict(refused.headers))
    expect(ask("GET", "/api/v1/whoami", token=home_token()).status == 200, "another token is answered")
    home.wait_until(lambda: ask("GET", "/api/v1/whoami", token=secret).status == 200, "it may again")


@case("errors are problem documents: 404, 405 with Allow, 413, 400 for what is no JSON or no UTF-8")
def problems():
    expect_problem(ask("GET", "/api/v1/nothing", token=home_token()), 404)
    answer = ask("DELETE", "/api/v1/status", token=home_token())
    expect_problem(answer, 405, "GET")
    expect(answer.headers["Allow"] == "GET", "Allow", dict(answer.headers))
    expect_problem(ask("POST", "/api/v1/tokens", b"x" * 70000, home_token()), 413, "65536")
    for body in (b"{", b"[]", b"", b"\xff\xfe", b'{"name": "\xff", "role": "viewer"}', b'{"name":"a","name":"b"}', b"[" * 60000):
        expect_problem(ask("POST", "/api/v1/tokens", body, home_token()), 400)


# ---- hostile HTTP


def raw():
    sock = socket.create_connection(("127.0.0.1", fleet.http_port), LIMIT_S)
    return CONTEXT.wrap_socket(sock, server_hostname="127.0.0.1")


def answered():
    start = time.monotonic()
    expect(ask("GET", "/api/v1/whoami", token=home_token()).status == 200, "a valid request is answered meanwhile")
    return time.monotonic() - start


@case("hostile HTTP: half requests, giant headers, bad chunks, pipelines, 300 open connections; a valid client is answered")
def hostile():
    head = "Host: x\r\nAuthorization: Bearer %s\r\n" % home_token()
    held = []
    for number in range(300):
        sock = socket.create_connection(("127.0.0.1", fleet.http_port), LIMIT_S)
        if number % 30 == 0:
            sock = CONTEXT.wrap_socket(sock, server_hostname="127.0.0.1")
            sock.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        held.append(sock)
    answered()
    for text in ("GET / HTTP/1.1\r\nX: %s\r\n\r\n" % ("a" * 200000), "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % ("a" * 200000),
                 "POST /api/v1/tokens HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\nzz\r\n" % head,
                 "POST /api/v1/tokens HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" % head,
                 "POST /api/v1/tokens HTTP/1.1\r\n%sContent-Length: -1\r\n\r\n" % head, "\0\1\2\3\r\n\r\n", "GET\r\n\r\n", "\r\n" * 5000):
        link = raw()
        try:
            link.sendall(text.encode())
            link.settimeout(5)
            data = link.recv(4096)
            expect(not data or data.startswith(b"HTTP/1.1 4") or data.startswith(b"HTTP/1.1 5"), "refused", text[:40], data[:100])
        except OSError:
            pass
        link.close()
        answered()
    link = raw()
    link.sendall(("GET /api/v1/whoami HTTP/1.1\r\n%s\r\n" % head).encode() * 20)
    data = b""
    while data.count(b"HTTP/1.1 200") < 20:
        more = link.recv(65536)
        expect(more, "a pipeline is answered whole", data[-200:])
        data += more
    link.close()
    slowest = max(answered() for _ in range(10))
    for sock in held:
        sock.close()
    return "slowest valid answer %.2f s" % slowest


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    atexit.register(fleet.remove)
    with open(fleet.file("server", "skerryd.conf"), "a") as conf:
        conf.write("rate-per-s = 40\nrate-burst = 1200\n")
    fleet.start()
    sys.exit(main(__doc__, clean_up))
