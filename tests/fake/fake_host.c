/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/err.h"

enum { PIECE_BYTES = 1500, EVENTS_MAX = 2000000 };

/* ---- port ---- */

static bool disk_fails(struct fake_host *host)
{
	uint64_t call = host->disk_calls++;

	return call >= host->disk_fail_from && call - host->disk_fail_from < host->disk_fail_count;
}

static int port_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	struct fake_host *host = ctx;

	return disk_fails(host) ? -OTA_E_IO : ram_flash_read(&host->flash, lba, buf, count);
}

static int port_write(void *ctx, uint32_t lba, const void *buf, uint32_t count)
{
	struct fake_host *host = ctx;

	return disk_fails(host) ? -OTA_E_IO : ram_flash_write(&host->flash, lba, buf, count);
}

static int port_flush(void *ctx)
{
	struct fake_host *host = ctx;

	return disk_fails(host) ? -OTA_E_IO : ram_flash_flush(&host->flash);
}

static int port_fetch(void *ctx, const char *url, uint64_t off, uint64_t total)
{
	struct fake_host *host = ctx;

	assert(!host->fetching);
	if (host->fetch_error)
		return host->fetch_error;
	assert(total == host->job->image.bytes && off < total);
	host->server = (unsigned)atoi(url + strlen("https://"));
	host->servers[host->server].asked++;
	host->fetches++;
	host->fetching = true;
	host->head_sent = false;
	host->off = off;
	host->sent = 0;
	return 0;
}

static void port_fetch_stop(void *ctx)
{
	struct fake_host *host = ctx;

	host->fetching = false;
	host->stops++;
}

static void port_status(void *ctx, const struct ota_status *status)
{
	struct fake_host *host = ctx;

	host->status = *status;
	host->statuses++;
	if (status->outcome != OTA_RUNNING) {
		host->last_terminal = *status;
		host->terminals++;
	}
}

static void port_report(void *ctx)
{
	struct fake_host *host = ctx;

	host->reports++;
}

static void port_reboot(void *ctx)
{
	struct fake_host *host = ctx;

	host->reboot = true;
}

static uint64_t port_now(void *ctx)
{
	struct fake_host *host = ctx;

	return host->now;
}

static uint32_t port_random(void *ctx)
{
	struct fake_host *host = ctx;

	host->random = host->random * 1664525u + 1013904223u;
	return host->random >> 8;
}

static void port_log(void *ctx, enum ota_level level, const char *line)
{
	struct fake_host *host = ctx;

	(void)level;
	(void)snprintf(host->log[host->log_count++ % 32], sizeof(host->log[0]), "%s", line);
}

static const struct ota_port port = {port_read, port_write, port_flush, port_fetch, port_fetch_stop, port_status,
	port_report, port_reboot, port_now, port_random, port_log};

bool fake_host_log_has(const struct fake_host *host, const char *text)
{
	for (unsigned i = 0; i < 32; i++)
		if (strstr(host->log[i], text))
			return true;
	return false;
}

/* ---- set up ---- */

void fake_host_init(struct fake_host *host)
{
	memset(host, 0, sizeof(*host));
	ram_flash_init(&host->flash);
	host->boot.flash = &host->flash;
	host->boot.images = host->images;
	host->server_count = 1;
	host->job_id = "job-1";
	host->job_version = 1;
	host->now = 1000;
	host->random = 1;
	host->ota = aligned_alloc(64, (ota_bytes() + 63) / 64 * 64);
	if (!host->ota)
		abort();
	fake_keyset_make(&host->keyset, 1);
}

void fake_host_free(struct fake_host *host)
{
	free(host->ota);
}

void fake_host_image_add(struct fake_host *host, const struct fake_image *image, enum image_behaviour behaviour)
{
	host->images[host->image_count] = image;
	host->behaviour[host->image_count++] = behaviour;
	host->boot.image_count = host->image_count;
}

static void config_make(struct fake_host *host)
{
	struct ota_config *config = &host->config;

	memset(config, 0, sizeof(*config));
	memcpy(config->vendor_id, fake_vendor_id, 16);
	memcpy(config->class_id, fake_class_id, 16);
	config->device_id = FAKE_DEVICE_ID;
	config->keyset = host->keyset.envelope;
	config->keyset_len = host->keyset.len;
	config->trust = (struct ota_range){FAKE_TRUST, FAKE_TRUST_SECTORS};
	config->boot_record_lba[0] = FAKE_RECORD_0;
	config->boot_record_lba[1] = FAKE_RECORD_1;
	config->slot[0] = (struct ota_range){FAKE_SLOT_A, FAKE_SLOT_SECTORS};
	config->slot[1] = (struct ota_range){FAKE_SLOT_B, FAKE_SLOT_SECTORS};
	config->state = (struct ota_range){FAKE_STATE, FAKE_STATE_SECTORS};
	config->running_slot = host->running.slot;
	config->running = host->running.image;
	config->boot_mode = host->running.mode;
	config->crash_cause = host->crash;
	host->crash = OTA_CAUSE_NONE;
}

