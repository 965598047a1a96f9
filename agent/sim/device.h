/* SPDX-License-Identifier: Apache-2.0 */
/* One simulated device: its flash, boot loader, agent and app; switched on and off by the fleet. */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdio.h>

#include "agent.h"
#include "boot.h"
#include "wire.h"

#define SIM_LINES    16
#define SIM_BADS_MAX 8

/* An image of this version fails on so many devices in a hundred. */
struct sim_bad {
	uint32_t version[3];
	uint32_t percent;
};

/* What may go wrong, for all devices. Which of them it hits is drawn from the seed, the device and the image: the same each time. */
struct sim_model {
	uint64_t seed;
	uint32_t crash_percent; /* of the images that are tried: their app crashes a few seconds after each start */
	uint32_t ill_percent;   /* … is never well */
	struct sim_bad bads[SIM_BADS_MAX];
	size_t bad_count;
	uint32_t offline_percent; /* of the time, in outages of 5 to 60 s */
	uint32_t cuts_per_hour;   /* power cuts of each device */
	uint32_t slow_percent;    /* of the devices … */
	uint32_t slow_bytes_per_s;
	FILE *journal; /* a line of JSON for each start of a device: what really ran; NULL: none */
};

struct sim_counts {
	uint32_t online; /* connected to the broker */
	uint64_t starts, resets, crashes, cuts, outages, nothing_to_start;
};

enum sim_app { SIM_APP_WELL, SIM_APP_ILL, SIM_APP_CRASHES };

struct sim_device {
	struct sim_wire wire; /* first: what epoll brings points here */
	const struct sim_model *model;
	struct sim_counts *counts;
	const struct sim_map *map;
	struct sim_flash flash;
	char id[OTA_DEVICE_ID_MAX];
	uint32_t number; /* the fleet's */
	uint64_t random;

	bool on, link, reset_wanted;
	enum sim_app app;
	enum ota_cause reset_cause;           /* of the next start */
	uint64_t on_ms;                       /* when it is switched on, if it is off */
	uint64_t crash_ms, cut_ms, outage_ms; /* when that happens next; UINT64_MAX: never */

	struct agent agent;
	struct agent_config config;
	char lines[SIM_LINES][AGENT_LINE_MAX];
	uint64_t line_count;
};

/*
 * A device with the provisioning of `provision[len]` and the payload `image[image_len]` in slot a; off. 0, -OTA_E_MEMORY or -OTA_E_SIZE (it does
 * not fit). `device` is zeroed memory; model, map and counts outlive it.
 */
__attribute__((warn_unused_result)) int sim_device_init(
	struct sim_device *device, const struct sim_map *map, struct ota_bytes provision, struct ota_bytes image);
void sim_device_begin(
	struct sim_device *device, const struct sim_model *model, struct sim_counts *counts, uint64_t on_ms);
void sim_device_free(struct sim_device *device);

/* Everything that can be done now. */
void sim_device_run(struct sim_device *device);
/* When it is to run again at the latest. */
uint64_t sim_device_due_ms(const struct sim_device *device);

/* For platform_log(): whose lines come now. */
extern struct sim_device *sim_device_current;
void sim_device_line(struct sim_device *device, const char *line);

#endif
