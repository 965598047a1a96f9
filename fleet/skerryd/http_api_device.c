/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/devices/ID, and below; the list is http_api_devices.c's. */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/devices.h"
#include "skerryd/http_api.h"

#define COMMAND_WAIT_MS 10000

static int reply_device(struct http_request *request, unsigned status)
{
	json_t *device;
	int rc = devices_json(request->server, request->id, &device);
	return rc ? http_reply_missing(request, rc, "device") : http_reply_json(request, status, device);
}

static int get_device(struct http_request *request)
{
	int rc;
	return http_device_is_visible(request, &rc) ? reply_device(request, MHD_HTTP_OK) : rc;
}

/* ---- PUT ---- */

static int bring_back(struct skerryd *server, const char *id)
{
	char text[128];
	snprintf(text, sizeof text, "%s was brought back; its messages are taken again", id);
	if (store_device_state_put(server->store, id, "active") < 0)
		return -1;
	return skerryd_event(server, &(struct store_event){.kind = "device-restored", .device = id, .text = text});
}

/* One that was retired comes back. */
static int change_device(struct http_request *request, const char *board, bool *added)
{
	struct skerryd *server = request->server;
	struct store_device before;
	int rc = store_device_get(server->store, request->id, &before);
	const char *mine = request->who.tenant;
	if (rc < 0 || (rc == 0 && *mine && strcmp(before.tenant, mine) != 0))
		return rc < 0 ? -1 : STORE_NONE;
	if (devices_put(server, request->id, board, added) < 0)
		return -1;
	server->changed |= CHANGED_DEVICE; /* no event tells a tenant that one is theirs */
	if (*added && *mine)
		return store_device_tenant_put(server->store, request->id, mine);
	return !*added && strcmp(before.state, "retired") == 0 ? bring_back(server, request->id) : 0;
}

static int put_in_group(struct http_request *request, const char *board)
{
	bool added = false;
	int reply;
	if (skerryd_begin(request->server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = change_device(request, board, &added);
	const struct http_act act = {.action = added ? "device.add" : "device.change",
		.what = "device",
		.details = json_pack("{s:s}", "board", board)};
	return http_end_act(request, rc, &act, &reply) ? reply
						       : reply_device(request, added ? MHD_HTTP_CREATED : MHD_HTTP_OK);
}

static int put_device(struct http_request *request)
{
	/* `skerry device add` sends its enrolment file as it is. */
	static const char *const members[] = {"board", "device", "certificate", NULL};
	int rc;
	if (!text_is_id(request->id))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, "use letters, digits, '_', '-', at most 64",
			"'%s' is not a device id", request->id);
	json_t *body = http_body_json(request, &rc);
	if (!body)
		return rc;
	const char *board = json_string_value(json_object_get(body, "board"));
	const char *device = json_string_value(json_object_get(body, "device"));
	if (!http_check_members(request, body, members, &rc))
		; /* answered */
	else if (!board || !text_is_name(board))
		rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send {\"board\": NAME}",
			"board is missing or not a board's name");
	else if (device && strcmp(device, request->id) != 0)
		rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, NULL, "the body is about another device");
	else
		rc = put_in_group(request, board);
	json_decref(body);
	return rc;
}

/* ---- PATCH ---- */

static int patch_in_group(struct http_request *request, json_t *attributes)
{
	struct skerryd *server = request->server;
	struct fleet_error error;
	int reply;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = devices_set_attributes(server, request->id, attributes, &error);
	if (rc == DEVICES_REFUSED) {
		skerryd_abandon(server);
		return http_reply_problem(request, MHD_HTTP_BAD_REQUEST, &error);
	}
	const struct http_act act = {
		.action = "device.attributes", .what = "device", .details = json_incref(attributes)};
	return http_end_act(request, rc, &act, &reply) ? reply : reply_device(request, MHD_HTTP_OK);
}

static int patch_device(struct http_request *request)
{
	static const char *const members[] = {"attributes", NULL};
	int rc;
	if (!http_device_is_visible(request, &rc))
		return rc;
	json_t *body = http_body_json(request, &rc);
	if (!body)
		return rc;
	json_t *attributes = json_object_get(body, "attributes");
	if (!http_check_members(request, body, members, &rc))
		; /* answered */
	else if (!json_is_object(attributes))
		rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, "send {\"attributes\": {NAME: VALUE or null}}",
			"attributes is missing or not an object");
	else
		rc = patch_in_group(request, attributes);
	json_decref(body);
	return rc;
}

/* ---- DELETE ---- */