static enum image_behaviour behaviour_of_running(const struct fake_host *host)
{
	for (size_t i = 0; i < host->image_count; i++)
		if (memcmp(host->images[i]->image.digest, host->running.image.digest, 32) == 0)
			return host->behaviour[i];
	abort();
}

bool fake_host_boot(struct fake_host *host)
{
	ram_flash_power_on(&host->flash);
	host->flash.guard_sectors = 0;
	host->reboot = host->fetching = host->link = false;
	host->now += 1000;
	host->lives++;
	host->running = fake_boot_start(&host->boot);
	return host->running.slot != OTA_SLOT_NONE;
}

void fake_host_core_start(struct fake_host *host)
{
	if (behaviour_of_running(host) == IMAGE_DIES_EARLY) {
		host->reboot = true;
		return;
	}
	config_make(host);
	/* A write to what runs is the one thing that may never happen; the confirm mark behind it is another matter. */
	host->flash.guard_lba = host->config.slot[host->running.slot].lba;
	host->flash.guard_sectors = FAKE_SLOT_SECTORS - 1;
	memset(host->ota, 0xa5, ota_bytes());
	ota_init(host->ota, &host->config, &port, host);
	host->start_result = ota_start(host->ota);
}

bool fake_host_begin(struct fake_host *host)
{
	if (!fake_host_boot(host))
		return false;
	fake_host_core_start(host);
	return true;
}

/* ---- the servers ---- */

/* As the server does it: the same sequence for the same word, signed anew when it gets old or the device has another keyset. */
void fake_host_assign(struct fake_host *host, const uint8_t *digest)
{
	static const uint8_t nothing[32];
	struct ota_assignment *says = &host->assigned.says;
	uint64_t now_s = FAKE_TIME_S + host->now / 1000;
	uint32_t version = ota_keyset_version(host->ota) ? ota_keyset_version(host->ota) : 1;
	bool same = memcmp(says->digest, digest ? digest : nothing, 32) == 0 && host->sequence > 0;

	if (same && now_s < says->issued_s + 1800 && says->keyset_version == version)
		return;
	if (!same)
		host->sequence++;
	fake_assignment_make(&host->assigned, digest, host->sequence);
	says->issued_s = now_s;
	says->expires_s = now_s + 3600;
	says->keyset_version = version;
	fake_assignment_sign(&host->assigned, (const unsigned[]){FAKE_FLEET}, 1);
}

int fake_host_offer(struct fake_host *host, const struct fake_image *image, const char *id)
{
	const struct fake_assignment *assignment = host->assignment ? host->assignment : &host->assigned;
	static const char *const urls[] = {
		"https://0/image.fit", "https://1/image.fit", "https://2/image.fit", "https://3/image.fit"};
	struct ota_job job = {.id = id,
		.version = host->job_version,
		.manifest = image->envelope,
		.manifest_len = image->envelope_len,
		.url_count = host->server_count,
		.retry = host->job_retry,
		.trial_s = host->job_trial_s,
		.reset = host->job_reset};

	if (!host->assignment)
		fake_host_assign(host, image->manifest.digest);
	job.assignment = assignment->envelope;
	job.assignment_len = assignment->len;
	for (size_t i = 0; i < host->server_count; i++)
		job.urls[i] = urls[i];
	host->job = image;
	host->job_id = id;
	host->job_result = ota_on_job(host->ota, &job);
	return host->job_result;
}

void fake_host_connect(struct fake_host *host)
{
	host->link = true;
	ota_on_link(host->ota, true);
	if (host->job && strcmp(host->told_id, host->job_id) != 0)
		(void)fake_host_offer(host, host->job, host->job_id);
}

static void fetch_end(struct fake_host *host, int error)
{
	host->fetching = false;
	ota_on_fetch_end(host->ota, error);
}

