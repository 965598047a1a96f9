/* SPDX-License-Identifier: Apache-2.0 */
/* What operators change about a device. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "skerryd/devices.h"
#include "skerryd/jobs.h"
#include "skerryd/note.h"
#include "skerryd/rollouts.h"
#include "skerryd/selector.h"

/* ---- attributes ---- */

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

static int check_attribute(const char *name, const json_t *value, struct fleet_error *error)
{
	size_t len = json_string_length(value);
	if (!selector_is_attribute(name))
		return fleet_fail(error, "use letters, digits and ._/- (1 to 64), and no name that is built in",
			"'%.64s' is not the name of an attribute", name);
	if (!json_is_string(value) || len == 0 || len > DEVICES_VALUE_MAX || !is_printable(json_string_value(value)))
		return fleet_fail(error, "give a text of 1 to 128 bytes without control characters",
			"the value of the attribute '%s' cannot be one", name);
	return 0;
}

int devices_check_attributes(const json_t *attributes, struct fleet_error *error)
{
	const char *name;
	json_t *value;
	if (!json_is_object(attributes))
		return fleet_fail(error, "send {\"attributes\": {NAME: VALUE}}", "attributes is not an object");
	if (json_object_size(attributes) > DEVICES_ATTRIBUTES_MAX)
		return fleet_fail(
			error, "take some away first", "a device has at most %d attributes", DEVICES_ATTRIBUTES_MAX);
	json_object_foreach((json_t *)(uintptr_t)attributes, name, value)
	{
		if (check_attribute(name, value, error) < 0)
			return -1;
	}
	return 0;
}

static void merge(json_t *attributes, const json_t *patch)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)patch, name, value)
	{
		if (json_is_null(value))
			json_object_del(attributes, name);
		else
			json_object_set(attributes, name, value);
	}
}

int devices_set_attributes(struct skerryd *server, const char *id, const json_t *patch, struct fleet_error *error)
{
	json_t *attributes;
	int rc = store_attributes_get(server->store, id, &attributes);
	if (rc)
		return rc;
	merge(attributes, patch);
	if (devices_check_attributes(attributes, error) < 0)
		rc = DEVICES_REFUSED;
	else
		rc = store_attributes_put(server->store, id, attributes);
	if (rc == 0 && json_object_get(patch, "timezone"))
		rc = rollouts_on_zone(server, id);
	json_decref(attributes);
	return rc;
}

/* ---- decommission ---- */

static int cancel_open_job(struct skerryd *server, const char *id)
{
	struct store_job job;
	int rc = store_job_next(server->store, id, &job);
	if (rc)
		return rc < 0 ? -1 : 0;
	enum jobs_outcome outcome = jobs_cancel(server, job.id);
	store_job_free(&job);
	return outcome == JOBS_FAILED ? -1 : 0;
}

int devices_retire(struct skerryd *server, const char *id)
{
	struct store_device device;
	char text[200];
	int rc = store_device_get(server->store, id, &device);
	if (rc)
		return rc;
	if (cancel_open_job(server, id) < 0 || store_device_state_put(server->store, id, "retired") < 0 ||
		store_presence_put(server->store, id, false, device.boot, server->round) < 0)
		return -1;
	bell_stop(&server->bells, id);
	snprintf(text, sizeof text, "%s was retired; its messages are refused from now on", id);
	return skerryd_event(server, &(struct store_event){.kind = "device-retired", .device = id, .text = text});
}

void devices_forget_enrolment(const struct skerryd *server, const char *id)
{
	struct home_path from = home_path(&server->settings.home, HOME_ENROL "/%s.json", id),
			 to = home_path(&server->settings.home, HOME_ENROL "/%s.json.retired", id);
	if (rename(from.text, to.text) < 0 && errno != ENOENT)
		note("enrol: kept file=%s reason=\"%s\"", from.text, strerror(errno));
}
