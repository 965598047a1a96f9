/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry crash list|show`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"
#include "skerry/listing.h"
#include "skerry/symbols.h"

#define ELFS_MAX 16

static int run_list(struct cli *cli, int argc, char **argv)
{
	static const struct cli_column columns[] = {{"DEVICE", "device"}, {"CRASH", "id"}, {"TIME", "time"},
		{"CAUSE", "cause"}, {"THREAD", "thread"}, {"IMAGE", "image"}, {"VERSION", "version"},
		{"START", "boots"}, {0}};
	static const struct option_spec no_options[] = {{0}};
	struct cli_words words = {.max = 1};
	char path[128] = "/api/v1/crashes";
	if (!cli_options(cli, no_options, argc, argv, &words))
		return cli->exit_code;
	if (words.items[0] && !text_is_id(words.items[0]))
		return cli_usage(cli, "'%s' is not a device id", words.items[0]);
	if (words.items[0])
		snprintf(path, sizeof path, "/api/v1/devices/%s/crashes", words.items[0]);
	return listing_print(cli,
		&(struct listing){
			.path = path, .member = "crashes", .columns = columns, .empty = "no crashes were reported"});
}

/* ---- the backtrace ---- */

static uint64_t address_of(const json_t *value)
{
	const char *text = json_string_value(value);
	return text ? strtoull(text, NULL, 16) : 0;
}

static void add_frame(json_t *trace, const struct symbols *symbols, uint64_t pc, bool is_return)
{
	struct symbols_place place = {0};
	char text[24];
	/* A return address is that of the next instruction, which may belong to another line, or function. */
	if (symbols)
		symbols_look_up(symbols, is_return && pc ? pc - 1 : pc, &place);
	snprintf(text, sizeof text, "0x%llx", (unsigned long long)pc);
	json_t *frame = json_pack("{s:s, s:s*, s:s*}", "pc", text, "function", place.function, "file", place.file);
	if (frame && place.function)
		json_object_set_new(frame, "offset", json_integer((json_int_t)place.offset + (is_return ? 1 : 0)));
	if (frame && place.file)
		json_object_set_new(frame, "line", json_integer(place.line));
	json_array_append_new(trace, frame);
}

static bool is_same_function(const struct symbols *symbols, uint64_t a, uint64_t b)
{
	struct symbols_place one, two;
	symbols_look_up(symbols, a, &one);
	symbols_look_up(symbols, b, &two);
	return !two.function || (one.function && strcmp(one.function, two.function) == 0);
}

/*
 * A function that calls no other has no frame of its own: its caller is in lr alone. In any other lr is a leftover: of a
 * call that it made itself, or that which the first frame holds too.
 */
static bool lr_is_caller(const struct symbols *symbols, const json_t *record)
{
	const json_t *pc = json_object_get(record, "pc");
	uint64_t lr = address_of(json_object_get(record, "lr"));
	return symbols && lr && json_array_size(pc) && lr != address_of(json_array_get(pc, 1)) &&
	       !is_same_function(symbols, address_of(json_array_get(pc, 0)), lr - 1);
}

static json_t *make_trace(const struct symbols *symbols, const json_t *record)
{
	json_t *trace = json_array();
	const json_t *value;
	size_t index;
	json_array_foreach(json_object_get(record, "pc"), index, value)
	{
		add_frame(trace, symbols, address_of(value), index > 0);
		if (index == 0 && lr_is_caller(symbols, record))
			add_frame(trace, symbols, address_of(json_object_get(record, "lr")), true);
	}
	return trace;
}

/* ---- as text ---- */

static void print_member(const char *label, const json_t *object, const char *member)
{
	char text[128];
	cli_member_text(object, member, text, sizeof text);
	printf("  %-10s %s\n", label, text);
}

static void print_registers(const json_t *record)
{
	static const char *const names[] = {"elr", "lr", "sp", "far", "esr"};
	char text[64];
	printf("  %-10s", "registers");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		cli_member_text(record, names[i], text, sizeof text);
		printf(" %s=%s", names[i], text);
	}
	putchar('\n');
}

static void print_trace(const json_t *trace)
{
	const json_t *frame;
	size_t index;
	printf("  backtrace\n");
	json_array_foreach(trace, index, frame)
	{
		const char *function = json_string_value(json_object_get(frame, "function"));
		const char *file = json_string_value(json_object_get(frame, "file"));
		printf("    #%-2zu %s", index, json_string_value(json_object_get(frame, "pc")));
		if (function)
			printf(" %s+0x%llx", function,
				(unsigned long long)json_integer_value(json_object_get(frame, "offset")));
		if (file)
			printf(" (%s:%lld)", file, (long long)json_integer_value(json_object_get(frame, "line")));
		putchar('\n');
	}
}

static void print_crash(const json_t *crash, const json_t *trace, const struct symbols *symbols)
{
	const json_t *record = json_object_get(crash, "record"), *line;
	size_t index;
	print_member("crash", crash, "id");
	print_member("device", crash, "device");
	print_member("arrived", crash, "time");
	print_member("cause", crash, "cause");
	print_member("thread", crash, "thread");
	print_member("image", crash, "image");
	print_member("version", crash, "version");
	print_member("build id", crash, "buildId");
	print_member("slot", record, "slot");
	print_member("start", crash, "boots");
	print_member("uptime ms", record, "uptimeMs");
	print_registers(record);
	if (symbols)
		printf("  %-10s %s\n", "symbols", symbols_path(symbols));
	print_trace(trace);
	printf("  log\n");
	json_array_foreach(json_object_get(record, "lines"), index, line)
	{
		printf("    ");
		cli_print_clean(json_string_value(line) ? json_string_value(line) : "");
		putchar('\n');
	}
}

static int get_crash(struct cli *cli, const struct cli_words *words, json_t **crash)
{
	struct client client;
	struct fleet_error error;
	char path[200];
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	snprintf(path, sizeof path, "/api/v1/devices/%s/crashes/%s", words->items[0], words->items[1]);
	if (client_get(&client, path, crash, &error) < 0)
		rc = cli_fail(&error);
	client_close(&client);
	return rc;
}

/* The build id is a device's word, and becomes a file's name. */
static int find_symbols(
	const struct symbols_search *search, const char *build_id, struct symbols **symbols, struct fleet_error *error)
{
	if (!build_id || !*build_id || strspn(build_id, "0123456789abcdef") != strlen(build_id))
		return fleet_fail(
			error, NULL, "the crash record has no build id: nothing tells which ELF it belongs to");
	return symbols_find(search, build_id, symbols, error);
}

static int show(struct cli *cli, json_t *crash, const struct symbols_search *search)
{
	struct symbols *symbols = NULL;
	struct fleet_error error;
	int rc = EXIT_OK;
	if (find_symbols(search, json_string_value(json_object_get(crash, "buildId")), &symbols, &error) < 0)
		rc = EXIT_ERROR;
	json_t *trace = make_trace(symbols, json_object_get(crash, "record"));
	if (cli->json) {
		json_object_set(crash, "backtrace", trace);
		cli_print_json(crash, false);
	} else {
		print_crash(crash, trace, symbols);
	}
	fflush(stdout);
	/* The record is shown all the same: addresses are better than nothing. */
	if (rc)
		rc = cli_fail(&error);
	json_decref(trace);
	symbols_close(symbols);
	return rc;
}

static int run_show(struct cli *cli, int argc, char **argv)
{
	const char *files[ELFS_MAX];
	struct symbols_search search = {.files = files, .home = &cli->home};
	const struct option_spec specs[] = {
		{.name = "--elf",
			.value = "FILE",
			.list = files,
			.list_max = ELFS_MAX,
			.list_count = &search.count,
			.help = "the image's ELF, or a folder of ELFs; the build id decides (may be repeated)"},
		{0},
	};
	struct cli_words words = {.min = 2, .max = 2};
	json_t *crash;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	if (!text_is_id(words.items[0]))
		return cli_usage(cli, "'%s' is not a device id", words.items[0]);
	if (!text_is_id(words.items[1]))
		return cli_usage(cli, "'%s' is not the id of a crash", words.items[1]);
	int rc = get_crash(cli, &words, &crash);
	if (rc)
		return rc;
	rc = show(cli, crash, &search);
	json_decref(crash);
	return rc;
}

const struct command command_crash_list = {.name = "crash list",
	.arguments = "[DEVICE]",
	.summary = "crashes of a device, or of all, newest first",
	.run = run_list};
const struct command command_crash_show = {.name = "crash show",
	.arguments = "DEVICE CRASH [--elf FILE]...",
	.summary = "a crash: cause, backtrace with names, last log lines",
	.details = "The names come from the ELF with the image's build id: of --elf, else of the home's elf/, where "
		   "`skerry "
		   "image build` keeps them, else of\nSKERRY_ELFS. Without it the record is shown with bare addresses, "
		   "and the "
		   "exit code is 1.",
	.run = run_show};