static void head_send(struct fake_host *host, const struct fake_server *server)
{
	host->head_sent = true;
	if (server->kind == SERVER_REFUSES) {
		fetch_end(host, -OTA_E_HTTP_STATUS);
		return;
	}
	if (server->kind == SERVER_IGNORES_RANGE)
		host->off = 0;
	ota_on_fetch_start(host->ota, server->kind == SERVER_LIES_RANGE ? host->off + 512 : host->off);
}

static void body_send(struct fake_host *host, const struct fake_server *server, uint64_t most)
{
	const struct fake_image *image = host->job;
	uint64_t left = image->image.bytes > host->off ? image->image.bytes - host->off : 0;
	uint8_t piece[PIECE_BYTES];
	uint64_t len = left < most ? left : most;

	if (server->kind == SERVER_ENDLESS)
		len = most;
	if ((server->kind == SERVER_RESETS || server->kind == SERVER_TRUNCATES) && len > server->limit - host->sent)
		len = server->limit - host->sent;
	if (len == 0) {
		fetch_end(host, server->kind == SERVER_RESETS && left > 0 ? -OTA_E_RESET : 0);
		return;
	}
	memset(piece, 0x55, sizeof(piece));
	memcpy(piece, image->data + host->off, left < len ? left : len);
	if (server->kind == SERVER_FLIPS && server->flip_off >= host->off && server->flip_off < host->off + len)
		piece[server->flip_off - host->off] ^= 0x10;
	host->off += len;
	host->sent += len;
	host->body_bytes += len;
	ota_on_data(host->ota, piece, len);
}

/* True: something happened now. */
static bool server_step(struct fake_host *host)
{
	const struct fake_server *server = &host->servers[host->server];

	if (!host->fetching || server->kind == SERVER_SILENT)
		return false;
	if (!host->head_sent)
		head_send(host, server);
	else if (server->kind != SERVER_TRICKLES)
		body_send(host, server, PIECE_BYTES);
	else
		return false;
	return true;
}

static uint64_t trickle_bytes(const struct fake_server *server)
{
	return server->limit ? server->limit : 1;
}

static bool ack_step(struct fake_host *host)
{
	struct ota_status *last = &host->last_terminal;

	if (!host->link || last->job_version == UINT32_MAX || last->outcome == OTA_RUNNING)
		return false;
	host->told = *last;
	last->job_version = UINT32_MAX; /* told */
	memcpy(host->told_id, last->job_id, sizeof(host->told_id));
	if (host->job && strcmp(last->job_id, host->job_id) == 0)
		host->job_version++;
	ota_on_status_acked(host->ota, last->job_id, host->job_version);
	return true;
}

void fake_host_run(struct fake_host *host, uint64_t ms)
{
	uint64_t end = host->now + ms;

	for (unsigned events = 0; !host->reboot; events++) {
		uint64_t next = ota_deadline_ms(host->ota);

		if (events >= EVENTS_MAX)
			abort(); /* the core spins */
		if (next <= host->now) {
			ota_tick(host->ota);
			continue;
		}
		if (ack_step(host) || server_step(host))
			continue;
		if (host->fetching && host->servers[host->server].kind == SERVER_TRICKLES && next > host->now + 1000)
			next = host->now + 1000;
		if (next >= end) {
			host->now = end;
			return;
		}
		host->now = next;
		if (host->fetching && host->head_sent && host->servers[host->server].kind == SERVER_TRICKLES)
			body_send(host, &host->servers[host->server], trickle_bytes(&host->servers[host->server]));
	}
}

void fake_host_go(struct fake_host *host, uint64_t ms)
{
	enum image_behaviour behaviour = behaviour_of_running(host);

	if (behaviour == IMAGE_DIES_EARLY)
		return;
	if (behaviour == IMAGE_CRASHES) {
		host->crash = OTA_CAUSE_FAULT;
		return;
	}
	if (behaviour != IMAGE_NO_LINK)
		fake_host_connect(host);
	/* In safe mode there is no app that could say so. */
	if (behaviour != IMAGE_NEVER_WELL && host->running.mode != OTA_MODE_SAFE)
		ota_on_health(host->ota, true);
	fake_host_run(host, ms);
}

bool fake_host_live(struct fake_host *host, uint64_t ms)
{
	if (!fake_host_begin(host))
		return false;
	fake_host_go(host, ms);
	return true;
}

bool fake_host_settle(struct fake_host *host, unsigned lives)
{
	for (unsigned i = 0; i < lives; i++) {
		if (!fake_host_live(host, 3600 * 1000))
			return false;
		if (host->terminals > 0 && !host->reboot)
			return true;
	}
	return false;
}
