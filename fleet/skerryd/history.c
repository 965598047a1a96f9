/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/history.h"

#include <stdlib.h>
#include <string.h>

#include "skerryd/note.h"
#include "skerryd/store_history.h"
#include "skerryd/tally.h"

#define MINUTE_S 60
#define HOUR_S   3600

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));
	return text ? text : "unknown";
}

/* The tenant's state in `tenants`, made when it is not there yet. */
static json_t *state_of(json_t *tenants, const char *tenant)
{
	json_t *state = json_object_get(tenants, tenant);
	if (state)
		return state;
	json_object_set_new(tenants, tenant,
		json_pack("{s:i, s:i, s:i, s:{}, s:{}}", "devices", 0, "online", 0, "jobs", 0, "versions", "health"));
	return json_object_get(tenants, tenant);
}

static void add_devices(json_t *state, const json_t *row)
{
	json_int_t count = json_integer_value(json_object_get(row, "count"));
	tally_add(state, "devices", count);
	if (json_is_true(json_object_get(row, "online")))
		tally_add(state, "online", count);
	tally_add(json_object_get(state, "versions"), text_of(row, "version"), count);
	tally_add(json_object_get(state, "health"), text_of(row, "health"), count);
}

/* {tenant: state}, with "" for all together. 0 or -1. */
static int count_fleet(struct skerryd *server, json_t *tenants)
{
	json_t *devices, *jobs, *row;
	size_t index;
	if (store_count_devices_json(server->store, "", &devices) < 0)
		return -1;
	if (store_count_jobs_json(server->store, "", true, &jobs) < 0) {
		json_decref(devices);
		return -1;
	}
	(void)state_of(tenants, "");
	json_array_foreach(devices, index, row)
	{
		const char *state = json_string_value(json_object_get(row, "state"));
		if (state && strcmp(state, "active") != 0)
			continue;
		add_devices(state_of(tenants, text_of(row, "tenant")), row);
		add_devices(state_of(tenants, ""), row);
	}
	json_array_foreach(jobs, index, row)
	{
		json_int_t count = json_integer_value(json_object_get(row, "count"));
		tally_add(state_of(tenants, text_of(row, "tenant")), "jobs", count);
		tally_add(state_of(tenants, ""), "jobs", count);
	}
	json_decref(devices);
	json_decref(jobs);
	return 0;
}

static int write_rows(struct skerryd *server, json_t *tenants, int64_t minute)
{
	const char *tenant;
	json_t *state;
	json_object_foreach(tenants, tenant, state)
	{
		tally_cap(json_object_get(state, "versions"), HISTORY_VERSIONS_MAX);
		char *text = json_dumps(state, JSON_COMPACT);
		int rc = text ? store_history_put(server->store, tenant, minute, text) : 0;
		free(text);
		if (rc < 0)
			return -1;
	}
	return 0;
}

void history_tick(struct skerryd *server)
{
	int64_t now = note_now(), minute = now - now % MINUTE_S;
	if (minute == server->history_minute)
		return;
	bool is_thinned = server->history_minute / HOUR_S == minute / HOUR_S;
	server->history_minute = minute;
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	json_t *tenants = json_object();
	int rc = count_fleet(server, tenants);
	if (rc == 0)
		rc = write_rows(server, tenants, minute);
	if (rc == 0 && !is_thinned)
		rc = store_history_thin(server->store, now);
	json_decref(tenants);
	if (rc < 0)
		skerryd_rollback(server);
	else
		(void)!skerryd_commit(server);
}
