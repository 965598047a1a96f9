/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry cmd`: one command to one device, and its answer. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"

static const char *const levels[] = {"err", "warn", "info", "debug"};

static bool is_level(const char *text)
{
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (strcmp(levels[i], text) == 0)
			return true;
	return false;
}

static int check(const struct cli *cli, const struct cli_words *words)
{
	const char *cmd = words->items[1], *level = words->items[2];
	bool takes_level = strcmp(cmd, "log-level") == 0;
	if (!text_is_id(words->items[0]))
		return cli_usage(cli, "'%s' is not a device id", words->items[0]);
	if (!takes_level && strcmp(cmd, "reboot") != 0 && strcmp(cmd, "identify") != 0)
		return cli_usage(cli, "no command '%s'", cmd);
	if (takes_level && (!level || !is_level(level)))
		return cli_usage(cli, "log-level is one of err, warn, info, debug");
	if (!takes_level && level)
		return cli_usage(cli, "%s takes nothing after it", cmd);
	return 0;
}

static int send_command(const struct cli *cli, const struct cli_words *words)
{
	struct client client;
	struct fleet_error error;
	json_t *answer;
	char path[128];
	if (client_open(&client, &cli->home, &error) < 0)
		return cli_fail(&error);
	snprintf(path, sizeof path, "/api/v1/devices/%s/cmd", words->items[0]);
	json_t *body = json_pack("{s:s, s:s*}", "cmd", words->items[1], "level", words->items[2]);
	const struct client_request request = {.method = "POST", .path = path, .json = body};
	int rc = client_call(&client, &request, &answer, &error) < 0 ? cli_fail(&error) : EXIT_OK;
	if (rc == EXIT_OK && !json_is_true(json_object_get(answer, "ok"))) {
		char why[160];
		cli_member_text(answer, "error", why, sizeof why);
		fleet_fail(&error, NULL, "device '%s' refused %s: %s", words->items[0], words->items[1], why);
		rc = cli_fail(&error);
	}
	if (rc == EXIT_OK && cli->json)
		cli_print_json(answer, false);
	else if (rc == EXIT_OK)
		printf("%s: %s done\n", words->items[0], words->items[1]);
	json_decref(answer);
	json_decref(body);
	client_close(&client);
	return rc;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct option_spec specs[] = {{0}};
	struct cli_words words = {.min = 2, .max = 3};
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	int rc = check(cli, &words);
	if (rc == 0)
		rc = cli_home(cli);
	return rc ? rc : send_command(cli, &words);
}

const struct command command_cmd = {
	.name = "cmd",
	.arguments = "DEVICE reboot|identify|log-level LEVEL",
	.summary = "send a device a command and wait for its answer",
	.details = "LEVEL is err, warn, info or debug. The device must be online.",
	.run = run,
};
