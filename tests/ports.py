# SPDX-License-Identifier: Apache-2.0
"""
Ports for servers under test. Below the kernel's range for outgoing connections, so that none takes the port of a server that is started again on it, and
each handed out once for a long while, so that tests beside each other never mean the same one: a counter in a locked file says which is next.
"""

import fcntl
import os
import socket
import tempfile

FIRST, LAST = 20000, 32000  # net.ipv4.ip_local_port_range begins at 32768
COUNTER = os.path.join(tempfile.gettempdir(), "skerry-ports-%d" % os.getuid())


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    """That many different ports of 127.0.0.1 that nobody listens on."""
    with open(os.open(COUNTER, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        port = int(text) if text.isdigit() else FIRST
        ports = []
        for _ in range(LAST - FIRST):
            port = port + 1 if FIRST <= port < LAST else FIRST
            if _is_free(port):
                ports.append(port)
            if len(ports) == count:
                break
        else:
            raise OSError("no %d free ports between %d and %d" % (count, FIRST, LAST))
        file.seek(0)
        file.truncate()
        file.write(str(port))
    return ports
