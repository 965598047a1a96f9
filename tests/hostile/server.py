#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A rogue HTTPS artifact server on loopback. Each way to misbehave is one row of MODES.

From Python:
    server = Server(folder, {"image.fit": data})          certificates are made in folder
    server.url("truncated", "image.fit")                  https://localhost:PORT/truncated/image.fit
    server.force = "truncated"                            every request is served in this mode, whatever its path; the file by its base name
    server.ca                                             PEM file that a client shall trust
    server.log                                            what was asked and sent: list of Request
    server.stop()

From elsewhere (a host test in C): run it with files as arguments; it prints one line of JSON
    {"ca": "…/ca.crt", "urls": {"good": "https://localhost:PORT/good/", …}, "about": {…}}
and serves until its standard input ends. `--list` prints the table.
"""

import argparse
import array
import fcntl
import json
import os
import socket
import ssl
import struct
import sys
import tempfile
import termios
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Callable, NamedTuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pki import HOSTS, Authority  # noqa: E402
from proxy import FlipRecord, Proxy  # noqa: E402

RESET_EVERY_BYTES = 65536
HEAD_MAX = 16384


@dataclass
class Request:
    """One request as it was served. `at` is time.monotonic() of its arrival; `sent` counts bytes of the body."""
    mode: str
    name: str
    range_start: int | None
    at: float = field(default_factory=time.monotonic)
    sent: int = 0


class Exchange:
    """One request and the means to answer it: what the function of a mode gets."""

    def __init__(self, server, sock, request, headers, body, nth):
        self.server = server
        self.sock = sock
        self.request = request
        self.headers = headers
        self.body = body        # the file's bytes
        self.nth = nth          # 0 for the first request for this mode and name
        self.start = request.range_start or 0
        self.keep = False       # may the connection serve another request?

    def raw(self, data):
        self.sock.sendall(data)

    def head(self, status, **fields):
        lines = ["HTTP/1.1 " + status] + ["%s: %s" % (k.replace("_", "-"), v) for k, v in fields.items() if v is not None]
        self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())

    def send(self, data):
        self.raw(data)
        self.request.sent += len(data)

    def good_head(self, length=None, content_range=None):
        """The honest head for this request; `length` and `content_range` replace what is true."""
        total = len(self.body)
        left = total - self.start
        if self.request.range_start is None:
            self.head("200 OK", Content_Length=left if length is None else length, Accept_Ranges="bytes")
        elif self.start >= total:
            self.head("416 Range Not Satisfiable", Content_Range="bytes */%d" % total, Content_Length=0)
        else:
            self.head("206 Partial Content", Content_Length=left if length is None else length,
                      Content_Range=content_range or "bytes %d-%d/%d" % (self.start, total - 1, total))

    def rest(self):
        return self.body[self.start:]

    def hang(self):
        """Keep the connection open and silent until the client goes or the server stops."""
        self.sock.settimeout(0.2)
        while not self.server.stopping.is_set():
            try:
                if not self.sock.recv(4096):
                    return
            except (TimeoutError, ssl.SSLWantReadError):
                continue
            except OSError:
                return

    def reset(self):
        """End with RST, after the client's machine has taken all that was sent."""
        pending = array.array("i", [1])
        while pending[0]:
            fcntl.ioctl(self.sock.fileno(), termios.TIOCOUTQ, pending)
            time.sleep(0.002)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


# The modes: each a function of an Exchange.

def good(x):
    x.good_head()
    x.send(x.rest())
    x.keep = True


def ignores_range(x):
    x.head("200 OK", Content_Length=len(x.body))
    x.send(x.body)


