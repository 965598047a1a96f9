/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/jobs */
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/artifact.h"
#include "skerryd/audit.h"
#include "skerryd/http_api.h"
#include "skerryd/jobs.h"

#define URLS_MAX      4
#define URL_BYTES_MAX 255 /* SPEC §8 */

static int reply_job(struct http_request *request, unsigned status, const char *id)
{
	json_t *job;
	int rc = store_job_json(request->server->store, id, &job);
	return rc ? http_reply_missing(request, rc, "job") : http_reply_json(request, status, job);
}

/* The job is one of a device that who asks may see; else an answer was queued, return *rc. */
static bool is_visible(struct http_request *request, const char *id, int *rc)
{
	struct store_job job;
	char tenant[33];
	const char *mine = request->who.tenant;
	int found = store_job_get(request->server->store, id, &job);
	if (found == 0 && *mine) {
		found = store_device_tenant(request->server->store, job.device, tenant);
		if (found == 0 && strcmp(tenant, mine) != 0)
			found = STORE_NONE;
	}
	if (found == 0)
		store_job_free(&job);
	else
		*rc = http_reply_missing(request, found, "job");
	return found == 0;
}

/* Those of one device, or of all that who asks may see. */
static int find_jobs(struct http_request *request, const char *device, json_t **rows)
{
	struct store *store = request->server->store;
	const char *mine = request->who.tenant;
	char tenant[33];
	if (!device && *mine)
		return store_jobs_of_tenant_json(store, mine, rows);
	if (device && *mine && (store_device_tenant(store, device, tenant) != 0 || strcmp(tenant, mine) != 0)) {
		*rows = json_array();
		return 0;
	}
	return store_jobs_json(store, device, rows);
}

static int get_jobs(struct http_request *request)
{
	const char *device = http_query(request, "device");
	json_t *rows;
	if (device && !text_is_id(device))
		return http_reply_error(request, MHD_HTTP_BAD_REQUEST, NULL, "device is not a device id");
	if (find_jobs(request, device, &rows) < 0)
		return http_reply_store(request);
	return http_reply_rows(request, "jobs", rows);
}

static int get_job(struct http_request *request)
{
	int64_t since;
	json_t *job;
	int rc;
	if (!is_visible(request, request->id, &rc) || !http_query_poll(request, &since, &rc))
		return rc;
	rc = store_job_json(request->server->store, request->id, &job);
	if (rc)
		return http_reply_missing(request, rc, "job");
	bool newer = json_integer_value(json_object_get(job, "versionNumber")) > since;
	rc = newer ? 0 : http_wait(request, CHANGED_JOB);
	if (rc == 0)
		return http_reply_json(request, MHD_HTTP_OK, job);
	json_decref(job);
	return rc;
}

/* ---- POST ---- */

static bool urls_are_good(const json_t *urls)
{
	size_t index;
	const json_t *url;
	if (!json_is_array(urls) || json_array_size(urls) < 1 || json_array_size(urls) > URLS_MAX)
		return false;
	json_array_foreach(urls, index, url)
	{
		const char *text = json_string_value(url);
		if (!text || strncmp(text, "https://", 8) != 0 || json_string_length(url) > URL_BYTES_MAX)
			return false;
		for (; *text; text++)
			if (*text <= ' ' || *text > '~' || *text == '"' || *text == '\\')
				return false;
	}
	return true;
}

/* What is wrong with the order, NULL: nothing. */
static const char *read_order(const json_t *body, struct job_order *order)
{
	const json_t *retry = json_object_get(body, "retry"), *trial = json_object_get(body, "trialSeconds");
	order->device = json_string_value(json_object_get(body, "device"));
	order->digest = json_string_value(json_object_get(body, "digest"));
	order->urls = json_object_get(body, "urls");
	order->retry = json_is_true(retry);
	order->trial_s = json_integer_value(trial);
	if (!order->device || !text_is_id(order->device))
		return "device is missing or not a device id";
	if (!order->digest || !artifact_is_digest(order->digest))
		return "digest is missing or not 64 lower-case hex digits";
	if (retry && !json_is_boolean(retry))
		return "retry is neither true nor false";
	if (trial && (!json_is_integer(trial) || order->trial_s < 10 || order->trial_s > 3600))
		return "trialSeconds is not a number from 10 to 3600";
	if (order->urls && !urls_are_good(order->urls))
		return "urls is not a list of 1 to 4 https addresses of at most 255 bytes";
	return NULL;
}

