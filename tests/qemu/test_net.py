#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kernel/net over virtio-net: DHCP, DNS and TCP against good and bad peers. Needs build/device (./dev build)."""

import os
import random
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import scripted  # noqa: E402
from cases import case, expect, main  # noqa: E402
from lan import ACK, CLIENT, DISCOVER, MAC, REQUEST, SERVER, Lan  # noqa: E402, F401
from scripted import Machine, crc, pattern, run  # noqa: E402

HOST = "10.0.2.2"  # 127.0.0.1 of the host, through QEMU's user network
UP = "net-start\nnet-bound 60000\n"

AGAIN, CLOSED, RESET, NAME, REFUSED, MEM = -1, -2, -3, -4, -5, -6


class Server:
    """A TCP server on 127.0.0.1: `serve(connection)` runs in a thread of its own for every connection."""

    def __init__(self, serve):
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self.listener.getsockname()[1]
        self.results = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        with connection:
            try:
                self.results.append(self.serve(connection))
            except OSError as error:
                self.results.append(error)


class Slow:
    """Cases that mostly wait for timers: the first one that is asked for starts them all, side by side."""

    members = {}

    def __init__(self, function):
        self.function, self.thread, self.result, self.error = function, None, None, None

    def _run(self):
        try:
            self.result = self.function()
        except Exception as error:
            self.error = error

    def __call__(self):
        if not self.thread:
            for member in self.members.values():
                member.thread = threading.Thread(target=member._run)
                member.thread.start()
        self.thread.join()
        if self.error:
            raise self.error
        return self.result


def slow_case(name, function=None):
    if function is None:
        return lambda f: slow_case(name, f)
    Slow.members[name] = Slow(function)
    case(name, Slow.members[name])
    return function


def read_all(connection):
    data = b""
    while True:
        more = connection.recv(65536)
        if not more:
            return data
        data += more


def echo(connection):
    while True:
        data = connection.recv(65536)
        if not data:
            return
        connection.sendall(data)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wait_results(server, count=1):
    deadline = time.monotonic() + 30
    while len(server.results) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    expect(len(server.results) >= count, "the server is done with %d connections" % count, server.results)
    return server.results


@case("DHCP: bound to the address, gateway and name server offered")
def dhcp():
    m = run(UP)
    expect(m["net-bound"]["address"] == "0a00020f", "10.0.2.15", m["net-bound"])
    expect(m["net-bound"]["gateway"] == "0a000202" and m["net-bound"]["dns"] == "0a000203", "gateway and DNS", m["net-bound"])
    return "bound %d ms after its start" % m["net-bound"]["ms"]


@case("TCP: 1 MiB comes back from an echo unchanged")
def tcp_echo():
    with Server(echo) as s:
        m = run(UP + "tcp-echo %s %d 1048576" % (HOST, s.port))
    expect(m["tcp-echo"]["rc"] == 0 and m["tcp-echo"]["same"] == 1, "the same bytes", m["tcp-echo"])
    return "%d ms" % m["tcp-echo"]["ms"]


@case("TCP: a download of 16 MiB arrives whole")
def tcp_download():
    data = random.Random(1).randbytes(16 << 20)
    with Server(lambda c: c.sendall(data)) as s:
        m = run(UP + "tcp-get %s %d\n" % (HOST, s.port) * 3)
    for get in m.all("tcp-get"):
        expect(get["bytes"] == len(data) and get["crc"] == crc(data), "all bytes", get)
        expect(get["rc"] == CLOSED, "and then the end", get)
    return "%.1f MiB/s" % max(16000 / max(1, get["ms"]) for get in m.all("tcp-get"))


@case("TCP: a closed port is refused")
def tcp_refused():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    m = run(UP + "tcp-open %s %d" % (HOST, port))
    expect(m["tcp-open"]["rc"] == REFUSED, "refused", m["tcp-open"])


@case("TCP: a reset in the middle of a conversation is told")
def tcp_reset():
    def serve(connection):
        connection.sendall(bytes(1000))
        connection.recv(1)
        reset(connection)

    with Server(serve) as s:
        m = run(UP + "tcp-echo %s %d 100000" % (HOST, s.port))
    expect(m["tcp-echo"]["rc"] == RESET, "reset", m["tcp-echo"])


