/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arm GIC architecture 2 (GIC-400 and kin), one CPU. Register names: IHI 0048B.b, chapter 4.
 * DT binding: interrupt-controller/arm,gic.yaml; reg 0 is the distributor, reg 1 the CPU interface.
 */
#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/irq.h"

#include "drivers.h"
#include "mmio.h"

enum {
	GICD_CTLR = 0x000,
	GICD_TYPER = 0x004,
	GICD_ISENABLER = 0x100,
	GICD_ICENABLER = 0x180,
	GICD_ICPENDR = 0x280,
	GICD_IPRIORITYR = 0x400,
	GICD_ITARGETSR = 0x800,
};

enum {
	GICC_CTLR = 0x00,
	GICC_PMR = 0x04,
	GICC_IAR = 0x0c,
	GICC_EOIR = 0x10,
};

#define CTLR_ENABLE    1U
#define TYPER_IT_LINES 0x1fU
#define INTID_MASK     0x3ffU
#define SPI_FIRST      32U
#define PRIORITY_ALL   0xa0a0a0a0U
#define PMR_LOWEST     0xffU

static volatile void *gicd, *gicc;
static uint8_t cpu_mask;

/*
 * IAR's CPU field, which only software-generated interrupts fill in, must come back in EOIR (§4.4.5). None is ever
 * sent here, so it is always 0 and the INTID alone will do.
 */
static uint32_t gicv2_ack(void)
{
	return mmio_read32(gicc, GICC_IAR) & INTID_MASK;
}

static void gicv2_eoi(uint32_t intid)
{
	mmio_write32(gicc, GICC_EOIR, intid);
}

static void gicv2_enable(uint32_t intid)
{
	if (intid >= SPI_FIRST)
		mmio_write8(gicd, GICD_ITARGETSR + intid, cpu_mask);
	mmio_write32(gicd, GICD_ISENABLER + intid / 32 * 4, 1U << (intid % 32));
}

static const struct irqc_ops gicv2_ops = {.enable = gicv2_enable, .ack = gicv2_ack, .eoi = gicv2_eoi};

/* The loader may have left interrupts enabled or pending: none is taken whose handler does not exist yet. */
static void gicv2_quiet(uint32_t lines)
{
	for (uint32_t reg = 0; reg < lines / 32; reg++) {
		mmio_write32(gicd, GICD_ICENABLER + reg * 4, UINT32_MAX);
		mmio_write32(gicd, GICD_ICPENDR + reg * 4, UINT32_MAX);
	}
	for (uint32_t reg = 0; reg < lines / 4; reg++)
		mmio_write32(gicd, GICD_IPRIORITYR + reg * 4, PRIORITY_ALL);
}

/* ITARGETSR0..7 are read-only and say which bit this CPU is; a uniprocessor implementation reads as 0 (§4.3.12). */
static uint8_t gicv2_this_cpu(void)
{
	uint8_t mask = 0;

	for (uint32_t intid = 0; intid < SPI_FIRST; intid++)
		mask |= mmio_read8(gicd, GICD_ITARGETSR + intid);
	return mask ? mask : 1;
}

int gicv2_probe(const struct driver_node *node)
{
	uint64_t dist, dist_bytes, cpu, cpu_bytes;

	if (driver_reg(node, 0, &dist, &dist_bytes) || driver_reg(node, 1, &cpu, &cpu_bytes))
		return -DEV_E_INVAL;
	gicd = driver_map(dist, dist_bytes);
	gicc = driver_map(cpu, cpu_bytes);
	mmio_write32(gicd, GICD_CTLR, 0);
	cpu_mask = gicv2_this_cpu();
	gicv2_quiet(((mmio_read32(gicd, GICD_TYPER) & TYPER_IT_LINES) + 1) * 32);
	mmio_write32(gicd, GICD_CTLR, CTLR_ENABLE);
	mmio_write32(gicc, GICC_PMR, PMR_LOWEST);
	mmio_write32(gicc, GICC_CTLR, CTLR_ENABLE);
	irqc_register(&gicv2_ops);
	return 0;
}
