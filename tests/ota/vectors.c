/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

void vector_open(struct vector_table *table, const char *folder, const char *name)
{
	char path[600];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	table->file = fopen(path, "r");
	if (!table->file)
		fail_msg("no table %s", path);
}

void vector_close(struct vector_table *table)
{
	(void)fclose(table->file);
}

static char *next_line(struct vector_table *table)
{
	do {
		if (!fgets(table->line, sizeof(table->line), table->file))
			return NULL;
	} while (table->line[0] == '#');
	assert_non_null(strchr(table->line, '\n'));
	*strchr(table->line, '\n') = '\0';
	return table->line;
}

int vector_columns(struct vector_table *table, char **columns, size_t count)
{
	char *at = next_line(table);

	if (!at)
		return 0;
	for (size_t i = 0; i < count; i++) {
		assert_non_null(at);
		columns[i] = at;
		at = strchr(at, '\t');
		if (at)
			*at++ = '\0';
	}
	assert_null(at);
	return 1;
}

int vector_member(struct vector_table *table, char **name, char **value)
{
	char *at = next_line(table);

	if (!at)
		return 0;
	if (!at[0])
		return -1;
	*name = at;
	*value = strstr(at, " = ");
	assert_non_null(*value);
	**value = '\0';
	*value += 3;
	return 1;
}

static unsigned digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

	assert_non_null(at);
	return (unsigned)(at - digits);
}

size_t vector_hex(const char *digits, uint8_t *out, size_t cap)
{
	size_t len = strlen(digits) / 2;

	assert_int_equal(strlen(digits), 2 * len);
	assert_true(len <= cap);
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
	return len;
}
