/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/err.h"
#include "ota/verify.h"
#include "platform.h"

#define NEVER       UINT64_MAX
#define BOOT_MS     1000 /* from reset to the agent */
#define DARK_MS     5000 /* a power cut lasts so long */
#define OUTAGE_MS   5000 /* at least */
#define OUTAGE_MORE 55000
#define NO_SLOT_MS  60000
#define CRASH_MS    500 /* with what is added less than the time for which an image must be well to be confirmed */
#define CRASH_MORE  1500

struct sim_device *sim_device_current;

/* ---- chance ---- */

/* Ids differ in their last characters only: every bit has to reach every other. */
static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
	x = (x ^ x >> 27) * 0x94d049bb133111ebU;
	return x ^ x >> 31;
}

static uint32_t draw(struct sim_device *device, uint32_t below)
{
	device->random ^= device->random << 13;
	device->random ^= device->random >> 7;
	device->random ^= device->random << 17;
	return below ? (uint32_t)((device->random >> 20) % below) : 0;
}

/* A number below 100 that depends on nothing but seed, device and image: an image that is bad here stays bad here. */
static uint32_t fate_of(const struct sim_device *device, const uint8_t digest[32])
{
	struct ota_sha256 sha;
	uint8_t out[OTA_SHA256_BYTES];

	ota_sha256_begin(&sha);
	ota_sha256_add(&sha, &device->model->seed, sizeof(device->model->seed));
	ota_sha256_add(&sha, device->id, strlen(device->id));
	ota_sha256_add(&sha, digest, 32);
	ota_sha256_end(&sha, out);
	return (uint32_t)(out[0] << 8 | out[1]) % 100;
}

static uint64_t outage_next_ms(struct sim_device *device, uint64_t now)
{
	uint32_t percent = device->model->offline_percent, mean = OUTAGE_MS + OUTAGE_MORE / 2;

	if (percent == 0)
		return NEVER;
	return now + draw(device, 2 * mean * (100 - percent) / percent + 1);
}

static uint64_t cut_next_ms(struct sim_device *device, uint64_t now)
{
	uint32_t cuts = device->model->cuts_per_hour;

	return cuts ? now + draw(device, 2 * 3600 * 1000 / cuts) : NEVER;
}

/* ---- what the agent asks for ---- */

static int blk_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	struct sim_device *device = ctx;

	return sim_flash_read(&device->flash, lba, buf, count);
}

static int blk_write(void *ctx, uint32_t lba, const void *buf, uint32_t count)
{
	struct sim_device *device = ctx;

	return sim_flash_write(&device->flash, lba, buf, count);
}

static int blk_flush(void *ctx)
{
	(void)ctx;
	return 0;
}

static bool app_is_well(void *ctx)
{
	const struct sim_device *device = ctx;

	return device->app != SIM_APP_ILL && device->config.core.boot_mode != OTA_MODE_SAFE;
}

static bool app_take(void *ctx, struct agent_message *message)
{
	(void)ctx;
	(void)message;
	return false;
}

static void app_deliver(void *ctx, const struct agent_message *message)
{
	(void)ctx;
	(void)message;
}

static void app_link(void *ctx, bool up)
{
	struct sim_device *device = ctx;

	if (device->link != up)
		device->counts->online += up ? 1 : UINT32_MAX;
	device->link = up;
}

static int log_read(void *ctx, uint64_t *seq, char *buf, size_t cap)
{
	const struct sim_device *device = ctx;

	if (device->line_count > SIM_LINES && *seq < device->line_count - SIM_LINES)
		*seq = device->line_count - SIM_LINES;
	if (*seq >= device->line_count)
		return -1;
	return snprintf(buf, cap, "%s", device->lines[(*seq)++ % SIM_LINES]);
}

static void log_level(void *ctx, enum agent_level level)
{
	(void)ctx;
	(void)level;
}

static void memory(void *ctx, struct agent_memory *out)
{
	(void)ctx;
	*out = (struct agent_memory){0};
}

/* Made up: an address of those that nobody was given (bit 1 of its first byte). */
static void board(void *ctx, struct agent_board *out)
{
	const struct sim_device *device = ctx;
	uint32_t n = device->number;

	(void)snprintf(out->serial, sizeof(out->serial), "sim%08" PRIx32, n);
	(void)snprintf(out->mac, sizeof(out->mac), "02:00:%02x:%02x:%02x:%02x", n >> 24, n >> 16 & 0xff, n >> 8 & 0xff,
		n & 0xff);
}

static bool crash_last(void *ctx, struct crash_info *info)
{
	(void)ctx;
	(void)info;
	return false;
}

