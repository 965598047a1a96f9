#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Makes the two tables of ECDSA P-256 beside this file, without a library and without chance: RFC 6979's published example (its key and messages are
facts of appendix A.2.5; the signatures come out of the RFC's own procedure and are compared with the published ones), and signatures at the
edges of what r, s, hash and key may be, each made so that the verifier meets one special case of the arithmetic.

    make_ecdsa.py           writes es256-rfc6979.txt and es256-edges.txt
    make_ecdsa.py --check   compares instead; with python3-cryptography there, asks OpenSSL for a second opinion on every line
"""

import hashlib
import hmac
import os
import sys

P = 2 ** 256 - 2 ** 224 + 2 ** 192 + 2 ** 96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296, 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)
ACCEPTED, REFUSED = "accepted", "refused"

# RFC 6979 A.2.5: the private key, and some of the signatures as printed there.
KEY = 0xc9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721
PRINTED = {
    ("sample", "sha256"): (0xefd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716, 0xf7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8),
    ("test", "sha256"): (0xf1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367, 0x019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083),
}


def add(a, b):
    """Affine addition; None is the point at infinity."""
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k, point):
    out = None
    while k:
        if k & 1:
            out = add(out, point)
        point = add(point, point)
        k >>= 1
    return out


def lift(x):
    """The point with this x and an even y; None when there is none."""
    square = (x ** 3 - 3 * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    return x, y if y % 2 == 0 else P - y


def on_curve(key):
    x, y = key
    return x < P and y < P and (y * y - x ** 3 + 3 * x - B) % P == 0


def verify(key, e, r, s):
    """FIPS 186-5 §6.4.2: what a line's verdict has to agree with."""
    if not on_curve(key) or not 0 < r < N or not 0 < s < N:
        return REFUSED
    w = pow(s, -1, N)
    point = add(times(e * w % N, G), times(r * w % N, key))
    return ACCEPTED if point and point[0] % N == r else REFUSED


def number(text):
    return int.from_bytes(hashlib.sha256(("vector " + text).encode()).digest(), "big") % N


def sign(d, e, k):
    r = times(k, G)[0] % N
    return r, pow(k, -1, N) * (e + r * d) % N


def nonce(d, hash_name, digest):
    """RFC 6979 §3.2."""
    def mac(key, data):
        return hmac.new(key, data, hash_name).digest()
    size = len(digest)
    seed = d.to_bytes(32, "big") + (bits(digest) % N).to_bytes(32, "big")
    value, key = b"\1" * size, b"\0" * size
    for step in (b"\0", b"\1"):
        key = mac(key, value + step + seed)
        value = mac(key, value)
    while True:
        out = b""
        while len(out) < 32:
            value = mac(key, value)
            out += value
        k = bits(out)
        if 0 < k < N:
            return k
        key = mac(key, value + b"\0")
        value = mac(key, value)


def bits(digest):
    """The leftmost 256 bits as a number (bits2int)."""
    return int.from_bytes(digest[:32], "big")


def line(verdict, key, e, r, s, name):
    assert verify(key, e, r, s) == verdict, name
    return "%s\t%064x%064x\t%064x\t%064x%064x\t%s" % (verdict, key[0], key[1], e, r, s, name)


def rfc6979():
    public = times(KEY, G)
    for message in ("sample", "test"):
        for name in ("sha1", "sha224", "sha256", "sha384", "sha512"):
            digest = hashlib.new(name, message.encode()).digest()
            r, s = sign(KEY, bits(digest), nonce(KEY, name, digest))
            assert PRINTED.get((message, name), (r, s)) == (r, s)
            yield line(ACCEPTED, public, bits(digest), r, s, "%s of '%s'" % (name, message))


def of_small_r():
    """A signature whose point has x between n and p: r is x - n, and x itself is another spelling of it."""
    x = N
    while lift(x) is None:
        x += 1
    e, s, point = number("hash"), number("s"), lift(x)
    r = x - N
    key = times(pow(r, -1, N), add(times(s, point), times(N - e, G)))
    yield line(ACCEPTED, key, e, r, s, "the point's x is above n: r is x - n")
    yield line(REFUSED, key, e, x, s, "the same with r = x, which is r + n")


def of_small_s():
    d, k, s = number("private"), number("nonce"), 3
    r = times(k, G)[0] % N
    e = (s * k - r * d) % N
    key = times(d, G)
    yield line(ACCEPTED, key, e, r, s, "s = 3")
    yield line(REFUSED, key, e, r, s + N, "the same with s + n")


