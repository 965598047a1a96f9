#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An image on trial on a machine where it finds no network device: it must not sit there for ever. Real U-Boot, kernel and agent; needs ./dev build."""

import hashlib
import os
import shutil
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
import bootrec  # noqa: E402
from cases import case, expect, main  # noqa: E402
from harness import Machine  # noqa: E402
from lab import Lab  # noqa: E402

TRIAL_S = 120  # without a job the default


@case("a trial without a network device ends at its deadline, with its cause", long=True)
def no_network_device():
    folder = tempfile.mkdtemp(prefix="skerry-offline-")
    with Lab(folder) as lab:
        image = lab.image("sensor", "1.0.0")
        device = lab.device("dev-1", image)
        with open(image.fit, "rb") as file:
            fit = file.read()
        fit = fit[:struct.unpack(">I", fit[4:8])[0]]
        digest = hashlib.sha256(fit).digest()
        record = bootrec.Record(a=bootrec.Slot(digest, bootrec.TRIAL, len(fit), 1, (1, 0, 0), tries=3))
        with open(device.disk, "r+b") as disk:
            for lba in (0x800, 0x808):
                disk.seek(lba * 512)
                disk.write(record.encode())
        with Machine(lab.flash(False), device) as machine:
            machine.wait("agent: no network device")
            machine.wait("trial.fail slot=a cause=link-timeout", TRIAL_S + 120)
            machine.wait("slot=a start mode=safe")
        with open(device.disk, "rb") as disk:
            disk.seek(0x800 * 512)
            after = bootrec.Record.decode(disk.read(512))
        expect(after.slots[0].state == bootrec.BAD and after.failed[0][0] == digest, "it failed, and is known for it", vars(after))
    shutil.rmtree(folder, ignore_errors=True)


raise SystemExit(main(__doc__))
