# SPDX-License-Identifier: Apache-2.0
"""Reads deterministic CBOR (definite lengths only), independently of the code under test."""


def _item(data, at):
    kind, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        value = info
    elif info <= 27:
        size = 1 << (info - 24)
        value = int.from_bytes(data[at:at + size], "big")
        at += size
    else:
        raise ValueError("indefinite or reserved length")
    if kind == 0:
        return value, at
    if kind == 1:
        return -1 - value, at
    if kind in (2, 3):
        text = data[at:at + value]
        if len(text) != value:
            raise ValueError("truncated")
        return (text.decode() if kind == 3 else text), at + value
    if kind == 4:
        items = []
        for _ in range(value):
            item, at = _item(data, at)
            items.append(item)
        return items, at
    if kind == 5:
        pairs = {}
        for _ in range(value):
            key, at = _item(data, at)
            pairs[key], at = _item(data, at)
        return pairs, at
    if kind == 6:
        item, at = _item(data, at)
        return (value, item), at
    if value == 22:
        return None, at
    raise ValueError("simple value %d" % value)


def decode(data):
    """The one item that `data` is."""
    value, at = _item(data, 0)
    if at != len(data):
        raise ValueError("%d bytes follow" % (len(data) - at))
    return value
