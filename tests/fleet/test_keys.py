#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`skerry keys` and what skerryd makes of it: keysets made, rotated, revoked, brought to simulated devices; assignments. Signatures are checked by OpenSSL
and a CBOR reader of the tests.
"""

import json
import os
import queue
import resource
import shutil
import sys
import time

import home
import trust
from cases import Failure, case, expect, main

BIN = home.programs()
fleet = home.Home(BIN).start()
quiet = home.Home(BIN)  # its skerryd does not run
SIZES = {4: 3, 5: 1, 6: 1}  # keys of a first keyset by member: roots, release, fleet


def read(*names):
    with open(os.path.join(*names), "rb") as file:
        return file.read()


def tree(folder):
    """Every file below, with its bytes."""
    return {os.path.join(base, name): read(base, name) for base, _, names in os.walk(folder) for name in names}


def newest(of):
    return max(int(name.split(".")[0]) for name in os.listdir(of.file("keysets")))


def keyset(of, version):
    """(body, ids of those roots whose signatures hold, among its own and the version's before)."""
    envelope = read(of.file("keysets", "%d.keyset" % version))
    body = trust.load(trust.load(envelope)[1])
    roots = list(body[4][1])
    if version > 1:
        roots += [point for point in trust.load(trust.load(read(of.file("keysets", "%d.keyset" % (version - 1))))[1])[4][1] if point not in roots]
    return trust.unseal("keyset", envelope, roots, of.folder)


def kids(points):
    return {trust.hashlib.sha256(point).digest()[:8].hex() for point in points}


def show(of):
    return of.json("keys", "show")


def key_ids(of, role):
    return [key["id"] for key in show(of)[role]["keys"]]


def copy(of, name):
    """A home as it is, for what changes it; its skerryd does not run."""
    where = of.scratch(name)
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(of.path, where)
    return where


# ---- keysets


@case("init: OpenSSL verifies the first keyset: two of the three roots signed it; each private key is there once")
def first():
    body, signers = keyset(quiet, 1)
    expect(list(body) == [1, 2, 3, 4, 5, 6] and body[1] == 1 and body[2] == 1, "format 1, version 1", body)
    expect(abs(body[3] - time.time()) < 600, "issued now", body[3])
    expect({member: len(body[member][1]) for member in SIZES} == SIZES and [body[m][0] for m in SIZES] == [2, 1, 1], "roles and thresholds", body)
    expect(len(signers) == 2 and set(signers) <= kids(body[4][1]), "two roots signed it", signers)
    said = show(quiet)
    for role, where in (("root", "roots/root-"), ("release", "keys/release-"), ("fleet", "server/fleet-")):
        for key in said[role]["keys"]:
            expect(where in key["file"] and trust.Key(key["file"]).kid.hex() == key["id"], "%s is the key of that id" % key["file"], key)
    expect(read(quiet.file("server", "first.keyset")) == read(quiet.file("keysets", "1.keyset")), "skerryd finds the first one")


@case("init: other numbers of roots; impossible ones are refused")
def numbers():
    where = quiet.scratch("five")
    quiet.skerry("init", "--home", where, "--roots", "5", "--root-threshold", "4")
    said = json.loads(quiet.command("keys", "show", "--home", where, "--json").stdout)
    expect(len(said["root"]["keys"]) == 5 and said["root"]["threshold"] == 4, "4 of 5", said)
    quiet.refused("init", "--home", where + "x", "--roots", "2", "--root-threshold", "3", code=2, says="--root-threshold 3")
    quiet.refused("init", "--home", where + "x", "--roots", "6", code=2, says="--roots")
    expect(not os.path.exists(where + "x"), "nothing is made")


@case("keys rotate: each role in turn; old and new roots sign, and OpenSSL agrees")
def rotated():
    where = copy(quiet, "rotated")
    q = lambda *args: json.loads(quiet.skerry("--home", where, *args, "--json"))  # noqa: E731
    of = type("Home", (), {"folder": quiet.folder, "file": lambda self, *names: os.path.join(where, *names)})()
    before = q("keys", "show")
    for role in ("release", "fleet", "root"):
        q("keys", "rotate", role, "--no-upload")
        now = q("keys", "show")
        expect(now["version"] == before["version"] + 1, "the next version", now)
        for other in ("release", "fleet", "root"):
            ids = lambda said: {key["id"] for key in said[other]["keys"]}  # noqa: E731
            changed = ids(before) & ids(now) == set() and len(ids(before)) == len(ids(now))
            expect(changed if other == role else ids(before) == ids(now), "only the %s keys change" % role, before, now)
        expect(all("file" in key for key in now[role]["keys"]), "the new private keys are at hand", now[role])
        _, signers = keyset(of, now["version"])
        needed = [before["root"]] + ([now["root"]] if role == "root" else [])
        for roots in needed:
            expect(len(set(signers) & {key["id"] for key in roots["keys"]}) >= 2, "two of the roots signed", signers, roots)
        before = now


@case("keys revoke: by how its id begins; never below the threshold, and the remedy is named")
def revoked():
    where = copy(quiet, "revoked")
    q = lambda *args: json.loads(quiet.skerry("--home", where, *args, "--json"))  # noqa: E731
    old = q("keys", "show")["release"]["keys"][0]["id"]
    quiet.refused("--home", where, "keys", "revoke", old, "--no-upload", says=("0 release keys would be left", "keys rotate"))
    q("keys", "rotate", "release", "--keep-old", "--no-upload")
    expect(old in [key["id"] for key in q("keys", "show")["release"]["keys"]], "the old one counts, too")
    q("keys", "revoke", old[:6].upper(), "--no-upload")
    now = q("keys", "show")
    expect([key["id"] for key in now["release"]["keys"]] != [old] and len(now["release"]["keys"]) == 1, "the old one is gone", now)
    root = now["root"]["keys"][0]["id"]
    q("keys", "revoke", root, "--no-upload")
    another = q("keys", "show")["root"]["keys"][0]["id"]
    quiet.refused("--home", where, "keys", "revoke", another, "--no-upload", says=("1 root key would be left, and 2 have to sign", "--keep-old"))
    for word in (old, "zzzz", "00", root):
        quiet.refused("--home", where, "keys", "revoke", word, "--no-upload", says="keys show")


@case("keys add: a key that is kept elsewhere counts; a threshold of two wants both signatures")
def added():
    where = copy(quiet, "added")
    far = trust.new_key(quiet.scratch("far.key"))
    pub = quiet.scratch("far.pub")
    with open(pub, "wb") as file:
        file.write(trust._openssl("pkey", "-in", far.path, "-pubout"))
    quiet.skerry("--home", where, "keys", "add", "release", pub, "--threshold", "2", "--no-upload")
    said = json.loads(quiet.command("--home", where, "keys", "show", "--json").stdout)
    expect(said["release"]["threshold"] == 2 and far.kid.hex() in [key["id"] for key in said["release"]["keys"]], "it counts", said)
    quiet.refused("--home", where, "keys", "add", "fleet", pub, "--no-upload", says="is a release key already")
    suit = quiet.image("7.0.0")
    fit = suit[:-5] + ".fit"
    quiet.refused("--home", where, "image", "sign", fit, says=("2 release keys", "--key"))
    quiet.skerry("--home", where, "image", "sign", fit, "--key", os.path.join(where, "keys", "release-1.key"), "--key", far.path)
    said = json.loads(quiet.skerry("--home", where, "image", "inspect", suit, "--json"))
    expect(said["signature"] == "valid" and len(said["signatures"]) == 2, "two signatures, which hold", said)
    quiet.skerry("--home", where, "image", "sign", fit, "--key", far.path)  # warns
    quiet.refused("--home", where, "image", "inspect", suit, says="not signed by the release keys")


@case("root keys that are offline: a folder, single files; without enough of them nothing changes")
def offline_roots():
    where = copy(quiet, "offline")
    away = quiet.scratch("safe")
    shutil.rmtree(away, ignore_errors=True)
    shutil.move(os.path.join(where, "roots"), away)
    before = tree(where)
    quiet.refused("--home", where, "keys", "rotate", "release", "--no-upload", says=("2 root keys", "0 are at hand", "--root"))
    quiet.refused("--home", where, "keys", "rotate", "root", "--root", away + "/root-2.key", "--no-upload", says="1 are at hand")
    quiet.refused("--home", where, "keys", "rotate", "fleet", "--roots", away + "-not", "--no-upload", says="safe-not")
    quiet.refused("--home", where, "keys", "rotate", "fleet", "--root", away + "/absent.key", "--no-upload", says="absent.key")
    expect(tree(where) == before, "nothing was written")
    quiet.skerry("--home", where, "keys", "rotate", "release", "--no-upload", "--root", away + "/root-1.key", "--root", away + "/root-3.key")
    quiet.skerry("--home", where, "keys", "rotate", "root", "--no-upload", "--roots", away)
    expect(os.path.exists(away + "/root-6.key") and not os.path.exists(os.path.join(where, "roots")), "new roots go where the old ones are", os.listdir(away))


@case("a full disk, at any point: nothing half-written, and the next try works")
def full_disk():
    for size in (0, 100, 200, 300, 500):
        where = copy(quiet, "full-%d" % size)
        before = tree(where)
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))  # noqa: E731
        quiet.refused("--home", where, "keys", "rotate", "release", "--no-upload", preexec_fn=limit)
        expect(tree(where) == before, "all is as it was, with files of at most %d bytes" % size, sorted(tree(where)))
        quiet.skerry("--home", where, "keys", "rotate", "release", "--no-upload")


