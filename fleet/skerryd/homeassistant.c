/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/homeassistant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shared/text.h"
#include "skerryd/audit.h"
#include "skerryd/homeassistant_config.h"
#include "skerryd/jobs.h"
#include "skerryd/mqtt.h"
#include "skerryd/note.h"
#include "skerryd/store_homeassistant.h"
#include "skerryd/store_telemetry.h"

#define DEVICES_A_TICK 50 /* a fleet is told in pieces: others want their turn */
#define MEMBERS_MAX    8  /* sensors of one object */

static bool is_on(const struct skerryd *server)
{
	return server->settings.homeassistant;
}

static const char *text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	return text ? text : "";
}

/* ---- what changed ---- */

void homeassistant_touch(struct skerryd *server, const char *device)
{
	struct homeassistant *ha = &server->homeassistant;
	if (!is_on(server))
		return;
	if (!device) {
		ha->is_telling_all = true;
		ha->after[0] = 0;
		return;
	}
	if (!ha->changed)
		ha->changed = json_object();
	json_object_set_new(ha->changed, device, json_true());
}

void homeassistant_on_event(struct skerryd *server, const struct store_event *event)
{
	if (event->device)
		homeassistant_touch(server, event->device);
	else if (strcmp(event->kind, "image-added") == 0)
		homeassistant_touch(server, NULL);
}

void homeassistant_on_connected(struct skerryd *server)
{
	char topic[200];
	if (!is_on(server))
		return;
	snprintf(topic, sizeof topic, "%s/skerry/status", server->settings.homeassistant_prefix);
	mqtt_publish_retained(server->mqtt, topic, "online");
	homeassistant_touch(server, NULL);
}

/* ---- publishing ---- */

/* `body` as JSON text, NULL: an empty message, which takes the retained one away. Takes the reference. */
static void publish(struct skerryd *server, const char *topic, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("");
	if (text)
		mqtt_publish_retained(server->mqtt, topic, text);
	free(text);
	json_decref(body);
}

/* On <prefix>/<component>/skerry_<id>/<entity>/config. */
static void publish_config(
	struct skerryd *server, const char *component, const char *id, const char *entity, json_t *config)
{
	char topic[400];
	snprintf(topic, sizeof topic, "%s/%s/skerry_%s/%s/config", server->settings.homeassistant_prefix, component, id,
		entity);
	publish(server, topic, config);
}

static void state_topic(const struct skerryd *server, const char *id, const char *suffix, char topic[300])
{
	snprintf(topic, 300, "%s/skerry/%s/%s", server->settings.homeassistant_prefix, id, suffix);
}

/* ---- what could be installed ---- */

static uint64_t order_of(const char *text)
{
	uint32_t part[3];
	if (!text_version_parse(text, part))
		return 0;
	return (uint64_t)part[0] << 48 | (uint64_t)part[1] << 32 | part[2];
}

static bool is_for_board(const json_t *image, const char *board)
{
	uint8_t vendor[16], class_id[16], wanted[16];
	if (!text_unhex(text_of(image, "vendorId"), vendor, 16) || !text_unhex(text_of(image, "classId"), class_id, 16))
		return false;
	text_class_id(vendor, board, wanted);
	return memcmp(class_id, wanted, 16) == 0;
}

/* The highest version for the device's app and board, a new reference; NULL: none. */
static json_t *highest_version(const json_t *images, const char *board)
{
	json_t *image, *best = NULL;
	size_t index;
	json_array_foreach((json_t *)(uintptr_t)images, index, image)
	{
		if (is_for_board(image, board) &&
			(!best || order_of(text_of(image, "version")) > order_of(text_of(best, "version"))))
			best = image;
	}
	return json_incref(best);
}

/* 0 with *latest NULL: there is none. */
static int find_latest(struct skerryd *server, const json_t *device, json_t **latest)
{
	json_t *images;
	*latest = NULL;
	int rc = *text_of(device, "channel") ? store_ha_channel_json(server->store, device, latest) : STORE_NONE;
	if (rc != STORE_NONE)
		return rc;
	if (store_ha_images_json(server->store, text_of(device, "tenant"), text_of(device, "app"), &images) < 0)
		return -1;
	*latest = highest_version(images, text_of(device, "board"));
	json_decref(images);
	return 0;
}

/* ---- one device ---- */

