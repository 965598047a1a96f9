/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/devices */
#include <string.h>

#include "shared/text.h"
#include "skerryd/devices.h"
#include "skerryd/http_api.h"

#define COMMAND_WAIT_MS 10000

static int get_devices(struct http_request *request)
{
	json_t *rows;
	if (devices_list_json(request->server, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "devices", rows);
}

static int reply_device(struct http_request *request, unsigned status)
{
	json_t *device;
	int rc = devices_json(request->server, request->id, &device);
	return rc ? http_reply_missing(request, rc, "device") : http_reply_json(request, status, device);
}

static int get_device(struct http_request *request)
{
	return reply_device(request, MHD_HTTP_OK);
}

/* ---- PUT ---- */

static int put_in_group(struct http_request *request, const char *board)
{
	struct skerryd *server = request->server;
	bool added;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	if (devices_put(server, request->id, board, &added) < 0) {
		skerryd_rollback(server);
		return http_reply_store(request);
	}
	if (skerryd_commit(server) < 0)
		return http_reply_store(request);
	return reply_device(request, added ? MHD_HTTP_CREATED : MHD_HTTP_OK);
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
	struct store_device device;
	int rc = store_device_get(server->store, request->id, &device);
	if (rc)
		return http_reply_missing(request, rc, "device");
	if (!server->broker_since)
		return http_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			"start the broker; skerryd connects by itself", "skerryd has no connection to the broker");
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return http_reply_store(request);
	request->command = command_send(server, request->id, cmd, level);
	if (skerryd_commit(server) < 0)
		return http_reply_store(request);
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
	struct store_device device;
	int64_t since;
	json_t *rows;
	int rc = store_device_get(server->store, request->id, &device);
	if (rc)
		return http_reply_missing(request, rc, "device");
	if (!http_query_poll(request, &since, &rc))
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
	{"GET", "/api/v1/devices", HTTP_BODY_NONE, get_devices, ROLE_VIEWER},
	{"GET", "/api/v1/devices/*", HTTP_BODY_NONE, get_device, ROLE_VIEWER},
	{"PUT", "/api/v1/devices/*", HTTP_BODY_JSON, put_device, ROLE_OPERATOR},
	{"POST", "/api/v1/devices/*/cmd", HTTP_BODY_JSON, post_command, ROLE_OPERATOR},
	{"GET", "/api/v1/devices/*/logs", HTTP_BODY_NONE, get_logs, ROLE_VIEWER},
	{0},
};
