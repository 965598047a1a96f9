/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power State Coordination Interface: reset and off by a call to the firmware. Arm DEN0022F §5.1 (function ids),
 * DT binding: arm/psci.yaml; `method` says whether the call is HVC or SMC.
 */
#include <libfdt.h>
#include <string.h>

#include "kernel/dev.h"
#include "kernel/driver.h"

#include "drivers.h"

#define PSCI_SYSTEM_OFF   0x84000008U
#define PSCI_SYSTEM_RESET 0x84000009U

/* SMC Calling Convention (DEN0028): function id in w0, x0..x17 may come back changed. */
static void psci_hvc(uint32_t function)
{
	register uint64_t x0 __asm__("x0") = function;

	__asm__ volatile("hvc #0"
			 : "+r"(x0)::"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
			 "x14", "x15", "x16", "x17", "memory");
}

static void psci_smc(uint32_t function)
{
	register uint64_t x0 __asm__("x0") = function;

	__asm__ volatile("smc #0"
			 : "+r"(x0)::"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
			 "x14", "x15", "x16", "x17", "memory");
}

static void (*conduit)(uint32_t function);

static void psci_reset(struct power_dev *dev)
{
	(void)dev;
	conduit(PSCI_SYSTEM_RESET);
}

static void psci_off(struct power_dev *dev)
{
	(void)dev;
	conduit(PSCI_SYSTEM_OFF);
}

static const struct power_ops psci_ops = {.reset = psci_reset, .off = psci_off};
static struct power_dev psci_dev = {.ops = &psci_ops};

int psci_probe(const struct driver_node *node)
{
	const char *method = fdt_stringlist_get(node->fdt, node->offset, "method", 0, NULL);

	if (!method)
		return -DEV_E_INVAL;
	if (strcmp(method, "hvc") == 0)
		conduit = psci_hvc;
	else if (strcmp(method, "smc") == 0)
		conduit = psci_smc;
	else
		return -DEV_E_INVAL;
	dev_register_power(&psci_dev);
	return 0;
}