static void publish_sensor(
	struct skerryd *server, const json_t *device, const struct homeassistant_sensor *sensor, bool is_there)
{
	char entity[100];
	homeassistant_sensor_id(sensor, entity);
	publish_config(server, "sensor", text_of(device, "id"), entity,
		is_there ? homeassistant_sensor_config(server->settings.homeassistant_prefix, device, sensor) : NULL);
}

/* A member whose name would break out of the template has no sensor. */
static bool is_member_good(const char *name)
{
	return strlen(name) <= 48 && !strpbrk(name, "'\\{}%\n");
}

/* The sensors of one name, and its value. */
static void publish_name(
	struct skerryd *server, const json_t *device, const char *name, const json_t *value, bool is_there)
{
	char topic[300], suffix[48];
	const char *member;
	json_t *one;
	int count = 0;
	if (json_is_number(value))
		publish_sensor(server, device, &(struct homeassistant_sensor){.name = name}, is_there);
	json_object_foreach((json_t *)(uintptr_t)value, member, one)
	{
		if (json_is_number(one) && is_member_good(member) && count++ < MEMBERS_MAX)
			publish_sensor(server, device, &(struct homeassistant_sensor){name, member}, is_there);
	}
	snprintf(suffix, sizeof suffix, "value/%s", name);
	state_topic(server, text_of(device, "id"), suffix, topic);
	publish(server, topic, is_there ? json_incref((json_t *)(uintptr_t)value) : NULL);
}

static int publish_sensors(struct skerryd *server, const json_t *device, bool is_there)
{
	json_t *names;
	const json_t *row;
	size_t index;
	if (store_telemetry_names_json(server->store, text_of(device, "id"), &names) < 0)
		return -1;
	json_array_foreach(names, index, row)
	{
		publish_name(server, device, text_of(row, "name"), json_object_get(row, "value"), is_there);
	}
	json_decref(names);
	return 0;
}

static int publish_update(struct skerryd *server, const json_t *device)
{
	char topic[300];
	json_t *latest, *job = NULL;
	if (find_latest(server, device, &latest) < 0)
		return -1;
	if (store_job_newest_json(server->store, text_of(device, "id"), &job) < 0) {
		json_decref(latest);
		return -1;
	}
	state_topic(server, text_of(device, "id"), "update", topic);
	publish(server, topic, homeassistant_update_state(device, latest, job));
	json_decref(latest);
	json_decref(job);
	return 0;
}

static int publish_device(struct skerryd *server, const json_t *device)
{
	const char *prefix = server->settings.homeassistant_prefix, *id = text_of(device, "id");
	bool is_there = strcmp(text_of(device, "state"), "active") == 0;
	char topic[300];
	publish_config(server, "update", id, "firmware", is_there ? homeassistant_update_config(prefix, device) : NULL);
	publish_config(
		server, "binary_sensor", id, "online", is_there ? homeassistant_online_config(prefix, device) : NULL);
	state_topic(server, id, "online", topic);
	mqtt_publish_retained(server->mqtt, topic,
		!is_there                                         ? ""
		: json_is_true(json_object_get(device, "online")) ? "online"
								  : "offline");
	if (is_there)
		return publish_update(server, device) < 0 ? -1 : publish_sensors(server, device, true);
	state_topic(server, id, "update", topic);
	publish(server, topic, NULL);
	return publish_sensors(server, device, false);
}

static void tell(struct skerryd *server, const char *id)
{
	json_t *device;
	if (store_ha_device_json(server->store, id, &device) != 0)
		return;
	if (publish_device(server, device) < 0)
		note("homeassistant: failed device=%s error=\"%s\"", id, store_error(server->store));
	json_decref(device);
}

static void tell_some_of_all(struct skerryd *server)
{
	struct homeassistant *ha = &server->homeassistant;
	json_t *rows;
	const json_t *row;
	size_t index;
	if (store_ha_devices_json(server->store, ha->after, DEVICES_A_TICK, &rows) < 0)
		return;
	json_array_foreach(rows, index, row)
	{
		snprintf(ha->after, sizeof ha->after, "%s", text_of(row, "id"));
		tell(server, ha->after);
	}
	ha->is_telling_all = json_array_size(rows) == DEVICES_A_TICK;
	json_decref(rows);
}

void homeassistant_tick(struct skerryd *server)
{
	struct homeassistant *ha = &server->homeassistant;
	const char *id;
	json_t *ignored;
	void *next;
	int count = 0;
	if (!is_on(server) || !server->broker_since)
		return;
	json_object_foreach_safe(ha->changed, next, id, ignored)
	{
		if (count++ == DEVICES_A_TICK)
			break;
		tell(server, id);
		json_object_del(ha->changed, id);
	}
	if (ha->is_telling_all)
		tell_some_of_all(server);
}

