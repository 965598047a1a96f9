/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/devices.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/note.h"
#include "skerryd/rollouts.h"

#define MUSTER_PAUSE_MS 5 /* between two devices that are rung because skerryd was away */

/* ---- enrolment ---- */

int devices_put(struct skerryd *server, const char *id, const char *board, bool *added)
{
	char text[200];
	if (store_device_put(server->store, id, board, note_now(), added) < 0)
		return -1;
	if (!*added)
		return 0;
	snprintf(text, sizeof text, "%s was added, a %s", id, board);
	return skerryd_event(server, &(struct store_event){.kind = "device-added", .device = id, .text = text});
}

int devices_enrol(struct skerryd *server, const char *id)
{
	struct file_bytes bytes;
	struct fleet_error ignored;
	bool added;
	if (file_read(home_path(&server->settings.home, HOME_ENROL "/%s.json", id).text, 4096, &bytes, &ignored) < 0)
		return STORE_NONE;
	json_t *body = json_loads((const char *)bytes.data, 0, NULL);
	file_bytes_free(&bytes);
	const char *board = json_string_value(json_object_get(body, "board"));
	int rc = STORE_NONE;
	if (board && text_is_name(board))
		rc = devices_put(server, id, board, &added);
	else
		note("enrol: malformed file=" HOME_ENROL "/%s.json", id);
	json_decref(body);
	return rc;
}

/* "ID.json" → ID */
static bool id_of_file(const char *name, char id[65])
{
	size_t len = strlen(name);
	if (len < 6 || len > 64 + 5 || strcmp(name + len - 5, ".json") != 0)
		return false;
	snprintf(id, 65, "%.*s", (int)(len - 5), name);
	return text_is_id(id);
}

int devices_enrol_all(struct skerryd *server)
{
	DIR *dir = opendir(home_path(&server->settings.home, HOME_ENROL).text);
	const struct dirent *entry;
	struct store_device device;
	char id[65];
	int rc = 0;
	if (!dir)
		return 0;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0) {
		closedir(dir);
		return -1;
	}
	while (rc >= 0 && (entry = readdir(dir))) {
		if (!id_of_file(entry->d_name, id))
			continue;
		/* One that is known may have been changed through the API since. */
		rc = store_device_get(server->store, id, &device);
		if (rc == STORE_NONE)
			rc = devices_enrol(server, id);
	}
	closedir(dir);
	if (rc < 0) {
		skerryd_rollback(server);
		return -1;
	}
	return skerryd_commit(server);
}

/* ---- presence ---- */

static int presence_event(struct skerryd *server, const char *id, bool online, const char *why)
{
	char text[200];
	snprintf(text, sizeof text, "%s is %s%s", id, online ? "online" : "offline", why);
	return skerryd_event(
		server, &(struct store_event){.kind = online ? "online" : "offline", .device = id, .text = text});
}

static int ring_if_queued(struct skerryd *server, const char *id)
{
	struct store_job job;
	int rc = store_job_next(server->store, id, &job);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (job.status == JOB_QUEUED)
		bell_start(&server->bells, id, note_now_ms());
	store_job_free(&job);
	return 0;
}

/* It was there before us: what it reported while nobody listened it reports again when the bell rings. Not all at the same moment. */
static int ring_in_turn(struct skerryd *server, const char *id)
{
	struct store_job job;
	int64_t now = note_now_ms();
	int rc = store_job_next(server->store, id, &job);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		store_job_free(&job);
		bell_start(&server->bells, id, now);
		return 0;
	}
	server->muster_ms = (server->muster_ms > now ? server->muster_ms : now) + MUSTER_PAUSE_MS;
	bell_start(&server->bells, id, server->muster_ms);
	return 0;
}

int devices_on_presence(struct skerryd *server, const char *id, const struct message_presence *presence, bool retained)
{
	struct store_device device;
	if (store_device_get(server->store, id, &device) != 0)
		return -1;
	/* The will of a connection that was over before this start: the broker noticed late. */
	if (!presence->online && presence->boot < device.boot && !retained)
		return 0;
	if (store_presence_put(server->store, id, presence->online, presence->boot, server->round) < 0)
		return -1;
	if (device.online != presence->online && presence_event(server, id, presence->online, "") < 0)
		return -1;
	if (device.online != presence->online && rollouts_on_presence(server, id, presence->online) < 0)
		return -1;
	if (!presence->online)
		return 0;
	return retained ? ring_in_turn(server, id) : ring_if_queued(server, id);
}

