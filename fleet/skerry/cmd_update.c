/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry update`: brings payload and manifest to the server, makes a job for the device, watches it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/verify.h"
#include "shared/conf.h"
#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/follow.h"
#include "skerry/release.h"

#define URLS_MAX      4
#define URL_BYTES_MAX 255 /* SPEC §8 */

struct update {
	const char *device, *suit;
	bool retry, no_wait, force;
	uint64_t trial_s, timeout_s; /* 0: the default */
	const char *urls[URLS_MAX];
	size_t url_count;
	struct file_bytes manifest, payload; /* the files */
	char digest[TEXT_DIGEST_HEX];        /* of the payload */
};

/*
 * What the device will refuse anyhow is told early; but told only: it is the device that decides, and an operator who tests it must be able to try.
 */
static void warn_early(const struct cli *cli, const struct update *update, const struct release *release)
{
	uint8_t digest[32];
	if (release_verify(release, &cli->home) == RELEASE_NOT_OURS)
		cli_warn("'%s' is not signed by this fleet's release keys; the device will reject it", update->suit);
	const char *only = release->manifest.device_id;
	if (*only && strcmp(only, update->device) != 0)
		cli_warn("'%s' is for device %s only; %s will reject it", update->suit, only, update->device);
	ota_sha256(update->payload.data, update->payload.len, digest);
	if (memcmp(digest, release->manifest.digest, 32) != 0)
		cli_warn("the image beside '%s' is not the one that it names; the server will refuse it", update->suit);
}

/* Is the manifest for the device's board? */
static void warn_board(const struct cli *cli, const struct update *update, const char *board)
{
	struct conf conf;
	struct fleet_error ignored;
	struct release release;
	const char *vendor;
	uint8_t vendor_id[16], class_id[16];
	if (!board || release_load(update->suit, &release, &ignored) < 0)
		return;
	if (conf_read(home_path(&cli->home, HOME_CONF).text, &conf, &ignored) == 0) {
		if (conf_text(&conf, "vendor", &vendor, &ignored) == 0) {
			text_vendor_id(vendor, vendor_id);
			text_class_id(vendor_id, board, class_id);
			if (memcmp(class_id, release.manifest.class_id, 16) != 0)
				cli_warn("'%s' is not for board %s of vendor %s; the device will reject it",
					update->suit, board, vendor);
		}
		conf_free(&conf);
	}
	release_free(&release);
}

/* "a/b.suit" → "a/b.fit" */
static char *fit_beside(const char *suit)
{
	char *out = NULL;
	size_t len = strlen(suit);
	if (len > 5 && strcmp(suit + len - 5, ".suit") == 0)
		len -= 5;
	return asprintf(&out, "%.*s.fit", (int)len, suit) < 0 ? NULL : out;
}

/* With --force a manifest that cannot be read goes to the device as it is, for the image beside it. */
static int read_forced(struct update *update, struct fleet_error *error)
{
	uint8_t digest[32];
	char *path = fit_beside(update->suit);
	int rc = file_read(update->suit, OTA_MANIFEST_BYTES_MAX, &update->manifest, error);
	if (rc == 0)
		rc = path ? file_read(path, FIT_BYTES_MAX, &update->payload, error)
			  : fleet_fail(error, NULL, "out of memory");
	free(path);
	if (rc < 0)
		return -1;
	ota_sha256(update->payload.data, update->payload.len, digest);
	text_hex(digest, sizeof digest, update->digest);
	return 0;
}

static int read_files(const struct cli *cli, struct update *update, struct fleet_error *error)
{
	struct release release;
	if (release_load(update->suit, &release, error) < 0)
		return update->force ? read_forced(update, error) : -1;
	char *path = release_payload_path(update->suit, &release);
	int rc = path ? file_read(path, FIT_BYTES_MAX, &update->payload, error)
		      : fleet_fail(error, NULL, "out of memory");
	free(path);
	if (rc == 0) {
		warn_early(cli, update, &release);
		text_hex(release.manifest.digest, 32, update->digest);
		rc = file_read(update->suit, OTA_MANIFEST_BYTES_MAX, &update->manifest, error);
	}
	release_free(&release);
	return rc;
}

static int put(struct client *client, const char *path, const struct file_bytes *bytes, struct fleet_error *error)
{
	json_t *answer;
	const struct client_request request = {.method = "PUT", .path = path, .bytes = bytes};
	int rc = client_call(client, &request, &answer, error);
	json_decref(answer);
	return rc;
}

static int upload(struct client *client, const struct update *update, struct fleet_error *error)
{
	char path[200];
	int rc = client_has_artifact(client, update->digest, error);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof path, "/api/v1/images/%s/payload", update->digest);
	if (rc == 0 && put(client, path, &update->payload, error) < 0)
		return -1;
	snprintf(path, sizeof path, "/api/v1/images/%s/manifest%s", update->digest, update->force ? "?force=1" : "");
	return put(client, path, &update->manifest, error);
}

/* The device's open job, if it is for the same image: it is as good as a new one. */
static json_t *open_job(struct client *client, const struct update *update)
{
	struct fleet_error ignored;
	json_t *answer, *job, *found = NULL;
	size_t index;
	char path[128];
	snprintf(path, sizeof path, "/api/v1/jobs?device=%s", update->device);
	if (client_get(client, path, &answer, &ignored) < 0)
		return NULL;
	json_array_foreach(json_object_get(answer, "jobs"), index, job)
	{
		const char *digest = json_string_value(json_object_get(job, "digest")),
			   *status = json_string_value(json_object_get(job, "status"));
		bool open = status && (strcmp(status, "QUEUED") == 0 || strcmp(status, "IN_PROGRESS") == 0);
		if (!found && open && digest && strcmp(digest, update->digest) == 0)
			found = json_incref(job);
	}
	json_decref(answer);
	return found;
}

static int create_job(struct client *client, const struct update *update, json_t **job, struct fleet_error *error)
{
	json_t *body = json_pack("{s:s, s:s}", "device", update->device, "digest", update->digest);
	if (update->retry)
		json_object_set_new(body, "retry", json_true());
	if (update->trial_s)
		json_object_set_new(body, "trialSeconds", json_integer((json_int_t)update->trial_s));
	if (update->url_count) {
		json_t *urls = json_array();
		for (size_t i = 0; i < update->url_count; i++)
			json_array_append_new(urls, json_string(update->urls[i]));
		json_object_set_new(body, "urls", urls);
	}
	const struct client_request request = {.method = "POST", .path = "/api/v1/jobs", .json = body};
	int rc = client_call(client, &request, job, error);
	json_decref(body);
	if (rc == 0 || client->status != 409)
		return rc;
	*job = open_job(client, update);
	return *job ? 0 : -1;
}

static int start(const struct cli *cli, struct client *client, const struct update *update, json_t **job,
	struct fleet_error *error)
{
	char path[128];
	json_t *device;
	snprintf(path, sizeof path, "/api/v1/devices/%s", update->device);
	if (client_get(client, path, &device, error) < 0)
		return -1;
	warn_board(cli, update, json_string_value(json_object_get(device, "board")));
	if (!json_is_true(json_object_get(device, "online")) && !cli->json)
		fprintf(stderr, "%s is not online; the job waits for it\n", update->device);
	json_decref(device);
	return upload(client, update, error) < 0 ? -1 : create_job(client, update, job, error);
}

static int update_device(const struct cli *cli, struct update *update)
{
	struct client client;
	struct fleet_error error;
	json_t *job = NULL;
	if (read_files(cli, update, &error) < 0 || client_open(&client, &cli->home, &error) < 0)
		return cli_fail(&error);
	int code = start(cli, &client, update, &job, &error) < 0 ? cli_fail(&error) : EXIT_OK;
	const char *id = json_string_value(json_object_get(job, "jobId"));
	if (code == EXIT_OK && update->no_wait) {
		if (cli->json)
			cli_print_json(job, true);
		else
			printf("job %s\n", id ? id : "?");
	} else if (code == EXIT_OK && id) {
		if (!cli->json)
			fprintf(stderr, "job %s\n", id);
		code = follow_job(cli, &client, id, update->timeout_s);
	}
	json_decref(job);
	client_close(&client);
	return code;
}

static int check(const struct cli *cli, const struct update *update)
{
	if (!text_is_id(update->device))
		return cli_usage(cli, "'%s' is not a device id", update->device);
	for (size_t i = 0; i < update->url_count; i++)
		if (strncmp(update->urls[i], "https://", 8) != 0 || strlen(update->urls[i]) > URL_BYTES_MAX)
			return cli_usage(cli, "--url '%s' is not an https address of at most %d bytes", update->urls[i],
				URL_BYTES_MAX);
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct update update = {0};
	const struct option_spec specs[] = {
		{.name = "--retry", .flag = &update.retry, .help = "also when this image failed on the device before"},
		{.name = "--trial-seconds",
			.value = "N",
			.number = &update.trial_s,
			.min = 10,
			.max = 3600,
			.help = "time to be confirmed (device's default: 120)"},
		{.name = "--timeout",
			.value = "SECONDS",
			.number = &update.timeout_s,
			.min = 1,
			.max = 31536000,
			.help = "watch at most so long; the job goes on"},
		{.name = "--url",
			.value = "URL",
			.list = update.urls,
			.list_max = URLS_MAX,
			.list_count = &update.url_count,
			.help = "fetch from here instead of the server's own address; up to 4"},
		{.name = "--force",
			.flag = &update.force,
			.help = "send also a manifest that cannot be read; the device decides"},
		{.name = "--no-wait", .flag = &update.no_wait, .help = "print the job's id and return"},
		{0},
	};
	struct cli_words words = {.min = 2, .max = 2};
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	update.device = words.items[0];
	update.suit = words.items[1];
	int rc = check(cli, &update);
	if (rc == 0)
		rc = cli_home(cli);
	if (rc == 0)
		rc = update_device(cli, &update);
	file_bytes_free(&update.manifest);
	file_bytes_free(&update.payload);
	return rc;
}

const struct command command_update = {
	.name = "update",
	.arguments = "DEVICE IMG.suit [--retry] [--trial-seconds N] [--timeout SECONDS] [--no-wait]",
	.summary = "update a device and watch it until it confirms or goes back",
	.details = "The same command again, while the job is open, goes on watching it.\n"
		   "Exit code: 0 succeeded, 3 failed or rolled back, 4 rejected by the device, 5 timed out, 6 "
		   "canceled, 1 other errors.",
	.run = run,
};
