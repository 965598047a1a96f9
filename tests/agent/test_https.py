#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The agent's download over TLS against an artifact server that misbehaves in every way it knows (../hostile/server.py): each way ends
in its named error. What asks for judgement over time (one byte per second) is the update core's and tested with the whole chain.
"""

import os
import resource
import subprocess
import tempfile

import home
from cases import case, expect, main
from server import MODES, Server

DATA = bytes(range(251)) * 800  # 200,800 bytes
PROGRAMS = home.programs()
folder = tempfile.TemporaryDirectory(prefix="skerry-https-")
authority = home.Authority(folder.name, "ca")
server = Server(folder.name, {"image.fit": DATA}, authority)
device = home.Device(folder.name, PROGRAMS, authority)

OK = "OK"
EXPECTED = {
    "good": OK, "ignores-range": OK, "redirect-once": OK, "interim": OK,
    "wrong-ca": "E_TLS_CERT", "other-host": "E_TLS_NAME", "expired": "E_TLS_CERT", "no-tls": "E_TLS_RECORD", "noise-accept": "E_TLS_RECORD",
    "refused": "E_CONNECT", "corrupt-record": "E_TLS_RECORD",
    "truncated": "E_TRUNCATED", "close-notify": "E_TRUNCATED", "reset-often": ("E_RESET", "E_TRUNCATED"),
    "range-other-start": "E_HTTP_RANGE", "range-other-total": "E_HTTP_RANGE", "range-other-end": "E_HTTP_RANGE",
    "range-garbage": "E_HTTP_FORMAT", "range-missing": "E_HTTP_RANGE",
    "length-long": "E_HTTP_LENGTH", "length-short": "E_HTTP_LENGTH", "length-huge": "E_HTTP_FORMAT", "length-negative": "E_HTTP_FORMAT",
    "length-garbage": "E_HTTP_FORMAT", "length-twice": "E_HTTP_FORMAT", "longer-file": "E_HTTP_RANGE", "empty": "E_HTTP_LENGTH",
    "404": "E_HTTP_STATUS", "403": "E_HTTP_STATUS", "410": "E_HTTP_STATUS", "500": "E_HTTP_STATUS",
    "redirect-loop": "E_HTTP_REDIRECT", "redirect-http": "E_HTTP_REDIRECT", "redirect-garbage": "E_HTTP_TOO_LONG",
    "redirect-nowhere": "E_HTTP_REDIRECT",
    "endless": "E_HTTP_LENGTH", "no-length": "E_HTTP_LENGTH", "chunked": "E_HTTP_LENGTH", "gzip": "E_HTTP_FORMAT",
    "garbage-status": "E_HTTP_FORMAT", "binary-noise": ("E_HTTP_FORMAT", "E_HTTP_TOO_LONG"), "old-status": "E_HTTP_FORMAT",
    "huge-headers": "E_HTTP_TOO_LONG", "endless-headers": "E_HTTP_TOO_LONG", "nul-header": "E_HTTP_FORMAT",
}
# Ended by a time limit: all at once, on a clock that runs faster.
SILENT = ["silent-accept", "silent-request", "silent-body", "slow-head"]


def start(url, off=0, total=len(DATA), **env):
    return subprocess.Popen([os.path.join(PROGRAMS, "https_probe"), device.path, url, str(off), str(total)], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ, **env))


def finish(process):
    out, err = process.communicate(timeout=home.TIMEOUT_S)
    expect(process.returncode == 0, "the probe ends in order", out, err)
    return out.split()


def fetch(mode, off=0, total=len(DATA), **env):
    return finish(start(server.url(mode, "image.fit"), off, total, **env))


def whole(answer, off):
    body = DATA[off:]
    expect(answer == ["END", OK, "start=%d" % off, "got=%d" % len(body), "sum=%d" % sum(body)], "all bytes came, in place", answer)


for mode_name, error in EXPECTED.items():
    @case("%s: %s" % (mode_name, MODES[mode_name].about))
    def named_end(mode_name=mode_name, error=error):
        answer = fetch(mode_name)
        expect(answer[1] in (error if isinstance(error, tuple) else (error,)), "ends in %s" % (error,), answer)
        if error == OK:
            whole(answer, 0)


@case("resumes in the middle")
def resumes():
    whole(fetch("good", 123456), 123456)


@case("a flood of 1xx answers takes no stack: the device's is small")
def interim_flood():
    stack = 128 << 10
    process = subprocess.Popen([os.path.join(PROGRAMS, "https_probe"), device.path, server.url("interim-flood", "image.fit"), "0", str(len(DATA))],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (stack, stack)))
    whole(finish(process), 0)


@case("a server without Range starts again at 0, and says so")
def no_range():
    whole(fetch("ignores-range", 123456), 0)


@case("falls silent at any point: E_TIMEOUT")
def silences():
    running = {mode: start(server.url(mode, "image.fit"), CLOCK_FACTOR="10") for mode in SILENT}
    for mode, process in running.items():
        answer = finish(process)
        expect(answer[1] == "E_TIMEOUT", "%s ends in E_TIMEOUT" % mode, answer)


@case("certificate dates: not checked without a time, only the end with a floor, both with a clock")
def dates():
    before, after = "1500000000", "4000000000"
    for mode, env, error in (("good", {"UNIX_EXACT": "0"}, OK), ("expired", {"UNIX_EXACT": "0"}, OK), ("good", {"UNIX_FLOOR": before}, OK),
                             ("good", {"UNIX_EXACT": before}, "E_TLS_CERT"), ("good", {"UNIX_FLOOR": after}, "E_TLS_CERT"),
                             ("good", {"UNIX_EXACT": after}, "E_TLS_CERT")):
        answer = fetch(mode, **env)
        expect(answer[1] == error, "%s from %s with %s" % (error, mode, env), answer)


@case("addresses that are refused without a connection")
def bad_urls():
    for url in ("http://localhost/x", "https://", "https://u@localhost/", "https://localhost:99999/x"):
        expect(finish(start(url))[1] == "E_URL", "E_URL for %s" % url)
    expect(finish(start("https://no-such-host.invalid/x"))[1] == "E_DNS", "E_DNS for a name that nobody has")


raise SystemExit(main(__doc__, server.stop))
