#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints what each image loads into memory, by component, from the linker's map, and U-Boot's size.

usage: ./dev size [--json]
"""
import json
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
IMAGES = TOP / "build/device/images"
UBOOT = TOP / "build/uboot/qemu-virt/u-boot.bin"

# What is reported: the demo's app with network and agent, and the smallest program without them.
REPORTED = {"agent": "sensor", "hello": "hello-bare"}

# The first pattern found in an object's path names its component.
COMPONENTS = [
    ("lwip", r"/liblwip\.a"),
    ("mbedtls-crypto", r"/libmbedcrypto\.a"),
    ("mbedtls-x509", r"/libmbedx509\.a"),
    ("mbedtls-tls", r"/libmbedtls\.a"),
    ("picolibc", r"/lib[cm]\.a"),
    ("libgcc", r"/libgcc\.a"),
    ("libfdt", r"/libfdt\.a"),
    ("mosquitto", r"/libmosquitto\.a"),
    ("app", r"(^|/)kernel/apps/"),
    ("kernel", r"(^|/)kernel/"),
    ("bsp", r"(^|/)bsp/"),
    ("ota", r"(^|/)ota/"),
    ("agent", r"(^|/)agent/"),
]


def fail(message, remedy):
    print(f"size.py: {message}\n  remedy: {remedy}", file=sys.stderr)
    sys.exit(1)


def loaded_sections(elf):
    """Names of the output sections whose bytes are in the image (allocated, not zero-filled)."""
    listing = subprocess.run(["aarch64-linux-gnu-readelf", "-SW", str(elf)], capture_output=True, text=True, check=True).stdout
    row = re.compile(r"\[\s*\d+\]\s+(\S+)\s+(\S+)\s+[0-9a-f]+\s+[0-9a-f]+\s+[0-9a-f]+\s+[0-9a-f]+\s+([A-Za-z]*)")
    return {m[1] for m in row.finditer(listing) if m[2] != "NOBITS" and "A" in m[3]}


def component_of(path):
    return next((name for name, pattern in COMPONENTS if re.search(pattern, path)), "other")


def components_of(map_text, sections, loaded_bytes):
    """Bytes by component. What is left of loaded_bytes is alignment and what the linker merged or added."""
    sizes, output = {}, None
    # A long section name stands on a line of its own: join it with its numbers.
    text = map_text[map_text.index("Linker script and memory map"):]
    text = re.sub(r"^( ?[^\s*]\S*)\n\s+(?=0x)", r"\1 ", text, flags=re.M)
    for line in text.split("\n"):
        header = re.match(r"(\S+)\s+0x[0-9a-f]+\s+0x[0-9a-f]+", line)
        if header:
            output = header[1]
        entry = re.match(r" (\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+(\S.*)", line)
        if entry and output in sections and entry[1] != "*fill*":
            name = component_of(entry[3])
            sizes[name] = sizes.get(name, 0) + int(entry[2], 16)
    sizes["padding"] = loaded_bytes - sum(sizes.values())
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def image_sizes():
    images = {}
    for name, stem in REPORTED.items():
        binary = IMAGES / f"{stem}.bin"
        if not binary.is_file():
            fail(f"there is no image {binary.relative_to(TOP)}", "./dev build")
        elf, map_file = binary.with_suffix(".elf"), binary.with_suffix(".map")
        if not elf.is_file() or not map_file.is_file():
            fail(f"{binary.name} has no {elf.name} or {map_file.name} beside it", "./dev clean, then ./dev build")
        loaded = binary.stat().st_size
        components = components_of(map_file.read_text(), loaded_sections(elf), loaded)
        images[name] = {"loaded_bytes": loaded, "components": components}
    return images


def print_table(sizes):
    for name, image in sizes["images"].items():
        print(f"{name}: {image['loaded_bytes']:,} bytes loaded")
        for component, count in image["components"].items():
            print(f"    {component:<16}{count:>10,}")
    if sizes["uboot_bytes"] is not None:
        print(f"u-boot.bin: {sizes['uboot_bytes']:,} bytes")


def main(arguments):
    if arguments in (["--help"], ["-h"]):
        print(__doc__.strip())
        return 0
    if arguments not in ([], ["--json"]):
        print(f"size.py: unknown argument '{' '.join(arguments)}'\n  remedy: ./dev size --help", file=sys.stderr)
        return 2
    sizes = {"images": image_sizes(), "uboot_bytes": UBOOT.stat().st_size if UBOOT.is_file() else None}
    if arguments:
        print(json.dumps(sizes))
    else:
        print_table(sizes)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
