/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: the table of commands, their options, help, and how errors and listings are printed. */
#ifndef SKERRY_CLI_H
#define SKERRY_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/home.h"

/* Exit codes. `update` and `job wait` have one per outcome. */
enum {
	EXIT_OK = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_JOB_FAILED = 3,
	EXIT_JOB_REJECTED = 4,
	EXIT_JOB_TIMED_OUT = 5,
	EXIT_JOB_CANCELED = 6,
};

struct cli {
	const struct command *command; /* the one that runs */
	const char *home_option;       /* NULL: not given */
	bool json;
	int exit_code;    /* set when cli_options() says to leave */
	struct home home; /* after cli_home() */
};

struct command {
	const char *name;                                   /* "device add" */
	const char *arguments;                              /* "ID --board BOARD", for the usage line */
	const char *summary;                                /* one line */
	const char *details;                                /* more lines for --help, or NULL */
	int (*run)(struct cli *cli, int argc, char **argv); /* exit code */
};

/* An option of one command. The array ends with a zeroed entry. */
struct option_spec {
	const char *name;  /* "--board" */
	char letter;       /* 'o' for -o, or 0 */
	const char *value; /* its value's name in the help; NULL: a flag */
	const char *help;
	const char **text; /* one of these receives the value: borrowed from argv */
	uint64_t *number;  /* decimal, min..max */
	bool *flag;
	const char **list; /* may be given up to list_max times */
	size_t list_max;
	size_t *list_count;
	uint64_t min, max;
};

#define CLI_WORDS_MAX 33

/* The words of a command line that are no options. */
struct cli_words {
	const char *items[CLI_WORDS_MAX]; /* borrowed from argv; NULL where none was given */
	size_t min, max, count;
};

/*
 * Read argv[argc]: fills in the options (--home, --json and --help are known to every command) and the other words, at least words->min and at most
 * words->max of them. True: go on. False: leave with cli->exit_code: help was printed, or a usage error.
 */
bool cli_options(struct cli *cli, const struct option_spec *specs, int argc, char **argv, struct cli_words *words)
	__attribute__((warn_unused_result));

/*
 * The same for a command whose only word is an id; `what` it has to be ("a device id"), for the complaint. NULL: leave with cli->exit_code.
 */
const char *cli_id(struct cli *cli, const struct option_spec *specs, int argc, char **argv, const char *what);

/* Settle cli->home and check that it is one. 0, else EXIT_ERROR with the error printed. */
int cli_home(struct cli *cli) __attribute__((warn_unused_result));

/* Print cause and remedy to stderr; EXIT_ERROR. */
int cli_fail(const struct fleet_error *error);
/* A warning to stderr, printf. */
void cli_warn(const char *text, ...) __attribute__((format(printf, 1, 2)));
/* Complain about how the command was called, printf; EXIT_USAGE. */
int cli_usage(const struct cli *cli, const char *text, ...) __attribute__((format(printf, 2, 3)));

/* Print a JSON value and a line feed to stdout; indented, or on one line. */
void cli_print_json(const json_t *value, bool one_line);

/* A column of a listing: heading, and the member of each row that fills it. */
struct cli_column {
	const char *heading, *member;
};
/* Print rows (an array of objects) as a table, widths fitted. Ends with a zeroed column. `empty` is printed to stderr when there are none. */
void cli_print_table(const struct cli_column *columns, const json_t *rows, const char *empty);
/* What a member (or "object.member") holds as text into out[size]; absent or null: "-". Control characters, which may come from a device, become '?'. */
void cli_member_text(const json_t *row, const char *member, char *out, size_t size);
/* Print text from a device with control characters replaced. */
void cli_print_clean(const char *text);
/* A unix time as local time "YYYY-MM-DD HH:MM:SS" (0 or less: "never"). */
void cli_time_text(json_int_t seconds, char *out, size_t size);

#endif
