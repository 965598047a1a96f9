/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `skerry device add`: all files are made first, under other names, and get their names at the end. skerryd learns of the device from the enrolment file in
 * server/enrol, which it reads at its start and whenever it meets an unknown device; if it runs it is told at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/text.h"
#include "skerry/client.h"
#include "skerry/commands.h"
#include "skerry/disk.h"
#include "skerry/identity.h"

struct add {
	const char *id, *board_name, *disk, *image;
	struct board board;
	struct home_path folder, enrolment;
	bool enrolled_now; /* skerryd answered */
};

#define COUNT_MAX 100000

static int write_folder(const char *dir, const struct identity *identity, struct fleet_error *error)
{
	char path[HOME_PATH_MAX + 300];
	snprintf(path, sizeof path, "%s/device.key", dir);
	if (file_write(path, identity->key_pem, strlen(identity->key_pem), 0600, error) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/device.crt", dir);
	if (file_write(path, identity->cert_pem, strlen(identity->cert_pem), 0644, error) < 0)
		return -1;
	snprintf(path, sizeof path, "%s/provision.bin", dir);
	return file_write(path, identity->provision.data, identity->provision.len, 0600, error);
}

static json_t *enrolment(const struct add *add, const struct identity *identity)
{
	char hex[TEXT_DIGEST_HEX];
	text_hex(identity->cert_digest, 32, hex);
	return json_pack("{s:s, s:s, s:s}", "device", add->id, "board", add->board.name, "certificate", hex);
}

static int write_enrolment(const struct add *add, const json_t *body, struct fleet_error *error)
{
	char *text = json_dumps(body, JSON_COMPACT);
	if (!text)
		return fleet_fail(error, NULL, "out of memory");
	int rc = file_write(add->enrolment.text, text, strlen(text), 0600, error);
	free(text);
	return rc;
}

/* Gives everything its name, the enrolment last; takes back what was done when a step fails. */
static int publish(const struct add *add, const char *temp, struct file_draft *draft, const json_t *body,
	struct fleet_error *error)
{
	if (add->disk && file_draft_commit(draft, error) < 0)
		return -1;
	int rc = rename(temp, add->folder.text) == 0
			 ? 0
			 : fleet_fail_errno(error, NULL, "cannot make '%s'", add->folder.text);
	if (rc == 0 && write_enrolment(add, body, error) < 0) {
		file_remove_tree(add->folder.text);
		rc = -1;
	}
	if (rc < 0 && add->disk)
		unlink(add->disk);
	return rc;
}

/* skerryd need not run: then it finds the enrolment file later. `client`: open, or NULL when it was not reached before. */
static void tell_server(struct client *client, struct add *add, const json_t *body)
{
	struct fleet_error error;
	json_t *answer;
	char path[128];
	if (!client)
		return;
	snprintf(path, sizeof path, "/api/v1/devices/%s", add->id);
	int rc = client_call(
		client, &(struct client_request){.method = "PUT", .path = path, .json = body}, &answer, &error);
	add->enrolled_now = rc == 0;
	if (rc == -1)
		cli_warn("skerryd was not told: %s", error.cause);
	json_decref(answer);
}

static int make_device(const struct cli *cli, struct client *client, struct add *add, struct fleet_error *error)
{
	struct identity identity;
	struct file_draft draft = {.fd = -1};
	struct home_path temp = home_path(&cli->home, "devices/.%s.XXXXXX", add->id);
	if (identity_make(&cli->home, add->id, add->board.name, &identity, error) < 0)
		return -1;
	json_t *body = enrolment(add, &identity);
	int rc = 0;
	if (!mkdtemp(temp.text)) {
		rc = fleet_fail_errno(error, NULL, "cannot make a folder in '%s/devices'", cli->home.dir);
	} else {
		rc = write_folder(temp.text, &identity, error);
		if (rc == 0 && add->disk)
			rc = disk_draft(&cli->home,
				&(struct disk_order){.board = &add->board,
					.image = add->image,
					.disk = add->disk,
					.provision = &identity.provision},
				&draft, error);
		if (rc == 0)
			rc = publish(add, temp.text, &draft, body, error);
		file_draft_drop(&draft);
		if (rc < 0)
			file_remove_tree(temp.text);
	}
	if (rc == 0)
		tell_server(client, add, body);
	json_decref(body);
	identity_free(&identity);
	return rc;
}

static int check(const struct cli *cli, struct add *add, struct fleet_error *error)
{
	if (board_load(add->board_name, &add->board, error) < 0)
		return -1;
	add->folder = home_path(&cli->home, "devices/%s", add->id);
	add->enrolment = home_path(&cli->home, HOME_ENROL "/%s.json", add->id);
	if (file_exists(add->folder.text) || file_exists(add->enrolment.text))
		return fleet_fail(error, "choose another id", "device '%s' exists already", add->id);
	if (add->disk && file_exists(add->disk))
		return fleet_fail(error, "remove it, or name another file", "'%s' exists already", add->disk);
	return 0;
}

static void report(const struct cli *cli, const struct add *add)
{
	if (cli->json) {
		json_t *said = json_pack("{s:s, s:s, s:s, s:s*, s:b}", "device", add->id, "board", add->board.name,
			"folder", add->folder.text, "disk", add->disk, "enrolled", add->enrolled_now);
		cli_print_json(said, false);
		json_decref(said);
		return;
	}
	printf("added %s (%s): %s\n", add->id, add->board.name, add->folder.text);
	if (add->disk)
		printf("  disk: %s\n", add->disk);
	if (!add->enrolled_now)
		printf("  skerryd does not run; it takes the device up when it starts\n");
}

/* ---- many ---- */

struct batch {
	const char *stem;
	uint64_t count;
	int digits;
	char id[65 + 24];
};

static struct batch batch_of(const char *stem, uint64_t count)
{
	struct batch batch = {.stem = stem, .count = count, .digits = 1};
	for (uint64_t rest = count; rest >= 10; rest /= 10)
		batch.digits++;
	return batch;
}

static const char *batch_id(struct batch *batch, uint64_t number)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%020llu", (unsigned long long)number);
	snprintf(batch->id, sizeof batch->id, "%.65s%s", batch->stem, digits + 20 - batch->digits);
	return batch->id;
}

