/* SPDX-License-Identifier: Apache-2.0 */
/* /metrics, in the text format of Prometheus. A principal of a tenant gets the figures of its fleet, not those of the process. */
#include <stdlib.h>
#include <string.h>

#include "skerryd/http_api.h"
#include "skerryd/inbox.h"
#include "skerryd/mqtt.h"
#include "skerryd/note.h"
#include "skerryd/store_history.h"
#include "skerryd/store_webhook.h"
#include "skerryd/tally.h"

#define VERSIONS_MAX 50
#define EXPIRING_S   (30 * 86400)

static void print_value(FILE *to, const char *name, const char *type, const char *help, double value)
{
	metrics_head(to, name, type, help);
	fprintf(to, "%s %.15g\n", name, value);
}

/* A gauge with one label. */
static void print_tally(FILE *to, const char *name, const char *label, const json_t *tally)
{
	const char *key;
	json_t *count;
	json_object_foreach((json_t *)(uintptr_t)tally, key, count)
	{
		fprintf(to, "%s{%s=", name, label);
		metrics_label(to, key);
		fprintf(to, "} %lld\n", (long long)json_integer_value(count));
	}
}

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));
	return text ? text : "unknown";
}

/* ---- the fleet ---- */

static void print_devices(FILE *to, const json_t *rows)
{
	json_t *states = json_object(), *versions = json_object(), *health = json_object(), *online = json_object();
	const json_t *row;
	size_t index;
	tally_add(online, "true", 0);
	tally_add(online, "false", 0);
	json_array_foreach(rows, index, row)
	{
		json_int_t count = json_integer_value(json_object_get(row, "count"));
		tally_add(states, text_of(row, "state"), count);
		if (strcmp(text_of(row, "state"), "active") != 0)
			continue;
		tally_add(versions, text_of(row, "version"), count);
		tally_add(health, text_of(row, "health"), count);
		tally_add(online, json_is_true(json_object_get(row, "online")) ? "true" : "false", count);
	}
	tally_cap(versions, VERSIONS_MAX);
	metrics_head(to, "skerryd_devices", "gauge", "Devices by state.");
	print_tally(to, "skerryd_devices", "state", states);
	metrics_head(to, "skerryd_devices_online", "gauge", "Active devices, online or not.");
	print_tally(to, "skerryd_devices_online", "online", online);
	metrics_head(to, "skerryd_devices_version", "gauge",
		"Active devices by version; the 50 most common, the rest is other.");
	print_tally(to, "skerryd_devices_version", "version", versions);
	metrics_head(to, "skerryd_devices_health", "gauge", "Active devices by health.");
	print_tally(to, "skerryd_devices_health", "health", health);
	json_decref(states);
	json_decref(versions);
	json_decref(health);
	json_decref(online);
}

/* Rows {`member`, "count"} as one gauge. Takes the reference. */
static void print_rows(FILE *to, const char *name, const char *member, json_t *rows)
{
	json_t *tally = json_object();
	const json_t *row;
	size_t index;
	json_array_foreach(rows, index, row)
	{
		tally_add(tally, text_of(row, member), json_integer_value(json_object_get(row, "count")));
	}
	print_tally(to, name, member, tally);
	json_decref(tally);
	json_decref(rows);
}

static int print_fleet(FILE *to, const struct skerryd *server, const char *tenant)
{
	json_t *rows;
	int64_t expiring;
	if (store_count_devices_json(server->store, tenant, &rows) < 0)
		return -1;
	print_devices(to, rows);
	json_decref(rows);
	if (store_count_jobs_json(server->store, tenant, false, &rows) < 0)
		return -1;
	metrics_head(to, "skerryd_jobs", "gauge", "Jobs by status.");
	print_rows(to, "skerryd_jobs", "status", rows);
	if (store_count_rollouts_json(server->store, tenant, &rows) < 0)
		return -1;
	metrics_head(to, "skerryd_rollouts", "gauge", "Rollouts by state.");
	print_rows(to, "skerryd_rollouts", "state", rows);
	if (store_count_expiring(server->store, tenant, note_now() + EXPIRING_S, &expiring) < 0)
		return -1;
	print_value(to, "skerryd_certificates_expiring", "gauge",
		"Active devices whose certificate, from skerryd, expires within 30 days or has.", (double)expiring);
	return 0;
}

