/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arm GIC architecture 3, one CPU: distributor, this CPU's redistributor, and the CPU interface in system registers.
 * Register names: IHI 0069H, chapter 12. DT binding: interrupt-controller/arm,gic-v3.yaml; reg 0 is the distributor,
 * reg 1.. are regions of redistributors. A start at EL2 must have set ICC_SRE_EL2.Enable before the drop to EL1.
 */
#include <stdbool.h>

#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/irq.h"

#include "drivers.h"
#include "mmio.h"

enum {
	GICD_CTLR = 0x0000,
	GICD_TYPER = 0x0004,
	GICD_IROUTER = 0x6000,
	GICR_TYPER = 0x0008,
	GICR_WAKER = 0x0014,
	/* The same layout in the distributor (INTID 32..) and in a redistributor's SGI frame (INTID 0..31). */
	GIC_IGROUPR = 0x0080,
	GIC_ISENABLER = 0x0100,
	GIC_ICENABLER = 0x0180,
	GIC_ICPENDR = 0x0280,
	GIC_IPRIORITYR = 0x0400,
};

#define GICD_CTLR_ENABLE_GRP1      (1U << 1)
#define GICD_CTLR_ARE              (1U << 4)
#define GICD_CTLR_RWP              (1U << 31)
#define GICD_TYPER_IT_LINES        0x1fU
#define GICR_TYPER_VLPIS           (1ULL << 1)
#define GICR_TYPER_LAST            (1ULL << 4)
#define GICR_WAKER_PROCESSOR_SLEEP (1U << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1U << 2)
#define GICR_FRAME_BYTES           0x10000U
#define GICR_STRIDE_BYTES          0x20000U
#define GICR_STRIDE_VLPIS_BYTES    0x40000U
#define MPIDR_AFFINITY             0xff00ffffffULL
#define SPI_FIRST                  32U
#define SPI_END                    1020U
#define PRIORITY_ALL               0xa0a0a0a0U
#define PMR_LOWEST                 0xffU
#define SPIN_MAX                   1000000U

static volatile void *gicd, *gicr_sgi;
static uint64_t affinity;

static uint32_t gicv3_ack(void)
{
	uint64_t intid;

	/* The barrier keeps the handler's accesses behind the acknowledge (§4.1.3). */
	__asm__ volatile("mrs %0, ICC_IAR1_EL1\n\tdsb sy" : "=r"(intid)::"memory");
	return (uint32_t)intid & 0xffffffU;
}

static void gicv3_eoi(uint32_t intid)
{
	__asm__ volatile("msr ICC_EOIR1_EL1, %0\n\tisb" ::"r"((uint64_t)intid) : "memory");
}

static void gicv3_enable(uint32_t intid)
{
	volatile void *frame = intid < SPI_FIRST ? gicr_sgi : gicd;

	if (intid >= SPI_FIRST)
		mmio_write64(gicd, GICD_IROUTER + (size_t)intid * 8, affinity);
	mmio_write32(frame, GIC_ISENABLER + intid / 32 * 4, 1U << (intid % 32));
}

static const struct irqc_ops gicv3_ops = {.enable = gicv3_enable, .ack = gicv3_ack, .eoi = gicv3_eoi};

/* Interrupts `first`..`end`-1 of a frame: disabled, not pending, one priority, non-secure group 1 (delivered as IRQ). */
static void gicv3_quiet(volatile void *frame, uint32_t first, uint32_t end)
{
	for (uint32_t reg = first / 32; reg < end / 32; reg++) {
		mmio_write32(frame, GIC_ICENABLER + reg * 4, UINT32_MAX);
		mmio_write32(frame, GIC_ICPENDR + reg * 4, UINT32_MAX);
		mmio_write32(frame, GIC_IGROUPR + reg * 4, UINT32_MAX);
	}
	for (uint32_t reg = first / 4; reg < end / 4; reg++)
		mmio_write32(frame, GIC_IPRIORITYR + reg * 4, PRIORITY_ALL);
}

static int gicv3_wait_clear(const volatile void *base, size_t off, uint32_t bits)
{
	for (unsigned int spin = 0; spin < SPIN_MAX; spin++)
		if (!(mmio_read32(base, off) & bits))
			return 0;
	return -DEV_E_TIMEOUT;
}