/* Nothing is made unless all can be; one by one then, so that an error leaves whole devices. */
static int add_batch(const struct cli *cli, struct batch *batch, struct add *add, struct fleet_error *error)
{
	struct client client;
	for (uint64_t i = 1; i <= batch->count; i++) {
		add->id = batch_id(batch, i);
		if (check(cli, add, error) < 0)
			return -1;
	}
	bool reached = client_open(&client, &cli->home, error) == 0;
	if (!reached)
		cli_warn("skerryd was not told: %s", error->cause);
	int rc = 0;
	for (uint64_t i = 1; i <= batch->count && rc == 0; i++) {
		add->id = batch_id(batch, i);
		/* One that does not answer once is not asked again: it reads the enrolment files at its start. */
		bool ask = reached && (i == 1 || add->enrolled_now);
		add->enrolled_now = false;
		rc = check(cli, add, error);
		if (rc == 0)
			rc = make_device(cli, ask ? &client : NULL, add, error);
	}
	if (reached)
		client_close(&client);
	return rc;
}

static int run_batch(const struct cli *cli, struct add *add, uint64_t count)
{
	struct batch batch = batch_of(add->id, count), first = batch;
	struct fleet_error error;
	if (!text_is_id(batch_id(&batch, count)))
		return cli_usage(cli, "'%s' is not a device id: letters, digits, '_', '-', at most 64", batch.id);
	if (add_batch(cli, &batch, add, &error) < 0)
		return cli_fail(&error);
	if (cli->json) {
		json_t *said = json_pack("{s:I, s:s, s:s, s:s, s:b}", "added", (json_int_t)count, "first",
			batch_id(&first, 1), "last", batch.id, "board", add->board.name, "enrolled", add->enrolled_now);
		cli_print_json(said, false);
		json_decref(said);
		return EXIT_OK;
	}
	printf("added %s to %s (%s)\n", batch_id(&first, 1), batch.id, add->board.name);
	if (!add->enrolled_now)
		printf("  skerryd does not run; it takes the devices up when it starts\n");
	return EXIT_OK;
}

static int run_one(const struct cli *cli, struct add *add)
{
	struct client client;
	struct fleet_error error;
	if (check(cli, add, &error) < 0)
		return cli_fail(&error);
	bool reached = client_open(&client, &cli->home, &error) == 0;
	if (!reached)
		cli_warn("skerryd was not told: %s", error.cause);
	int rc = make_device(cli, reached ? &client : NULL, add, &error);
	if (reached)
		client_close(&client);
	if (rc < 0)
		return cli_fail(&error);
	report(cli, add);
	return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct add add = {0};
	uint64_t count = 0;
	const struct option_spec specs[] = {
		{.name = "--board", .value = "BOARD", .text = &add.board_name, .help = "a board's name, or its folder"},
		{.name = "--disk", .value = "FILE", .text = &add.disk, .help = "make its whole disk, a raw image"},
		{.name = "--image",
			.value = "IMG.suit",
			.text = &add.image,
			.help = "what slot a of the disk holds; IMG.fit beside it"},
		{.name = "--count",
			.value = "N",
			.number = &count,
			.min = 1,
			.max = COUNT_MAX,
			.help = "so many: their ids are ID and a number, 1 to N, of equal length"},
		{0},
	};
	struct cli_words words = {.min = 1, .max = 1};
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	add.id = words.items[0];
	if (!text_is_id(add.id))
		return cli_usage(cli, "'%s' is not a device id: letters, digits, '_', '-', at most 64", add.id);
	if (!add.board_name)
		return cli_usage(cli, "--board is missing");
	if (!add.disk != !add.image)
		return cli_usage(cli, "--disk and --image belong together");
	if (count && add.disk)
		return cli_usage(cli, "--count makes no disks");
	int rc = cli_home(cli);
	if (rc)
		return rc;
	return count ? run_batch(cli, &add, count) : run_one(cli, &add);
	return EXIT_OK;
}

const struct command command_device_add = {
	.name = "device add",
	.arguments = "ID --board BOARD [--disk FILE --image IMG.suit | --count N]",
	.summary = "make a device's key, certificate and provisioning, and its disk",
	.details =
		"devices/ID/provision.bin in the home goes to the device's provisioning area; a disk has it already.",
	.run = run,
};
