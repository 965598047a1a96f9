# SPDX-License-Identifier: Apache-2.0
"""
A TCP relay on loopback that a test can make misbehave, and that counts what crosses it.

    proxy = Proxy(target_port)                  relays 127.0.0.1:proxy.port to 127.0.0.1:target_port
    proxy.policy = Gate(200_000)                what happens to the bytes that flow to the client
    proxy.down(); proxy.up()                    the service is gone (connections refused), and back on the same port
"""

import socket
import threading
import time


class Policy:
    """Passes everything. `begin` is called per connection and returns the function that maps the bytes to the client."""

    def begin(self):
        return lambda data: data


class Gate(Policy):
    """Lets `after_bytes` pass (all connections together), then holds everything until open(). `reached` is an event."""

    def __init__(self, after_bytes):
        self.left = after_bytes
        self.reached = threading.Event()
        self.released = threading.Event()
        self.lock = threading.Lock()

    def open(self):
        self.released.set()

    def begin(self):
        def pass_on(data):
            with self.lock:
                self.left -= len(data)
                closed = self.left < 0
            if closed and not self.released.is_set():
                self.reached.set()
                self.released.wait()
            return data
        return pass_on


class Pace(Policy):
    """At most `bytes_per_s` on each connection."""

    def __init__(self, bytes_per_s):
        self.bytes_per_s = bytes_per_s

    def begin(self):
        def pass_on(data):
            time.sleep(len(data) / self.bytes_per_s)
            return data
        return pass_on


class FlipRecord(Policy):
    """Flips one byte in the first TLS application-data record past `after_bytes` of a connection, on the first `times` connections."""

    APPLICATION_DATA = 23

    def __init__(self, after_bytes, times=1 << 30):
        self.after_bytes = after_bytes
        self.times = times

    def begin(self):
        state = {"seen": 0, "record_left": 0, "header": b"", "hit": False}

        def pass_on(data):
            out = bytearray(data)
            pos = 0
            while pos < len(out):
                pos = self._step(state, out, pos)
            state["seen"] += len(data)
            return bytes(out)
        return pass_on

    def _step(self, state, out, pos):
        """Consume a part of one record; the position after it."""
        if state["record_left"]:
            take = min(state["record_left"], len(out) - pos)
            if self._wants(state, take):
                out[pos + take // 2] ^= 0x40
                state["hit"] = True
                self.times -= 1
            state["record_left"] -= take
            return pos + take
        take = min(5 - len(state["header"]), len(out) - pos)
        state["header"] += bytes(out[pos:pos + take])
        if len(state["header"]) == 5:
            state["type"] = state["header"][0]
            state["record_left"] = int.from_bytes(state["header"][3:5], "big")
            state["header"] = b""
        return pos + take

    def _wants(self, state, take):
        return (not state["hit"] and self.times > 0 and take > 32 and state["type"] == self.APPLICATION_DATA
                and state["seen"] >= self.after_bytes)


class Proxy:
    """See the module's text. `to_client` and `to_server` count bytes, `connections` the accepted connections."""

    def __init__(self, target_port, policy=None, port=0):
        self.target_port = target_port
        self.policy = policy or Policy()
        self.to_client = self.to_server = self.connections = 0
        self.port = port
        self.pairs = set()
        self.lock = threading.Lock()
        self.up()

    def up(self):
        """Listen (again, on the same port)."""
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def down(self):
        """Refuse connections and end those there are."""
        _end(self.listener)
        self.listener.close()
        self.drop()

    def drop(self):
        """End the connections there are."""
        with self.lock:
            pairs, self.pairs = self.pairs, set()
        for pair in pairs:
            for sock in pair:
                _end(sock)

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port))
        except OSError:
            client.close()
            return
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        with self.lock:
            self.pairs.add(pair)
        up = threading.Thread(target=self._pump, args=(client, server, None), daemon=True)
        up.start()
        self._pump(server, client, self.policy.begin())
        up.join()
        with self.lock:
            self.pairs.discard(pair)
        client.close()
        server.close()

    def _pump(self, source, sink, pass_on):
        try:
            while data := source.recv(16384):
                if pass_on:
                    data = pass_on(data)
                    self.to_client += len(data)
                else:
                    self.to_server += len(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            _end(source)
            _end(sink)


def _end(sock):
    """Wake up whoever waits on `sock`; its owner closes it."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
