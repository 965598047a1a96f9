/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/text.h"

static const struct option_spec *find_spec(const struct option_spec *specs, const char *word, size_t len)
{
	for (const struct option_spec *spec = specs; spec->name; spec++) {
		if (strncmp(spec->name, word, len) == 0 && spec->name[len] == 0)
			return spec;
		if (spec->letter && len == 2 && word[1] == spec->letter)
			return spec;
	}
	return NULL;
}

static void print_help(const struct cli *cli, const struct option_spec *specs)
{
	const struct command *command = cli->command;
	printf("usage: skerry %s%s%s\n\n%s\n", command->name, *command->arguments ? " " : "", command->arguments,
		command->summary);
	if (command->details)
		printf("\n%s\n", command->details);
	printf("\noptions:\n");
	for (const struct option_spec *spec = specs; spec->name; spec++) {
		char left[64], letter[8] = "";
		if (spec->letter)
			snprintf(letter, sizeof letter, "-%c, ", spec->letter);
		snprintf(left, sizeof left, "%s%s%s%s", letter, spec->name, spec->value ? " " : "",
			spec->value ? spec->value : "");
		printf("  %-26s %s\n", left, spec->help);
	}
	printf("  %-26s %s\n  %-26s %s\n  %-26s %s\n", "--home DIR",
		"the fleet's home (default: SKERRY_HOME, else $XDG_DATA_HOME/skerry)", "--json", "print JSON",
		"-h, --help", "this text");
}

int cli_usage(const struct cli *cli, const char *text, ...)
{
	va_list args;
	va_start(args, text);
	fprintf(stderr, "skerry %s: ", cli->command->name);
	vfprintf(stderr, text, args);
	va_end(args);
	fprintf(stderr, "\n  usage: skerry %s %s\n  remedy: see `skerry %s --help`\n", cli->command->name,
		cli->command->arguments, cli->command->name);
	return EXIT_USAGE;
}

static int take_value(const struct cli *cli, const struct option_spec *spec, const char *value)
{
	if (spec->number && (!text_u64_parse(value, spec->max, spec->number) || *spec->number < spec->min))
		return cli_usage(cli, "%s '%s' is not a number from %llu to %llu", spec->name, value,
			(unsigned long long)spec->min, (unsigned long long)spec->max);
	if (spec->text)
		*spec->text = value;
	if (spec->list) {
		if (*spec->list_count == spec->list_max)
			return cli_usage(cli, "%s was given more than %zu times", spec->name, spec->list_max);
		spec->list[(*spec->list_count)++] = value;
	}
	return 0;
}

/* The option at argv[*at]; moves *at over a value that is a word of its own. 0 or EXIT_USAGE. */
static int take_option(struct cli *cli, const struct option_spec *specs, int argc, char **argv, int *at)
{
	const struct option_spec common[] = {
		{.name = "--home", .value = "DIR", .text = &cli->home_option},
		{.name = "--json", .flag = &cli->json},
		{0},
	};
	const char *word = argv[*at], *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct option_spec *spec = find_spec(specs, word, len);
	if (!spec)
		spec = find_spec(common, word, len);
	if (!spec)
		return cli_usage(cli, "no option %.*s", (int)len, word);
	if (!spec->value) {
		if (equals)
			return cli_usage(cli, "%s takes no value", spec->name);
		*spec->flag = true;
		return 0;
	}
	if (!equals && *at + 1 == argc)
		return cli_usage(cli, "%s needs a value", spec->name);
	return take_value(cli, spec, equals ? equals + 1 : argv[++*at]);
}

bool cli_options(struct cli *cli, const struct option_spec *specs, int argc, char **argv, struct cli_words *words)
{
	cli->exit_code = EXIT_USAGE;
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help(cli, specs);
			cli->exit_code = EXIT_OK;
			return false;
		}
		if (argv[i][0] == '-' && argv[i][1]) {
			if (take_option(cli, specs, argc, argv, &i))
				return false;
			continue;
		}
		if (words->count == words->max) {
			cli_usage(cli, "one word too many: '%s'", argv[i]);
			return false;
		}
		words->items[words->count++] = argv[i];
	}
	if (words->count < words->min)
		cli_usage(cli, words->count ? "a word is missing" : "arguments are missing");
	return words->count >= words->min;
}

