/* SPDX-License-Identifier: Apache-2.0 */
/* shared/conf: settings as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/conf.h"
#include "shared/file.h"

/* conf_read() of a file that holds `text`. */
static int read_text(const char *text, struct conf *conf, struct fleet_error *error)
{
	char path[] = "/tmp/skerry-conf-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	int rc = conf_read(path, conf, error);
	unlink(path);
	return rc;
}

static void reads_settings(void **state)
{
	struct conf conf;
	struct fleet_error error;
	const char *value;
	uint64_t number;
	(void)state;
	assert_int_equal(read_text("# a comment\n\n  host =  a b = c \r\nport=8883\nempty =", &conf, &error), 0);
	assert_int_equal(conf_text(&conf, "host", &value, &error), 0);
	assert_string_equal(value, "a b = c");
	assert_int_equal(conf_text(&conf, "empty", &value, &error), 0);
	assert_string_equal(value, "");
	assert_int_equal(conf_positive(&conf, "port", 65535, &number, &error), 0);
	assert_int_equal(number, 8883);
	conf_free(&conf);
}

static void names_what_is_wrong(void **state)
{
	struct conf conf;
	struct fleet_error error;
	const char *value;
	uint64_t number;
	(void)state;
	assert_int_equal(read_text("port = 65536\nzero = 0\nminus = -1\n", &conf, &error), 0);
	assert_int_equal(conf_text(&conf, "host", &value, &error), -1);
	assert_non_null(strstr(error.cause, "'host'"));
	static const char *const keys[] = {"port", "zero", "minus", "host"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		assert_int_equal(conf_positive(&conf, keys[i], 65535, &number, &error), -1);
		assert_non_null(strstr(error.cause, keys[i]));
	}
	conf_free(&conf);
	assert_int_equal(read_text("a = 1\nnonsense\n", &conf, &error), -1);
	assert_non_null(strstr(error.cause, "line 2"));
	assert_int_equal(read_text(" = value\n", &conf, &error), -1);
}

static void is_bounded(void **state)
{
	char text[CONF_ENTRIES_MAX * 8 + 16] = "";
	struct conf conf;
	struct fleet_error error;
	(void)state;
	for (int i = 0; i < CONF_ENTRIES_MAX; i++)
		strcat(text, "k = v\n");
	assert_int_equal(read_text(text, &conf, &error), 0);
	conf_free(&conf);
	strcat(text, "k = v\n");
	assert_int_equal(read_text(text, &conf, &error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_settings),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