def of_hash():
    d, k = number("private"), number("nonce")
    key = times(d, G)
    for e, name in ((0, "hash 0"), (1, "hash 1"), (N, "hash n, which counts as 0"), (N - 1, "hash n - 1"), (N + 1, "hash n + 1"), (2 ** 256 - 1, "hash of all ones, above n")):
        r, s = sign(d, e, k)
        yield line(ACCEPTED, key, e, r, s, name)
    r, s = sign(d, number("hash"), k)
    yield line(ACCEPTED, key, number("hash"), r, N - s, "s and n - s both hold: a signature is not an identity")
    yield line(REFUSED, key, number("hash"), N - r, s, "n - r")
    yield line(REFUSED, key, number("hash") ^ 1, r, s, "another hash")
    yield line(REFUSED, (key[0], P - key[1]), number("hash"), r, s, "the key's other half: -Q")
    yield line(REFUSED, (key[1], key[0]), number("hash"), r, s, "x and y exchanged: not on the curve")
    yield line(REFUSED, key, number("hash"), s, r, "r and s exchanged")


def of_addition():
    """u1 G = u2 Q (the sum is a doubling), and u1 G = -u2 Q (the sum is the point at infinity)."""
    d, t = number("private"), number("u1")
    key = times(d, G)
    r = times(2 * t, G)[0] % N
    s = r * d * pow(t, -1, N) % N
    yield line(ACCEPTED, key, r * d % N, r, s, "u1 G = u2 Q: the sum is a doubling")
    yield line(REFUSED, key, (N - r * d) % N, r, s, "u1 G = -u2 Q: the sum is infinity")
    yield line(REFUSED, key, 0, 1, 1, "hash 0, r = s = 1")
    r = G[0] % N
    yield line(ACCEPTED, G, 0, r, r, "Q = G, u1 = 0, u2 = 1")
    yield line(ACCEPTED, (G[0], P - G[1]), 0, r, r, "Q = -G, u1 = 0, u2 = 1")


def of_ranges():
    key = times(KEY, G)
    e = number("hash")
    r, s = sign(KEY, e, number("nonce"))
    for value, name in ((0, "0"), (1, "1"), (N - 1, "n - 1"), (N, "n"), (P - N, "p - n"), (P, "p"), (2 ** 256 - 1, "all ones")):
        yield line(REFUSED, key, e, value, s, "r = " + name)
        yield line(REFUSED, key, e, r, value, "s = " + name)
        yield line(REFUSED, key, e, value, value, "r = s = " + name)
        yield line(REFUSED, key, 0, value, value, "r = s = %s, hash 0" % name)


def of_keys():
    zero = lift(0)
    u1, u2, e = number("u1"), number("u2"), 0
    point = add(times(u1, G), times(u2, zero))
    r = point[0] % N
    s = r * pow(u2, -1, N) % N
    e = u1 * s % N
    yield line(ACCEPTED, zero, e, r, s, "a key with x = 0")
    yield line(REFUSED, (P, zero[1]), e, r, s, "the same with x = p")
    yield line(REFUSED, (0, 0), e, r, s, "key 0, 0")
    yield line(REFUSED, (2 ** 256 - 1, 2 ** 256 - 1), e, r, s, "key of all ones")
    yield line(REFUSED, (zero[0], zero[1] ^ 1), e, r, s, "a key beside the curve")
    yield line(REFUSED, (P, P), e, r, s, "key p, p")
    x = 1
    while lift(x):
        x += 1
    yield line(REFUSED, (x, 1), e, r, s, "a key whose x has no point: on the twist")


HEAD = "# SPDX-License-Identifier: Apache-2.0\n# %s\n# Made by make_ecdsa.py. Columns: verdict, key x y, hash, r s, what is special.\n"


def tables():
    edges = [*of_small_r(), *of_small_s(), *of_hash(), *of_addition(), *of_ranges(), *of_keys()]
    yield "es256-rfc6979.txt", HEAD % "RFC 6979 A.2.5: P-256, two messages, five hashes (bits2int: longer ones cut, shorter ones as they are)" + "\n".join(rfc6979()) + "\n"
    yield "es256-edges.txt", HEAD % "ECDSA P-256 at its edges, as Project Wycheproof picks them; own values" + "\n".join(edges) + "\n"


def second_opinion(text):
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives import hashes
    count = 0
    for row in text.splitlines():
        if row.startswith("#"):
            continue
        verdict, key, digest, rs, name = row.split("\t")
        try:
            public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex("04" + key))
            public.verify(utils.encode_dss_signature(int(rs[:64], 16), int(rs[64:], 16)), bytes.fromhex(digest), ec.ECDSA(utils.Prehashed(hashes.SHA256())))
            said = ACCEPTED
        except (InvalidSignature, ValueError):
            said = REFUSED
        if said != verdict:
            sys.exit("OpenSSL says %s: %s" % (said, row))
        count += 1
    return count


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    for name, text in tables():
        path = os.path.join(folder, name)
        if "--check" not in sys.argv[1:]:
            with open(path, "w", encoding="ascii") as out:
                out.write(text)
            continue
        with open(path, encoding="ascii") as there:
            if there.read() != text:
                sys.exit("%s is not what make_ecdsa.py makes\n  remedy: run it without --check" % name)
        try:
            print("%s: %d lines, OpenSSL agrees with each" % (name, second_opinion(text)))
        except ImportError:
            print("%s: unchanged; no python3-cryptography here for a second opinion" % name)


if __name__ == "__main__":
    main()