@case("keysets that were changed, swapped or are missing are named")
def damaged():
    where = copy(quiet, "damaged")
    for _ in range(2):
        quiet.skerry("--home", where, "keys", "rotate", "release", "--no-upload")
    second = os.path.join(where, "keysets", "2.keyset")
    good = read(second)
    for bad in (good[:-1], good[:100] + bytes([good[100] ^ 1]) + good[101:], read(where, "keysets", "3.keyset"), b""):
        with open(second, "wb") as file:
            file.write(bad)
        for args in (("keys", "show"), ("keys", "rotate", "fleet", "--no-upload")):
            quiet.refused("--home", where, *args, says="2.keyset")
    stranger = trust.keyset([trust.Key(fleet.file("roots", "root-%d.key" % n)) for n in (1, 2)], 2, int(time.time()),
                            *[(t, [trust.Key(fleet.file(name % n)) for n in range(1, count + 1)]) for t, name, count in
                              ((2, "roots/root-%d.key", 3), (1, "keys/release-%d.key", 1), (1, "server/fleet-%d.key", 1))])
    with open(second, "wb") as file:
        file.write(stranger)
    quiet.refused("--home", where, "keys", "show", says="2.keyset")
    expect(quiet.command("--home", where, "keys", "show", second).returncode == 0, "by itself it is a keyset: of another fleet")
    with open(second, "wb") as file:
        file.write(good)
    quiet.skerry("--home", where, "keys", "show")