def truncated(x):
    x.good_head()
    x.send(x.rest()[:len(x.rest()) // 2])


def truncated_once(x):
    (truncated if x.nth == 0 else good)(x)


def close_notify(x):
    x.good_head()
    x.send(x.rest()[:len(x.rest()) // 2])
    x.sock.settimeout(0.5)
    try:
        x.sock.unwrap()  # sends close_notify, then waits for the client's, which an attacker does not
    except (OSError, ValueError):
        pass
    x.server.stopping.wait(60)


def length_long(x):
    x.good_head(length=len(x.rest()) + 1000)
    x.send(x.rest())


def length_short(x):
    x.good_head(length=len(x.rest()) - 1000)
    x.send(x.rest())


def length_of(text):
    def reply(x):
        x.good_head(length=text)
        x.send(x.rest())
    return reply


def length_twice(x):
    x.head("200 OK\r\nContent-Length: %d" % len(x.body), content_length=len(x.body) - 1)
    x.send(x.body)


def range_of(text):
    """Content-Range is `text` with {start} {last} {total} {off} filled in; the body is the honest one."""
    def reply(x):
        total = len(x.body)
        lie = text.format(start=x.start, last=total - 1, total=total, off=x.start + 4096)
        x.head("206 Partial Content", Content_Length=len(x.rest()), Content_Range=lie or None)
        x.send(x.rest())
    return reply


def range_shift(x):
    """Says the range that was asked and sends the bytes of another."""
    x.good_head()
    x.send(x.rest()[1:] + b"\0")


def flipped(x):
    at = len(x.body) // 2
    bad = x.body[:at] + bytes([x.body[at] ^ 1]) + x.body[at + 1:]
    x.good_head()
    x.send(bad[x.start:])


def longer_file(x):
    """The whole resource is bigger than the manifest says."""
    x.body += bytes(100000)
    good(x)


def empty(x):
    x.body = b""
    x.head("200 OK", Content_Length=0)


def status(line, **fields):
    def reply(x):
        page = b"<html>no</html>"
        x.head(line, Content_Length=len(page), **fields)
        x.raw(page)
    return reply


def failing_first(line, times):
    def reply(x):
        (status(line) if x.nth < times else good)(x)
    return reply


def redirect_loop(x):
    x.head("302 Found", Location=x.server.url("redirect-loop", x.request.name), Content_Length=0)


def redirect_http(x):
    x.head("302 Found", Location="http://localhost:%d/good/%s" % (x.server.ports["no-tls"], x.request.name), Content_Length=0)


def redirect_once(x):
    x.head("302 Found", Location=x.server.url("good", x.request.name), Content_Length=0)


def redirect_garbage(x):
    x.head("302 Found", Location="https://" + "a" * 4000, Content_Length=0)


def endless(x):
    x.head("200 OK", Connection="close")
    x.send(x.body)
    while not x.server.stopping.is_set():
        x.send(bytes(16384))


def no_length(x):
    x.head("200 OK", Connection="close")
    x.send(x.body)


def chunked(x):
    x.head("200 OK", Transfer_Encoding="chunked")
    for at in range(0, len(x.body), 4096):
        part = x.body[at:at + 4096]
        x.raw(b"%x\r\n" % len(part))
        x.send(part)
        x.raw(b"\r\n")
    x.raw(b"0\r\n\r\n")


def gzip_encoding(x):
    x.head("200 OK", Content_Length=len(x.body), Content_Encoding="gzip")
    x.send(x.body)


def slow(x):
    """One byte per second, for ever: each read brings something, so only a limit on progress ends it."""
    x.good_head()
    for byte in x.rest():
        x.send(bytes([byte]))
        if x.server.stopping.wait(x.server.slow_s):
            return


def slow_head(x):
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + bytes(1000).replace(b"\0", b"a"):
        x.raw(bytes([byte]))
        if x.server.stopping.wait(x.server.slow_s):
            return


def reset_often(x):
    """A reset after each 64 KiB of what the connection carries, head included."""
    x.good_head()
    x.send(x.rest()[:RESET_EVERY_BYTES - 256])
    x.reset()


def garbage_status(x):
    x.raw(b"\x16\x03\x00 NOT HTTP AT ALL\r\n\r\n" + x.body[:1000])


def binary_noise(x):
    x.raw(bytes(range(256)) * 64)


def old_status(x):
    x.raw(b"HTTP/0.9 200\r\n\r\n")
    x.send(x.body)


def huge_headers(x):
    x.raw(b"HTTP/1.1 200 OK\r\n")
    for n in range(4096):
        x.raw(b"X-Header-%d: %s\r\n" % (n, b"v" * 200))
    x.raw(b"Content-Length: %d\r\n\r\n" % len(x.body))
    x.send(x.body)


def endless_headers(x):
    x.raw(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not x.server.stopping.is_set():
        x.raw(b"v" * 16384)


def nul_header(x):
    x.raw(b"HTTP/1.1 200 OK\r\nX-A: \0\0\0\r\n: \r\n\r\n")
    x.send(x.body)


def silent_after_request(x):
    x.hang()


def silent_mid_body(x):
    x.good_head()
    x.send(x.rest()[:len(x.rest()) // 2])
    x.hang()


def interim(x):
    x.raw(b"HTTP/1.1 100 Continue\r\n\r\n")
    good(x)


def interim_flood(x):
    x.raw(b"HTTP/1.1 100\r\n\r\n" * 255)
    good(x)


class Mode(NamedTuple):
    reply: Callable | None
    about: str
    listener: str = "tls"   # which of Server's listeners serves it


MODES = {
    "good": Mode(good, "honest: Range answered by 206, keeps the connection"),
    "wrong-ca": Mode(good, "certificate of another CA", "wrong-ca"),
    "other-host": Mode(good, "certificate of the right CA for another host", "other-host"),
    "expired": Mode(good, "certificate of the right CA, out of date", "expired"),
    "no-tls": Mode(good, "plain HTTP on the port", "no-tls"),
    "silent-accept": Mode(None, "accepts the connection and says nothing", "silent-accept"),
    "noise-accept": Mode(None, "answers the TLS greeting with noise", "noise-accept"),
    "refused": Mode(None, "nobody listens", "refused"),
    "corrupt-record": Mode(good, "one byte of a TLS record flipped on every connection", "corrupt-record"),
    "corrupt-record-once": Mode(good, "one byte of a TLS record flipped, then honest", "corrupt-record-once"),
    "truncated": Mode(truncated, "closes in the middle of the body, every time"),
    "truncated-once": Mode(truncated_once, "closes in the middle of the body, then honest"),
    "close-notify": Mode(close_notify, "TLS close_notify in the middle, TCP stays open"),
    "range-other-start": Mode(range_of("bytes {off}-{last}/{total}"), "Content-Range starts elsewhere"),
    "range-other-total": Mode(range_of("bytes {start}-{last}/99999999999"), "Content-Range names another total"),
    "range-other-end": Mode(range_of("bytes {start}-{off}/{total}"), "Content-Range ends elsewhere than Content-Length"),
    "range-garbage": Mode(range_of("bytes 18446744073709551617--1/x"), "Content-Range is garbage"),
    "range-missing": Mode(range_of(""), "206 without Content-Range"),
    "range-shift": Mode(range_shift, "true head, bytes of another range"),
    "ignores-range": Mode(ignores_range, "always 200 and the whole body"),
    "length-long": Mode(length_long, "Content-Length 1000 more than the body"),
    "length-short": Mode(length_short, "Content-Length 1000 less than the body"),
    "length-huge": Mode(length_of("18446744073709551617"), "Content-Length 2^64 + 1"),
    "length-negative": Mode(length_of("-5"), "Content-Length -5"),
    "length-garbage": Mode(length_of("12zz"), "Content-Length 12zz"),
    "length-twice": Mode(length_twice, "two Content-Length lines that differ"),
    "longer-file": Mode(longer_file, "the file is 100 kB longer than the manifest says"),
    "flipped": Mode(flipped, "one bit of the payload flipped"),
    "empty": Mode(empty, "200 with an empty body"),
    "404": Mode(status("404 Not Found"), "404"),
    "403": Mode(status("403 Forbidden"), "403"),
    "410": Mode(status("410 Gone"), "410"),
    "500": Mode(status("500 Internal Server Error"), "500, every time"),
    "503-then-good": Mode(failing_first("503 Service Unavailable", 1), "503 once, then honest"),
    "500-then-good": Mode(failing_first("500 Internal Server Error", 2), "500 twice, then honest"),
    "redirect-once": Mode(redirect_once, "302 to the good place"),
    "redirect-loop": Mode(redirect_loop, "302 to itself"),
    "redirect-http": Mode(redirect_http, "302 to http:"),
    "redirect-garbage": Mode(redirect_garbage, "302 to an address of 4000 letters"),
    "redirect-nowhere": Mode(status("302 Found"), "302 without Location"),
    "endless": Mode(endless, "no length and no end"),
    "no-length": Mode(no_length, "no length, honest body, then closed"),
    "chunked": Mode(chunked, "Transfer-Encoding: chunked"),
    "gzip": Mode(gzip_encoding, "Content-Encoding: gzip (a lie)"),
    "slow": Mode(slow, "one byte per second"),
    "slow-head": Mode(slow_head, "one byte of the head per second"),
    "reset-often": Mode(reset_often, "TCP reset after every 64 KiB"),
    "garbage-status": Mode(garbage_status, "status line that is none"),
    "binary-noise": Mode(binary_noise, "16 KiB of noise instead of an answer"),
    "old-status": Mode(old_status, "HTTP/0.9, no head to speak of"),
    "huge-headers": Mode(huge_headers, "900 KB of headers"),
    "endless-headers": Mode(endless_headers, "a header line without end"),
    "nul-header": Mode(nul_header, "NUL bytes and an empty name in the headers"),
    "silent-request": Mode(silent_after_request, "takes the request and says nothing"),
    "silent-body": Mode(silent_mid_body, "falls silent in the middle of the body"),
    "interim": Mode(interim, "100 Continue, then honest"),
    "interim-flood": Mode(interim_flood, "as many short 1xx answers as fit into 4 KiB, then honest"),
}


class Server:
    """
    All listeners, on loopback, each on a port of its own. `files` maps names to bytes and may be changed while it runs.
    `authority` is the CA that clients trust (made in `folder` if not given); `host` is what clients call this machine.
    """

    def __init__(self, folder, files, authority=None, host="localhost"):
        self.files = files
        self.host = host
        self.log = []
        self.slow_s = 1.0
        self.force = None
        self.stopping = threading.Event()
        self.counts = defaultdict(int)
        self.lock = threading.Lock()
        self.sockets = set()
        ours = authority or Authority(folder, "ca")
        self.ca = ours.crt
        pairs = {
            "tls": ours.issue("server"),
            "wrong-ca": Authority(folder, "wrong-ca").issue("server-wrong-ca"),
            "other-host": ours.issue("server-other-host", ("other.invalid", "10.9.8.7")),
            "expired": ours.issue("server-expired", HOSTS, expired=True),
        }
        self.ports = {name: self._listen(self._serve_tls(*pair)) for name, pair in pairs.items()}
        self.ports["no-tls"] = self._listen(self._serve)
        self.ports["silent-accept"] = self._listen(self._serve_silence)
        self.ports["noise-accept"] = self._listen(self._serve_noise)
        self.ports["corrupt-record"] = Proxy(self.ports["tls"], FlipRecord(20000)).port
        self.ports["corrupt-record-once"] = Proxy(self.ports["tls"], FlipRecord(20000, times=1)).port
        with socket.create_server(("127.0.0.1", 0)) as closed:
            self.ports["refused"] = closed.getsockname()[1]

    def url(self, mode, name=""):
        """The address of file `name` served in `mode`."""
        return "https://%s:%d/%s/%s" % (self.host, self.ports[MODES[mode].listener], mode, name)

    def requests(self, mode):
        return [request for request in self.log if request.mode == mode]

    def stop(self):
        self.stopping.set()
        with self.lock:
            sockets = list(self.sockets)
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    def _listen(self, serve):
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.sockets.add(listener)
        threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()
        return listener.getsockname()[1]

    def _accept(self, listener, serve):
        while not self.stopping.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._guard, args=(serve, sock), daemon=True).start()

    def _guard(self, serve, sock):
        """A client that goes away, or refuses our certificate, is no error of ours."""
        with self.lock:
            self.sockets.add(sock)
        try:
            serve(sock)
        except OSError:
            pass
        finally:
            with self.lock:
                self.sockets.discard(sock)
            sock.close()

    def _serve_tls(self, crt, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)

        def serve(sock):
            with context.wrap_socket(sock, server_side=True) as tls:
                self._serve(tls)
        return serve

    def _serve_silence(self, sock):
        sock.settimeout(0.2)
        while not self.stopping.is_set():
            try:
                if not sock.recv(4096):
                    return
            except TimeoutError:
                continue

    def _serve_noise(self, sock):
        sock.recv(4096)
        sock.sendall(bytes(range(256)) * 16)
        self._serve_silence(sock)

    def _serve(self, sock):
        pending = b""
        while True:
            while b"\r\n\r\n" not in pending:
                data = sock.recv(4096)
                if not data or len(pending) > HEAD_MAX:
                    return
                pending += data
                if not pending[:1].isalpha():  # a TLS greeting on the plain port: answer as web servers do
                    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                    return
            head, pending = pending.split(b"\r\n\r\n", 1)
            if not self._answer(sock, head.decode("latin-1")):
                return

    def _answer(self, sock, head):
        """Serve one request; whether the connection may serve another."""
        lines = head.split("\r\n")
        path = lines[0].split(" ")[1]
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        mode, _, name = path.lstrip("/").partition("/")
        if self.force:
            redirected = mode in MODES and mode != self.force  # where a redirect of ours led to
            mode, name = mode if redirected else self.force, path.rpartition("/")[2]
        start = None
        if headers.get("range", "").startswith("bytes="):
            start = int(headers["range"][6:].split("-")[0])
        request = Request(mode, name, start)
        with self.lock:
            nth = self.counts[(mode, name)]
            self.counts[(mode, name)] += 1
            self.log.append(request)
        body = self.files.get(name)
        if mode not in MODES or MODES[mode].reply is None or body is None:
            Exchange(self, sock, request, headers, b"", nth).head("404 Not Found", Content_Length=0)
            return True
        exchange = Exchange(self, sock, request, headers, body, nth)
        MODES[mode].reply(exchange)
        return exchange.keep and headers.get("connection", "").lower() != "close"


def main():
    parser = argparse.ArgumentParser(description="Rogue HTTPS artifact server on loopback; serves until standard input ends.")
    parser.add_argument("--list", action="store_true", help="print the modes and end")
    parser.add_argument("--folder", help="where certificates are made (default: a temporary folder)")
    parser.add_argument("--slow-seconds", type=float, default=1.0, help="pause between bytes in the slow modes")
    parser.add_argument("files", nargs="*", help="files to serve, by their base names")
    args = parser.parse_args()
    if args.list:
        for name, mode in MODES.items():
            print("%-20s %s" % (name, mode.about))
        return
    with tempfile.TemporaryDirectory() as scratch:
        files = {}
        for path in args.files:
            with open(path, "rb") as source:
                files[os.path.basename(path)] = source.read()
        server = Server(args.folder or scratch, files)
        server.slow_s = args.slow_seconds
        print(json.dumps({"ca": server.ca, "urls": {name: server.url(name) for name in MODES},
                          "about": {name: mode.about for name, mode in MODES.items()}}), flush=True)
        sys.stdin.read()
        server.stop()


if __name__ == "__main__":
    main()