static int reply_outcome(
	struct http_request *request, enum jobs_outcome outcome, const struct job_order *order, const char *id)
{
	switch (outcome) {
	case JOBS_DONE:
		return reply_job(request, MHD_HTTP_CREATED, id);
	case JOBS_NO_DEVICE:
		return http_reply_error(request, MHD_HTTP_NOT_FOUND, "add it with `skerry device add`",
			"there is no active device '%s'", order->device);
	case JOBS_NO_IMAGE:
		return http_reply_error(request, MHD_HTTP_NOT_FOUND, "send it to /api/v1/images/SHA256/manifest first",
			"there is no manifest for the image %s", order->digest);
	case JOBS_BUSY:
		return http_reply_conflict(
			request, id, "wait for its end, or cancel it", "the device has a job that is not over");
	case JOBS_TOO_LONG:
		return http_reply_error(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "give fewer or shorter urls",
			"the job document would be longer than 24 KiB");
	default:
		return http_reply_store(request);
	}
}

/* Device and image are there for who asks. */
static enum jobs_outcome look_up(struct http_request *request, const struct job_order *order)
{
	struct store *store = request->server->store;
	const char *mine = request->who.tenant;
	struct store_image image;
	char tenant[33];
	int rc = *mine ? store_device_tenant(store, order->device, tenant) : 0;
	if (rc < 0)
		return JOBS_FAILED;
	if (rc || (*mine && strcmp(tenant, mine) != 0))
		return JOBS_NO_DEVICE;
	rc = *mine ? store_image_get(store, mine, order->digest, &image) : 0;
	return rc == 0 ? JOBS_DONE : rc < 0 ? JOBS_FAILED : JOBS_NO_IMAGE;
}

/* The end of a group about a job. */
static enum jobs_outcome end_group(
	struct http_request *request, enum jobs_outcome outcome, const char *action, const char *id, json_t *details)
{
	struct skerryd *server = request->server;
	char object[80];
	snprintf(object, sizeof object, "job/%s", id);
	if (outcome != JOBS_DONE)
		json_decref(details);
	else if (audit_add(server, &request->who, action, object, details) < 0)
		outcome = JOBS_FAILED;
	if (outcome == JOBS_FAILED)
		skerryd_rollback(server);
	else if (outcome != JOBS_DONE)
		skerryd_abandon(server);
	else if (skerryd_commit(server) < 0)
		outcome = JOBS_FAILED;
	return outcome;
}

static int create(struct http_request *request, const struct job_order *order)
{
	struct skerryd *server = request->server;
	char id[65] = "";
	enum jobs_outcome outcome = look_up(request, order);
	if (outcome != JOBS_DONE)
		return reply_outcome(request, outcome, order, id);
	if (!order->urls && !artifact_exists(&server->settings.home, order->digest))
		return http_reply_error(request, MHD_HTTP_NOT_FOUND,
			"send it to /api/v1/images/SHA256/payload first, or name `urls` where it is",
			"there is no payload %s", order->digest);
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	outcome = end_group(request, jobs_create(server, order, id), "job.create", id,
		json_pack("{s:s, s:s}", "device", order->device, "digest", order->digest));
	return reply_outcome(request, outcome, order, id);
}

static int post_job(struct http_request *request)
{
	static const char *const members[] = {"device", "digest", "retry", "trialSeconds", "urls", NULL};
	struct job_order order = {0};
	int rc;
	json_t *body = http_body_json(request, &rc);
	if (!body)
		return rc;
	if (http_check_members(request, body, members, &rc)) {
		const char *wrong = read_order(body, &order);
		rc = wrong ? http_reply_error(request, MHD_HTTP_BAD_REQUEST, "see fleet/API.md", "%s", wrong)
			   : create(request, &order);
	}
	json_decref(body);
	return rc;
}

static int post_cancel(struct http_request *request)
{
	struct skerryd *server = request->server;
	int rc;
	if (!is_visible(request, request->id, &rc))
		return rc;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	enum jobs_outcome outcome =
		end_group(request, jobs_cancel(server, request->id), "job.cancel", request->id, NULL);
	if (outcome == JOBS_NONE)
		return http_reply_missing(request, STORE_NONE, "job");
	if (outcome == JOBS_ENDED) {
		char cause[160];
		snprintf(cause, sizeof cause, "the job %s is over already", request->id);
		return http_reply_conflict(
			request, request->id, "make a new job to change what the device runs", cause);
	}
	return outcome == JOBS_DONE ? reply_job(request, MHD_HTTP_OK, request->id) : http_reply_store(request);
}

const struct http_route http_job_routes[] = {
	{"GET", "/api/v1/jobs", HTTP_BODY_NONE, get_jobs, ROLE_VIEWER},
	{"POST", "/api/v1/jobs", HTTP_BODY_JSON, post_job, ROLE_OPERATOR},
	{"GET", "/api/v1/jobs/*", HTTP_BODY_NONE, get_job, ROLE_VIEWER},
	{"POST", "/api/v1/jobs/*/cancel", HTTP_BODY_JSON, post_cancel, ROLE_OPERATOR},
	{0},
};