@case("keys init: for a home from before there were keysets; not over those that there are")
def late_init():
    where = copy(quiet, "late")
    quiet.refused("--home", where, "keys", "init", says=("has keysets already", "keys rotate"))
    for name in ("keysets", "roots"):
        shutil.rmtree(os.path.join(where, name))
    quiet.refused("--home", where, "keys", "show", says="keys init")
    quiet.skerry("--home", where, "keys", "init", "--roots", "1", "--root-threshold", "1")
    quiet.skerry("--home", where, "keys", "show")


@case("image sign: with the key that counts now; an image by the old key is not ours any more")
def release_follows():
    where = copy(quiet, "follows")
    suit = quiet.image("7.1.0")
    quiet.skerry("--home", where, "image", "inspect", suit)
    quiet.skerry("--home", where, "keys", "rotate", "release", "--no-upload")
    quiet.refused("--home", where, "image", "inspect", suit, says="not signed by the release keys")
    quiet.skerry("--home", where, "image", "sign", suit[:-5] + ".fit")
    said = json.loads(quiet.skerry("--home", where, "image", "inspect", suit, "--json"))
    expect(said["signature"] == "valid" and len(said["signatures"]) == 1, "by the new key alone", said)


# ---- with skerryd


def assignment(of, text, version=None):
    """(body, checked) of what skerryd signed, by the fleet keys of the keyset."""
    body, _ = keyset(of, version or newest(of))
    found, signers = trust.unseal("assignment", trust.unbase64url(text), body[6][1], of.folder)
    expect(len(signers) >= body[6][0], "a fleet key of the keyset signed it", signers)
    return found


