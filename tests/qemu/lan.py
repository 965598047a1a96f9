# SPDX-License-Identifier: Apache-2.0
"""
A small Ethernet in Python at the other end of QEMU's `-netdev dgram`: ARP, a DHCP and a DNS server whose answers a test
chooses, and a TCP that accepts nothing. Everything the device sent is kept. Frames travel as UDP datagrams on 127.0.0.1.
"""

import socket
import struct
import threading
import time

from lan_stream import Stream

MAC = bytes.fromhex("020000000001")
SERVER = "192.168.76.1"
CLIENT = "192.168.76.50"
NETMASK = "255.255.255.0"
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE = range(1, 8)


def ip(text):
    return socket.inet_aton(text)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, source, destination)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


class Lan:
    """Attributes that a test may set at any time; `netdev` is QEMU's argument."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        reserve = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        reserve.bind(("127.0.0.1", 0))
        port = reserve.getsockname()[1]
        reserve.close()
        self.peer = ("127.0.0.1", port)
        self.netdev = "dgram,id=net0,local.type=inet,local.host=127.0.0.1,local.port=%d,remote.type=inet,remote.host=127.0.0.1,remote.port=%d" % (
            port, self.socket.getsockname()[1])
        self.address = CLIENT
        self.lease_s = 3600
        self.t1_s = None
        self.dhcp_answers = True
        self.dhcp_nak_next = 0  # that many REQUESTs are refused
        self.dns_answers = {}  # name -> address; any other name does not exist
        self.dns_mode = "normal"  # or "silent", "other-id", "other-question", "garbage"
        self.tcp_mode = "refuse"  # or "drop", or "stream": lan_stream.py with stream_data and stream_chance
        self.stream_data, self.stream_chance = b"", None
        self.streams = {}  # by the device's port
        self.dhcp_seen = []  # (time, message type, requested or client address)
        self.dns_seen = []  # (id, source port, name)
        self.syn_seen = []  # (destination, port, source port, sequence number)
        self.client_mac = None
        self.running = True
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running = False
        self.socket.close()

    def send(self, frame):
        self.socket.sendto(frame, self.peer)

    def _serve(self):
        while self.running:
            try:
                frame, self.peer = self.socket.recvfrom(65536)
            except OSError:
                return
            self.client_mac = frame[6:12]
            kind = frame[12:14]
            if kind == b"\x08\x06":
                self._arp(frame)
            elif kind == b"\x08\x00":
                self._ipv4(frame[14:])

    def _ethernet(self, payload, kind=b"\x08\x00"):
        self.send(self.client_mac + MAC + kind + payload)

    def _arp(self, frame):
        operation, sender_mac, sender_ip, _, target_ip = struct.unpack("!H6s4s6s4s", frame[20:42])
        if operation == 1 and sender_ip != target_ip and target_ip != ip(self.address):
            self._ethernet(struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, MAC, target_ip, sender_mac, sender_ip), b"\x08\x06")

    def _ipv4(self, packet):
        if len(packet) < 28 or checksum(packet[:20]) != 0:
            return
        length, protocol, source, destination = struct.unpack("!2xH5xB2x4s4s", packet[:20])
        body = packet[20:length]
        if protocol == 17:
            source_port, port = struct.unpack("!HH", body[:4])
            if port == 67:
                self._dhcp(body[8:])
            elif port == 53:
                self._dns(body[8:], source, source_port)
        elif protocol == 6:
            self._tcp(source, destination, body)

    def _udp(self, source, destination, source_port, port, payload):
        self._ethernet(ipv4(ip(source), destination, 17, struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload))

    def _dhcp(self, message):
        xid, client, hardware = message[4:8], message[12:16], message[28:44]
        options, kind, wanted = message[240:], None, client
        while options and options[0] != 255:
            code, length = options[0], options[1]
            if code == 53:
                kind = options[2]
            elif code == 50:
                wanted = options[2:6]
            options = options[2 + length:]
        self.dhcp_seen.append((time.monotonic(), kind, socket.inet_ntoa(wanted)))
        if not self.dhcp_answers or kind not in (DISCOVER, REQUEST):
            return
        answer = OFFER if kind == DISCOVER else ACK
        if kind == REQUEST and self.dhcp_nak_next > 0:
            self.dhcp_nak_next -= 1
            answer = NAK
        t1 = self.t1_s if self.t1_s is not None else self.lease_s // 2
        payload = struct.pack("!BBBB4sHH4s4s4s4s16s192xI", 2, 1, 6, 0, xid, 0, 0, bytes(4),
                              ip(self.address) if answer != NAK else bytes(4), ip(SERVER), bytes(4), hardware, 0x63825363)
        payload += bytes([53, 1, answer, 54, 4]) + ip(SERVER)
        if answer != NAK:
            payload += bytes([1, 4]) + ip(NETMASK) + bytes([3, 4]) + ip(SERVER) + bytes([6, 4]) + ip(SERVER)
            payload += struct.pack("!BBI BBI BBI", 51, 4, self.lease_s, 58, 4, t1, 59, 4, self.lease_s * 7 // 8)
        self._udp(SERVER, ip("255.255.255.255"), 67, 68, payload + b"\xff" + bytes(20))

    def _dns(self, query, source, source_port):
        number = struct.unpack("!H", query[:2])[0]
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question, name = query[12:at + 5], ".".join(labels)
        self.dns_seen.append((number, source_port, name))
        if self.dns_mode == "silent":
            return
        if self.dns_mode == "garbage":
            self._udp(SERVER, source, 53, source_port, query[:2] + bytes(range(200, 256)) * 3)
            return
        if self.dns_mode == "other-id":
            number ^= 0x5555
        if self.dns_mode == "other-question":
            question = b"\x05other\x07example\0\0\x01\0\x01"
        address = self.dns_answers.get(name)
        answer = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + ip(address) if address else b""
        flags = 0x8180 if address else 0x8183
        self._udp(SERVER, source, 53, source_port, struct.pack("!HHHHHH", number, flags, 1, 1 if address else 0, 0, 0) + question + answer)

    def _tcp(self, source, destination, segment):
        source_port, port, sequence, _, flags = struct.unpack("!HHIIH", segment[:14])
        if source_port in self.streams:
            self.streams[source_port].segment(segment)
        if not flags & 2 or source_port in self.streams:
            return
        self.syn_seen.append((socket.inet_ntoa(destination), port, source_port, sequence))
        if self.tcp_mode == "stream":
            self.streams[source_port] = Stream(self._tcp_send, self.stream_chance, self.stream_data, source, destination, source_port,
                                               port, sequence)
        elif self.tcp_mode == "refuse":
            self._tcp_send(struct.pack("!HHIIHHHH", port, source_port, 0, (sequence + 1) & 0xFFFFFFFF, 5 << 12 | 0x14, 0, 0, 0),
                           destination, source)

    def _tcp_send(self, segment, source, destination):
        pseudo = source + destination + struct.pack("!BBH", 0, 6, len(segment))
        segment = segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]
        try:
            self._ethernet(ipv4(source, destination, 6, segment))
        except OSError:
            pass  # the test is over
