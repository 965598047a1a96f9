/* SPDX-License-Identifier: Apache-2.0 */
/* shared/file: a file is there whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shared/file.h"

static char folder[64];

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/skerry-file-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	file_remove_tree(folder);
	return file_exists(folder) ? -1 : 0;
}

static void assert_holds(const char *path, const char *text)
{
	struct file_bytes bytes;
	struct fleet_error error;
	assert_int_equal(file_read(path, 100, &bytes, &error), 0);
	assert_int_equal(bytes.len, strlen(text));
	assert_string_equal((const char *)bytes.data, text);
	file_bytes_free(&bytes);
}

static void write_replaces(void **state)
{
	struct fleet_error error;
	struct stat st;
	(void)state;
	assert_int_equal(file_write(path_of("a"), "one", 3, 0600, &error), 0);
	assert_holds(path_of("a"), "one");
	assert_int_equal(file_write(path_of("a"), "two!", 4, 0644, &error), 0);
	assert_holds(path_of("a"), "two!");
	assert_int_equal(stat(path_of("a"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

/* Until the commit the old file is what everybody sees, and a dropped draft leaves nothing. */
static void draft_is_invisible(void **state)
{
	struct fleet_error error;
	struct file_draft draft;
	(void)state;
	assert_int_equal(file_write(path_of("b"), "old", 3, 0600, &error), 0);
	assert_int_equal(file_draft_open(&draft, path_of("b"), 0600, &error), 0);
	assert_int_equal(file_draft_write(&draft, 2, "w", 1, &error), 0);
	assert_holds(path_of("b"), "old");
	file_draft_drop(&draft);
	assert_holds(path_of("b"), "old");
	assert_int_equal(file_draft_open(&draft, path_of("b"), 0600, &error), 0);
	assert_int_equal(file_draft_write(&draft, 0, "new", 3, &error), 0);
	assert_int_equal(file_draft_commit(&draft, &error), 0);
	assert_holds(path_of("b"), "new");
	file_draft_drop(&draft); /* harmless */
	assert_int_equal(unlink(path_of("b")), 0);
	assert_int_equal(rmdir(folder), 0); /* nothing else was in it */
	assert_int_equal(mkdir(folder, 0700), 0);
}

static void errors_name_the_file(void **state)
{
	struct fleet_error error;
	struct file_bytes bytes;
	(void)state;
	assert_int_equal(file_read(path_of("none"), 10, &bytes, &error), -1);
	assert_non_null(strstr(error.cause, path_of("none")));
	assert_string_equal(error.remedy, "check the path");
	assert_int_equal(file_write(path_of("no/such"), "x", 1, 0600, &error), -1);
	assert_non_null(strstr(error.cause, "no/such"));
	assert_int_equal(file_write(path_of("long"), "12345678901", 11, 0600, &error), 0);
	assert_int_equal(file_read(path_of("long"), 10, &bytes, &error), -1);
	assert_non_null(strstr(error.cause, "11 bytes"));
	assert_int_equal(file_read(folder, 10, &bytes, &error), -1);
	assert_non_null(strstr(error.cause, "not a plain file"));
}

static void folders(void **state)
{
	struct fleet_error error;
	(void)state;
	assert_int_equal(file_make_dirs(path_of("x/y/z"), 0700, &error), 0);
	assert_int_equal(file_make_dirs(path_of("x/y/z"), 0700, &error), 0);
	assert_int_equal(file_write(path_of("x/file"), "", 0, 0600, &error), 0);
	assert_int_equal(file_make_dirs(path_of("x/file/z"), 0700, &error), -1);
	assert_int_equal(file_make_dirs(path_of("x/file"), 0700, &error), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(write_replaces, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(draft_is_invisible, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(errors_name_the_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(folders, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