const char *cli_id(struct cli *cli, const struct option_spec *specs, int argc, char **argv, const char *what)
{
	struct cli_words words = {.min = 1, .max = 1};
	if (!cli_options(cli, specs, argc, argv, &words))
		return NULL;
	if (text_is_id(words.items[0]))
		return words.items[0];
	cli->exit_code = cli_usage(cli, "'%s' is not %s", words.items[0], what);
	return NULL;
}

int cli_home(struct cli *cli)
{
	struct fleet_error error;
	if (home_locate(&cli->home, cli->home_option, &error) < 0 || home_check(&cli->home, &error) < 0)
		return cli_fail(&error);
	return 0;
}

int cli_fail(const struct fleet_error *error)
{
	fprintf(stderr, "skerry: error: %s\n", error->cause);
	if (error->remedy[0])
		fprintf(stderr, "  remedy: %s\n", error->remedy);
	return EXIT_ERROR;
}

void cli_warn(const char *text, ...)
{
	va_list args;
	va_start(args, text);
	fprintf(stderr, "skerry: warning: ");
	vfprintf(stderr, text, args);
	fputc('\n', stderr);
	va_end(args);
}

void cli_print_json(const json_t *value, bool one_line)
{
	json_dumpf(value, stdout, JSON_ENCODE_ANY | (one_line ? JSON_COMPACT : JSON_INDENT(2)));
	putchar('\n');
	fflush(stdout);
}

void cli_time_text(json_int_t seconds, char *out, size_t size)
{
	time_t time = (time_t)seconds;
	struct tm tm;
	if (seconds <= 0 || !localtime_r(&time, &tm))
		snprintf(out, size, "never");
	else
		strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
}

static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void cli_print_clean(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static bool is_time(const char *member)
{
	size_t len = strlen(member);
	return strcmp(member, "lastSeen") == 0 || strcmp(member, "time") == 0 || strcmp(member, "certExpires") == 0 ||
	       (len > 2 && strcmp(member + len - 2, "At") == 0);
}

void cli_member_text(const json_t *row, const char *member, char *out, size_t size)
{
	const char *dot = strchr(member, '.');
	const json_t *value =
		dot ? json_object_getn(row, member, (size_t)(dot - member)) : json_object_get(row, member);
	if (dot)
		value = json_object_get(value, dot + 1);
	if (json_is_string(value))
		snprintf(out, size, "%s", json_string_value(value));
	else if (json_is_integer(value) && is_time(member))
		cli_time_text(json_integer_value(value), out, size);
	else if (json_is_integer(value))
		snprintf(out, size, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
	else
		snprintf(out, size, "-");
	clean(out);
}

void cli_print_table(const struct cli_column *columns, const json_t *rows, const char *empty)
{
	size_t index;
	const json_t *row;
	char text[128];
	int width[12] = {0};
	if (json_array_size(rows) == 0) {
		fprintf(stderr, "%s\n", empty);
		return;
	}
	for (size_t c = 0; columns[c].heading; c++) {
		width[c] = (int)strlen(columns[c].heading);
		json_array_foreach(rows, index, row)
		{
			cli_member_text(row, columns[c].member, text, sizeof text);
			if ((int)strlen(text) > width[c])
				width[c] = (int)strlen(text);
		}
	}
	for (size_t c = 0; columns[c].heading; c++)
		printf("%-*s%s", columns[c + 1].heading ? width[c] : 0, columns[c].heading,
			columns[c + 1].heading ? "  " : "\n");
	json_array_foreach(rows, index, row)
	{
		for (size_t c = 0; columns[c].heading; c++) {
			cli_member_text(row, columns[c].member, text, sizeof text);
			printf("%-*s%s", columns[c + 1].heading ? width[c] : 0, text,
				columns[c + 1].heading ? "  " : "\n");
		}
	}
}
