/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/listing.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_SECONDS 25
#define AWAY_SECONDS 120
#define PAGE_ROWS    "500" /* the most that the server gives */

int listing_client(struct cli *cli, struct client *client)
{
	struct fleet_error error;
	int rc = cli_home(cli);
	if (rc)
		return rc;
	return client_open(client, &cli->home, &error) < 0 ? cli_fail(&error) : EXIT_OK;
}

void listing_add_query(char *path, size_t size, const char *name, const char *text)
{
	size_t len = strlen(path);
	if (!text)
		return;
	char *escaped = curl_easy_escape(NULL, text, 0);
	snprintf(path + len, size - len, "%c%s=%s", strchr(path, '?') ? '&' : '?', name, escaped ? escaped : "");
	curl_free(escaped);
}

/* One page more into rows; *next is where the one after begins, NULL: there is none. A new reference. */
static int get_page(struct client *client, const struct listing *listing, json_t *rows, json_t **next)
{
	char path[PATH_MAX];
	struct fleet_error error;
	json_t *answer;
	snprintf(path, sizeof path, "%s", listing->path);
	if (listing->paged)
		listing_add_query(path, sizeof path, "limit", PAGE_ROWS);
	listing_add_query(path, sizeof path, "cursor", json_string_value(*next));
	json_decref(*next);
	*next = NULL;
	if (client_get(client, path, &answer, &error) < 0)
		return cli_fail(&error);
	json_array_extend(rows, json_object_get(answer, listing->member));
	*next = json_incref(json_object_get(answer, "next"));
	json_decref(answer);
	return EXIT_OK;
}

int listing_print(struct cli *cli, const struct listing *listing)
{
	struct client client;
	json_t *next = NULL;
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	json_t *rows = json_array();
	do
		rc = get_page(&client, listing, rows, &next);
	while (rc == EXIT_OK && next);
	if (rc == EXIT_OK && listing->prepare)
		listing->prepare(rows);
	if (rc == EXIT_OK && cli->json)
		cli_print_json(rows, false);
	else if (rc == EXIT_OK)
		cli_print_table(listing->columns, rows, listing->empty);
	json_decref(rows);
	client_close(&client);
	return rc;
}

static void print_members(json_t *object, int indent)
{
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value)
	{
		char text[256];
		printf("%*s%-*s ", indent, "", 16 - indent, key);
		if (json_is_object(value) && indent < 8) {
			putchar('\n');
			print_members(value, indent + 2);
			continue;
		}
		cli_member_text(object, key, text, sizeof text);
		printf("%s\n", text);
	}
}

int listing_show(struct cli *cli, const char *method, const char *path)
{
	return listing_send(cli, method, path, NULL);
}

int listing_send(struct cli *cli, const char *method, const char *path, json_t *body)
{
	struct client client;
	struct fleet_error error;
	json_t *answer = NULL;
	int rc = listing_client(cli, &client);
	if (rc) {
		json_decref(body);
		return rc;
	}
	const struct client_request request = {.method = method, .path = path, .json = body};
	if (client_call(&client, &request, &answer, &error) < 0)
		rc = cli_fail(&error);
	else if (cli->json)
		cli_print_json(answer, false);
	else
		print_members(answer, 0);
	json_decref(answer);
	json_decref(body);
	client_close(&client);
	return rc;
}

/* Prints them; the number of the last one, or `since`. */
static json_int_t print_rows(
	const struct cli *cli, const struct listing_stream *stream, const json_t *rows, json_int_t since)
{
	size_t index;
	const json_t *row;
	json_array_foreach(rows, index, row)
	{
		json_int_t number = json_integer_value(json_object_get(row, "n"));
		since = number > since ? number : since;
		if (cli->json)
			cli_print_json(row, true);
		else
			stream->print(row);
	}
	fflush(stdout);
	return since;
}

static time_t now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static int stream_rows(const struct cli *cli, struct client *client, const struct listing_stream *stream)
{
	struct fleet_error error;
	json_int_t since = 0;
	time_t answered = now();
	bool waiting = false;
	for (;;) {
		char path[300];
		json_t *answer;
		snprintf(path, sizeof path, "%ssince=%lld&wait=%d", stream->path, (long long)since,
			waiting ? POLL_SECONDS : 0);
		int rc = client_get(client, path, &answer, &error);
		if (rc == CLIENT_UNREACHABLE && waiting && now() - answered < AWAY_SECONDS) {
			sleep(1);
			continue;
		}
		if (rc < 0)
			return cli_fail(&error);
		answered = now();
		const json_t *rows = json_object_get(answer, stream->member);
		bool none = json_array_size(rows) == 0;
		since = print_rows(cli, stream, rows, since);
		json_decref(answer);
		if (none && !stream->follow)
			return EXIT_OK;
		waiting = none;
	}
}

int listing_stream(struct cli *cli, const struct listing_stream *stream)
{
	struct client client;
	int rc = listing_client(cli, &client);
	if (rc)
		return rc;
	rc = stream_rows(cli, &client, stream);
	client_close(&client);
	return rc;
}
