/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry`: finds the command in the table and runs it. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "skerry/commands.h"

static const struct command *const commands[] = {
	&command_init,
	&command_image_build,
	&command_image_sign,
	&command_image_inspect,
	&command_image_list,
	&command_image_remove,
	&command_image_prune,
	&command_keys_init,
	&command_keys_show,
	&command_keys_rotate,
	&command_keys_revoke,
	&command_keys_add,
	&command_keys_push,
	&command_device_add,
	&command_device_disk,
	&command_device_list,
	&command_device_show,
	&command_device_set,
	&command_device_remove,
	&command_group_list,
	&command_group_set,
	&command_group_remove,
	&command_channel_list,
	&command_channel_set,
	&command_channel_remove,
	&command_device_revoke,
	&command_enrol_create,
	&command_enrol_list,
	&command_enrol_revoke,
	&command_update,
	&command_job_list,
	&command_job_show,
	&command_job_wait,
	&command_job_cancel,
	&command_rollout_create,
	&command_rollout_plan,
	&command_rollout_list,
	&command_rollout_show,
	&command_rollout_targets,
	&command_rollout_watch,
	&command_rollout_start,
	&command_rollout_pause,
	&command_rollout_resume,
	&command_rollout_abort,
	&command_rollout_rollback,
	&command_rollout_retry,
	&command_rollout_approve,
	&command_rollout_close,
	&command_crash_list,
	&command_crash_show,
	&command_logs,
	&command_events,
	&command_telemetry,
	&command_webhook_add,
	&command_webhook_list,
	&command_webhook_remove,
	&command_webhook_test,
	&command_cmd,
	&command_audit,
	&command_backup,
	&command_status,
	&command_whoami,
	&command_token_create,
	&command_token_list,
	&command_token_revoke,
	&command_tenant_add,
	&command_tenant_list,
};
#define COMMANDS (sizeof commands / sizeof *commands)

static void print_commands(FILE *to, const char *group)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!group || strncmp(commands[i]->name, group, strlen(group)) == 0)
			fprintf(to, "  %-17s %s\n", commands[i]->name, commands[i]->summary);
}

static void print_overview(FILE *to)
{
	fprintf(to, "usage: skerry [--home DIR] [--json] COMMAND ...\n\nRuns a fleet of devices: keys, images, "
		    "devices, updates.\n\ncommands:\n");
	print_commands(to, NULL);
	fprintf(to, "\n`skerry COMMAND --help` says more. The home is --home, else SKERRY_HOME, else "
		    "$XDG_DATA_HOME/skerry.\n");
}

/* The command named by the first one or two words; *words says how many they were. */
static const struct command *find_command(int argc, char **argv, int *words)
{
	char two[64];
	snprintf(two, sizeof two, "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (size_t i = 0; i < COMMANDS; i++) {
		*words = strchr(commands[i]->name, ' ') ? 2 : 1;
		if (strcmp(commands[i]->name, *words == 2 ? two : argv[0]) == 0)
			return commands[i];
	}
	return NULL;
}

/* `skerry image` alone, or with --help or an unknown second word: what the group has. */
static int say_group(int argc, char **argv)
{
	char group[32];
	bool is_group = false, asks = argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
	snprintf(group, sizeof group, "%s ", argv[0]);
	for (size_t i = 0; i < COMMANDS; i++)
		is_group |= strncmp(commands[i]->name, group, strlen(group)) == 0;
	if (!is_group) {
		fprintf(stderr, "skerry: no command '%s'\n  remedy: see `skerry --help`\n", argv[0]);
		return EXIT_USAGE;
	}
	if (!asks)
		fprintf(stderr, "skerry: '%s' needs one of these words after it:\n", argv[0]);
	print_commands(asks ? stdout : stderr, group);
	return asks ? EXIT_OK : EXIT_USAGE;
}

#define CARRY_ON (-1)

/* Options before the command. Moves *at to the command's first word; an exit code, or CARRY_ON. */
static int leading_options(struct cli *cli, int argc, char **argv, int *at)
{
	for (*at = 1; *at < argc && argv[*at][0] == '-'; ++*at) {
		const char *word = argv[*at];
		if (strcmp(word, "--json") == 0)
			cli->json = true;
		else if (strncmp(word, "--home=", 7) == 0)
			cli->home_option = word + 7;
		else if (strcmp(word, "--home") == 0 && *at + 1 < argc)
			cli->home_option = argv[++*at];
		else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			print_overview(stdout);
			return EXIT_OK;
		} else {
			fprintf(stderr, "skerry: no option %s before a command\n  remedy: see `skerry --help`\n", word);
			return EXIT_USAGE;
		}
	}
	if (*at < argc)
		return CARRY_ON;
	print_overview(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	int at, words;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write(), not the end */
	int rc = leading_options(&cli, argc, argv, &at);
	if (rc != CARRY_ON)
		return rc;
	cli.command = find_command(argc - at, argv + at, &words);
	if (!cli.command)
		return say_group(argc - at, argv + at);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	rc = cli.command->run(&cli, argc - at - words, argv + at + words);
	curl_global_cleanup();
	if (fflush(stdout) == 0 && !ferror(stdout))
		return rc;
	fprintf(stderr, "skerry: error: cannot write the output\n  remedy: free some space where stdout goes\n");
	return EXIT_ERROR;
}
