/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/board.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/conf.h"
#include "shared/file.h"
#include "shared/text.h"

#define BOOT_RECORD_SECTORS 8

static int cell_parse(const char *text, uint32_t *out)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value > UINT32_MAX)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int load_conf(const char *folder, struct board *board, struct fleet_error *error)
{
	struct conf conf;
	char path[1100];
	const char *name, *load;
	snprintf(path, sizeof path, "%s/board.conf", folder);
	if (conf_read(path, &conf, error) < 0)
		return -1;
	int rc = conf_text(&conf, "name", &name, error) < 0 || conf_text(&conf, "kernel-load", &load, error) < 0 ? -1
														 : 0;
	if (rc == 0 && (!text_is_name(name) || cell_parse(load, &board->kernel_load) < 0))
		rc = fleet_fail(error, "correct the file", "'%s': name or kernel-load is malformed", path);
	if (rc == 0)
		snprintf(board->name, sizeof board->name, "%s", name);
	conf_free(&conf);
	return rc;
}

static int map_line(struct board *board, const char *path, char *line, struct fleet_error *error)
{
	char *rest, *name = strtok_r(line, " \t\r", &rest), *first = strtok_r(NULL, " \t\r", &rest),
		    *second = strtok_r(NULL, " \t\r", &rest);
	if (!name || *name == '#')
		return 0;
	struct board_area area;
	if (!first || !second || strtok_r(NULL, " \t\r", &rest) || strlen(name) >= sizeof area.name ||
		cell_parse(first, &area.lba) < 0 || cell_parse(second, &area.sectors) < 0)
		return fleet_fail(
			error, "write `name first-lba sectors`", "'%s': the line of '%s' is malformed", path, name);
	snprintf(area.name, sizeof area.name, "%s", name);
	if (strcmp(name, "boot-record") == 0) {
		board->boot_record_lba[0] = area.lba;
		board->boot_record_lba[1] = area.sectors;
		return 0;
	}
	if (board->area_count == BOARD_AREAS_MAX)
		return fleet_fail(error, "remove some", "'%s' has more than %d areas", path, BOARD_AREAS_MAX);
	board->areas[board->area_count++] = area;
	return 0;
}

static bool overlap(uint64_t lba_a, uint64_t sectors_a, uint64_t lba_b, uint64_t sectors_b)
{
	return lba_a < lba_b + sectors_b && lba_b < lba_a + sectors_a;
}

static int check_map(const struct board *board, const char *path, struct fleet_error *error)
{
	static const char *const needed[] = {"provision", "state", "slot-a", "slot-b"};
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!board_area(board, needed[i]))
			return fleet_fail(error, "add it", "'%s' has no '%s'", path, needed[i]);
	if (!board->boot_record_lba[0] || !board->boot_record_lba[1])
		return fleet_fail(error, "add it", "'%s' has no 'boot-record'", path);
	for (size_t i = 0; i < board->area_count; i++) {
		const struct board_area *a = &board->areas[i];
		bool bad = a->sectors < 2 || (uint64_t)a->lba + a->sectors > BOARD_DISK_SECTORS_MAX;
		for (size_t j = 0; j < i; j++)
			bad |= overlap(a->lba, a->sectors, board->areas[j].lba, board->areas[j].sectors);
		for (size_t j = 0; j < 2; j++)
			bad |= overlap(a->lba, a->sectors, board->boot_record_lba[j], BOOT_RECORD_SECTORS);
		if (bad)
			return fleet_fail(error, "correct the map",
				"'%s': '%s' overlaps another area or lies outside the disk", path, a->name);
	}
	return 0;
}

static int load_map(const char *folder, struct board *board, struct fleet_error *error)
{
	struct file_bytes bytes;
	char path[1100], *rest;
	snprintf(path, sizeof path, "%s/flashmap.conf", folder);
	if (file_read(path, 65536, &bytes, error) < 0)
		return -1;
	int rc = 0;
	for (char *line = strtok_r((char *)bytes.data, "\n", &rest); line && rc == 0;
		line = strtok_r(NULL, "\n", &rest))
		rc = map_line(board, path, line, error);
	file_bytes_free(&bytes);
	return rc < 0 ? -1 : check_map(board, path, error);
}

int board_load(const char *what, struct board *board, struct fleet_error *error)
{
	char folder[1024], path[1100];
	const char *boards = getenv("SKERRY_BOARDS");
	*board = (struct board){0};
	if (strchr(what, '/'))
		snprintf(folder, sizeof folder, "%s", what);
	else
		snprintf(folder, sizeof folder, "%s/%s", boards && *boards ? boards : SKERRY_BOARDS_DEFAULT, what);
	snprintf(path, sizeof path, "%s/board.conf", folder);
	if (!*what || !file_exists(path))
		return fleet_fail(error, "name a board's folder, or set SKERRY_BOARDS to the folder that holds them",
			"no board '%s': there is no '%s'", what, path);
	return load_conf(folder, board, error) < 0 ? -1 : load_map(folder, board, error);
}

const struct board_area *board_area(const struct board *board, const char *name)
{
	for (size_t i = 0; i < board->area_count; i++)
		if (strcmp(board->areas[i].name, name) == 0)
			return &board->areas[i];
	return NULL;
}

uint32_t board_disk_sectors(const struct board *board)
{
	uint32_t end = 0;
	for (size_t i = 0; i < 2; i++)
		if (board->boot_record_lba[i] + BOOT_RECORD_SECTORS > end)
			end = board->boot_record_lba[i] + BOOT_RECORD_SECTORS;
	for (size_t i = 0; i < board->area_count; i++)
		if (board->areas[i].lba + board->areas[i].sectors > end)
			end = board->areas[i].lba + board->areas[i].sectors;
	return end;
}
