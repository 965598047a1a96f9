// SPDX-License-Identifier: GPL-2.0-or-later
/* Reset by PSCI, for the hook and for U-Boot's own panics. */
#include <asm/system.h>
#include <cpu_func.h>
#include <linux/psci.h>

/*
 * PSCI lives one level above (Arm DEN 0022): at EL2 that is EL3, reached by SMC; at EL1 it is the hypervisor,
 * reached by HVC. So the same image works with QEMU's virtualization=on and off, whatever the control tree would
 * say.
 */
void reset_cpu(void)
{
	register unsigned long function asm("x0") = PSCI_0_2_FN_SYSTEM_RESET;

	if (current_el() == 1)
		asm volatile("hvc #0" : "+r"(function) : : "x1", "x2", "x3", "memory");
	else
		asm volatile("smc #0" : "+r"(function) : : "x1", "x2", "x3", "memory");
	for (;;)
		;
}
