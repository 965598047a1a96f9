/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a start. Interrupts are masked until the timer's has a handler. */
#include "arch/aarch64/cpu.h"
#include "arch/aarch64/mmu.h"
#include "canary.h"
#include "crash_priv.h"
#include "fdt_priv.h"
#include "kernel/app.h"
#include "kernel/app_port.h"
#include "kernel/bootinfo.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "mem_priv.h"
#include "thread_priv.h"
#include "time_priv.h"
#include "tls.h"
#include "watchdog_priv.h"

_Noreturn void kernel_main(uint64_t fdt_addr, uint64_t entry_ticks);

static void guards_check(void)
{
	uintptr_t guards[THREADS_MAX + 3];
	size_t count = thread_guards(guards, sizeof(guards) / sizeof(guards[0]));

	mmu_check(guards, count);
}

static void programs_start(void)
{
	for (size_t i = 0; i < programs_count; i++) {
		const struct program *program = &programs[i];

		if (program->entry == app_thread && bootinfo()->mode == BOOT_SAFE) {
			log_line(LOG_WARN, "boot: safe mode, app not started");
			continue;
		}
		thread_create(program->name, program->priority, program->stack_bytes, program->entry, NULL);
	}
}

/* Counter readings of the whole way here, for whoever measures: the loader's first and last line, our first and last. */
static void boot_times_log(uint64_t entry_ticks)
{
	const struct bootinfo *boot = bootinfo();
	uint64_t now = time_ticks(), hz = time_ticks_per_s();

	log_line(LOG_INFO, "boot: done us=%lu ticks uboot=%lu..%lu kernel=%lu..%lu hz=%lu",
		(unsigned long)((now - entry_ticks) * 1000000 / hz), (unsigned long)boot->uboot_entry_ticks,
		(unsigned long)boot->uboot_exit_ticks, (unsigned long)entry_ticks, (unsigned long)now,
		(unsigned long)hz);
}

/* Never returns, so the canary may change under it. */
_Noreturn __attribute__((no_stack_protector)) void kernel_main(uint64_t fdt_addr, uint64_t entry_ticks)
{
	struct fdt_tree tree;
	uint64_t random;

	tls_init();
	thread_init();
	log_line(LOG_INFO, "boot: skerry image=%s version=%s build=%s", app_image_name(), app_image_version(),
		build_id_hex());
	fdt_map(&tree, fdt_addr);
	fdt_scan(&tree);
	bootinfo_read(&tree, entry_ticks);
	mem_init(&tree);
	driver_probe_all(tree.fdt);
	watchdog_take_over();
	time_init(&tree);
	irq_restore(0);
	random = canary_init(fdt_seed(&tree));
	malloc_init((uint32_t)random);
	time_rtc_read();
	crash_read_last();
	programs_start();
	guards_check();
	boot_times_log(entry_ticks);
	thread_boot_done();
}