@case("a job carries an assignment for this device and digest; idle is signed, with the request's token")
def assigned():
    device = fleet.device("asg-1", keyset=newest(fleet))
    idle = assignment(fleet, device.assignments.get(timeout=home.TIMEOUT_S))
    expect(idle[7] is None and idle[8] == b"start" and idle[6] == [1, b"asg-1"] and idle[2] == newest(fleet), "nothing is assigned", idle)
    suit = fleet.image("1.0.0")
    job = fleet.json("update", "asg-1", suit, "--no-wait")
    execution = device.jobs.get(timeout=home.TIMEOUT_S)
    said = assignment(fleet, execution["jobDocument"]["assignment"])
    expect(said[7].hex() == job["digest"] and said[6] == [1, b"asg-1"], "this digest to this device", said)
    expect(said[3] > idle[3], "a higher number than before", said, idle)
    expect(said[5] - said[4] == 604800 and abs(said[4] - time.time()) < 600, "from now on, for a week", said)
    stored = fleet.json("job", "show", execution["jobId"])
    expect(stored["status"] == "QUEUED", "the job waits", stored)
    device.update(execution["jobId"], "SUCCEEDED", 1)
    device.stop()


@case("keys rotate brings the keyset to those who are there; one that was off gets each version, in order, when it comes back")
def brought():
    start = newest(fleet)
    here = fleet.device("trust-1", keyset=start)
    here.assignments.get(timeout=home.TIMEOUT_S)
    home.wait_until(lambda: fleet.json("device", "show", "trust-1").get("online"), "it is online")
    versions = []
    for role in ("release", "fleet"):
        fleet.skerry("keys", "rotate", role)
        versions.append(newest(fleet))
        got = here.keysets.get(timeout=home.TIMEOUT_S)
        expect(trust.unbase64url(got) == read(fleet.file("keysets", "%d.keyset" % versions[-1])), "the keyset as it was made")
        here.keyset = versions[-1]
        idle = here.assignments.get(timeout=home.TIMEOUT_S)
        expect(assignment(fleet, idle)[2] == versions[-1], "assignments are for the new one from then on")
    expect(not [name for name in os.listdir(fleet.file("server")) if name.startswith("fleet-1.")], "the old fleet key is gone from the server")
    here.stop()
    away = fleet.device("trust-2", keyset=start)
    for version in versions:
        expect(trust.unbase64url(away.keysets.get(timeout=home.TIMEOUT_S)) == read(fleet.file("keysets", "%d.keyset" % version)), "version %d" % version)
    away.assignments.get(timeout=home.TIMEOUT_S)
    expect(away.keysets.empty(), "and no more")
    expect(fleet.json("device", "show", "trust-2")["keyset"] == start, "what it holds is shown")
    away.say("report", {"device": "trust-2", "version": "1.0.0", "keyset": versions[-1], "keysetError": "E_KEYSET", "heardS": 7})
    shown = home.wait_until(lambda: (lambda d: d if d.get("keysetError") else None)(fleet.json("device", "show", "trust-2")), "the report is taken")
    expect(shown["keyset"] == versions[-1] and shown["keysetError"] == "E_KEYSET" and shown["heardS"] == 7, "as it reports", shown)
    away.stop()


