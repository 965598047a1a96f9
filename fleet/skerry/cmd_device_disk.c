/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry device disk`: one disk for many devices, each of which claims its own identity at its first start. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/disk.h"
#include "skerry/identity.h"

struct order {
	const char *token, *board_name, *disk, *image, *provision;
	struct board board;
};

static int write_disk(
	const struct cli *cli, const struct order *order, const struct file_bytes *provision, struct fleet_error *error)
{
	struct file_draft draft = {.fd = -1};
	const struct disk_order disk = {
		.board = &order->board, .image = order->image, .disk = order->disk, .provision = provision};
	int rc = disk_draft(&cli->home, &disk, &draft, error);
	if (rc == 0)
		rc = file_draft_commit(&draft, error);
	file_draft_drop(&draft);
	return rc;
}

static int check(struct order *order, struct fleet_error *error)
{
	const char *files[] = {order->disk, order->provision};
	if (board_load(order->board_name, &order->board, error) < 0)
		return -1;
	if (!board_area(&order->board, "identity"))
		return fleet_fail(error, "add a line 'identity LBA 0x10' to its flash map",
			"board %s has no place for an identity that is claimed", order->board.name);
	for (size_t i = 0; i < 2; i++)
		if (files[i] && file_exists(files[i]))
			return fleet_fail(error, "remove it, or name another file", "'%s' exists already", files[i]);
	return 0;
}

static int make(const struct cli *cli, const struct order *order, struct fleet_error *error)
{
	struct file_bytes provision = {0};
	if (identity_make_claim(&cli->home, order->board.name, order->token, &provision, error) < 0)
		return -1;
	int rc = order->provision ? file_write(order->provision, provision.data, provision.len, 0600, error) : 0;
	if (rc == 0 && order->disk)
		rc = write_disk(cli, order, &provision, error);
	file_bytes_free(&provision);
	return rc;
}

static int check_words(const struct cli *cli, const struct order *order)
{
	if (!order->token || !order->board_name)
		return cli_usage(cli, "--enrol and --board are needed");
	if (!text_is_id(order->token) || strlen(order->token) < 16)
		return cli_usage(cli, "--enrol is not a token as `skerry enrol create` prints it");
	if (!order->disk != !order->image)
		return cli_usage(cli, "-o and --image belong together");
	if (!order->disk && !order->provision)
		return cli_usage(cli, "nothing to make: give -o with --image, or --provision");
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct order order = {0};
	const struct option_spec specs[] = {
		{.name = "--enrol",
			.value = "TOKEN",
			.text = &order.token,
			.help = "the enrolment token, of `skerry enrol create`"},
		{.name = "--board",
			.value = "BOARD",
			.text = &order.board_name,
			.help = "a board's name, or its folder"},
		{.name = "--image",
			.value = "IMG.suit",
			.text = &order.image,
			.help = "what slot a of the disk holds; IMG.fit beside it"},
		{.name = "--output",
			.letter = 'o',
			.value = "FILE",
			.text = &order.disk,
			.help = "the disk, a raw image"},
		{.name = "--provision",
			.value = "FILE",
			.text = &order.provision,
			.help = "the provisioning area alone, for a disk that is there already"},
		{0},
	};
	struct cli_words words = {0};
	struct fleet_error error;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	int rc = check_words(cli, &order);
	if (rc == 0)
		rc = cli_home(cli);
	if (rc)
		return rc;
	if (check(&order, &error) < 0 || make(cli, &order, &error) < 0)
		return cli_fail(&error);
	if (cli->json) {
		json_t *said = json_pack("{s:s, s:s*, s:s*}", "board", order.board.name, "disk", order.disk,
			"provision", order.provision);
		cli_print_json(said, false);
		json_decref(said);
	} else {
		printf("made %s: for as many %s as the token has uses\n", order.disk ? order.disk : order.provision,
			order.board.name);
	}
	return EXIT_OK;
}

const struct command command_device_disk = {
	.name = "device disk",
	.arguments = "--enrol TOKEN --board BOARD -o FILE --image IMG.suit",
	.summary = "make a disk whose devices claim their identity themselves",
	.details = "The disk holds the token: who has the disk can enrol a device with it, as often as the token has "
		   "uses.",
	.run = run,
};