static int crash_uploaded(void *ctx)
{
	(void)ctx;
	return 0;
}

static void identify(void *ctx)
{
	(void)ctx;
}

static void reboot(void *ctx)
{
	struct sim_device *device = ctx;

	device->reset_wanted = true;
}

static const struct agent_ops ops = {
	.blk_read = blk_read,
	.blk_write = blk_write,
	.blk_flush = blk_flush,
	.streams = &sim_wire_ops,
	.app_is_well = app_is_well,
	.app_take = app_take,
	.app_deliver = app_deliver,
	.app_link = app_link,
	.log_read = log_read,
	.log_level = log_level,
	.memory = memory,
	.board = board,
	.crash_last = crash_last,
	.crash_uploaded = crash_uploaded,
	.identify = identify,
	.reboot = reboot,
};

void sim_device_line(struct sim_device *device, const char *line)
{
	(void)snprintf(device->lines[device->line_count++ % SIM_LINES], AGENT_LINE_MAX, "%s", line);
}

/* ---- on and off ---- */

int sim_device_init(
	struct sim_device *device, const struct sim_map *map, struct ota_bytes provision, struct ota_bytes image)
{
	const struct ota_range *slot = &map->slot[0];
	uint8_t last[SIM_SECTOR] = {0};
	uint32_t whole = (uint32_t)(image.len / SIM_SECTOR);
	int error;

	if (image.len > (slot->sectors - 1) * (size_t)SIM_SECTOR ||
		provision.len > map->provision.sectors * (size_t)SIM_SECTOR || provision.len % SIM_SECTOR != 0)
		return -OTA_E_SIZE;
	device->map = map;
	error = sim_flash_init(&device->flash, map->sectors);
	if (!error)
		error = sim_flash_write(
			&device->flash, map->provision.lba, provision.data, (uint32_t)(provision.len / SIM_SECTOR));
	if (!error)
		error = sim_flash_write(&device->flash, slot->lba, image.data, whole);
	memcpy(last, image.data + (size_t)whole * SIM_SECTOR, image.len % SIM_SECTOR);
	if (!error)
		error = sim_flash_write(&device->flash, slot->lba + whole, last, 1);
	return error;
}

void sim_device_begin(
	struct sim_device *device, const struct sim_model *model, struct sim_counts *counts, uint64_t on_ms)
{
	static const uint8_t nothing[32];

	device->model = model;
	device->counts = counts;
	device->on_ms = on_ms;
	device->random = mixed(model->seed + 0x9e3779b97f4a7c15U);
	for (const char *c = device->id; *c; c++)
		device->random = mixed(device->random + (uint8_t)*c);
	device->random |= 1; /* never 0, of which nothing else comes */
	device->outage_ms = outage_next_ms(device, on_ms);
	device->cut_ms = cut_next_ms(device, on_ms);
	if (fate_of(device, nothing) < model->slow_percent)
		device->wire.bytes_per_s = model->slow_bytes_per_s;
}

/* The image that the factory put there is a good one. */
static enum sim_app app_of(const struct sim_device *device, const struct sim_start *start)
{
	const struct sim_model *model = device->model;
	uint32_t fate = fate_of(device, start->image.digest);

	if (start->slot == 0 && start->boots == 1)
		return SIM_APP_WELL;
	for (size_t i = 0; i < model->bad_count; i++)
		if (memcmp(model->bads[i].version, start->image.version, sizeof(start->image.version)) == 0)
			return fate < model->bads[i].percent ? SIM_APP_CRASHES : SIM_APP_WELL;
	if (start->mode != OTA_MODE_TRIAL)
		return SIM_APP_WELL; /* it was confirmed, so it is none of the bad ones */
	if (fate < model->crash_percent)
		return SIM_APP_CRASHES;
	return fate < model->crash_percent + model->ill_percent ? SIM_APP_ILL : SIM_APP_WELL;
}

static void config_set(struct sim_device *device, const struct sim_start *start)
{
	struct ota_config *core = &device->config.core;

	memset(core, 0, sizeof(*core));
	core->running_slot = start->slot;
	core->running = start->image;
	core->boot_mode = start->mode;
	memcpy(core->boot_record_lba, device->map->boot_record_lba, sizeof(core->boot_record_lba));
	memcpy(core->slot, device->map->slot, sizeof(core->slot));
	core->state = device->map->state;
	core->trust = device->map->trust;
	device->config.provision = device->map->provision;
	device->config.app = "sim";
	device->config.kind = "sim 0.1";
	device->config.build_id = "0000000000000000000000000000000000000000";
	device->config.boots = start->boots;
}

