/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry backup`. */
#include <stdio.h>

#include "skerry/client.h"
#include "skerry/commands.h"

static const struct option_spec no_options[] = {{0}};

static int run(struct cli *cli, int argc, char **argv)
{
	struct cli_words words = {.min = 1, .max = 1};
	struct client client;
	struct fleet_error error;
	uint64_t bytes;
	if (!cli_options(cli, no_options, argc, argv, &words))
		return cli->exit_code;
	const char *file = words.items[0];
	int rc = cli_home(cli);
	if (rc)
		return rc;
	if (file_exists(file)) {
		(void)!fleet_fail(&error, "remove it, or name another file", "'%s' exists already", file);
		return cli_fail(&error);
	}
	if (client_open(&client, &cli->home, &error) < 0)
		return cli_fail(&error);
	rc = client_download(&client, "/api/v1/backup", file, &bytes, &error);
	client_close(&client);
	if (rc < 0)
		return cli_fail(&error);
	if (cli->json)
		printf("{\"bytes\": %llu}\n", (unsigned long long)bytes);
	else
		printf("%s: %llu bytes\n", file, (unsigned long long)bytes);
	return EXIT_OK;
}

const struct command command_backup = {.name = "backup",
	.arguments = "FILE",
	.summary = "everything that skerryd knows as one file, while it runs",
	.details = "A tar archive: the database as of one moment, and the payloads. Private keys, certificates and "
		   "configuration are not in\n"
		   "it: keep a copy of the home, too. Back with: skerryd --restore FILE",
	.run = run};