/* ---- the process ---- */

/* What devices sent and is kept. */
static void print_kept(FILE *to, const struct skerryd *server)
{
	struct store_kept kept[STORE_KEPT_KINDS];
	for (unsigned what = 0; what < STORE_KEPT_KINDS; what++)
		if (store_kept_get(server->store, what, &kept[what]) != 0)
			return;
	metrics_head(to, "skerryd_kept_rows", "gauge", "Values, lines and records of devices that are kept.");
	for (unsigned what = 0; what < STORE_KEPT_KINDS; what++)
		fprintf(to, "skerryd_kept_rows{what=\"%s\"} %lld\n", store_kept_names[what],
			(long long)kept[what].rows);
	metrics_head(to, "skerryd_kept_bytes", "gauge", "About what they take in the database.");
	for (unsigned what = 0; what < STORE_KEPT_KINDS; what++)
		fprintf(to, "skerryd_kept_bytes{what=\"%s\"} %lld\n", store_kept_names[what],
			(long long)kept[what].bytes);
	metrics_head(to, "skerryd_kept_dropped_total", "counter", "Rows dropped because all devices' were too much.");
	for (unsigned what = 0; what < STORE_KEPT_KINDS; what++)
		fprintf(to, "skerryd_kept_dropped_total{what=\"%s\"} %llu\n", store_kept_names[what],
			(unsigned long long)server->metrics.kept_drops[what]);
}

static void print_process(FILE *to, const struct http_request *request)
{
	const struct skerryd *server = request->server;
	struct mqtt_counts mqtt = mqtt_counts(server->mqtt);
	unsigned connections, waiting;
	int64_t webhooks, queued;
	http_count(request->http, &connections, &waiting);
	metrics_head(to, "skerryd_build_info", "gauge", "The version that runs.");
	fprintf(to, "skerryd_build_info{version=\"%s\"} 1\n", SKERRYD_VERSION);
	print_value(to, "process_start_time_seconds", "gauge", "Start of the process, unix seconds.",
		(double)server->metrics.started_at);
	print_value(to, "process_resident_memory_bytes", "gauge", "Resident memory.", (double)metrics_rss_bytes());
	print_value(to, "process_cpu_seconds_total", "counter", "User and system CPU time.", metrics_cpu_s());
	print_value(to, "skerryd_broker_connected", "gauge", "1: the broker is reached.", server->broker_since != 0);
	print_value(to, "skerryd_inbox_messages", "gauge", "Messages from the broker that wait to be taken.",
		(double)inbox_count(server->inbox));
	print_value(
		to, "skerryd_mqtt_messages_sent_total", "counter", "Messages given to the broker.", (double)mqtt.sent);
	print_value(to, "skerryd_mqtt_messages_unsent_total", "counter",
		"Messages dropped because there was no broker.", (double)mqtt.unsent);
	if (store_webhook_count(server->store, &webhooks, &queued) == 0)
		print_value(to, "skerryd_webhook_queue", "gauge", "Deliveries to webhooks that wait.", (double)queued);
	print_value(to, "skerryd_http_connections", "gauge", "Open HTTP connections.", connections);
	print_value(
		to, "skerryd_http_requests_waiting", "gauge", "Requests that wait for something to happen.", waiting);
	print_kept(to, server);
	metrics_print(to, &server->metrics);
}

static int get_metrics(struct http_request *request)
{
	char *text = NULL;
	size_t len;
	const char *tenant = request->who.tenant;
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return MHD_NO;
	int rc = print_fleet(to, request->server, tenant);
	if (rc == 0 && !*tenant)
		print_process(to, request);
	if (fclose(to) != 0 || rc < 0) {
		free(text);
		return rc < 0 ? http_reply_store(request) : MHD_NO;
	}
	return http_reply_text(request, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", text);
}

const struct http_route http_metrics_routes[] = {
	{"GET", "/metrics", HTTP_BODY_NONE, get_metrics, ROLE_VIEWER},
	{0},
};