/* What really ran, for who checks what the fleet's server believes: at once, so that a kill of this program loses nothing either. */
static void journal_start(const struct sim_device *device, const struct sim_start *start)
{
	FILE *journal = device->model->journal;
	const uint32_t *version = start->image.version;

	if (!journal)
		return;
	(void)fprintf(journal, "{\"device\":\"%s\",\"boots\":%" PRIu32 ",\"slot\":\"%c\",\"mode\":\"%s\"", device->id,
		start->boots, 'a' + start->slot, ota_boot_mode_name(start->mode));
	(void)fprintf(journal, ",\"version\":\"%" PRIu32 ".%" PRIu32 ".%" PRIu32 "\",\"digest\":\"", version[0],
		version[1], version[2]);
	for (size_t i = 0; i < sizeof(start->image.digest); i++)
		(void)fprintf(journal, "%02x", start->image.digest[i]);
	(void)fputs("\"}\n", journal);
	(void)fflush(journal);
}

static void switch_on(struct sim_device *device)
{
	uint64_t now = platform_now_ms();
	struct sim_start start = sim_boot_start(&device->flash, device->map, device->reset_cause);
	int error;

	device->on_ms = now + NO_SLOT_MS;
	device->reset_cause = OTA_CAUSE_NONE;
	if (start.slot == OTA_SLOT_NONE) {
		device->counts->nothing_to_start++;
		return;
	}
	journal_start(device, &start);
	config_set(device, &start);
	device->app = app_of(device, &start);
	device->crash_ms = device->app == SIM_APP_CRASHES && start.mode != OTA_MODE_SAFE
				   ? now + CRASH_MS + draw(device, CRASH_MORE)
				   : NEVER;
	device->config.ota = calloc(1, ota_bytes());
	error = device->config.ota ? agent_init(&device->agent, &device->config, &ops, device) : -OTA_E_MEMORY;
	if (error != 0) {
		sim_device_line(device, ota_err_name(error));
		free(device->config.ota);
		return;
	}
	device->on = true;
	device->counts->starts++;
	agent_network(&device->agent, true);
}

static void switch_off(struct sim_device *device, uint64_t for_ms)
{
	app_link(device, false);
	agent_free(&device->agent);
	free(device->config.ota);
	device->on = device->reset_wanted = false;
	device->on_ms = platform_now_ms() + for_ms;
}

void sim_device_free(struct sim_device *device)
{
	if (device->on)
		switch_off(device, 0);
	sim_flash_free(&device->flash);
}

/* ---- what happens to it ---- */

static void outage_turn(struct sim_device *device, uint64_t now)
{
	bool begins = !device->wire.cut;

	sim_wire_cut(&device->wire, begins);
	device->counts->outages += begins;
	device->outage_ms = begins ? now + OUTAGE_MS + draw(device, OUTAGE_MORE) : outage_next_ms(device, now);
}

static void mishaps(struct sim_device *device)
{
	uint64_t now = platform_now_ms();

	if (now >= device->outage_ms)
		outage_turn(device, now);
	if (now >= device->cut_ms) {
		device->cut_ms = cut_next_ms(device, now);
		device->counts->cuts++;
		sim_wire_cut(&device->wire, true); /* nobody hears a good-bye */
		switch_off(device, DARK_MS);
		sim_wire_cut(&device->wire, false);
	} else if (now >= device->crash_ms) {
		device->counts->crashes++;
		device->reset_cause = OTA_CAUSE_WATCHDOG;
		sim_wire_cut(&device->wire, true);
		switch_off(device, BOOT_MS);
		sim_wire_cut(&device->wire, false);
	} else if (device->reset_wanted) {
		device->counts->resets++;
		switch_off(device, BOOT_MS);
	}
}

void sim_device_run(struct sim_device *device)
{
	sim_device_current = device;
	sim_wire_enter(&device->wire);
	if (!device->on && platform_now_ms() >= device->on_ms)
		switch_on(device);
	if (device->on) {
		agent_poll(&device->agent);
		mishaps(device);
	}
	sim_device_current = NULL;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t sim_device_due_ms(const struct sim_device *device)
{
	uint64_t due = device->on ? agent_deadline_ms(&device->agent) : device->on_ms;

	if (!device->on)
		return due;
	if (device->reset_wanted)
		return 0;
	if (device->wire.resume_ms)
		due = earlier(due, device->wire.resume_ms);
	return earlier(due, earlier(device->crash_ms, earlier(device->cut_ms, device->outage_ms)));
}
