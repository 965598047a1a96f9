#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The dashboard in headless Chromium, against a real skerryd and Mosquitto: starts the fleet (fleet.py), then dashboard.js, which drives the browser.

    test_dashboard.py --programs FOLDER --packages FOLDER [--screenshots FOLDER] [--keep]      --keep: no browser; print the address, wait for Ctrl-C
"""

import json
import os
import shutil
import signal
import subprocess
import sys

import fleet

HERE = os.path.dirname(os.path.realpath(__file__))

# The dashboard must do without these, and says so in place of what they would show; the browser notes the 404 on its console.
NEWER = ["whoami", "channels", "tokens"]


def option(name, default=None):
    if name not in sys.argv:
        return default
    at = sys.argv.index(name)
    value = sys.argv[at + 1]
    del sys.argv[at:at + 2]
    return value


def main():
    packages, screenshots = option("--packages"), option("--screenshots", os.path.join(os.path.dirname(HERE), "..", "build", "screenshots"))
    shown = fleet.Fleet(fleet.home.programs())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        facts = shown.start()
        if "--keep" in sys.argv:
            print(json.dumps(facts), flush=True)
            signal.pause()
        chromium = os.environ.get("SKERRY_CHROMIUM") or shutil.which("chromium") or sys.exit("there is no chromium\n  remedy: toolchain/setup.sh installs it")
        facts.update(lacks=[path for path in NEWER if shown.home.api("/api/v1/" + path)[0] == 404], packages=packages, screenshots=os.path.realpath(screenshots), chromium=chromium)
        return subprocess.run(["node", os.path.join(HERE, "dashboard.js"), json.dumps(facts), *sys.argv[1:]], check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        shown.remove()


if __name__ == "__main__":
    sys.exit(main())
