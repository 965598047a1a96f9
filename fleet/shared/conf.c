/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/conf.h"

#include <stdlib.h>
#include <string.h>

#include "shared/file.h"
#include "shared/text.h"

static char *trim(char *text)
{
	text += strspn(text, " \t\r");
	char *end = text + strlen(text);
	while (end > text && strchr(" \t\r", end[-1]))
		*--end = 0;
	return text;
}

static int parse_line(struct conf *conf, char *line, unsigned number, struct fleet_error *error)
{
	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	char *equals = strchr(line, '=');
	if (!equals || equals == line)
		return fleet_fail(
			error, "write it as `key = value`", "'%s' line %u is not a setting", conf->path, number);
	if (conf->count == CONF_ENTRIES_MAX)
		return fleet_fail(error, "remove some", "'%s' has more than %d settings", conf->path, CONF_ENTRIES_MAX);
	*equals = 0;
	conf->entries[conf->count].key = trim(line);
	conf->entries[conf->count].value = trim(equals + 1);
	conf->count++;
	return 0;
}

int conf_read(const char *path, struct conf *conf, struct fleet_error *error)
{
	struct file_bytes bytes;
	*conf = (struct conf){0};
	if (file_read(path, 65536, &bytes, error) < 0)
		return -1;
	conf->path = strdup(path);
	conf->text = (char *)bytes.data; /* ours from here on */
	if (!conf->path) {
		conf_free(conf);
		return fleet_fail(error, NULL, "out of memory");
	}
	unsigned number = 0;
	for (char *line = conf->text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (parse_line(conf, line, ++number, error) < 0) {
			conf_free(conf);
			return -1;
		}
	}
	return 0;
}

void conf_free(struct conf *conf)
{
	free(conf->path);
	free(conf->text);
	*conf = (struct conf){0};
}

bool conf_has(const struct conf *conf, const char *key)
{
	struct fleet_error ignored;
	const char *value;
	return conf_text(conf, key, &value, &ignored) == 0;
}

int conf_text(const struct conf *conf, const char *key, const char **value, struct fleet_error *error)
{
	for (size_t i = 0; i < conf->count; i++) {
		if (strcmp(conf->entries[i].key, key) == 0) {
			*value = conf->entries[i].value;
			return 0;
		}
	}
	return fleet_fail(error, "add the line `key = value`, or make a new home with `skerry init`",
		"'%s' has no setting '%s'", conf->path, key);
}

int conf_positive(const struct conf *conf, const char *key, uint64_t max, uint64_t *value, struct fleet_error *error)
{
	const char *text;
	if (conf_text(conf, key, &text, error) < 0)
		return -1;
	if (text_u64_parse(text, max, value) && *value)
		return 0;
	return fleet_fail(error, "correct the setting", "'%s': %s = %s is not a number from 1 to %llu", conf->path, key,
		text, (unsigned long long)max);
}
