/* SPDX-License-Identifier: Apache-2.0 */
/* The probe function of every driver, for the tables in drivers.c. Contract: struct driver in kernel/driver.h. */
#ifndef BSP_DRIVERS_H
#define BSP_DRIVERS_H

#include "kernel/driver.h"

int gicv2_probe(const struct driver_node *node);
int gicv3_probe(const struct driver_node *node);
int pl011_probe(const struct driver_node *node);
int pl031_probe(const struct driver_node *node);
int psci_probe(const struct driver_node *node);
int i6300esb_probe(const struct driver_node *node);
int virtio_mmio_probe(const struct driver_node *node);

#endif
