/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "skerryd/store_priv.h"

#define JOB_STRUCT_COLUMNS                                                                                             \
	"SELECT id, device, digest, version, status, version_number, queued_at, started_at, updated_at, details, "     \
	"document, rollout, has_payload"                                                                               \
	" FROM jobs "
#define JOB_JSON_COLUMNS                                                                                               \
	"SELECT id AS jobId, device, digest, version, status, details AS statusDetails_json,"                          \
	" version_number AS versionNumber, queued_at AS queuedAt, started_at AS startedAt, updated_at AS "             \
	"lastUpdatedAt"                                                                                                \
	", rollout FROM jobs "
#define IS_OPEN "status IN ('QUEUED', 'IN_PROGRESS')"

void store_job_free(struct store_job *job)
{
	free(job->details);
	free(job->document);
	job->details = job->document = NULL;
}

static char *column_dup(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	return strdup(text ? text : "{}");
}

/* The row into *job; done with it. */
static int take_job(struct store *store, sqlite3_stmt *stmt, struct store_job *job)
{
	const char *status = (const char *)sqlite3_column_text(stmt, 4);
	*job = (struct store_job){.version_number = sqlite3_column_int64(stmt, 5),
		.queued_at = sqlite3_column_int64(stmt, 6),
		.started_at = sqlite3_column_int64(stmt, 7),
		.updated_at = sqlite3_column_int64(stmt, 8)};
	store_copy_text(stmt, 0, job->id, sizeof job->id);
	store_copy_text(stmt, 1, job->device, sizeof job->device);
	store_copy_text(stmt, 2, job->digest, sizeof job->digest);
	store_copy_text(stmt, 3, job->version, sizeof job->version);
	store_copy_text(stmt, 11, job->rollout, sizeof job->rollout);
	job->has_payload = sqlite3_column_int64(stmt, 12) != 0;
	bool known = status && job_status_parse(status, &job->status);
	job->details = column_dup(stmt, 9);
	job->document = column_dup(stmt, 10);
	store_done(store, stmt);
	if (known && job->details && job->document)
		return 0;
	store_job_free(job);
	return store_failed(store);
}

int store_job_add(struct store *store, const struct store_job *job)
{
	/* The index jobs_open lets a device have one open job. */
	int rc = store_run(store,
		"INSERT INTO jobs (id, device, digest, version, status, version_number, queued_at, updated_at, "
		"details, document, rollout)"
		" VALUES (?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?, ?, nullif(?, ''))",
		"sssssiiisss", job->id, job->device, job->digest, job->version, job_status_name(job->status),
		job->version_number, job->queued_at, job->updated_at, job->details, job->document, job->rollout);
	return rc < 0 && store->code == SQLITE_CONSTRAINT ? STORE_NONE : rc;
}

int store_job_put(struct store *store, const struct store_job *job)
{
	return store_run(store,
		"UPDATE jobs SET status = ?, version_number = ?, started_at = nullif(?, 0), updated_at = ?, details = "
		"?,"
		" has_payload = ? WHERE id = ?",
		"siiisis", job_status_name(job->status), job->version_number, job->started_at, job->updated_at,
		job->details, (int64_t)job->has_payload, job->id);
}

int store_job_get(struct store *store, const char *id, struct store_job *job)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, JOB_STRUCT_COLUMNS "WHERE id = ?", "s", id);
	return rc ? rc : take_job(store, stmt, job);
}

int store_job_next(struct store *store, const char *device, struct store_job *job)
{
	sqlite3_stmt *stmt;
	int rc = store_find(
		store, &stmt, JOB_STRUCT_COLUMNS "WHERE device = ? AND " IS_OPEN " ORDER BY n LIMIT 1", "s", device);
	return rc ? rc : take_job(store, stmt, job);
}

int store_job_silent(struct store *store, int64_t before, struct store_job *job)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		JOB_STRUCT_COLUMNS
		"WHERE status = 'IN_PROGRESS' AND updated_at < ? AND NOT EXISTS (SELECT 1 FROM rollout_targets t"
		" WHERE t.rollout = jobs.rollout AND t.device = jobs.device AND t.job = jobs.id AND t.state = 'held')"
		" ORDER BY updated_at LIMIT 1",
		"i", before);
	return rc ? rc : take_job(store, stmt, job);
}

int store_job_json(struct store *store, const char *id, json_t **job)
{
	return store_select_one(store, job, JOB_JSON_COLUMNS "WHERE id = ?", "s", id);
}

int store_jobs_json(struct store *store, const char *device, json_t **jobs)
{
	int64_t max = STORE_ROWS_MAX;
	if (device)
		return store_select(
			store, jobs, JOB_JSON_COLUMNS "WHERE device = ? ORDER BY n DESC LIMIT ?", "si", device, max);
	return store_select(store, jobs, JOB_JSON_COLUMNS "ORDER BY n DESC LIMIT ?", "i", max);
}

int store_jobs_of_tenant_json(struct store *store, const char *tenant, json_t **jobs)
{
	return store_select(store, jobs,
		JOB_JSON_COLUMNS "WHERE (SELECT tenant FROM devices WHERE id = device) = ? ORDER BY n DESC LIMIT ?",
		"si", tenant, (int64_t)STORE_ROWS_MAX);
}

int store_job_newest_json(struct store *store, const char *device, json_t **job)
{
	return store_select_one(store, job, JOB_JSON_COLUMNS "WHERE device = ? ORDER BY n DESC LIMIT 1", "s", device);
}

int store_job_success(struct store *store, const char *device, char id[65], char digest[65])
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT id, digest FROM jobs WHERE device = ? AND status = 'SUCCEEDED' ORDER BY n DESC LIMIT 1", "s",
		device);
	if (rc)
		return rc;
	store_copy_text(stmt, 0, id, 65);
	store_copy_text(stmt, 1, digest, 65);
	store_done(store, stmt);
	return 0;
}

static int count_jobs(struct store *store, const char *sql, int64_t *count)
{
	sqlite3_stmt *stmt;
	if (store_find(store, &stmt, sql, "") != 0)
		return -1;
	*count = sqlite3_column_int64(stmt, 0);
	store_done(store, stmt);
	return 0;
}

int store_job_count_open(struct store *store, int64_t *count)
{
	return count_jobs(store, "SELECT count(*) FROM jobs WHERE " IS_OPEN, count);
}

int store_job_count_fetching(struct store *store, int64_t *count)
{
	return count_jobs(store,
		"SELECT count(*) FROM jobs CROSS JOIN devices ON devices.id = jobs.device"
		" WHERE jobs.has_payload = 0 AND jobs." IS_OPEN " AND devices.online = 1",
		count);
}

int store_jobs_waiting(struct store *store, json_t **devices)
{
	return store_select(store, devices, "SELECT device FROM jobs WHERE status = 'QUEUED'", "");
}
