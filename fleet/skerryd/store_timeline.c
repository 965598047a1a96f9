/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened to one device, from all tables that say it. Events tell most and best, but only the newest of the whole fleet are kept: of a device of
 * ten thousand they are gone in hours. Its jobs and crash records stay, and stand in for the events that told them.
 */
#include "skerryd/store_priv.h"

#define OF_JOB    "SELECT 1 FROM events e WHERE e.device = j.device AND e.job = j.id AND e.kind = "
#define UPDATE_TO "'update to ' || coalesce(j.version, substr(j.digest, 1, 12)) || ' on ' || j.device || ': ' || "

/* Each line: time, rank (of what happened in one second), n, then as the API names it. */
static const char timeline[] =
	"SELECT time, rank, n, kind, text, job, rollout, crash, details_json FROM ("
	"SELECT time, 4 AS rank, n, kind, text, job, rollout, NULL AS crash, details AS details_json FROM events"
	" WHERE device = ?"
	" UNION ALL SELECT c.time, 3, c.n, 'crash', c.cause || ' crash of ' || c.device, NULL, NULL, c.id, NULL"
	" FROM crashes c WHERE c.device = ? AND NOT EXISTS"
	" (SELECT 1 FROM events e WHERE e.device = c.device AND e.kind = 'crash' AND e.time = c.time)"
	" UNION ALL SELECT j.updated_at, 2, j.n, 'job-ended', " UPDATE_TO
	"j.status, j.id, j.rollout, NULL, j.details FROM jobs j"
	" WHERE j.device = ? AND j.status NOT IN ('QUEUED', 'IN_PROGRESS') AND NOT EXISTS (" OF_JOB "'job-ended')"
	" UNION ALL SELECT j.queued_at, 1, j.n, 'job-created', " UPDATE_TO
	"'QUEUED', j.id, j.rollout, NULL, NULL FROM jobs j"
	" WHERE j.device = ? AND NOT EXISTS (" OF_JOB "'job-created')"
	" UNION ALL SELECT d.added_at, 0, 0, 'device-added', d.id || ' was added, a ' || d.board, NULL, NULL, NULL,"
	" NULL FROM devices d WHERE d.id = ? AND NOT EXISTS"
	" (SELECT 1 FROM events e WHERE e.device = d.id AND e.kind = 'device-added')"
	") AS happened WHERE (time, rank, n) < (?, ?, ?) ORDER BY time DESC, rank DESC, n DESC LIMIT ?";

int store_timeline_json(
	struct store *store, const char *device, const struct store_moment *before, int64_t limit, json_t **rows)
{
	return store_select(store, rows, timeline, "sssssiiii", device, device, device, device, device, before->time,
		before->rank, before->n, limit);
}
