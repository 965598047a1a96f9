/* SPDX-License-Identifier: Apache-2.0 */
/* Arm PrimeCell UART PL011: polled output. Register names: DDI 0183G, chapter 3. DT binding: serial/pl011.yaml. */
#include <stdbool.h>

#include "kernel/dev.h"
#include "kernel/driver.h"

#include "drivers.h"
#include "mmio.h"

enum {
	UARTDR = 0x00,
	UARTFR = 0x18,
	UARTLCR_H = 0x2c,
	UARTCR = 0x30,
	UARTIMSC = 0x38,
};

#define FR_TXFF      (1U << 5)
#define FR_BUSY      (1U << 3)
#define LCR_H_FEN    (1U << 4)
#define LCR_H_WLEN_8 (3U << 5)
#define CR_UARTEN    (1U << 0)
#define CR_TXE       (1U << 8)
#define CR_RXE       (1U << 9)

/* Bounds every wait: a transmitter that a dead clock or flow control stopped must not stop the machine. */
#define PUT_SPIN_MAX 1000000U

static struct console_dev console;

static void pl011_wait_clear(volatile void *regs, uint32_t flags)
{
	for (unsigned int spin = 0; spin < PUT_SPIN_MAX; spin++)
		if (!(mmio_read32(regs, UARTFR) & flags))
			return;
}

static void pl011_put(struct console_dev *dev, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		pl011_wait_clear(dev->ctx, FR_TXFF);
		mmio_write32(dev->ctx, UARTDR, (uint8_t)text[i]);
	}
}

static const struct console_ops pl011_ops = {.put = pl011_put};

/*
 * The loader has usually set up baud rate and pins; only a line that is off is switched on, with the divisors left as
 * they are, because the clock's rate is board knowledge. LCR_H may be written only while the UART is off (§3.3.8).
 */
static void pl011_enable(volatile void *regs)
{
	const uint32_t on = CR_UARTEN | CR_TXE;

	mmio_write32(regs, UARTIMSC, 0);
	if ((mmio_read32(regs, UARTCR) & on) == on)
		return;
	mmio_write32(regs, UARTCR, 0);
	pl011_wait_clear(regs, FR_BUSY);
	mmio_write32(regs, UARTLCR_H, LCR_H_WLEN_8 | LCR_H_FEN);
	mmio_write32(regs, UARTCR, CR_UARTEN | CR_TXE | CR_RXE);
}

int pl011_probe(const struct driver_node *node)
{
	uint64_t base, bytes;
	volatile void *regs;
	int rc = driver_reg(node, 0, &base, &bytes);

	if (rc)
		return rc;
	if (console.ops)
		return -DEV_E_NODEV;
	regs = driver_map(base, bytes);
	pl011_enable(regs);
	console.ops = &pl011_ops;
	console.ctx = (void *)(uintptr_t)regs;
	dev_register_console(&console);
	return 0;
}
