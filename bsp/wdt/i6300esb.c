/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog of Intel's 6300ESB I/O controller hub, a PCI function (Intel 300641, chapter 16): two stages count down
 * one after the other; the end of the second resets the machine. Found by reading the configuration space of bus 0
 * (ECAM, PCI Firmware Specification 3.2 §4.1). DT binding: pci/host-generic-pci.yaml.
 */
#include <libfdt.h>

#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/irq.h"
#include "kernel/log.h"

#include "drivers.h"
#include "mmio.h"

#define ECAM_FUNCTION_BYTES 4096U
#define ECAM_FUNCTIONS      256U /* of bus 0 */

/* Configuration space. */
enum {
	PCI_VENDOR_DEVICE = 0x00,
	PCI_COMMAND = 0x04,
	PCI_BAR0 = 0x10,
	ESB_CONFIG = 0x60,
	ESB_LOCK = 0x68,
};
#define PCI_ID_6300ESB_WDT 0x25ab8086U
#define PCI_COMMAND_MEMORY 2U
#define PCI_BAR_ADDR       0xfffffff0U

#define ESB_CONFIG_NO_INTERRUPT 3U /* end of stage 1 says nothing; both count units of 2^15 PCI clocks */
#define ESB_LOCK_ENABLE         2U

/* Memory behind BAR0. Every write to one of these must be unlocked on its own by two writes to RELOAD. */
enum {
	TIMER1 = 0x00,
	TIMER2 = 0x04,
	RELOAD = 0x0c,
};
#define RELOAD_KEY1   0x80U
#define RELOAD_KEY2   0x86U
#define RELOAD_RELOAD 0x100U
#define TIMER_MAX     0xfffffU
#define BAR_BYTES     16U

/* `ranges` of a PCI host bridge: child address of three cells, parent of two, size of two; phys.hi bits 25..24 = space. */
#define RANGE_CELLS 7
#define SPACE_MASK  0x03000000U
#define SPACE_MEM32 0x02000000U
#define WINDOW_SKIP 0x10000U

struct i6300esb {
	struct wdt_dev dev;
	volatile void *config, *regs;
};

static struct i6300esb wdt;

static void esb_write(volatile void *regs, size_t off, uint32_t value)
{
	uint64_t irq = irq_save();

	/* Another write in between would spoil the key. */
	mmio_write16(regs, RELOAD, RELOAD_KEY1);
	mmio_write16(regs, RELOAD, RELOAD_KEY2);
	if (off == RELOAD)
		mmio_write16(regs, RELOAD, (uint16_t)value);
	else
		mmio_write32(regs, off, value);
	irq_restore(irq);
}

static void esb_feed(struct wdt_dev *dev)
{
	struct i6300esb *self = dev->ctx;

	esb_write(self->regs, RELOAD, RELOAD_RELOAD);
}

/*
 * A unit is 0.983 ms at 33 MHz, so the watchdog bites 2 % early, never late.
 * One that runs already keeps running while its stages change: there is no moment without a watchdog. */
static int esb_start(struct wdt_dev *dev, uint32_t timeout_ms)
{
	struct i6300esb *self = dev->ctx;
	uint32_t stage = timeout_ms / 2;

	if (stage == 0 || timeout_ms - stage > TIMER_MAX)
		return -DEV_E_RANGE;
	mmio_write16(self->config, ESB_CONFIG, ESB_CONFIG_NO_INTERRUPT);
	esb_write(self->regs, TIMER1, stage);
	esb_write(self->regs, TIMER2, timeout_ms - stage);
	esb_feed(dev);
	mmio_write8(self->config, ESB_LOCK, ESB_LOCK_ENABLE);
	return 0;
}

static const struct wdt_ops esb_ops = {.start = esb_start, .feed = esb_feed};

static volatile void *esb_find(volatile uint8_t *ecam)
{
	for (size_t function = 0; function < ECAM_FUNCTIONS; function++) {
		volatile uint8_t *config = ecam + function * ECAM_FUNCTION_BYTES;

		if (mmio_read32(config, PCI_VENDOR_DEVICE) == PCI_ID_6300ESB_WDT)
			return config;
	}
	return NULL;
}

struct pci_window {
	uint64_t bus, cpu, bytes;
};

static uint64_t cells64(const fdt32_t *cells)
{
	return (uint64_t)fdt32_to_cpu(cells[0]) << 32 | fdt32_to_cpu(cells[1]);
}

/* The bridge's window for 32-bit memory. */
static int window_get(const struct driver_node *node, struct pci_window *window)
{
	int bytes;
	const fdt32_t *range = fdt_getprop(node->fdt, node->offset, "ranges", &bytes);

	if (!range)
		return -DEV_E_INVAL;
	for (int count = bytes / (int)(RANGE_CELLS * sizeof(*range)); count > 0; count--, range += RANGE_CELLS) {
		if ((fdt32_to_cpu(range[0]) & SPACE_MASK) != SPACE_MEM32)
			continue;
		*window = (struct pci_window){cells64(range + 1), cells64(range + 3), cells64(range + 5)};
		return window->bytes > WINDOW_SKIP + BAR_BYTES ? 0 : -DEV_E_INVAL;
	}
	return -DEV_E_INVAL;
}

/*
 * Where BAR0 answers, as a CPU address. A running watchdog keeps the address the loader gave it. Otherwise there was no
 * PCI enumeration and this is the only function that gets an address: a little into the window, as the loader does.
 */
static uint64_t esb_bar_settle(volatile void *config, const struct pci_window *window)
{
	uint64_t bus = mmio_read32(config, PCI_BAR0) & PCI_BAR_ADDR;
	uint16_t command = mmio_read16(config, PCI_COMMAND);

	if (bus < window->bus || bus - window->bus > window->bytes - BAR_BYTES) {
		bus = window->bus + WINDOW_SKIP;
		mmio_write32(config, PCI_BAR0, (uint32_t)bus);
	}
	mmio_write16(config, PCI_COMMAND, command | PCI_COMMAND_MEMORY);
	return bus - window->bus + window->cpu;
}

int i6300esb_probe(const struct driver_node *node)
{
	struct pci_window window;
	uint64_t base, bytes;
	int rc = driver_reg(node, 0, &base, &bytes);

	if (rc)
		return rc;
	if (wdt.config || bytes < ECAM_FUNCTIONS * ECAM_FUNCTION_BYTES)
		return -DEV_E_NODEV;
	wdt.config = esb_find(driver_map(base, ECAM_FUNCTIONS * ECAM_FUNCTION_BYTES));
	if (!wdt.config)
		return -DEV_E_NODEV;
	if (window_get(node, &window)) {
		log_line(LOG_ERR, "wdt: probe.fail reason=no-32-bit-window");
		return -DEV_E_INVAL;
	}
	wdt.regs = driver_map(esb_bar_settle(wdt.config, &window), BAR_BYTES);
	wdt.dev.ops = &esb_ops;
	wdt.dev.ctx = &wdt;
	dev_register_wdt(&wdt.dev);
	return 0;
}