static int gicv3_distributor_start(void)
{
	uint32_t end = ((mmio_read32(gicd, GICD_TYPER) & GICD_TYPER_IT_LINES) + 1) * 32;
	int rc;

	mmio_write32(gicd, GICD_CTLR, 0);
	rc = gicv3_wait_clear(gicd, GICD_CTLR, GICD_CTLR_RWP);
	if (rc)
		return rc;
	/* Routing by affinity first: IROUTER exists only then. */
	mmio_write32(gicd, GICD_CTLR, GICD_CTLR_ARE);
	rc = gicv3_wait_clear(gicd, GICD_CTLR, GICD_CTLR_RWP);
	if (rc)
		return rc;
	gicv3_quiet(gicd, SPI_FIRST, end < SPI_END ? end : SPI_END);
	mmio_write32(gicd, GICD_CTLR, GICD_CTLR_ARE | GICD_CTLR_ENABLE_GRP1);
	return gicv3_wait_clear(gicd, GICD_CTLR, GICD_CTLR_RWP);
}

/* The redistributor whose GICR_TYPER names this CPU, in the region at `base`, or NULL. Maps no more than it looks at. */
static volatile void *gicv3_redistributor_in(uint64_t base, uint64_t bytes)
{
	uint32_t wanted = (uint32_t)((affinity & 0xffffffU) | (affinity >> 32 & 0xffU) << 24);
	uint64_t off = 0;

	while (bytes - off >= GICR_STRIDE_BYTES) {
		volatile void *frame = driver_map(base + off, GICR_STRIDE_BYTES);
		uint64_t typer = mmio_read64(frame, GICR_TYPER);

		if ((uint32_t)(typer >> 32) == wanted)
			return frame;
		if (typer & GICR_TYPER_LAST)
			return NULL;
		off += typer & GICR_TYPER_VLPIS ? GICR_STRIDE_VLPIS_BYTES : GICR_STRIDE_BYTES;
		if (off > bytes)
			return NULL;
	}
	return NULL;
}

static volatile void *gicv3_redistributor_find(const struct driver_node *node)
{
	uint64_t base, bytes;

	for (unsigned int region = 1; driver_reg(node, region, &base, &bytes) == 0; region++) {
		volatile void *frame = gicv3_redistributor_in(base, bytes);

		if (frame)
			return frame;
	}
	return NULL;
}

static int gicv3_redistributor_start(volatile void *frame)
{
	uint32_t waker = mmio_read32(frame, GICR_WAKER);

	mmio_write32(frame, GICR_WAKER, waker & ~GICR_WAKER_PROCESSOR_SLEEP);
	if (gicv3_wait_clear(frame, GICR_WAKER, GICR_WAKER_CHILDREN_ASLEEP))
		return -DEV_E_TIMEOUT;
	gicr_sgi = (volatile uint8_t *)frame + GICR_FRAME_BYTES;
	gicv3_quiet(gicr_sgi, 0, SPI_FIRST);
	return 0;
}

static void gicv3_cpu_start(void)
{
	uint64_t sre;

	__asm__ volatile("mrs %0, ICC_SRE_EL1" : "=r"(sre));
	__asm__ volatile("msr ICC_SRE_EL1, %0\n\tisb" ::"r"(sre | 1) : "memory");
	__asm__ volatile("msr ICC_PMR_EL1, %0" ::"r"((uint64_t)PMR_LOWEST));
	__asm__ volatile("msr ICC_CTLR_EL1, xzr");
	__asm__ volatile("msr ICC_IGRPEN1_EL1, %0\n\tisb" ::"r"(1ULL) : "memory");
}

int gicv3_probe(const struct driver_node *node)
{
	uint64_t dist, dist_bytes;
	volatile void *frame;
	int rc = driver_reg(node, 0, &dist, &dist_bytes);

	if (rc)
		return rc;
	__asm__("mrs %0, MPIDR_EL1" : "=r"(affinity));
	affinity &= MPIDR_AFFINITY;
	gicd = driver_map(dist, dist_bytes);
	frame = gicv3_redistributor_find(node);
	if (!frame)
		return -DEV_E_INVAL;
	rc = gicv3_distributor_start();
	if (rc)
		return rc;
	rc = gicv3_redistributor_start(frame);
	if (rc)
		return rc;
	gicv3_cpu_start();
	irqc_register(&gicv3_ops);
	return 0;
}