static int delete_device(struct http_request *request)
{
	struct skerryd *server = request->server;
	int rc, reply;
	if (!http_device_is_visible(request, &rc))
		return rc;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	rc = devices_retire(server, request->id);
	if (http_end_act(request, rc, &(struct http_act){.action = "device.retire", .what = "device"}, &reply))
		return reply;
	devices_forget_enrolment(server, request->id);
	return reply_device(request, MHD_HTTP_OK);
}

/* ---- commands ---- */

static bool is_one_of(const char *text, const char *const *names)
{
	while (*names && strcmp(*names, text) != 0)
		names++;
	return *names != NULL;
}

static int check_command(struct http_request *request, const char *cmd, const char *level)
{
	static const char *const names[] = {"reboot", "identify", "log-level", "cancel", NULL};
	static const char *const levels[] = {"err", "warn", "info", "debug", NULL};
	if (!cmd || !is_one_of(cmd, names))
		return http_reply_error(
			request, MHD_HTTP_BAD_REQUEST, NULL, "cmd is not one of reboot, identify, log-level, cancel");
	if (strcmp(cmd, "log-level") == 0 ? !level || !is_one_of(level, levels) : level != NULL)
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, NULL,
			"level belongs to log-level, and is one of err, warn, info, debug");
	return 0;
}

static int send_command(struct http_request *request, const char *cmd, const char *level)
{
	struct skerryd *server = request->server;
	int rc, reply;
	if (!http_device_is_visible(request, &rc))
		return rc;
	if (!server->broker_since)
		return http_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			"start the broker; skerryd connects by itself", "skerryd has no connection to the broker");
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return http_reply_store(request);
	request->command = command_send(server, request->id, cmd, level);
	const struct http_act act = {.action = "device.cmd",
		.what = "device",
		.details = json_pack("{s:s, s:s*}", "cmd", cmd, "level", level)};
	if (http_end_act(request, 0, &act, &reply))
		return reply;
	return request->command ? http_wait_ms(request, CHANGED_COMMAND, COMMAND_WAIT_MS) : MHD_NO;
}

static int start_command(struct http_request *request)
{
	static const char *const members[] = {"cmd", "level", NULL};
	int rc;
	json_t *body = http_body_json(request, &rc);
	if (!body)
		return rc;
	if (http_check_members(request, body, members, &rc)) {
		const char *cmd = json_string_value(json_object_get(body, "cmd"));
		const char *level = json_string_value(json_object_get(body, "level"));
		rc = check_command(request, cmd, level);
		if (rc == 0)
			rc = send_command(request, cmd, level);
	}
	json_decref(body);
	return rc;
}

static int post_command(struct http_request *request)
{
	const struct command *command = request->command;
	if (!command)
		return start_command(request);
	if (command->answered)
		return http_reply_json(request, MHD_HTTP_OK,
			json_pack("{s:s, s:b, s:s*}", "id", command->id, "ok", command->ok, "error",
				*command->error ? command->error : NULL));
	if (http_wait_ms(request, CHANGED_COMMAND, COMMAND_WAIT_MS) == HTTP_WAIT)
		return HTTP_WAIT;
	return http_reply_error(request, MHD_HTTP_GATEWAY_TIMEOUT, "see whether it is online, then try again",
		"%s did not answer within %d s", request->id, COMMAND_WAIT_MS / 1000);
}

/* ---- logs ---- */

static int get_logs(struct http_request *request)
{
	struct skerryd *server = request->server;
	int64_t since;
	json_t *rows;
	int rc;
	if (!http_device_is_visible(request, &rc) || !http_query_poll(request, &since, &rc))
		return rc;
	if (store_logs_json(server->store, request->id, since, &rows) < 0)
		return http_reply_store(request);
	rc = json_array_size(rows) ? 0 : http_wait(request, CHANGED_LOG);
	if (rc == 0)
		return http_reply_rows(request, "lines", rows);
	json_decref(rows);
	return rc;
}

const struct http_route http_device_routes[] = {
	{"GET", "/api/v1/devices/*", HTTP_BODY_NONE, get_device, ROLE_VIEWER},
	{"PUT", "/api/v1/devices/*", HTTP_BODY_JSON, put_device, ROLE_OPERATOR},
	{"PATCH", "/api/v1/devices/*", HTTP_BODY_JSON, patch_device, ROLE_OPERATOR},
	{"DELETE", "/api/v1/devices/*", HTTP_BODY_NONE, delete_device, ROLE_OPERATOR},
	{"POST", "/api/v1/devices/*/cmd", HTTP_BODY_JSON, post_command, ROLE_OPERATOR},
	{"GET", "/api/v1/devices/*/logs", HTTP_BODY_NONE, get_logs, ROLE_VIEWER},
	{0},
};
