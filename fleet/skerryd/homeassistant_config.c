/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/homeassistant_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/skerryd.h"

static const char *text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

static json_t *topic(const char *prefix, const json_t *device, const char *suffix)
{
	return json_sprintf("%s/skerry/%s/%s", prefix, text_of(device, "id"), suffix);
}

static json_t *unique_id(const json_t *device, const char *entity)
{
	return json_sprintf("skerry_%s_%s", text_of(device, "id"), entity);
}

static json_t *device_block(const json_t *device)
{
	return json_pack("{s:[o], s:s, s:s, s:s, s:s*}", "identifiers",
		json_sprintf("skerry_%s", text_of(device, "id")), "name", text_of(device, "id"), "manufacturer",
		"Skerry", "model", text_of(device, "board"), "sw_version", text_of(device, "version"));
}

/* What all entities have; `of_device`: it is unavailable while the device is. */
static json_t *base_config(const char *prefix, const json_t *device, const char *entity, bool of_device)
{
	json_t *config = json_pack("{s:o, s:o, s:{s:s, s:s}, s:[{s:o}], s:s}", "unique_id", unique_id(device, entity),
		"device", device_block(device), "origin", "name", "skerryd", "sw_version", SKERRYD_VERSION,
		"availability", "topic", json_sprintf("%s/skerry/status", prefix), "availability_mode", "all");
	if (config && of_device)
		json_array_append_new(json_object_get(config, "availability"),
			json_pack("{s:o}", "topic", topic(prefix, device, "online")));
	return config;
}

json_t *homeassistant_update_config(const char *prefix, const json_t *device)
{
	/* Also while the device is offline: the job waits for it. */
	json_t *config = base_config(prefix, device, "firmware", false);
	json_object_set_new(config, "name", json_string("Firmware"));
	json_object_set_new(config, "device_class", json_string("firmware"));
	json_object_set_new(config, "entity_category", json_string("config"));
	json_object_set_new(config, "state_topic", topic(prefix, device, "update"));
	json_object_set_new(config, "command_topic", topic(prefix, device, "install"));
	json_object_set_new(config, "payload_install", json_string(HOMEASSISTANT_INSTALL));
	return config;
}

json_t *homeassistant_online_config(const char *prefix, const json_t *device)
{
	json_t *config = base_config(prefix, device, "online", false);
	json_object_set_new(config, "name", json_string("Online"));
	json_object_set_new(config, "device_class", json_string("connectivity"));
	json_object_set_new(config, "entity_category", json_string("diagnostic"));
	json_object_set_new(config, "state_topic", topic(prefix, device, "online"));
	json_object_set_new(config, "payload_on", json_string("online"));
	json_object_set_new(config, "payload_off", json_string("offline"));
	return config;
}

void homeassistant_sensor_id(const struct homeassistant_sensor *sensor, char id[100])
{
	snprintf(id, 100, "%s%s%s", sensor->name, sensor->member ? "_" : "", sensor->member ? sensor->member : "");
	for (char *at = id; *at; at++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", *at))
			*at = '_';
}

json_t *homeassistant_sensor_config(const char *prefix, const json_t *device, const struct homeassistant_sensor *sensor)
{
	char id[100], suffix[48];
	homeassistant_sensor_id(sensor, id);
	snprintf(suffix, sizeof suffix, "value/%s", sensor->name);
	json_t *config = base_config(prefix, device, id, true);
	json_object_set_new(config, "name",
		json_sprintf("%s%s%s", sensor->name, sensor->member ? " " : "", sensor->member ? sensor->member : ""));
	json_object_set_new(config, "state_class", json_string("measurement"));
	json_object_set_new(config, "state_topic", topic(prefix, device, suffix));
	if (sensor->member)
		json_object_set_new(config, "value_template", json_sprintf("{{ value_json['%s'] }}", sensor->member));
	return config;
}

/* A detail is a string or a number, as the device likes. */
static double number_of(const json_t *details, const char *name)
{
	const json_t *value = json_object_get(details, name);
	return json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
}

/* How far the download is, in percent, or null. */
static json_t *percentage(const json_t *job)
{
	const json_t *details = json_object_get(job, "statusDetails");
	const char *step = text_of(details, "step");
	double bytes = number_of(details, "bytes"), total = number_of(details, "total");
	double percent = total > 0 ? 100 * bytes / total : number_of(details, "percent");
	if (!step || strcmp(step, "download") != 0 || !(percent >= 0 && percent <= 100))
		return json_null();
	return json_integer((json_int_t)percent);
}

static bool is_open(const json_t *job)
{
	const char *status = text_of(job, "status");
	return status && (strcmp(status, "QUEUED") == 0 || strcmp(status, "IN_PROGRESS") == 0);
}

json_t *homeassistant_update_state(const json_t *device, const json_t *latest, const json_t *job)
{
	const char *installed = text_of(device, "version"), *newest = text_of(latest, "version");
	return json_pack("{s:s?, s:s?, s:s?, s:b, s:o}", "installed_version", installed, "latest_version",
		newest ? newest : installed, "title", text_of(device, "app"), "in_progress", is_open(job),
		"update_percentage", is_open(job) ? percentage(job) : json_null());
}
