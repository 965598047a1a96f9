# SPDX-License-Identifier: Apache-2.0
"""
Keysets and assignments (ota/SPEC.md §11), made and read by the openssl program and a CBOR writer of our own: what an honest server signs, and what
somebody signs who stole a key.

    fleet = Key(home + "/server/fleet-1.key")
    assignment([fleet], keyset=1, sequence=7, issued=now, expires=now + 600, device="dev-1", digest=sha256)
    keyset([root1, root2], version=2, issued=now, root=(2, [root1, root2]), release=(1, [release]), fleet=(1, [fleet]))
"""

import base64
import hashlib
import subprocess

from forge import Tag, dump, load

AAD = {"keyset": b"skerry keyset 1", "assignment": b"skerry assignment 1"}


def _openssl(*args, data=None):
    done = subprocess.run(["openssl", *args], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (args[0], done.stderr.decode().strip()))
    return done.stdout


def _raw(der):
    """r‖s of an ECDSA signature in DER."""
    out, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        out += der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return out


def _der(raw):
    numbers = b""
    for half in (raw[:32], raw[32:]):
        half = half.lstrip(b"\0") or b"\0"
        half = b"\0" + half if half[0] & 0x80 else half
        numbers += b"\x02" + bytes([len(half)]) + half
    return b"\x30" + bytes([len(numbers)]) + numbers


class Key:
    """A private key, P-256, a PEM file. `point`: x‖y."""

    def __init__(self, path):
        self.path = path
        self.point = _openssl("pkey", "-in", path, "-pubout", "-outform", "DER")[-64:]
        self.kid = hashlib.sha256(self.point).digest()[:8]

    def sign(self, data):
        return _raw(_openssl("dgst", "-sha256", "-sign", self.path, data=data))


def new_key(path):
    """A key that nobody knows, in a new file."""
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
    return Key(path)


def verifies(point, data, raw, folder):
    """Does OpenSSL accept the signature? `folder` for its files."""
    head = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
    paths = [folder + "/openssl-" + name for name in ("pub", "sig")]
    for path, content in zip(paths, (head + point, _der(raw))):
        with open(path, "wb") as file:
            file.write(content)
    done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", paths[0], "-keyform", "DER", "-signature", paths[1]], input=data,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def signed_bytes(kind, protected, digest):
    """What a signature is over; `digest` as it is encoded."""
    return dump(["Signature1", protected, AAD[kind], digest])


def seal(kind, body, keys):
    """The envelope of `body` (a map), signed by `keys`."""
    encoded = dump(body)
    digest = dump([-16, hashlib.sha256(dump(encoded)).digest()])
    parts = [digest]
    for key in keys:
        protected = dump({1: -7, 4: key.kid})
        parts.append(dump(Tag(18, [protected, {}, None, key.sign(signed_bytes(kind, protected, digest))])))
    return dump([dump(parts), encoded])


def unseal(kind, envelope, points, folder):
    """(the body, the key ids of those of `points` whose signature OpenSSL accepts). Raises when it is no envelope."""
    wrapper, encoded = load(envelope)
    parts = load(wrapper)
    if load(parts[0]) != [-16, hashlib.sha256(dump(encoded)).digest()]:
        raise ValueError("the digest is not that of the body")
    signers = []
    for part in parts[1:]:
        protected, _, _, raw = load(part).value
        signers += [hashlib.sha256(point).digest()[:8].hex() for point in points if verifies(point, signed_bytes(kind, protected, parts[0]), raw, folder)]
    return load(encoded), signers


def assignment(keys, keyset, sequence, issued, expires, device, digest=None, nonce=None):
    """`digest` in hex; None: nothing is assigned."""
    body = {1: 1, 2: keyset, 3: sequence, 4: issued, 5: expires, 6: [1, device.encode()], 7: bytes.fromhex(digest) if digest else None}
    if nonce:
        body[8] = nonce.encode()
    return seal("assignment", body, keys)


def keyset(keys, version, issued, root, release, fleet):
    """Each role is (threshold, [Key or point])."""
    role = lambda given: [given[0], [key if isinstance(key, bytes) else key.point for key in given[1]]]  # noqa: E731
    return seal("keyset", {1: 1, 2: version, 3: issued, 4: role(root), 5: role(release), 6: role(fleet)}, keys)


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unbase64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
