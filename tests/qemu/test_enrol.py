#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Enrolment on the real chain: two bare machines start from copies of one disk, which holds a token and no identity; each makes its key, claims
its identity and is updated, the first one over a power cut in mid-claim. Needs ./dev build.
"""

import os
import re
import shutil
import sys
import tempfile

sys.path[:0] = [os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")]
from cases import case, expect, main  # noqa: E402
from lab import BOARD, Device, Lab  # noqa: E402

lab = Lab(tempfile.mkdtemp(prefix="skerry-enrol-"), relays=False)
lab.start()


def start(disk, n):
    """A machine that starts from a copy of the disk; it has no name yet."""
    copy = os.path.join(lab.folder, "machine-%d.img" % n)
    shutil.copyfile(disk, copy)
    machine = Device(lab, None, copy)
    lab.devices.append(machine)
    return machine.power_on()


def claimed(machine):
    machine.name = machine.wait(r"agent: claim\.done device=(\S+) ")[1]
    return machine


@case("two machines with the same disk claim two identities, live on over a power cut and a reset, and are updated")
def enrol():
    first, second = lab.image("sensor", "1.0.0"), lab.image("sensor", "1.0.1")
    token = lab.skerry_json("enrol", "create", "--board", BOARD, "--uses", "2", "--pattern", "line-{key}")["token"]
    disk = os.path.join(lab.folder, "line.img")
    lab.skerry("device", "disk", "--enrol", token, "--board", BOARD, "-o", disk, "--image", first.suit)
    machines = [start(disk, n) for n in range(2)]
    machines[0].wait(r"agent: claim url=")
    machines[0].power_cut()
    machines[0].power_on()
    for machine in machines:
        claimed(machine)
    names = [machine.name for machine in machines]
    expect(len(set(names)) == 2 and all(re.fullmatch("line-[0-9a-f]{12}", name) for name in names), "two identities", names)
    for machine in machines:
        machine.wait_online("1.0.0")
    expect(lab.skerry_json("enrol", "list")[0]["usesLeft"] == 0, "each took one use")
    machines[1].power_cut()
    machines[1].power_on().wait(r"agent: mqtt\.connected")
    code, last = lab.update(machines[0].name, second, "--trial-seconds", "300").result()
    expect(code == 0, "the update succeeds", last)
    machines[0].wait_online("1.0.1")
    expect(len(lab.skerry_json("device", "list")) == 2, "nobody else came")


def clean_up():
    lab.stop()
    shutil.rmtree(lab.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
