/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual timer of the core. Registers: Arm ARM (DDI 0487) D11; binding: timer/arm,arch_timer.yaml. */
#include "kernel/time.h"

#include "arch/aarch64/cpu.h"
#include "fdt_priv.h"
#include "kernel/dev.h"
#include "kernel/driver.h"
#include "kernel/irq.h"
#include "kernel/panic.h"
#include "time_priv.h"

#define CTL_ENABLE        1U
#define INTERRUPT_VIRTUAL 2 /* secure, non-secure, virtual, hypervisor */

static uint64_t unix_offset_s; /* unix time minus time since power on; 0 = unknown */

uint64_t time_ticks(void)
{
	/* The counter may otherwise be read ahead of what came before (D11.2.1). */
	cpu_isb();
	return cpu_read(cntvct_el0);
}

uint64_t time_ticks_per_s(void)
{
	return cpu_read(cntfrq_el0);
}

/* In two parts: ticks * 1000 would overflow after half a year at 1 GHz. */
uint64_t time_now_ms(void)
{
	uint64_t ticks = time_ticks(), ticks_per_s = time_ticks_per_s();

	return ticks / ticks_per_s * 1000 + ticks % ticks_per_s * 1000 / ticks_per_s;
}

void time_alarm_set(uint64_t deadline_ms)
{
	uint64_t ticks_per_s = time_ticks_per_s();

	if (deadline_ms / 1000 > UINT64_MAX / 2 / ticks_per_s) {
		cpu_write(cntv_ctl_el0, 0);
		return;
	}
	/* Rounded up, so that the alarm never rings a tick before its millisecond. */
	cpu_write(cntv_cval_el0, deadline_ms / 1000 * ticks_per_s + (deadline_ms % 1000 * ticks_per_s + 999) / 1000);
	cpu_write(cntv_ctl_el0, CTL_ENABLE);
	cpu_isb();
}

/* The line stays up until the timer is set anew or off; the scheduler sets it at the end of every interrupt. */
static void time_irq(void *arg)
{
	(void)arg;
	cpu_write(cntv_ctl_el0, 0);
	cpu_isb();
}

void time_init(const struct fdt_tree *tree)
{
	struct driver_node node = {.fdt = tree->fdt, .offset = tree->timer};
	int intid;

	if (time_ticks_per_s() == 0)
		panic(PANIC_ASSERT, "time: the firmware left CNTFRQ_EL0 at 0");
	intid = node.offset < 0 ? node.offset : driver_irq(&node, INTERRUPT_VIRTUAL);
	if (intid < 0)
		panic(PANIC_ASSERT, "time: no virtual timer interrupt in the device tree");
	irq_attach((uint32_t)intid, time_irq, NULL);
}

void time_rtc_read(void)
{
	struct rtc_dev *rtc = dev_rtc();

	if (rtc)
		time_set_unix_s(rtc->ops->unix_s(rtc));
}

uint64_t time_unix_s(void)
{
	return unix_offset_s ? unix_offset_s + time_now_ms() / 1000 : 0;
}

void time_set_unix_s(uint64_t unix_s)
{
	uint64_t up_s = time_now_ms() / 1000;

	unix_offset_s = unix_s > up_s ? unix_s - up_s : 0;
}
