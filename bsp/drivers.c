/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which driver serves which device-tree node, in probe order: interrupts, then the console (so that the rest can be
 * seen), then the watchdog (it may already be running), then what the system works with.
 */
#include "drivers.h"

#include "virtio/virtio_mmio.h"

const struct driver drivers[] = {
	{"arm,cortex-a15-gic", gicv2_probe},
	{"arm,gic-400", gicv2_probe},
	{"arm,gic-v3", gicv3_probe},
	{"arm,pl011", pl011_probe},
	{"arm,psci-0.2", psci_probe},
	{"pci-host-ecam-generic", i6300esb_probe},
	{"arm,pl031", pl031_probe},
	{"virtio,mmio", virtio_mmio_probe},
};
const size_t drivers_count = sizeof(drivers) / sizeof(drivers[0]);

const struct virtio_driver virtio_drivers[] = {
	{VIRTIO_ID_NET, virtio_net_probe},
	{VIRTIO_ID_BLK, virtio_blk_probe},
	{VIRTIO_ID_RNG, virtio_rng_probe},
};
const size_t virtio_drivers_count = sizeof(virtio_drivers) / sizeof(virtio_drivers[0]);
