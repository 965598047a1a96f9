# SPDX-License-Identifier: Apache-2.0
"""
Forgeries of an update manifest (ota/SPEC.md §4), made from a rightly signed one: forge(suit) → {name: bytes}. No key is needed for any of
them, so the device must refuse all. CBOR as far as the manifest uses it.
"""

import hashlib


class Tag:
    def __init__(self, number, value):
        self.number, self.value = number, value


def _head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for extra, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes([major << 5 | extra]) + value.to_bytes(size, "big")
    raise ValueError(value)


def dump(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(dump, value))
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(dump(k) + dump(v) for k, v in value.items())
    return _head(6, value.number) + dump(value.value)


def _load(data, at):
    major, low = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return None, at
    if low >= 24:
        size = 1 << (low - 24)
        low, at = int.from_bytes(data[at:at + size], "big"), at + size
    if major < 2:
        return (low if major == 0 else -1 - low), at
    if major < 4:
        raw = data[at:at + low]
        return (raw if major == 2 else raw.decode()), at + low
    items = []
    for _ in range(1 if major == 6 else low * (2 if major == 5 else 1)):
        item, at = _load(data, at)
        items.append(item)
    if major == 4:
        return items, at
    return (dict(zip(items[::2], items[1::2])) if major == 5 else Tag(low, items[0])), at


def load(data):
    value, end = _load(data, 0)
    assert end == len(data)
    return value


class Envelope:
    """A manifest taken apart: `wrapper` [digest, signatures…] (each a bstr), `manifest` (map)."""

    def __init__(self, suit):
        tag = load(suit)
        self.members = tag.value
        self.wrapper = load(self.members[2])
        self.manifest = load(self.members[3])

    def common(self, change):
        """change(parameters) on the map of vendor, digest, size, chunks and so on."""
        common = load(self.manifest[3])
        sequence = load(common[4])
        change(sequence[1])
        common[4] = dump(sequence)
        self.manifest[3] = dump(common)
        return self

    def pack(self, digest_too=True):
        """The bytes; with the digest in the wrapper made to fit the (changed) manifest, or left as it was."""
        manifest = dump(self.manifest)
        if digest_too:
            self.wrapper[0] = dump([-16, hashlib.sha256(dump(manifest)).digest()])
        self.members[2], self.members[3] = dump(self.wrapper), manifest
        return dump(Tag(107, self.members))


def _set(key, value):
    return lambda parameters: parameters.__setitem__(key, value)


def forge(suit):
    """{name: forged manifest}."""
    def envelope():
        return Envelope(suit)

    def signature(change):
        e = envelope()
        cose = load(e.wrapper[1])
        body = cose.value if isinstance(cose, Tag) else cose
        change(body)
        e.wrapper[1] = dump(cose)
        return e.pack(digest_too=False)

    unsigned = envelope()
    del unsigned.wrapper[1:]
    sequence = envelope()
    sequence.manifest[2] = 0xffffffff
    digest = envelope().common(_set(3, dump([-16, bytes(32)])))
    return {
        "digest of the image changed": digest.pack(digest_too=False),
        "digest of the image changed, wrapper made to fit": envelope().common(_set(3, dump([-16, bytes(32)]))).pack(),
        "size of the image changed": envelope().common(_set(14, 1)).pack(),
        "version raised": envelope().common(_set(-1, [9, 9, 9])).pack(),
        "security counter raised": sequence.pack(),
        "chunk digests changed": envelope().common(lambda p: p.__setitem__(-3, bytes(len(p[-3])))).pack(),
        "bit of the signature flipped": signature(lambda body: body.__setitem__(3, bytes([body[3][0] ^ 1]) + body[3][1:])),
        "signature of zeros": signature(lambda body: body.__setitem__(3, bytes(64))),
        "signature of no bytes": signature(lambda body: body.__setitem__(3, b"")),
        "algorithm none": signature(lambda body: body.__setitem__(0, dump({1: 0}))),
        "unsigned": unsigned.pack(digest_too=False),
        "two signatures more, of nobody": _strange_signatures(suit),
        "cut in the middle": suit[:len(suit) // 2],
        "bytes behind the end": suit + b"\0",
        "first byte changed": b"\x00" + suit[1:],
        "longer than 16 KiB": envelope().common(_set(-6, "x" * 17000)).pack(),
        "ten thousand nested arrays": b"\x81" * 10000,
        "a length of 2^64 - 1": b"\xd8\x6b\xa2\x02\x5b" + b"\xff" * 8,
    }


def _strange_signatures(suit):
    e = Envelope(suit)
    body = [dump({1: -7}), {}, None, bytes(range(64))]
    e.wrapper[1:] = [dump(Tag(18, body))] * 2
    return e.pack(digest_too=False)