void devices_settle_presence(struct skerryd *server)
{
	char id[65] = "";
	int rc;
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	while ((rc = store_presence_stale(server->store, server->round, id)) == 0) {
		struct store_device device;
		rc = store_device_get(server->store, id, &device);
		if (rc == 0)
			rc = store_presence_put(server->store, id, false, device.boot, server->round);
		if (rc == 0)
			rc = presence_event(server, id, false, ": the broker does not know it");
		if (rc == 0)
			rc = rollouts_on_presence(server, id, false);
		if (rc)
			break;
	}
	if (rc < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}

/* ---- reports ---- */

static int report_event(struct skerryd *server, const char *id, const struct store_report *report)
{
	char text[300];
	json_t *details = json_pack("{s:s*, s:s*, s:s*, s:s*}", "version", report->version, "digest", report->digest,
		"slot", report->slot, "mode", report->mode);
	char *json = details ? json_dumps(details, JSON_COMPACT) : NULL;
	snprintf(text, sizeof text, "%s runs %s in slot %s, %s", id,
		report->version ? report->version : "an unknown version", report->slot ? report->slot : "-",
		report->mode ? report->mode : "-");
	int rc = skerryd_event(
		server, &(struct store_event){.kind = "report", .device = id, .text = text, .details = json});
	free(json);
	json_decref(details);
	return rc;
}

/* What runs is the truth: a job that claims to have installed something else did not, or not for long. */
static int mismatch_event(struct skerryd *server, const char *id, const char *digest)
{
	char job[65], claimed[65], text[300];
	int rc = store_job_success(server->store, id, job, claimed);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (strcasecmp(claimed, digest) == 0)
		return 0;
	/* An image on trial: its job will say what became of it. */
	struct store_job open;
	rc = store_job_next(server->store, id, &open);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		bool on_trial = strcasecmp(open.digest, digest) == 0;
		store_job_free(&open);
		if (on_trial)
			return 0;
	}
	snprintf(
		text, sizeof text, "%s runs %.12s…, but its last successful job installed %.12s…", id, digest, claimed);
	return skerryd_event(server, &(struct store_event){.kind = "mismatch", .device = id, .job = job, .text = text});
}

/* An image on trial is confirmed when its slot says so, or from the next start on. */
static bool is_confirmed(const struct store_report *report, const json_t *body)
{
	const json_t *slot = json_object_get(json_object_get(body, "slots"), report->slot ? report->slot : "");
	const char *state = json_string_value(json_object_get(slot, "state"));
	if (!report->mode || strcmp(report->mode, "normal") == 0)
		return true;
	return strcmp(report->mode, "trial") == 0 && state && strcmp(state, "confirmed") == 0;
}

static bool is_safe(const char *mode)
{
	return mode && strcmp(mode, "safe") == 0;
}

/* What a report says about how well the device is. */
static const char *health_of(const char *mode)
{
	if (!mode)
		return NULL;
	return strcmp(mode, "normal") == 0 ? "good" : mode;
}

int devices_on_report(struct skerryd *server, const char *id, const json_t *body, struct store_report *report)
{
	struct store_device before;
	if (store_device_get(server->store, id, &before) != 0)
		return -1;
	char *json = json_dumps(body, JSON_COMPACT);
	if (!json)
		return 0;
	report->json = json;
	report->health = health_of(report->mode);
	int rc = store_report_put(server->store, id, report, note_now());
	const char *digest = report->digest ? report->digest : "";
	bool changed = strcasecmp(before.digest, digest) != 0;
	/* An app that does not run is as much to be told as another image. */
	if (rc == 0 && (changed || is_safe(before.mode) != is_safe(report->mode)))
		rc = report_event(server, id, report);
	/* Health changes without an event when a trial ends well. */
	if (changed || strcmp(before.mode, report->mode ? report->mode : "") != 0)
		server->changed |= CHANGED_DEVICE;
	if (rc == 0 && changed && *digest)
		rc = mismatch_event(server, id, digest);
	if (rc == 0)
		rc = rollouts_on_report(server, id, digest, is_confirmed(report, body));
	free(json);
	return rc;
}

/* ---- log lines ---- */

