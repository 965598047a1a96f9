/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/channels/APP/BOARD/NAME: which image of an app is `stable`, or `beta`, on a board. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/artifact.h"
#include "skerryd/http_api.h"
#include "skerryd/note.h"

static int get_channels(struct http_request *request)
{
	json_t *rows;
	if (store_channels_json(request->server->store, request->who.tenant, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "channels", rows);
}

/* The channel that the path names. False: an answer was queued, return *rc. */
static bool read_channel(struct http_request *request, struct store_channel *channel, int *rc)
{
	for (size_t i = 0; i < 3; i++) {
		if (text_is_name(request->ids[i]))
			continue;
		*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, "use letters, digits and ._-, at most 32",
			"'%s' is not a name", request->ids[i]);
		return false;
	}
	*channel = (struct store_channel){http_tenant(request, rc), request->ids[0], request->ids[1], request->ids[2]};
	return channel->tenant != NULL;
}

/* Whoever follows the channel must be able to run it. 0, or the answer was queued, return *rc. */
static int check_image(struct http_request *request, const struct store_channel *channel, const char *digest, int *rc)
{
	struct store_image image;
	uint8_t class_id[16];
	int found = store_image_get(request->server->store, channel->tenant, digest, &image);
	if (found < 0)
		*rc = http_reply_store(request);
	else if (found)
		*rc = http_reply_error(request, MHD_HTTP_NOT_FOUND, "upload it first", "there is no image %s", digest);
	if (found)
		return -1;
	text_class_id(image.vendor_id, channel->board, class_id);
	if (strcmp(image.app, channel->app) == 0 && memcmp(class_id, image.class_id, sizeof class_id) == 0)
		return 0;
	*rc = http_reply_error(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "see `skerry image list`",
		"the image %.12s… is not one of the app %s for the board %s", digest, channel->app, channel->board);
	return -1;
}

static int end_act(struct http_request *request, int rc, const struct store_channel *channel, const char *digest)
{
	char id[112];
	int reply;
	snprintf(id, sizeof id, "%s/%s/%s", channel->app, channel->board, channel->name);
	const struct http_act act = {.action = digest ? "channel.set" : "channel.remove",
		.what = "channel",
		.id = id,
		.details = json_pack("{s:s*, s:s}", "digest", digest, "tenant", channel->tenant)};
	if (http_end_act(request, rc, &act, &reply))
		return reply;
	return http_reply_json(request, MHD_HTTP_OK,
		json_pack("{s:s, s:s, s:s, s:s, s:s*}", "tenant", channel->tenant, "app", channel->app, "board",
			channel->board, "name", channel->name, "digest", digest));
}

static int put_digest(struct http_request *request, const struct store_channel *channel, const json_t *body)
{
	static const char *const members[] = {"digest", NULL};
	struct skerryd *server = request->server;
	const char *digest = json_string_value(json_object_get(body, "digest"));
	int rc;
	if (!http_check_members(request, body, members, &rc))
		return rc;
	if (!digest || !artifact_is_digest(digest))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send {\"digest\": SHA256}",
			"digest is missing or not 64 lower-case hex digits");
	if (check_image(request, channel, digest, &rc) < 0)
		return rc;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	return end_act(request, store_channel_put(server->store, channel, digest, note_now()), channel, digest);
}

static int put_channel(struct http_request *request)
{
	struct store_channel channel;
	int rc;
	json_t *body = read_channel(request, &channel, &rc) ? http_body_json(request, &rc) : NULL;
	if (!body)
		return rc;
	rc = put_digest(request, &channel, body);
	json_decref(body);
	return rc;
}

static int delete_channel(struct http_request *request)
{
	struct skerryd *server = request->server;
	struct store_channel channel;
	int rc;
	if (!read_channel(request, &channel, &rc))
		return rc;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	return end_act(request, store_channel_remove(server->store, &channel), &channel, NULL);
}

const struct http_route http_channel_routes[] = {
	{"GET", "/api/v1/channels", HTTP_BODY_NONE, get_channels, ROLE_VIEWER},
	{"PUT", "/api/v1/channels/*/*/*", HTTP_BODY_JSON, put_channel, ROLE_OPERATOR},
	{"DELETE", "/api/v1/channels/*/*/*", HTTP_BODY_NONE, delete_channel, ROLE_OPERATOR},
	{0},
};