@case("TCP: the peer closes its half, the other still carries data")
def tcp_half_close():
    def serve(connection):
        connection.sendall(pattern(5, 3000))
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)

    with Server(serve) as s:
        m = run(UP + "tcp-answer %s %d 200000" % (HOST, s.port), inspect=lambda _: wait_results(s))
    expect(m["tcp-answer"] == {"rc": 0, "bytes": 3000, "end": CLOSED, "put": 0}, "read to the end and written", m["tcp-answer"])
    expect(s.results[0] == pattern(1, 200000), "the server has it all", len(s.results[0]))


@case("TCP: what was written before close is delivered, also with unread bytes")
def tcp_put():
    def serve(connection):
        connection.sendall(bytes(5000))
        return read_all(connection)

    with Server(serve) as s:
        m = run(UP + "tcp-put %s %d 300000" % (HOST, s.port), inspect=lambda _: wait_results(s))
    expect(m["tcp-put"]["rc"] == 0, "written", m["tcp-put"])
    expect(s.results[0] == pattern(1, 300000), "delivered", s.results[0])


@case("TCP: abort resets")
def tcp_abort():
    def serve(connection):
        return connection.recv(1)

    with Server(serve) as s:
        run(UP + "tcp-abort %s %d" % (HOST, s.port), inspect=lambda _: wait_results(s))
    # QEMU's user network may turn the reset into an end of stream; either way the server is not left waiting.
    expect(s.results[0] == b"" or isinstance(s.results[0], ConnectionResetError), "the server is told", s.results)


