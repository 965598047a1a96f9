// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watchdog, armed before relocation, so that a hang anywhere later ends in a reset. The kernel takes it over.
 *
 * Intel 6300ESB timer (datasheet 300641, chapter 16), a PCI device: the control tree's node says where bus 0's
 * configuration space is (reg), where its registers may be put (skerry,bar) and the time (timeout-sec). A machine
 * without the device is started without a watchdog.
 */
#include <asm/global_data.h>
#include <asm/io.h>
#include <event.h>
#include <linux/libfdt.h>

#include "hook.h"

DECLARE_GLOBAL_DATA_PTR;

#define PCI_ID_I6300ESB    0x25ab8086
#define PCI_DEVICES        32
#define PCI_DEVICE_SHIFT   15 /* ECAM: 4 KiB a function, 8 functions a device */
#define PCI_COMMAND        0x04
#define PCI_COMMAND_MEMORY 0x2
#define PCI_BAR0           0x10

#define ESB_CONFIG              0x60 /* 16 bits; 3 = the first stage raises no interrupt */
#define ESB_CONFIG_NO_INTERRUPT 3
#define ESB_LOCK                0x68
#define ESB_LOCK_ENABLE         0x2

#define ESB_TIMER1           0x0 /* both stages count one after the other, in about 1 ms */
#define ESB_TIMER2           0x4
#define ESB_TIMER_MAX        0xfffff
#define ESB_RELOAD           0xc
#define ESB_RELOAD_PING      0x100
#define ESB_RELOAD_TIMED_OUT 0x1200 /* bit 9; bit 12 is what Linux reads, and QEMU sets both */

struct esb {
	void __iomem *config, *regs;
	u32 timeout_s;
};

/* Without static data: also called before relocation, from read-only flash. */
static bool esb_find(struct esb *esb)
{
	int node = fdt_node_offset_by_compatible(gd->fdt_blob, -1, "pci8086,25ab");
	const fdt64_t *reg = node < 0 ? NULL : fdt_getprop(gd->fdt_blob, node, "reg", NULL);
	const fdt32_t *bar = node < 0 ? NULL : fdt_getprop(gd->fdt_blob, node, "skerry,bar", NULL);
	const fdt32_t *timeout = node < 0 ? NULL : fdt_getprop(gd->fdt_blob, node, "timeout-sec", NULL);

	if (!reg || !bar || !timeout)
		return false;
	esb->regs = (void __iomem *)(uintptr_t)fdt32_to_cpu(*bar);
	esb->timeout_s = fdt32_to_cpu(*timeout);
	for (unsigned i = 0; i < PCI_DEVICES; i++) {
		esb->config = (void __iomem *)(uintptr_t)(fdt64_to_cpu(*reg) + ((u64)i << PCI_DEVICE_SHIFT));
		if (readl(esb->config) == PCI_ID_I6300ESB)
			return true;
	}
	return false;
}

/* Each write to a locked register needs the two keys before it. */
static void esb_unlock(const struct esb *esb)
{
	writew(0x80, esb->regs + ESB_RELOAD);
	writew(0x86, esb->regs + ESB_RELOAD);
}

static void esb_set_timer(const struct esb *esb, u32 off, u32 value)
{
	esb_unlock(esb);
	writel(min(value, (u32)ESB_TIMER_MAX), esb->regs + off);
}

static void esb_reload(const struct esb *esb, u16 value)
{
	esb_unlock(esb);
	writew(value, esb->regs + ESB_RELOAD);
}

static int skerry_watchdog_arm(void)
{
	struct esb esb;

	if (!esb_find(&esb))
		return 0;
	writel((u32)(uintptr_t)esb.regs, esb.config + PCI_BAR0);
	writew(readw(esb.config + PCI_COMMAND) | PCI_COMMAND_MEMORY, esb.config + PCI_COMMAND);
	writew(ESB_CONFIG_NO_INTERRUPT, esb.config + ESB_CONFIG);
	esb_set_timer(&esb, ESB_TIMER1, esb.timeout_s * 500);
	esb_set_timer(&esb, ESB_TIMER2, esb.timeout_s * 500);
	writeb(ESB_LOCK_ENABLE, esb.config + ESB_LOCK);
	esb_reload(&esb, ESB_RELOAD_PING);
	return 0;
}
EVENT_SPY_SIMPLE(EVT_MISC_INIT_F, skerry_watchdog_arm);

bool skerry_watchdog_has_reset(void)
{
	struct esb esb;
	bool has_reset;

	if (!esb_find(&esb))
		return false;
	has_reset = readw(esb.regs + ESB_RELOAD) & ESB_RELOAD_TIMED_OUT;
	esb_reload(&esb, ESB_RELOAD_PING | ESB_RELOAD_TIMED_OUT);
	return has_reset;
}

void skerry_watchdog_feed(void)
{
	struct esb esb;

	if (esb_find(&esb))
		esb_reload(&esb, ESB_RELOAD_PING);
}
