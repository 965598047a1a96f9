/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the core that are no more than that; those of the download are in fetch.c. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "core.h"

static_assert(
	OTA_CHUNK_BYTES_MAX == OTA_MANIFEST_CHUNK_MAX, "the manifest allows chunks that the core has no room for");
static_assert(OTA_URL_MAX * OTA_URLS_MAX % SECTOR_BYTES == 0, "the bank's parts begin at sectors");

size_t ota_bytes(void)
{
	return sizeof(struct ota);
}

void ota_init(struct ota *ota, const struct ota_config *config, const struct ota_port *port, void *ctx)
{
	memset(ota, 0, sizeof(*ota));
	ota->config = config;
	ota->port = port;
	ota->ctx = ctx;
	ota->due_ms = ota->settle_ms = ota->leave_ms = NEVER;
	ota_bootrec_init(&ota->record);
}

static bool slots_usable(const struct ota_config *config)
{
	return config->running_slot < OTA_BOOTREC_SLOTS && config->slot[0].sectors > 1 && config->slot[1].sectors > 1 &&
	       config->state.sectors >= journal_sectors() && config->trust.sectors >= trust_sectors();
}

/*
 * The boot loader could not read the record and did not know of the floor. Whoever stayed would confirm a downgrade, or overwrite the only
 * image that may start. Not at once: nothing but the boot loader's retries would pace it.
 */
static void too_old_leave(struct ota *ota)
{
	ota_log(ota, OTA_LOG_ERR, "ota: running.old counter=%" PRIu32 " floor=%" PRIu32, ota->config->running.counter,
		ota->record.min_counter);
	step_enter(ota, PHASE_REBOOT);
	ota->due_ms = now_ms(ota) + TOO_OLD_MS;
}

static int core_resume(struct ota *ota)
{
	int error = record_load(ota);

	if (!ota->record_known) {
		ota->settle_ms = now_ms(ota) + RECORD_AGAIN_MS;
		return error;
	}
	ota->settle_ms = NEVER;
	if (journal_load(ota) != 0)
		ota_log(ota, OTA_LOG_INFO, "ota: journal empty=yes");
	if (ota->config->running.counter < ota->record.min_counter) {
		too_old_leave(ota);
	} else {
		job_resume(ota);
		safe_enter(ota);
	}
	ota->port->report(ota->ctx);
	return error;
}

int ota_start(struct ota *ota)
{
	int error, trust_error;

	ota->has_slots = slots_usable(ota->config);
	if (!ota->has_slots)
		return -OTA_E_NO_SLOTS;
	ota->started_ms = now_ms(ota);
	trust_error = trust_load(ota);
	error = core_resume(ota);
	return error ? error : trust_error;
}

/* What was heard meanwhile of app and broker counts. */
static void resume_again(struct ota *ota)
{
	if (core_resume(ota) != 0 && !ota->record_known)
		return;
	health_settle(ota);
}

int ota_on_job(struct ota *ota, const struct ota_job *job)
{
	return job_offer(ota, job);
}

int ota_on_cancel(struct ota *ota, const char *id)
{
	return job_withdraw(ota, id);
}

void ota_on_link(struct ota *ota, bool up)
{
	ota->link = up;
	ota->link_seen |= up;
	fetch_wake(ota);
	health_settle(ota);
}

void ota_on_health(struct ota *ota, bool well)
{
	if (well && !ota->well)
		ota->well_ms = now_ms(ota);
	ota->well = well;
	health_settle(ota);
}

void ota_on_status_acked(struct ota *ota, const char *id, uint32_t version)
{
	if (!journal_has_job(ota) || strcmp(ota->journal.job_id, id) != 0)
		return;
	if (version > 0)
		ota->journal.job_version = version;
	if (ota->journal.outcome != OTA_RUNNING)
		job_forget(ota);
}

void ota_tick(struct ota *ota)
{
	if (ota->fetch.stop) {
		ota->fetch.stop = false;
		ota->port->fetch_stop(ota->ctx);
	}
	if (now_ms(ota) >= ota->settle_ms && ota->has_slots && !ota->record_known)
		resume_again(ota);
	else if (now_ms(ota) >= ota->settle_ms)
		health_settle(ota);
	if (now_ms(ota) >= ota->leave_ms)
		safe_leave(ota);
	if (now_ms(ota) >= ota->due_ms)
		step_run(ota);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t ota_deadline_ms(const struct ota *ota)
{
	if (ota->fetch.stop)
		return 0;
	return earlier(ota->leave_ms, earlier(ota->due_ms, ota->settle_ms));
}

const struct ota_bootrec *ota_record(const struct ota *ota)
{
	return &ota->record;
}