/* At most `max` bytes of text, never cutting through a UTF-8 sequence. */
static size_t cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static int add_line(struct skerryd *server, const char *id, const json_t *line)
{
	char text[MESSAGE_LINE_MAX + 1];
	const char *all = json_string_value(line);
	snprintf(text, sizeof text, "%.*s", (int)cut(all, json_string_length(line), MESSAGE_LINE_MAX), all);
	return store_log_add(server->store, id, note_now(), text);
}

int devices_on_log(struct skerryd *server, const char *id, const struct message_log *log)
{
	struct store_device device;
	int64_t boot, next;
	size_t index;
	const json_t *line;
	if (store_device_get(server->store, id, &device) != 0 ||
		store_log_mark_get(server->store, id, &boot, &next) != 0)
		return -1;
	/* What was sent twice is kept once. A device that does not count its starts begins its numbers anew unseen. */
	if (boot != device.boot || device.boot == 0)
		next = 0;
	json_array_foreach(log->lines, index, line)
	{
		if (log->first + (int64_t)index >= next && add_line(server, id, line) < 0)
			return -1;
	}
	int64_t end = log->first + (int64_t)json_array_size(log->lines);
	if (store_log_mark_put(server->store, id, device.boot, end > next ? end : next) < 0)
		return -1;
	server->changed |= CHANGED_LOG;
	return store_log_trim(server->store, id);
}

/* ---- crashes ---- */

static int crash_event(struct skerryd *server, const char *id, const struct store_crash *crash)
{
	char text[300];
	json_t *details = json_pack("{s:s, s:s, s:s*, s:s*}", "id", crash->id, "cause", crash->cause, "version",
		crash->version, "thread", crash->thread);
	char *json = details ? json_dumps(details, JSON_COMPACT) : NULL;
	snprintf(text, sizeof text, "%s crashed: %s in thread %s, version %s; see `skerry crash show %s %s`", id,
		crash->cause, crash->thread ? crash->thread : "-", crash->version ? crash->version : "-", id,
		crash->id);
	int rc = skerryd_event(
		server, &(struct store_event){.kind = "crash", .device = id, .text = text, .details = json});
	free(json);
	json_decref(details);
	return rc;
}

static int crash_error(struct skerryd *server, const char *id, const struct store_crash *crash)
{
	char text[200];
	snprintf(text, sizeof text, "crashed: %s in thread %s", crash->cause, crash->thread ? crash->thread : "-");
	return store_device_error_put(server->store, id, text);
}

int devices_on_crash(struct skerryd *server, const char *id, const json_t *body, struct store_crash *crash)
{
	bool added;
	char *json = json_dumps(body, JSON_COMPACT);
	if (!json)
		return 0;
	crash->json = json;
	int rc = store_crash_add(server->store, id, crash, note_now(), &added);
	if (rc == 0 && added)
		rc = crash_event(server, id, crash);
	if (rc == 0 && added)
		rc = crash_error(server, id, crash);
	if (rc == 0)
		outbox_add(&server->outbox, id, "crash/accepted", json_pack("{s:s}", "id", crash->id));
	free(json);
	return rc;
}

/* ---- as the API shows them ---- */

static int add_mismatch(struct skerryd *server, const char *id, json_t *device)
{
	char job[65], claimed[65];
	const char *digest = json_string_value(json_object_get(device, "digest"));
	int rc = digest ? store_job_success(server->store, id, job, claimed) : STORE_NONE;
	if (rc == 0 && strcasecmp(claimed, digest) != 0)
		json_object_set_new(device, "mismatch",
			json_pack("{s:s, s:s, s:s}", "jobId", job, "expected", claimed, "reported", digest));
	return rc;
}

static int complete(struct skerryd *server, json_t *device)
{
	const char *id = json_string_value(json_object_get(device, "id"));
	json_t *job;
	int rc = store_job_newest_json(server->store, id, &job);
	if (rc == 0)
		json_object_set_new(device, "job", job);
	if (rc >= 0)
		rc = add_mismatch(server, id, device);
	return rc < 0 ? -1 : 0;
}

int devices_json(struct skerryd *server, const char *id, json_t **device)
{
	int rc = store_device_json(server->store, id, device);
	if (rc == 0 && complete(server, *device) < 0) {
		json_decref(*device);
		rc = -1;
	}
	return rc;
}
