/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/v1/backup: one file with everything, while devices go on reporting. */
#include "skerryd/backup.h"
#include "skerryd/http_api.h"

#define BLOCK_BYTES 65536
#define WAIT_MS     3600000

static ssize_t read_backup(void *backup, uint64_t off, char *out, size_t max)
{
	long got = backup_read(backup, off, out, max);
	return got > 0 ? (ssize_t)got : got == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void close_backup(void *backup)
{
	backup_close(backup);
}

static int reply_backup(struct http_request *request, struct backup *backup)
{
	struct MHD_Response *response =
		MHD_create_response_from_callback(backup_bytes(backup), BLOCK_BYTES, read_backup, backup, close_backup);
	if (!response) {
		backup_close(backup);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", "application/x-tar");
	MHD_add_response_header(response, "Cache-Control", "no-store");
	enum MHD_Result queued = MHD_queue_response(request->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return (int)queued;
}

/* Until the copy that is under way, ours or another's, is done. */
static int wait_for_copy(struct http_request *request)
{
	int rc = http_wait_ms(request, CHANGED_BACKUP, WAIT_MS);
	return rc ? rc
		  : http_reply_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "try again later",
			    "the database could not be copied within an hour");
}

static int begin_backup(struct http_request *request)
{
	struct skerryd *server = request->server;
	struct fleet_error error;
	int reply;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	if (http_end_act(request, 0, &(struct http_act){.action = "backup", .what = "fleet", .id = "all"}, &reply))
		return reply;
	if (backup_open(server, &request->backup, &error) < 0)
		return http_reply_problem(request, MHD_HTTP_INTERNAL_SERVER_ERROR, &error);
	return wait_for_copy(request);
}

static int get_backup(struct http_request *request)
{
	struct backup *backup = request->backup;
	struct fleet_error error;
	bool is_full;
	if (backup ? backup_is_copying(backup) : backup_is_busy(request->server))
		return wait_for_copy(request);
	if (!backup)
		return begin_backup(request);
	if (backup_finish(backup, &is_full, &error) < 0)
		return http_reply_problem(
			request, is_full ? MHD_HTTP_INSUFFICIENT_STORAGE : MHD_HTTP_INTERNAL_SERVER_ERROR, &error);
	request->backup = NULL;
	return reply_backup(request, backup);
}

const struct http_route http_backup_routes[] = {
	{"GET", "/api/v1/backup", HTTP_BODY_NONE, get_backup, ROLE_FLEET_ADMIN},
	{0},
};
