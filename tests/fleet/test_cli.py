#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`skerry` without a server: the home, images, manifests, disks; and what it says to bad input. What it makes is read here by other means than its own."""

import base64
import hashlib
import json
import os
import resource
import shutil
import stat
import struct
import subprocess
import sys
import uuid
import zlib

import cbor
import home
from cases import case, expect, main

BIN = home.programs()
fleet = home.Home(BIN)
other = home.Home(BIN)  # another fleet: other keys
SECTOR = 512


def run(*command, data=None):
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def read(*names):
    with open(os.path.join(*names), "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def flipped(path, at, out):
    data = bytearray(read(path))
    data[at] ^= 1
    return write(out, bytes(data))


def everything(folder):
    return sorted(os.path.join(base, name) for base, _, names in os.walk(folder) for name in names)


def limited(size):
    """No file may grow beyond `size` bytes: what a full disk looks like."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def unpem(path):
    return base64.b64decode("".join(line for line in read(path).decode().splitlines() if not line.startswith("-----")))


# ---- the home


@case("init: keys can be read by their owner only; the server's folder holds no root, release, boot or CA key")
def init_modes():
    for name in everything(fleet.path):
        secret = b"PRIVATE KEY" in read(name) or name.endswith("api-token")
        mode = stat.S_IMODE(os.stat(name).st_mode)
        expect(not secret or mode == 0o600, "%s has mode 0600" % name, oct(mode))
    inside = b"".join(read(name) for name in everything(fleet.file("server")))
    for key in ("keys/ca.key", "keys/release-1.key", "keys/boot.key", "roots/root-1.key", "roots/root-2.key", "roots/root-3.key"):
        expect(read(fleet.file(key)) not in inside, "%s is not in server/" % key)
    expect(read(fleet.file("operator", "api-token")) not in inside, "skerryd keeps only the token's hash")


@case("init: certificates of broker and skerryd hold for every address that is used")
def init_certificates():
    ca = fleet.file("server", "ca.pem")
    for name in ("broker", "skerryd"):
        crt = fleet.file("server", name + ".crt")
        for check in (("-verify_ip", "127.0.0.1"), ("-verify_ip", "10.0.2.2"), ("-verify_hostname", "localhost")):
            code, text = run("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca, *check, crt)
            expect(code == 0, "%s is good for %s" % (name, check[1]), text)
        code, text = run("openssl", "verify", "-purpose", "sslserver", "-CAfile", ca, "-verify_hostname", "example.org", crt)
        expect(code != 0, "%s is not good for another name" % name, text)


@case("init: names can be added")
def init_names():
    where = fleet.scratch("named")
    fleet.skerry("init", "--home", where, "--name", "fleet.example.org", "--name", "192.0.2.7", "--broker-host", "mqtt.example.org")
    for check in (("-verify_ip", "192.0.2.7"), ("-verify_hostname", "fleet.example.org"), ("-verify_hostname", "mqtt.example.org")):
        code, text = run("openssl", "verify", "-CAfile", where + "/server/ca.pem", *check, where + "/server/broker.crt")
        expect(code == 0, "the broker is good for %s" % check[1], text)


@case("init: does not touch what is there")
def init_refuses():
    before = {name: read(name) for name in everything(fleet.path)}
    fleet.refused("init", says=("exists already", fleet.path))
    expect({name: read(name) for name in everything(fleet.path)} == before, "the home is as it was")


@case("init: a full disk leaves nothing")
def init_full_disk():
    where = fleet.scratch("full")
    os.mkdir(where)
    fleet.refused("init", "--home", where + "/home", says=("cannot write", "File too large"), preexec_fn=limited(300))
    expect(everything(where) == [] and os.listdir(where) == [], "nothing is left", os.listdir(where))


# ---- images


def build(home_of, out, *more, kernel=None, version="1.2.3"):
    kernel = kernel or write(fleet.scratch("kernel.bin"), os.urandom(100000))
    return home_of.command("image", "build", "--kernel", kernel, "--board", "qemu-virt", "--app", "sensor", "--version", version, "-o", out, *more)


@case("image build: U-Boot's own checker accepts the signature, and refuses it by another key")
def image_signature():
    fit = fleet.scratch("signed.fit")
    expect(build(fleet, fit, "--counter", "7").returncode == 0, "the image is built")
    tools = os.path.dirname(fleet.env["SKERRY_MKIMAGE"])
    verdicts = []
    for keys in (fleet.file("keys"), other.file("keys")):
        control = write(fleet.scratch("control.dts"), b"/dts-v1/; / { };")
        dtb = control[:-1] + "b"
        run("dtc", "-q", "-I", "dts", "-O", "dtb", "-p", "4096", "-o", dtb, control)
        code, text = run(os.path.join(tools, "fdt_add_pubkey"), "-a", "sha256,rsa2048", "-k", keys, "-n", "boot", "-r", "conf", dtb)
        expect(code == 0, "the public key is taken into a control tree", text)
        verdicts.append(run(os.path.join(tools, "fit_check_sign"), "-f", fit, "-k", dtb))
    expect(verdicts[0][0] == 0, "accepted by our key", verdicts[0][1])
    expect(verdicts[1][0] != 0, "refused by another fleet's key", verdicts[1][1])


@case("image build: the same kernel makes the same bytes")
def image_reproducible():
    kernel = write(fleet.scratch("same.bin"), os.urandom(50000))
    one, two = fleet.scratch("one.fit"), fleet.scratch("two.fit")
    for out in (one, two):
        expect(build(fleet, out, kernel=kernel).returncode == 0, "the image is built")
    expect(read(one) == read(two), "both are equal")


@case("image build: errors leave no file behind")
def image_errors():
    out = fleet.scratch("never.fit")
    kernel = write(fleet.scratch("k.bin"), b"x" * 5000)
    base = ["image", "build", "--board", "qemu-virt", "--app", "a", "--version", "1.0.0", "-o", out]
    fleet.refused(*base, "--kernel", fleet.scratch("absent.bin"), says="absent.bin")
    fleet.refused(*base, "--kernel", write(fleet.scratch("empty.bin"), b""), says="is empty")
    fleet.refused(*base, "--kernel", kernel, "--mkimage", "/nonexistent/mkimage", says="no program '/nonexistent/mkimage'")
    fleet.refused(*base, "--kernel", kernel, "--mkimage", "/bin/false", says="mkimage failed")
    fleet.refused(*base, "--kernel", kernel, "--mkimage", "/bin/true", says="cannot open")
    fleet.refused(*base, "--kernel", kernel, "--keys", fleet.scratch("nokeys"), says="nokeys")
    fleet.refused("image", "build", "--kernel", kernel, "--board", "none-such", "--app", "a", "--version", "1.0.0", "-o", out, says="no board 'none-such'")
    fleet.refused(*base, "--kernel", kernel, "--counter", "4294967296", code=2, says="--counter")
    fleet.refused(*base, "--kernel", kernel, preexec_fn=limited(3000), says="too large")
    for text in ("1.0", "1.0.0.0", "1..0", "65536.0.0", "-1.0.0", "a.b.c", ""):
        fleet.refused("image", "build", "--kernel", kernel, "--board", "qemu-virt", "--app", "a", "--version", text, "-o", out, code=2, says="--version")
    expect([name for name in os.listdir(fleet.folder) if name.startswith("never")] == [], "nothing is left", os.listdir(fleet.folder))


def open_envelope(suit):
    """(digest, [(protected, signature)], manifest) of a SUIT envelope, taken apart by hand."""
    tag, envelope = cbor.decode(read(suit))
    expect(tag == 107 and list(envelope) == [2, 3], "a SUIT envelope of two members", tag, list(envelope))
    parts = cbor.decode(envelope[2])
    algorithm, digest = cbor.decode(parts[0])
    wrapped = struct.pack(">BH", 0x59, len(envelope[3])) + envelope[3] if len(envelope[3]) > 255 else bytes([0x58, len(envelope[3])]) + envelope[3]
    expect(algorithm == -16 and digest == hashlib.sha256(wrapped).digest(), "the digest is that of the wrapped manifest")
    signatures = []
    for part in parts[1:]:
        item = cbor.decode(part)
        protected, unprotected, payload, signature = item[1] if isinstance(item, tuple) else item
        expect(unprotected == {} and payload is None, "detached payload, nothing unprotected")
        signatures.append((protected, signature))
    return parts[0], signatures, cbor.decode(envelope[3])


def der_signature(raw):
    numbers = b""
    for half in (raw[:32], raw[32:]):
        half = half.lstrip(b"\0") or b"\0"
        half = b"\0" + half if half[0] & 0x80 else half
        numbers += b"\x02" + bytes([len(half)]) + half
    return b"\x30" + bytes([len(numbers)]) + numbers


@case("image sign: OpenSSL verifies the COSE signature; the manifest says what the image is, chunk by chunk")
def image_sign():
    suit = fleet.image("3.2.1", counter=9, size=150000)
    fit = read(suit[:-5] + ".fit")
    digest, signatures, manifest = open_envelope(suit)
    expect(len(signatures) == 1, "one signature")
    protected, signature = signatures[0]
    point = unpem(fleet.file("keys", "release-1.pub"))[-64:]
    expect(cbor.decode(protected) == {1: -7, 4: hashlib.sha256(point).digest()[:8]}, "ES256, the release key's id", cbor.decode(protected))
    head = lambda data: bytes([0x40 + len(data)]) + data if len(data) < 24 else bytes([0x58, len(data)]) + data  # noqa: E731
    signed = b"\x84\x6aSignature1" + head(protected) + b"\x40" + head(digest)
    write(fleet.scratch("sig"), der_signature(signature))
    code, text = run("openssl", "dgst", "-sha256", "-verify", fleet.file("keys", "release-1.pub"), "-signature", fleet.scratch("sig"), data=signed)
    expect(code == 0, "OpenSSL verifies it", text)

    expect(list(manifest) == [1, 2, 3, 7, 9, 20] and manifest[1] == 1 and manifest[2] == 9, "version 1, sequence number = security counter", manifest)
    sequence = cbor.decode(cbor.decode(manifest[3])[4])
    p = sequence[1]
    vendor = uuid.uuid5(uuid.NAMESPACE_DNS, "skerry.invalid")
    expect(p[1] == vendor.bytes and p[2] == uuid.uuid5(vendor, "qemu-virt").bytes, "vendor and class ids")
    expect(cbor.decode(p[3]) == [-16, hashlib.sha256(fit).digest()] and p[14] == len(fit), "digest and size are the file's")
    expect(p[-1] == [3, 2, 1] and p[-2] == 65536 and p[-4] == 0 and p[-6] == "sensor", "version, chunk size, plain, name", p)
    chunks = b"".join(hashlib.sha256(fit[at:at + 65536]).digest() for at in range(0, len(fit), 65536))
    expect(p[-3] == chunks, "the digest of each chunk")
    install = cbor.decode(manifest[20])
    expect(install[1] == {21: os.path.basename(suit)[:-5] + ".fit"}, "the uri is the payload's file name", install)


@case("image sign: for one device only, by another key")
def image_sign_options():
    suit, out = fleet.image("3.3.0"), fleet.scratch("one.suit")
    fleet.skerry("image", "sign", suit[:-5] + ".fit", "-o", out, "--device", "dev-7", "--key", other.file("keys", "release-1.key"), "--vendor", "example.org")
    p = cbor.decode(cbor.decode(open_envelope(out)[2][3])[4])[1]
    expect(p[24] == b"dev-7" or p[24] == "dev-7", "the device's id", p)
    expect(p[1] == uuid.uuid5(uuid.NAMESPACE_DNS, "example.org").bytes, "the vendor's id")
    said = json.loads(other.command("image", "inspect", out, "--json").stdout)
    expect(said["signature"] == "valid" and said["device"] == "dev-7", "the other fleet accepts it", said)


@case("image inspect: says what is in both files")
def inspect():
    suit = fleet.image("4.5.6", counter=3)
    image, manifest = fleet.json("image", "inspect", suit[:-5] + ".fit"), fleet.json("image", "inspect", suit)
    for said in (image, manifest):
        expect(said["version"] == "4.5.6" and said["counter"] == 3 and said["app"] == "sensor", "version, counter, app", said)
        expect(said["digest"] == hashlib.sha256(read(suit[:-5] + ".fit")).hexdigest(), "digest", said)
    expect(image["board"] == "qemu-virt" and image["load"] == "0x40200000" and image["kernelBytes"] == 200000, "board, address, size", image)
    expect(manifest["signature"] == "valid", "the signature holds", manifest)
    expect("4.5.6" in fleet.skerry("image", "inspect", suit), "readable text too")


@case("image inspect: the boot key's signature covers every byte that the boot loader relies on")
def inspect_boot_signature():
    fit = fleet.scratch("covered.fit")
    kernel = write(fleet.scratch("covered.bin"), b"K" * 600)
    expect(build(fleet, fit, kernel=kernel).returncode == 0, "the image is built")
    expect(fleet.json("image", "inspect", fit)["signature"] == "valid", "the signature holds")
    other.refused("image", "inspect", fit, says="not signed by the boot key")
    data = read(fit)
    tools = os.path.dirname(fleet.env["SKERRY_MKIMAGE"])
    control = write(fleet.scratch("cover.dts"), b"/dts-v1/; / { };")
    run("dtc", "-q", "-I", "dts", "-O", "dtb", "-p", "4096", "-o", control + "b", control)
    run(os.path.join(tools, "fdt_add_pubkey"), "-a", "sha256,rsa2048", "-k", fleet.file("keys"), "-n", "boot", "-r", "conf", control + "b")
    end = data.rindex(b"hashed-strings") if b"hashed-strings" in data else len(data)
    default = data.index(b"configurations\0") + 16  # which configuration is the default: not signed, and not used, since the boot loader takes `conf`
    for at in (at for at in range(40, end, 13) if not default <= at < default + 24):
        bad = flipped(fit, at, fleet.scratch("covered-bad.fit"))
        ours = fleet.command("image", "inspect", bad).returncode == 0
        code, text = run(os.path.join(tools, "fit_check_sign"), "-f", bad, "-k", control + "b")
        expect(code == 0 or not ours, "byte %d: U-Boot refuses it, so do we" % at, text)


@case("image inspect: what was changed, signed by others, or is something else is an error")
def inspect_errors():
    suit = fleet.image("4.5.7", size=3000)
    fit, size = suit[:-5] + ".fit", os.path.getsize(suit)
    fleet.refused("image", "inspect", flipped(fit, os.path.getsize(fit) // 2, fleet.scratch("bad.fit")), says="does not match its hash")
    write(fleet.scratch("short.fit"), read(fit)[:-1])
    fleet.refused("image", "inspect", fleet.scratch("short.fit"), says="not an image of ours")
    write(fleet.scratch("long.fit"), read(fit) + b"\0")
    fleet.refused("image", "inspect", fleet.scratch("long.fit"), says="bytes follow")
    bad = fleet.scratch("bad.suit")
    for at in range(0, size, 3):
        done = fleet.command("image", "inspect", flipped(suit, at, bad))
        expect(done.returncode == 1 and "remedy:" in done.stderr, "byte %d flipped is noticed" % at, done.stdout, done.stderr)
    for length in (0, 1, size // 2, size - 1):
        write(bad, read(suit)[:length])
        fleet.refused("image", "inspect", bad, says="not an update manifest")
    other.refused("image", "inspect", suit, says="not signed by the release keys")
    fleet.refused("image", "inspect", write(fleet.scratch("noise"), os.urandom(5000)), says="not an update manifest")
    fleet.refused("image", "inspect", fleet.scratch("absent"), says="absent")
    fleet.refused("image", "inspect", fleet.folder, says="not a plain file")
    write(fit, os.urandom(4000))
    fleet.refused("image", "inspect", suit, says="not an image of ours")


# ---- devices


def boot_record(sector):
    expect(sector[:4] == b"SKB1" and struct.unpack_from("<H", sector, 4)[0] == 1, "magic and format of the boot record")
    expect(struct.unpack_from("<I", sector, 508)[0] == zlib.crc32(sector[:508]), "its CRC")
    slots = []
    for off in (32, 96):
        digest, size, counter, major, minor, patch, state, tries, cause = struct.unpack_from("<32sIIHHIBBB", sector, off)
        slots.append({"digest": digest, "bytes": size, "counter": counter, "version": (major, minor, patch), "state": state})
    seq, min_counter = struct.unpack_from("<QI", sector, 8)
    return {"active": sector[6], "starts": sector[7], "seq": seq, "min_counter": min_counter, "slots": slots}


@case("device add: the disk holds what the boot loader, the kernel and the agent need")
def device_disk():
    suit, disk = fleet.image("1.0.3", counter=5), fleet.scratch("dev-disk.img")
    fit = read(suit[:-5] + ".fit")
    digest = hashlib.sha256(fit).digest()
    fleet.skerry("device", "add", "dev-disk", "--board", "qemu-virt", "--disk", disk, "--image", suit)
    data = read(disk)
    at = lambda lba, size: data[lba * SECTOR:lba * SECTOR + size]  # noqa: E731
    expect(len(data) == 0xA000 * SECTOR, "the disk is as long as the flash map", len(data))
    records = [boot_record(at(lba, SECTOR)) for lba in (0x800, 0x808)]
    for record in records:
        a, b = record["slots"]
        expect(record["active"] == 0 and record["starts"] == 0 and record["min_counter"] == 5, "slot a is active, the floor is its counter", record)
        expect(a == {"digest": digest, "bytes": len(fit), "counter": 5, "version": (1, 0, 3), "state": 4}, "slot a is confirmed", a)
        expect(b["state"] == 0, "slot b is empty", b)
    expect(at(0x2000, len(fit)) == fit, "slot a holds the payload")
    mark = at(0x2000 + 0x4000 - 1, SECTOR)
    expect(mark[:4] == b"SKCF" and mark[16:48] == digest and struct.unpack_from("<I", mark, 48)[0] == 5, "the confirm mark", mark[:52].hex())
    expect(struct.unpack_from("<I", mark, 508)[0] == zlib.crc32(mark[:508]), "its CRC")
    expect(struct.unpack_from("<Q", mark, 8)[0] in {r["seq"] for r in records}, "it belongs to the record")
    expect(not any(at(0x6000, 0x4000 * SECTOR)) and not any(at(0x880, 0x40 * SECTOR)), "slot b and the journal are blank")
    blob = at(0x1000, 0x80 * SECTOR).rstrip(b"\0")
    expect(read(fleet.file("devices", "dev-disk", "provision.bin")).rstrip(b"\0") == blob, "the provisioning is the one in the home")


@case("device add: the provisioning is complete, and its key and certificate belong together")
def device_provision():
    fleet.skerry("device", "add", "dev-prov", "--board", "qemu-virt")
    folder = fleet.file("devices", "dev-prov")
    blob = read(folder, "provision.bin")
    magic, form, size, _ = struct.unpack_from("<4sIII", blob)
    payload = blob[512:512 + size]
    expect(magic == b"SKPV" and form == 1 and blob[16:48] == hashlib.sha256(payload).digest(), "head and digest")
    p = cbor.decode(payload)
    vendor = uuid.uuid5(uuid.NAMESPACE_DNS, "skerry.invalid")
    expect(list(p) == list(range(1, 13)), "all members, in order", list(p))
    expect(p[1] == "dev-prov" and p[11] == "qemu-virt" and p[7] == home.PREFIX, "id, board, prefix", p)
    expect(p[5] == "127.0.0.1" and p[6] == fleet.broker_port, "the broker", p)
    expect(p[8] == vendor.bytes and p[9] == uuid.uuid5(vendor, "qemu-virt").bytes, "vendor and class")
    expect(p[10] == read(fleet.file("keysets", "1.keyset")), "the newest keyset")
    expect(p[4] == [unpem(fleet.file("server", "ca.pem"))], "the CA")
    expect(p[2] == unpem(folder + "/device.key") and p[3] == unpem(folder + "/device.crt"), "key and certificate are those of the files")
    publics = [run("openssl", *args)[1] for args in (("x509", "-in", folder + "/device.crt", "-noout", "-pubkey"), ("pkey", "-in", folder + "/device.key", "-pubout"))]
    expect(publics[0] == publics[1], "the certificate is for the key")
    code, text = run("openssl", "verify", "-purpose", "sslclient", "-CAfile", fleet.file("server", "ca.pem"), folder + "/device.crt")
    expect(code == 0, "it is by the fleet's CA, for clients", text)
    expect("CN = dev-prov" in run("openssl", "x509", "-in", folder + "/device.crt", "-noout", "-subject")[1], "its name is the device's id")
    code, text = run("openssl", "verify", "-purpose", "sslserver", "-CAfile", fleet.file("server", "ca.pem"), folder + "/device.crt")
    expect(code != 0, "a device cannot pose as a server", text)


@case("device add: an error leaves no device, no disk, no enrolment")
def device_errors():
    suit, disk = fleet.image("1.0.4"), fleet.scratch("never.img")
    before = everything(fleet.path)
    add = lambda *more: ("device", "add", "dev-never", "--board", "qemu-virt", "--disk", disk, "--image", *more)  # noqa: E731
    fleet.refused(*add(other.image("1.0.0")), says="not signed by the release keys")
    fleet.refused(*add(fleet.scratch("absent.suit")), says="absent.suit")
    fleet.refused(*add(suit), preexec_fn=limited(100000), says="too large")
    lonely = shutil.copy(suit, fleet.scratch("lonely.suit"))
    os.rename(suit[:-5] + ".fit", suit[:-5] + ".away")
    fleet.refused(*add(lonely), says="cannot open")
    os.rename(suit[:-5] + ".away", suit[:-5] + ".fit")
    board = fleet.scratch("small")
    os.mkdir(board)
    write(board + "/board.conf", b"name = small\nkernel-load = 0x40200000\n")
    lines = read(home.TOP, "board", "qemu-virt", "flashmap.conf")
    write(board + "/flashmap.conf", lines)
    fleet.refused("device", "add", "dev-never", "--board", board, "--disk", disk, "--image", suit, says=("is for board qemu-virt", "small"))
    write(board + "/board.conf", b"name = qemu-virt\nkernel-load = 0x40200000\n")
    write(board + "/flashmap.conf", lines.replace(b"0x2000     0x4000", b"0x2000     0x20"))
    fleet.refused("device", "add", "dev-never", "--board", board, "--disk", disk, "--image", suit, says="a slot of qemu-virt holds")
    fleet.refused("device", "add", "dev-never", "--board", "qemu-virt", "--disk", fleet.scratch("no/such/folder.img"), "--image", suit, says="folder.img")
    os.rename(fleet.file("keys", "ca.key"), fleet.file("keys", "ca.away"))
    fleet.refused("device", "add", "dev-never", "--board", "qemu-virt", says="ca.key")
    write(fleet.file("keys", "ca.key"), b"nonsense")
    fleet.refused("device", "add", "dev-never", "--board", "qemu-virt", says="not a private key")
    os.rename(fleet.file("keys", "ca.away"), fleet.file("keys", "ca.key"))
    expect(everything(fleet.path) == before, "the home is as it was", set(everything(fleet.path)) ^ set(before))
    expect(not [name for name in os.listdir(fleet.folder) if name.startswith("never.img")], "no disk is left", os.listdir(fleet.folder))


@case("device add: many at once, each whole, or none")
def device_many():
    fleet.skerry("device", "add", "many-05", "--board", "qemu-virt")
    fleet.refused("device", "add", "many-", "--board", "qemu-virt", "--count", "12", says="'many-05' exists already")
    expect(not os.path.exists(fleet.file("devices", "many-01")), "none was made")
    said = fleet.json("device", "add", "lot", "--board", "qemu-virt", "--count", "12")
    expect((said["added"], said["first"], said["last"], said["enrolled"]) == (12, "lot01", "lot12", False), "it says which", said)
    names = ["lot%02d" % n for n in range(1, 13)]
    expect(sorted(n for n in os.listdir(fleet.file("devices")) if n.startswith("lot")) == names, "twelve folders")
    expect(len({read(fleet.file("devices", name, "device.key")) for name in names}) == 12, "each has a key of its own")
    for name in names:
        expect("CN = %s\n" % name in run("openssl", "x509", "-in", fleet.file("devices", name, "device.crt"), "-noout", "-subject")[1], "and its name", name)
        expect(json.loads(read(fleet.file("server", "enrol", name + ".json")))["device"] == name, "and is enrolled", name)


@case("device add: an id is given once; a file that is there stays")
def device_twice():
    suit, disk = fleet.image("1.0.5"), write(fleet.scratch("mine.img"), b"mine")
    fleet.refused("device", "add", "dev-file", "--board", "qemu-virt", "--disk", disk, "--image", suit, says="exists already")
    expect(read(disk) == b"mine", "the file is as it was")
    fleet.skerry("device", "add", "dev-twice", "--board", "qemu-virt")
    key = read(fleet.file("devices", "dev-twice", "device.key"))
    fleet.refused("device", "add", "dev-twice", "--board", "qemu-virt", says="exists already")
    expect(read(fleet.file("devices", "dev-twice", "device.key")) == key, "its key is as it was")


@case("flash map: areas that overlap, are missing or malformed are named")
def flash_map():
    board = fleet.scratch("board")
    os.mkdir(board)
    write(board + "/board.conf", b"name = b\nkernel-load = 0x40200000\n")
    good = read(home.TOP, "board", "qemu-virt", "flashmap.conf")
    for change, says in (((b"0x6000     0x4000", b"0x5fff     0x4000"), "slot-b"), ((b"provision ", b"provizion "), "no 'provision'"),
                         ((b"0x1000     0x80", b"0x1000"), "provision"), ((b"0x6000     0x4000", b"0x6000     0xffffffff"), "slot-b"),
                         ((b"0x810      0x40", b"0x800      0x40"), "crash"), ((b"0x6000", b"-0x6000"), "slot-b")):
        expect(change[0] in good, "the map has %s" % change[0])
        write(board + "/flashmap.conf", good.replace(*change))
        fleet.refused("device", "add", "dev-map", "--board", board, says=says)
    os.remove(board + "/flashmap.conf")
    fleet.refused("device", "add", "dev-map", "--board", board, says="flashmap.conf")


# ---- the command line


@case("bad arguments: exit code 2, the command's usage, what is wrong")
def usage():
    for args, says in ((["frobnicate"], "no command 'frobnicate'"), (["image"], "image build"), (["image", "burn"], "image build"), (["--frob"], "--frob"),
                       (["init", "--broker-port", "0"], "--broker-port"), (["init", "--broker-port", "65536"], "--broker-port"),
                       (["init", "--broker-port", "x"], "--broker-port"), (["init", "--broker-port"], "needs a value"),
                       (["init", "--broker-host", "a b"], "--broker-host"), (["init", "--prefix", "a/+/b"], "--prefix"), (["init", "extra"], "extra"),
                       (["init", "--broker-port", "99", "--http-port", "99"], "the same"),
                       (["device", "add"], "missing"), (["device", "add", "a/b", "--board", "qemu-virt"], "not a device id"),
                       (["device", "add", "x" * 65, "--board", "qemu-virt"], "not a device id"), (["device", "add", "d"], "--board"),
                       (["device", "add", "d", "--board", "b", "--disk", "f"], "belong together"),
                       (["device", "add", "d", "--board", "b", "--disk", "f", "--image", "i", "--count", "2"], "makes no disks"),
                       (["device", "add", "x" * 64, "--board", "qemu-virt", "--count", "2"], "not a device id"), (["device", "show", "a b"], "not a device id"),
                       (["update", "dev"], "missing"), (["update", "a.b", "x.suit"], "not a device id"), (["update", "d", "x", "--trial-seconds", "5"], "10 to 3600"),
                       (["update", "d", "x", "--url", "http://a"], "--url"), (["update", "d", "x", "--retry=1"], "takes no value"),
                       (["cmd", "d", "explode"], "no command"), (["cmd", "d", "log-level", "loud"], "log-level"), (["cmd", "d", "reboot", "now"], "reboot"),
                       (["job", "cancel", "a/b"], "not a job id"), (["logs"], "missing"), (["events", "--device", "#"], "--device"),
                       (["image", "build", "--kernel", "k"], "missing"), (["image", "sign"], "missing"), (["image", "sign", "a", "--device", "+"], "--device")):
        done = fleet.command(*args)
        expect(done.returncode == 2 and says in done.stderr and done.stdout == "", "%s is refused" % args, done.returncode, done.stdout, done.stderr)
    expect(fleet.command().returncode == 2, "no command at all")


@case("--help everywhere, on stdout, exit code 0")
def help_text():
    overview = fleet.skerry("--help")
    names = [line.strip().split("  ")[0] for line in overview.split("commands:\n")[1].splitlines() if line.startswith("  ")]
    expect(len(names) >= 15, "the overview lists the commands", names)
    for name in names:
        text = fleet.skerry(*name.split(), "--help")
        expect(text.startswith("usage: skerry " + name) and "--home" in text, "%s explains itself" % name, text)


@case("a home that is none, or incomplete, is named, and how to get one")
def bad_home():
    nowhere = fleet.scratch("nowhere")
    for args in (["device", "list"], ["device", "add", "d", "--board", "qemu-virt"], ["update", "d", "x.suit"], ["image", "sign", "x.fit"]):
        done = fleet.refused("--home", nowhere, *args, says=(nowhere, "skerry init"))
        expect(done.stdout == "", "nothing on stdout")
    broken = fleet.scratch("broken")
    shutil.copytree(fleet.path, broken)
    suit = fleet.image("1.0.9")
    sign, add = ["image", "sign", suit[:-5] + ".fit"], ["device", "add", "dx", "--board", "qemu-virt"]
    for name, args, says in (("operator/api-token", ["device", "list"], "operator/api-token"), ("keys/release-1.key", sign, "1 release keys"),
                             ("keysets/1.keyset", sign, "skerry keys init"), ("keysets/1.keyset", add, "no keyset"), ("server/ca.pem", add, "server/ca.pem")):
        os.rename(os.path.join(broken, name), os.path.join(broken, name + ".away"))
        fleet.refused("--home", broken, *args, says=says)
        os.rename(os.path.join(broken, name + ".away"), os.path.join(broken, name))
    good = read(fleet.path, "skerry.conf")
    port = b"broker-port = %d" % fleet.broker_port
    expect(port in good, "the configuration names the port", good)
    for text, says in ((good.replace(port, b"broker-port = x"), "broker-port"), (good.replace(port, b"broker-port = 0"), "broker-port"),
                       (good + b"no equals\n", "line"), (b"", "no setting")):
        write(os.path.join(broken, "skerry.conf"), text)
        fleet.refused("--home", broken, "device", "add", "dx", "--board", "qemu-virt", says=("skerry.conf", says))


@case("no server: every command that needs it says so and how to start it")
def no_server():
    suit = fleet.image("1.0.8")
    for args in (["device", "list"], ["device", "show", "d"], ["update", "d", suit], ["job", "list"], ["job", "cancel", "j"], ["logs", "d"], ["events"],
                 ["cmd", "d", "reboot"], ["status"], ["image", "list"],
                 ["crash", "list"], ["crash", "show", "d", "0123abcd"]):
        fleet.refused(*args, says=("does not answer", "skerryd --home " + fleet.path))


@case("output that cannot be written is an error")
def full_stdout():
    suit = fleet.image("1.1.0")
    with open("/dev/full", "w") as full:
        done = subprocess.run([os.path.join(BIN, "skerry"), "image", "inspect", suit, "--json"], env=fleet.env, stdout=full, stderr=subprocess.PIPE, text=True)
    expect(done.returncode == 1 and "cannot write" in done.stderr, "said so", done.returncode, done.stderr)


def clean_up():
    fleet.remove()
    other.remove()


if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
