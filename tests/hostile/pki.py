# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests: P-256 authorities and the certificates they issue, made by the openssl program in one folder."""

import os
import subprocess

HOSTS = ("localhost", "127.0.0.1", "10.0.2.2")  # 10.0.2.2: the host as QEMU's user network shows it to the guest


def _openssl(*args):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("openssl %s: %s" % (args[0], done.stderr.strip()))


def _alt_names(hosts):
    return ",".join(("IP:" if host.replace(".", "").isdigit() else "DNS:") + host for host in hosts)


class Authority:
    """A CA: `crt` and `key` are PEM files. An existing pair may be given; otherwise both are made in `folder`."""

    def __init__(self, folder, name, crt=None, key=None):
        self.folder = folder
        self.crt = crt or os.path.join(folder, name + ".crt")
        self.key = key or os.path.join(folder, name + ".key")
        if crt is None:
            _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key,
                     "-out", self.crt, "-days", "30", "-subj", "/CN=" + name, "-addext", "basicConstraints=critical,CA:TRUE",
                     "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, hosts=HOSTS, expired=False):
        """A server certificate for `hosts`. (crt, key), PEM files in the folder."""
        base = os.path.join(self.folder, name)
        with open(base + ".ext", "w", encoding="ascii") as ext:
            ext.write("subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n" % _alt_names(hosts))
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key",
                 "-out", base + ".csr", "-subj", "/CN=" + hosts[0])
        _openssl("x509", "-req", "-in", base + ".csr", "-CA", self.crt, "-CAkey", self.key, "-CAcreateserial",
                 "-CAserial", base + ".srl", "-days", "-1" if expired else "30", "-extfile", base + ".ext", "-out", base + ".crt")
        return base + ".crt", base + ".key"