@case("TCP: one byte at a time")
def tcp_drip():
    def serve(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in pattern(7, 2000):
            connection.sendall(bytes([byte]))
            time.sleep(0.001)

    with Server(serve) as s:
        m = run(UP + "tcp-get %s %d" % (HOST, s.port))
    expect(m["tcp-get"]["bytes"] == 2000 and m["tcp-get"]["crc"] == crc(pattern(7, 2000)), "all bytes", m["tcp-get"])


@case("TCP: an endless body stops at the window while nobody reads, on every connection, and memory stays bounded")
def tcp_endless():
    def serve(connection):
        connection.settimeout(20)
        sent = 0
        while True:
            try:
                sent += connection.send(bytes(65536))
            except OSError:
                return sent

    with Server(serve) as s:
        m = run(UP + "tcp-hoard %s %d 3000\ntcp-open %s %d" % (HOST, s.port, HOST, s.port))
    expect(m["tcp-hoard"]["heap"] <= 4 * 66 * 1024, "at most a ring per connection", m["tcp-hoard"])
    expect(m["tcp-hoard"]["fifth"] == MEM, "a fifth connection is refused", m["tcp-hoard"])
    expect(m["tcp-open"]["rc"] == 0, "and possible again afterwards", m["tcp-open"])


@case("TCP: a flood of one-byte segments that nobody reads does not starve the other connections")
def tcp_tiny_segments():
    def serve(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(3000):
            connection.sendall(b"x")
        connection.recv(1)

    with Server(serve) as flood, Server(echo) as s:
        m = run(UP + "tcp-idle %s %d 2000\ntcp-echo %s %d 100000" % (HOST, flood.port, HOST, s.port))
    expect(m["tcp-echo"]["rc"] == 0 and m["tcp-echo"]["same"] == 1, "the echo works beside it", m["tcp-echo"])


@case("TCP: a slow reader gets every byte of a fast sender")
def tcp_slow_reader():
    data = random.Random(2).randbytes(400000)
    with Server(lambda c: c.sendall(data)) as s:
        m = run(UP + "tcp-get %s %d 4000 10" % (HOST, s.port))
    expect(m["tcp-get"]["bytes"] == len(data) and m["tcp-get"]["crc"] == crc(data), "all bytes", m["tcp-get"])


@case("TCP: 60 connections one after the other leave no memory behind")
def tcp_cycle():
    with Server(echo) as s:
        m = run(UP + "tcp-open %s %d\ntcp-cycle %s %d 60" % (HOST, s.port, HOST, s.port))
    expect(m["tcp-cycle"]["good"] == 60, "all of them worked", m["tcp-cycle"])
    expect(m["tcp-cycle"]["leaked"] <= 0, "nothing leaked", m["tcp-cycle"])


@case("link: cut and restored, the address comes back and connections work again")
def link():
    with Server(echo) as s:
        with Machine(UP + "net-run 1000\nnet-bound 60000\ntcp-echo %s %d 10000" % (HOST, s.port)) as m:
            m.wait("net-bound")
            m.qmp("set_link", name="nic0", up=False)
            cut = m.wait("net-run")
            expect(cut["link"] == 0 and cut["bound"] == 0, "link and address gone", cut)
            m.qmp("set_link", name="nic0", up=True)
            bound = m.wait("net-bound", 2)
            expect(bound["bound"] == 1 and bound["address"] == "0a00020f", "bound again", bound)
            expect(m.wait("tcp-echo")["rc"] == 0, "and working", m["tcp-echo"])


@slow_case("TCP: a peer that vanishes in the middle of an idle connection is noticed by keepalive")
def tcp_peer_gone():
    with Server(lambda c: c.recv(1)) as s:
        with Machine(UP + "tcp-get %s %d" % (HOST, s.port)) as m:
            m.wait("net-bound")
            deadline = time.monotonic() + 30
            while not m.qmp("human-monitor-command", **{"command-line": "info usernet"}).count("ESTABLISHED") and time.monotonic() < deadline:
                time.sleep(0.05)
            m.qmp("set_link", name="net0", up=False)
            expect(m.wait("tcp-get")["rc"] == RESET, "reset", m["tcp-get"])


def lan_run(lan, script):
    return run(script, net=lan.netdev)


@case("DNS: a name leads to the address in the answer, by way of the gateway's server")
def dns():
    with Lan() as lan:
        lan.dns_answers["broker.example"] = "192.168.76.9"
        m = lan_run(lan, UP + "tcp-open broker.example 8883")
    expect(lan.syn_seen and lan.syn_seen[0][:2] == ("192.168.76.9", 8883), "a SYN to the answer", lan.syn_seen)
    expect(m["tcp-open"]["rc"] == REFUSED, "and the refusal", m["tcp-open"])


@case("DNS: a name that does not exist fails at once, an over-long one too")
def dns_no_name():
    with Lan() as lan:
        m = lan_run(lan, UP + "tcp-open nowhere.example 1\ntcp-open %s 1" % ("x" * 300))
    for opened in m.all("tcp-open"):
        expect(opened["rc"] == NAME and opened["ms"] < 5000, "no such name, said at once", opened)


def dns_bad(mode):
    with Lan() as lan:
        lan.dns_answers["broker.example"] = "192.168.76.9"
        lan.dns_mode = mode
        m = lan_run(lan, UP + "tcp-open broker.example 8883")
    expect(m["tcp-open"]["rc"] == NAME, "the look-up fails", m["tcp-open"])
    expect(not lan.syn_seen, "and nobody is connected to", lan.syn_seen)
    expect(lan.dns_seen, "though it was asked", lan.dns_seen)


for mode in ("silent", "other-id", "other-question", "garbage"):
    slow_case("DNS: %s answers are no answer" % mode, lambda mode=mode: dns_bad(mode))


@slow_case("TCP: a host that never answers is given up")
def tcp_syn_dropped():
    with Lan() as lan:
        lan.tcp_mode = "drop"
        m = lan_run(lan, UP + "tcp-open 192.168.76.9 80")
    expect(m["tcp-open"]["rc"] == REFUSED and 5000 <= m["tcp-open"]["ms"] < 25000, "unreachable, within 20 s", m["tcp-open"])
    expect(len(lan.syn_seen) >= 3, "after several tries", lan.syn_seen)


def lossy(script):
    """`script` against a server on a network that loses, repeats and reorders; the stream's data is 600000 bytes."""
    seed = int(time.time())
    with Lan() as lan:
        lan.tcp_mode, lan.stream_chance = "stream", random.Random(seed)
        lan.stream_data = random.Random(seed + 1).randbytes(600000)
        m = lan_run(lan, UP + script)
        return m, lan.stream_data, list(lan.streams.values()), "seed %d" % seed


@case("TCP: a download over a network that loses, repeats and reorders arrives whole")
def tcp_lossy_download():
    m, data, _, seed = lossy("heap\ntcp-get 192.168.76.9 80\nnet-run 500\nheap")
    get, heap = m["tcp-get"], m.all("heap")
    expect(get["bytes"] == len(data) and get["crc"] == crc(data) and get["rc"] == CLOSED, "all bytes", seed, get)
    expect(get["heap"] - heap[0]["used"] < 100 * 1024 and heap[1]["used"] <= heap[0]["used"] + 4096, "memory stays bounded", seed, get, heap)
    return seed


@case("TCP: a slow reader over such a network closes the window and opens it again")
def tcp_lossy_slow():
    m, data, streams, seed = lossy("tcp-get 192.168.76.9 80 20000 30")
    get = m["tcp-get"]
    expect(get["bytes"] == len(data) and get["crc"] == crc(data), "all bytes", seed, get)
    expect(min(stream.smallest_window for stream in streams) < 20000, "the window closed", seed)
    return seed


@slow_case("TCP: an upload over such a network arrives whole")
def tcp_lossy_upload():
    seed = int(time.time())
    with Lan() as lan:
        lan.tcp_mode, lan.stream_chance = "stream", random.Random(seed)
        # A retransmission costs lwIP 1.5 s or more: the network is served until the stream has its end.
        with Machine(UP + "tcp-put 192.168.76.9 80 60000\nnet-run 170000", net=lan.netdev) as m:
            expect(m.wait("tcp-put")["rc"] == 0, "written", "seed %d" % seed, m["tcp-put"])
            stream = list(lan.streams.values())[0]
            while not stream.closed and time.monotonic() < m.deadline:
                time.sleep(0.05)
        expect(stream.closed and bytes(stream.received) == pattern(1, 60000), "delivered", "seed %d" % seed, len(stream.received))
    return "seed %d" % seed


@case("random: ports, query ids and initial sequence numbers do not repeat or count")
def randomness():
    sequences, ports, ids = [], [], []
    for _ in range(2):
        with Lan() as lan:
            lan_run(lan, UP + "".join("tcp-open n%d.example 1\ntcp-open 192.168.76.9 %d\n" % (i, i + 1) for i in range(8)))
        ids += [number for number, _, _ in lan.dns_seen]
        ports += [port for _, port, _ in lan.dns_seen] + [lan.syn_seen[0][2]]
        sequences += [syn[3] for syn in lan.syn_seen]
    expect(len(sequences) == 16 and len(set(sequences)) == 16, "16 different sequence numbers", sequences)
    near = [(a, b) for i, a in enumerate(sequences) for b in sequences[:i] if abs(a - b) < 1 << 16]
    expect(len(near) <= 2, "that are not close to one another", near)
    expect(len(set(ids)) >= 14, "query ids differ", ids)
    expect(len(set(ports)) >= 14, "ports differ", ports)


@case("connections opened before there is an address wait for it")
def open_before_bound():
    with Server(echo) as s:
        m = run("net-start\ntcp-echo %s %d 1000" % (HOST, s.port))
    expect(m["tcp-echo"]["rc"] == 0, "connected once bound", m["tcp-echo"])


@case("DHCP: a silent server is asked again until it answers")
def dhcp_retry():
    with Lan() as lan:
        lan.dhcp_answers = False
        with Machine("net-start\nnet-bound 4000\nnet-bound 60000", net=lan.netdev) as m:
            expect(m.wait("net-bound")["bound"] == 0, "nothing yet", m["net-bound"])
            lan.dhcp_answers = True
            expect(m.wait("net-bound", 2)["bound"] == 1, "bound")
    expect(sum(kind == DISCOVER for _, kind, _ in lan.dhcp_seen) >= 2, "several DISCOVERs", lan.dhcp_seen)


@case("DHCP: a refused request starts over")
def dhcp_nak():
    with Lan() as lan:
        lan.dhcp_nak_next = 1
        m = lan_run(lan, UP)
    expect(m["net-bound"]["bound"] == 1, "bound in the end", m["net-bound"])
    expect([kind for _, kind, _ in lan.dhcp_seen][:4] == [DISCOVER, REQUEST, DISCOVER, REQUEST], "from the beginning", lan.dhcp_seen)


def renew(forgets, results):
    """A lease with its first renewal due after 60 s, which the server grants, or `forgets` and gives another address."""
    with Lan() as lan:
        lan.lease_s, lan.t1_s = 240, 60
        with Machine(UP + "net-run 66000", net=lan.netdev) as m:
            m.wait("net-bound")
            before = len(lan.dhcp_seen)
            if forgets:
                lan.address, lan.dhcp_nak_next = "192.168.76.77", 1
            m.wait("net-run")
            results[forgets] = m["net-run"], [kind for _, kind, _ in lan.dhcp_seen[before:]]


@slow_case("DHCP: a lease is renewed before it ends; if the server has forgotten it, a new address is taken")
def dhcp_renew():
    results = {}
    threads = [threading.Thread(target=renew, args=(forgets, results)) for forgets in (False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(len(results) == 2, "both machines came to their end", results)
    (kept, messages), (moved, more) = results[False], results[True]
    expect(kept["bound"] == 1 and kept["address"] == "c0a84c32" and messages == [REQUEST], "renewed once, same address", kept, messages)
    expect(moved["bound"] == 1 and moved["address"] == "c0a84c4d", "the new address", moved, more)
    expect(more[:3] == [REQUEST, DISCOVER, REQUEST], "asked for from the beginning", more)


@case("DHCP: after a cut of the link the address is asked for again")
def dhcp_reboot():
    with Lan() as lan:
        with Machine(UP + "net-run 1000\nnet-bound 60000", net=lan.netdev) as m:
            m.wait("net-bound")
            seen = len(lan.dhcp_seen)
            m.qmp("set_link", name="nic0", up=False)
            m.wait("net-run")
            m.qmp("set_link", name="nic0", up=True)
            expect(m.wait("net-bound", 2)["bound"] == 1, "bound again")
            expect(lan.dhcp_seen[seen:] and lan.dhcp_seen[seen][1] == REQUEST and lan.dhcp_seen[seen][2] == CLIENT,
                   "by asking for the same address", lan.dhcp_seen)


def garbage_frames(chance, lan):
    """Frames of all sizes, many with headers that are nearly right."""
    size = chance.choice([0, 1, 13, 14, 20, 33, 34, 42, 54, 60, 300, 1514, 1518, 4000])
    frame = bytearray(chance.randbytes(size))
    frame[0:6] = (lan.client_mac or b"\xff" * 6) if chance.random() < 0.8 else b"\xff" * 6
    frame[12:14] = chance.choice([b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00"])
    if size >= 34 and frame[12:14] == b"\x08\x00":
        header = struct.pack("!BBHHHBBH4s4s", chance.choice([0x45, 0x46, 0x4F, 0x40]), 0, chance.choice([size - 14, 20, 0, 65535]), 1,
                             chance.choice([0, 0x2000, 0x4000]), 64, chance.choice([1, 2, 6, 17, 200]), 0,
                             socket.inet_aton(SERVER), socket.inet_aton(CLIENT))
        frame[14:34] = header
        if chance.random() < 0.9:
            frame[24:26] = struct.pack("!H", ip_checksum(bytes(frame[14:34])))
        if size >= 42 and frame[23] == 17:
            frame[34:42] = struct.pack("!HHHH", chance.choice([53, 67]), chance.choice([68, 53, 49152]), chance.choice([size - 34, 8, 0, 65535]), 0)
    return bytes(frame)


def ip_checksum(header):
    total = sum(struct.unpack("!10H", header[:10] + b"\0\0" + header[12:]))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@case("hostile frames: garbage of every size and kind changes nothing")
def garbage():
    seed = int(time.time())
    chance = random.Random(seed)
    with Lan() as lan:
        lan.dns_answers["broker.example"] = "192.168.76.9"
        with Machine(UP + "heap\nnet-run 6000\nheap\ntcp-open broker.example 8883", net=lan.netdev) as m:
            m.wait("heap")
            for _ in range(20000):
                lan.send(garbage_frames(chance, lan))
            m.wait("end")
            expect(m["tcp-open"]["rc"] == REFUSED and lan.syn_seen, "names and connections still work", "seed %d" % seed, m["tcp-open"])
            expect(m.all("heap")[1]["used"] <= m.all("heap")[0]["used"] + 4096, "no memory is lost", "seed %d" % seed, m.all("heap"))
    return "seed %d" % seed


if __name__ == "__main__":
    if not os.path.exists(scripted.IMAGE):
        sys.exit("%s is missing; build it with ./dev build" % scripted.IMAGE)
    sys.exit(main(__doc__))