@case("the server is away during a rotation: said so, and `keys push` brings it later")
def pushed():
    fleet.server.end()
    done = fleet.refused("keys", "rotate", "fleet", says=("does not answer", "keys push"))
    made = newest(fleet)
    expect("made keyset %d" % made in done.stdout, "the keyset is made", done.stdout)
    fleet.skerry("keys", "rotate", "release", "--no-upload")
    # It starts with the old keyset and the old fleet key: both are still there.
    fleet.start_server()
    device = fleet.device("push-1", keyset=made - 1)
    expect(assignment(fleet, device.assignments.get(timeout=home.TIMEOUT_S), made - 1)[2] == made - 1, "it goes on as before")
    expect("took 2 keysets" in fleet.skerry("keys", "push"), "both are sent")
    expect("took 0 keysets" in fleet.skerry("keys", "push"), "once")
    expect(fleet.status()["keyset"] == made + 1 and fleet.status()["canAssign"], "it can sign for the newest", fleet.status())
    for version in (made, made + 1):
        expect(trust.unbase64url(device.keysets.get(timeout=home.TIMEOUT_S)) == read(fleet.file("keysets", "%d.keyset" % version)), "version %d" % version)
    device.stop()


@case("POST /keysets: gaps, forgeries and strangers are refused, and why")
def refused_uploads():
    def post(data):
        path = fleet.scratch("upload")
        with open(path, "wb") as file:
            file.write(data)
        status, _, body = fleet.api("/api/v1/keysets", "-X", "POST", "--data-binary", "@" + path)
        return status, json.loads(body)
    before = fleet.status()["keyset"]
    now = int(time.time())
    roots = [trust.Key(fleet.file("roots", "root-%d.key" % n)) for n in (1, 2, 3)]
    body, _ = keyset(fleet, before)
    role = lambda member: (body[member][0], body[member][1])  # noqa: E731
    make = lambda keys, version=before + 1, root=None, fleets=None: trust.keyset(  # noqa: E731
        keys, version, now, root or role(4), role(5), fleets or role(6))
    thief = trust.new_key(fleet.scratch("thief.key"))
    stolen = trust.Key([key["file"] for key in show(fleet)["fleet"]["keys"]][0])
    for data, wanted, says in ((make(roots[:1]), 422, "not signed"), (make([thief, stolen]), 422, "not signed"), (make([thief], root=(1, [thief])), 422, "not signed"),
                               (make(roots[:2], before + 2), 409, "is due"), (make(roots[:2], before), 409, "another keyset"), (make(roots[1:], fleets=(1, [thief])), 409, "fleet key"),
                               (b"\x82", 422, "no keyset"), (make(roots[:2])[:-1], 422, "no keyset"), (b"x" * 5000, 413, "bytes"), (b"", 400, "empty")):
        status, said = post(data)
        expect(status == wanted and says in said["detail"], "refused with %d, '%s'" % (wanted, says), status, said)
    expect(fleet.status()["keyset"] == before and fleet.status()["canAssign"], "nothing changed", fleet.status())
    status, said = post(read(fleet.file("keysets", "%d.keyset" % before)))
    expect(status == 200 and said["newest"] == before, "the same again is no fault", status, said)
    status, _, _ = fleet.curl("/api/v1/keysets")
    expect(fleet.curl("/api/v1/keysets")[1].split()[1] == "401", "not without the token")


@case("the database is lost: all keysets come back by `keys push`, and devices get higher numbers than before")
def lost_database():
    device = fleet.device("lost-1", keyset=newest(fleet))
    known = assignment(fleet, device.assignments.get(timeout=home.TIMEOUT_S))[3]
    device.stop()
    fleet.server.end()
    for name in os.listdir(fleet.file("server")):
        if name.startswith("fleet.db"):
            os.remove(fleet.file("server", name))
    time.sleep(1)
    fleet.start_server()
    fleet.skerry("keys", "push")
    expect(fleet.status()["keyset"] == newest(fleet) and fleet.status()["canAssign"], "all are back", fleet.status())
    device = fleet.device("lost-1", keyset=newest(fleet))
    expect(assignment(fleet, device.assignments.get(timeout=home.TIMEOUT_S))[3] > known, "a higher number")
    device.stop()


def clean_up():
    fleet.remove()
    quiet.remove()


if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