void homeassistant_on_telemetry(struct skerryd *server, const char *device, const char *name, const json_t *value)
{
	struct homeassistant *ha = &server->homeassistant;
	char key[100], topic[300], suffix[48];
	if (!is_on(server))
		return;
	/* A new name has new sensors; of one that is known only the value is told. */
	snprintf(key, sizeof key, "%s/%s", device, name);
	if (!ha->names)
		ha->names = json_object();
	if (!json_object_get(ha->names, key)) {
		json_object_set_new(ha->names, key, json_true());
		homeassistant_touch(server, device);
		return;
	}
	snprintf(suffix, sizeof suffix, "value/%s", name);
	state_topic(server, device, suffix, topic);
	publish(server, topic, json_incref((json_t *)(uintptr_t)value));
}

void homeassistant_stop(struct skerryd *server)
{
	char topic[200];
	snprintf(topic, sizeof topic, "%s/skerry/status", is_on(server) ? server->settings.homeassistant_prefix : "");
	/* An orderly end is none that the broker would tell of. */
	if (is_on(server))
		mqtt_publish_retained(server->mqtt, topic, "offline");
	json_decref(server->homeassistant.changed);
	json_decref(server->homeassistant.names);
	server->homeassistant.changed = server->homeassistant.names = NULL;
}

/* ---- what Home Assistant says ---- */

static int order_job(struct skerryd *server, const char *id, const char *digest)
{
	const struct principal who = {.role = ROLE_OPERATOR, .name = "homeassistant"};
	char job[65], object[80];
	enum jobs_outcome outcome = jobs_create(server, &(struct job_order){.device = id, .digest = digest}, job);
	if (outcome != JOBS_DONE) {
		note("homeassistant: install-refused device=%s outcome=%d", id, (int)outcome);
		return outcome == JOBS_FAILED ? -1 : STORE_NONE;
	}
	snprintf(object, sizeof object, "device/%s", id);
	return audit_add(server, &who, "job.create", object, json_pack("{s:s, s:s}", "job", job, "digest", digest));
}

/* The newest image is installed, unless it runs already. */
static int install(struct skerryd *server, const char *id)
{
	json_t *device, *latest;
	int rc = store_ha_device_json(server->store, id, &device);
	if (rc)
		return rc;
	rc = find_latest(server, device, &latest);
	if (rc == 0)
		rc = !latest || strcasecmp(text_of(latest, "digest"), text_of(device, "digest")) == 0
			     ? STORE_NONE
			     : order_job(server, id, text_of(latest, "digest"));
	json_decref(latest);
	json_decref(device);
	return rc;
}

static void take_install(struct skerryd *server, const char *id)
{
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return;
	int rc = install(server, id);
	if (rc < 0)
		skerryd_rollback(server);
	else if (rc == STORE_NONE)
		skerryd_abandon(server);
	else
		(void)!skerryd_commit(server);
	homeassistant_touch(server, id);
}

static bool says(const struct inbox_item *item, const char *word)
{
	return item->len == strlen(word) && memcmp(item->payload, word, item->len) == 0;
}

bool homeassistant_take(struct skerryd *server, const struct inbox_item *item)
{
	const char *prefix = server->settings.homeassistant_prefix;
	if (!is_on(server) || item->kind != INBOX_MESSAGE)
		return false;
	size_t len = strlen(prefix);
	if (strncmp(item->topic, prefix, len) != 0 || item->topic[len] != '/')
		return false;
	const char *rest = item->topic + len + 1;
	if (strcmp(rest, "status") == 0) {
		/* Its birth: it may have forgotten everything. */
		if (says(item, "online"))
			homeassistant_on_connected(server);
		return true;
	}
	if (strncmp(rest, "skerry/", 7) != 0)
		return false;
	char id[65];
	const char *slash = strchr(rest + 7, '/');
	if (!slash || strcmp(slash, "/install") != 0 || slash - (rest + 7) > 64)
		return true;
	snprintf(id, sizeof id, "%.*s", (int)(slash - (rest + 7)), rest + 7);
	/* A retained one would install again with each connection. */
	if (text_is_id(id) && !item->retained && says(item, HOMEASSISTANT_INSTALL))
		take_install(server, id);
	return true;
}
