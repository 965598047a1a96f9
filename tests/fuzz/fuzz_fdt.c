/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device tree as the kernel reads it: header, scan, boot information, drivers' registers and interrupts. Behind the
 * announced end of the tree lies a page that faults. driver.c is taken in as a file, for its table of matches fills up
 * over the life of a kernel and must be empty for each input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "driver.c"
#include "fuzz.h"
#include "kernel/bootinfo.h"
#include "kernel/mem.h"
#include "kernel/panic.h"

#include "arch/aarch64/mmu.h"
#include "image.h"

enum { TREE_MAX = 16 * 4096 };

/* ---- the kernel around it ---- */

char board_ram_start[8];
const uint8_t build_id_note[36];
static jmp_buf panicked;
static uint64_t mapped_bytes;

void mmu_map(uint64_t start, uint64_t bytes, enum mmu_kind kind)
{
	(void)start;
	(void)kind;
	mapped_bytes = bytes;
}

void *mem_pages_alloc(size_t count)
{
	(void)count;
	return NULL;
}

_Noreturn void panic(enum panic_cause cause, const char *fmt, ...)
{
	(void)cause;
	(void)fmt;
	longjmp(panicked, 1);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list args;

	(void)level;
	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
}

/* ---- drivers ---- */

static int probe(const struct driver_node *node)
{
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t base, bytes;
		int irq = driver_irq(node, i);

		FUZZ_MUST(irq == -DEV_E_INVAL || (irq >= 16 && irq < 1020));
		(void)driver_reg(node, i, &base, &bytes);
	}
	return -DEV_E_INVAL;
}

const struct driver drivers[] = {{"virtio,mmio", probe}, {"arm,pl011", probe}, {"arm,gic-v3", probe}};
const size_t drivers_count = sizeof(drivers) / sizeof(drivers[0]);

static void tree_read(const void *bytes, size_t len)
{
	struct fdt_tree tree;

	fdt_map(&tree, (uintptr_t)bytes);
	FUZZ_MUST(tree.bytes <= len && mapped_bytes == tree.bytes);
	matches_count = 0;
	fdt_scan(&tree);
	FUZZ_MUST(tree.memory_count <= FDT_MEMORY_MAX);
	bootinfo_read(&tree, 1);
	FUZZ_MUST(bootinfo()->slot_index <= 1 && bootinfo()->mode <= BOOT_SAFE);
	for (size_t i = 0; i < sizeof(bootinfo()->serial) && bootinfo()->serial[i]; i++)
		FUZZ_MUST(i + 1 < sizeof(bootinfo()->serial) && bootinfo()->serial[i] >= ' ' &&
			  bootinfo()->serial[i] <= '~');
	(void)fdt_seed(&tree);
	driver_probe_all(tree.fdt);
}

/* The last `len` bytes before a page that faults; a tree begins at 8 bytes (DT spec §5.2). */
static uint8_t *place(size_t len)
{
	static uint8_t *pages;

	if (!pages) {
		pages = mmap(NULL, TREE_MAX + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pages == MAP_FAILED || mprotect(pages + TREE_MAX, 4096, PROT_NONE) != 0)
			abort();
	}
	return pages + TREE_MAX - len;
}

static uint32_t be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *tree;
	size_t size;

	/* A tree that announces more than there is cannot be told from one that is followed by other memory. */
	if (len < 40 || len > TREE_MAX || be32(data + 4) > len)
		return 0;
	size = (be32(data + 4) + 7) & ~(size_t)7;
	if (size < 40) /* the header: the kernel maps a page to look at it */
		size = 40;
	tree = place(size);
	memset(tree, 0, size);
	memcpy(tree, data, len < size ? len : size);
	len = size;
	if (setjmp(panicked) == 0)
		tree_read(tree, len);
	return 0;
}
