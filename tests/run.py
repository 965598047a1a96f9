#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev run: a broker, skerryd and one device; shows the device's console until Ctrl-C."""

import argparse
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from lab import TOP, Lab, LabError  # noqa: E402

FOLDER = os.path.join(TOP, "build", "lab")
DEVICE = "dev-1"


def main():
    parser = argparse.ArgumentParser(prog="./dev run", description="Boot one device in QEMU and show its console. The laboratory in build/lab is made when it is "
                                                                   "not there and kept: the device is the next time what it was.")
    parser.add_argument("--app", metavar="NAME", default="sensor", help="app of a new device (default sensor)")
    parser.add_argument("--memory", metavar="M", type=int, default=64, help="memory in MiB, 32 or more (default 64)")
    parser.add_argument("--cpu", metavar="C", default="cortex-a53", help="cortex-a53, cortex-a72 or max (default cortex-a53)")
    args = parser.parse_args()
    if args.memory < 32:
        parser.error("--memory %d: U-Boot needs 32 MiB" % args.memory)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with Lab(FOLDER) as lab:
            name = DEVICE if args.app == "sensor" else "%s-1" % args.app
            device = lab.device(name, lab.image(args.app, "1.0.0"), memory_mib=args.memory, cpu=args.cpu)
            print("device %s. In another terminal:\n  export SKERRY_HOME=%s PATH=%s:$PATH\n  skerry device show %s\nCtrl-C ends it.\n"
                  % (name, lab.home, os.path.dirname(lab.program("skerry")), name), flush=True)
            device.power_on()
            device.follow(lambda line: print("".join(c for c in line if c.isprintable() or c == "\t"), flush=True))
            device.machine.wait_end(timeout_s=None)
            print("run: QEMU has ended with exit code %d" % device.machine.process.returncode, file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        return 0
    except (LabError, AssertionError, OSError) as error:
        print("run: %s" % error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
