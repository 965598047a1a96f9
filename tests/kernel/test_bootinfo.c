/* SPDX-License-Identifier: Apache-2.0 */
/* The board's serial number as the device tree has it: only what is whole, printable text. What the boot loader says: tests/qemu. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "fdt_priv.h"
#include "image.h"
#include "kernel/bootinfo.h"
#include "kernel/log.h"

const uint8_t build_id_note[36];

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static void read_tree(const void *serial, int len)
{
	static uint8_t blob[1024] __attribute__((aligned(8)));
	struct fdt_tree tree = {.fdt = blob, .skerry = -1};

	assert_int_equal(fdt_create_empty_tree(blob, sizeof(blob)), 0);
	if (serial)
		assert_int_equal(fdt_setprop(blob, 0, "serial-number", serial, len), 0);
	bootinfo_read(&tree, 1);
}

#define X16 "0123456789abcdef"

static void test_serial(void **state)
{
	(void)state;
	read_tree(NULL, 0);
	assert_string_equal(bootinfo()->serial, "");
	read_tree("10000000a1b2 ~", 15);
	assert_string_equal(bootinfo()->serial, "10000000a1b2 ~");
	assert_false(bootinfo()->present);
	read_tree(X16 X16 X16 X16, 65);
	assert_string_equal(bootinfo()->serial, X16 X16 X16 X16);
}

static void test_bad_serial(void **state)
{
	static const struct {
		const char *bytes;
		int len;
	} bad[] = {{X16 X16 X16 X16 "0", 66}, {"abc", 3}, {"", 1}, {"", 0}, {"a\x1b[31m", 7}, {"a\0b", 4},
		{"caf\xc3\xa9", 6}, {"\x7f", 2}, {"ab\x01", 3}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		read_tree(bad[i].bytes, bad[i].len);
		if (bootinfo()->serial[0])
			fail_msg("case %zu gave '%s'", i, bootinfo()->serial);
	}
}

int main(void)
{
	/* What is read stays, as at a start: the bad ones first. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_serial),
		cmocka_unit_test(test_serial),
	};
	return cmocka_run_group_tests_name("kernel/bootinfo", tests, NULL, NULL);
}
