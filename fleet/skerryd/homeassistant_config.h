/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Home Assistant's MQTT discovery (home-assistant.io: mqtt, update.mqtt, binary_sensor.mqtt, sensor.mqtt) as JSON. Pure functions; all return new
 * references. Below the discovery prefix P:
 *
 *   P/update/skerry_ID/firmware/config          P/skerry/status           skerryd is there: online | offline
 *   P/binary_sensor/skerry_ID/online/config     P/skerry/ID/online        the device is: online | offline
 *   P/sensor/skerry_ID/NAME[_MEMBER]/config     P/skerry/ID/update        state of the update entity
 *                                               P/skerry/ID/install       INSTALL, from Home Assistant
 *                                               P/skerry/ID/value/NAME    telemetry as it came
 */
#ifndef SKERRYD_HOMEASSISTANT_CONFIG_H
#define SKERRYD_HOMEASSISTANT_CONFIG_H

#include <jansson.h>

#define HOMEASSISTANT_INSTALL "INSTALL"

/* `device`: a row of store_ha_device_json(). */
json_t *homeassistant_update_config(const char *prefix, const json_t *device);
json_t *homeassistant_online_config(const char *prefix, const json_t *device);

struct homeassistant_sensor {
	const char *name;   /* of the telemetry */
	const char *member; /* of the object that it is; NULL: it is a number */
};
json_t *homeassistant_sensor_config(
	const char *prefix, const json_t *device, const struct homeassistant_sensor *sensor);
/* The sensor's id within the device: other characters than discovery takes become '_'. */
void homeassistant_sensor_id(const struct homeassistant_sensor *sensor, char id[100]);

/* State of the update entity. `latest`: an image with "version", NULL: there is none; `job`: the newest, NULL: none. */
json_t *homeassistant_update_state(const json_t *device, const json_t *latest, const json_t *job);

#endif
