# SPDX-License-Identifier: Apache-2.0
"""
Many devices of one laboratory at a time, for tests that need thousands of starts: most of an update is waiting, for the app to stay well.

    crew = Crew("replay"); crew.start(); …; crew.stop()
    crew.run(work, items)            work(device, item) for each item; every device has a thread and takes the next one

SKERRY_TEST_JOBS says how many devices; the default is two per processor.
"""

import hashlib
import os
import queue
import shutil
import tempfile
import threading

import bootrec
from cases import Failure, expect
from harness import Disk, fit_bytes
from lab import BOARD, Lab, LabError

JOBS = int(os.environ.get("SKERRY_TEST_JOBS", 2 * (os.cpu_count() or 1)))
LONG = os.environ.get("SKERRY_TEST_LONG", "0") not in ("", "0")
TRIAL_S = "300"  # the machine may be busy: no trial of these tests is to end by the clock
FIT_MAGIC = b"\xd0\x0d\xfe\xed"
TELL_EVERY = 100
FAILURES_MAX = 5  # then the rest is not tried: what is wrong shows, and each may take its whole time limit


class Crew:
    """A laboratory and JOBS devices whose slot a holds the sensor's 1.0.0."""

    def __init__(self, name):
        self.name = name
        self.images = {}  # by digest: all that a device may run
        self.devices = []
        self.lab = None

    def start(self):
        self.lab = Lab(tempfile.mkdtemp(prefix="skerry-%s-" % self.name))
        try:
            self.lab.start()
            self.lab.flash()
            first = self.image("1.0.0")
            self.devices = [self.lab.device("%s-%d" % (self.name, n), first) for n in range(JOBS)]
            for device in self.devices:
                shutil.copyfile(device.disk, device.disk + ".new")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if not self.lab:
            return
        self.lab.stop()
        shutil.rmtree(self.lab.folder, ignore_errors=True)

    def image(self, version, kernel="sensor"):
        """An image of the sensor's name with another app's code in it; made once."""
        name = "%s-%s" % (kernel, version)
        for image in self.images.values():
            if os.path.basename(image.fit) == name + ".fit":
                return image
        image = self.lab.image("sensor", version, kernel=kernel, name=name)
        self.images[image.digest] = image
        return image

    @staticmethod
    def renew(device):
        """Its disk as it left the factory."""
        shutil.copyfile(device.disk + ".new", device.disk)

    @staticmethod
    def put_provision(device):
        """Its own identity, on a disk that was another device's."""
        Disk.existing(device.disk, BOARD).put("provision", Disk.existing(device.disk + ".new", BOARD).get("provision"))

    def run(self, work, items):
        """work(device, item) for each item; (how many were tried, [(item, text)] of those that failed)."""
        left, done, failures = queue.SimpleQueue(), [], []
        items = list(items)
        for item in items:
            left.put(item)

        def worker(device):
            while len(failures) < FAILURES_MAX:
                try:
                    item = left.get_nowait()
                except queue.Empty:
                    return
                try:
                    work(device, item)
                except (Failure, AssertionError, LabError, OSError) as error:
                    failures.append((item, str(error)))
                done.append(item)
                if len(done) % TELL_EVERY == 0:
                    print("       %d of %d, %d failed" % (len(done), len(items), len(failures)), flush=True)

        self.on_all(worker)
        return len(done), failures

    def on_all(self, work):
        """work(device) on every device at a time; raises what one of them raised."""
        errors = []

        def guarded(device):
            try:
                work(device)
            except BaseException as error:  # handed on to the caller's thread
                errors.append(error)

        threads = [threading.Thread(target=guarded, args=(device,), daemon=True) for device in self.devices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def slot_image(self, device, slot):
        """What a slot's content is: an Image, or None when it is not one of ours in full."""
        content = Disk.existing(device.disk, BOARD).get("slot-" + slot)
        if content[:4] != FIT_MAGIC or fit_bytes(content) > len(content):
            return None
        return self.images.get(hashlib.sha256(content[:fit_bytes(content)]).hexdigest())

    def confirmed(self, device):
        """The power is off: the image that the record calls active and confirmed, which must be in its slot in full."""
        record = bootrec.read(Disk.existing(device.disk, BOARD))
        entry, image = record.slots[record.active], self.slot_image(device, "ab"[record.active])
        expect(entry.state == bootrec.CONFIRMED and image and image.digest == entry.digest.hex(), "the active slot holds the image that was confirmed",
               vars(record), vars(entry), image and image.version)
        return image


def ended(update):
    """How an update ended: its status, and the cause of a rollback or the name of an error."""
    details = update.details()
    return update.last.get("status"), details.get("cause") or details.get("error")
