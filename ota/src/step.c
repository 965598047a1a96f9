/* SPDX-License-Identifier: Apache-2.0 */
/* The update on one screen: each phase, what it is called in reports, what happens on entering it and when it is due. */
#include <inttypes.h>
#include <string.h>

#include "core.h"

static void prepare_run(struct ota *ota);
static void probe_run(struct ota *ota);
static void verify_enter(struct ota *ota);
static void verify_run(struct ota *ota);
static void arm_run(struct ota *ota);
static void reboot_run(struct ota *ota);
static void rest_enter(struct ota *ota);

static const struct step {
	enum ota_step reported;         /* IDLE: the step before stays in the reports */
	void (*enter)(struct ota *ota); /* NULL: run at once */
	void (*run)(struct ota *ota);
} steps[PHASE_COUNT] = {
	/* nothing to do */
	[PHASE_IDLE] = {OTA_STEP_IDLE, rest_enter, NULL},
	/* record: writing; confirm mark zeroed → PROBE */
	[PHASE_PREPARE] = {OTA_STEP_DOWNLOAD, NULL, prepare_run},
	/* chunks that the slot holds already → FETCH, or VERIFY if it holds all */
	[PHASE_PROBE] = {OTA_STEP_DOWNLOAD, NULL, probe_run},
	/* chunk by chunk: digest, write, read back → VERIFY; wrong bytes or disk too often → DONE (failed) */
	[PHASE_FETCH] = {OTA_STEP_DOWNLOAD, fetch_enter, fetch_run},
	/* whole slot read back → ARM, or HELD; chunks that rotted → FETCH; digest wrong → DONE (failed) */
	[PHASE_VERIFY] = {OTA_STEP_VERIFY, verify_enter, verify_run},
	/* nothing, until the job comes again with the release → ARM */
	[PHASE_HELD] = {OTA_STEP_HOLD, rest_enter, NULL},
	/* record: ready; journal: reboot; record: trial → REBOOT */
	[PHASE_ARM] = {OTA_STEP_REBOOT, NULL, arm_run},
	/* reset; the boot loader starts the trial, or after a failed one, the image before */
	[PHASE_REBOOT] = {OTA_STEP_REBOOT, NULL, reboot_run},
	/* healthy → CONFIRM; deadline → record: bad → REBOOT */
	[PHASE_TRIAL] = {OTA_STEP_TRIAL, trial_enter, trial_run},
	/* record: confirmed, active; confirm mark; record: floor → DONE (succeeded) */
	[PHASE_CONFIRM] = {OTA_STEP_CONFIRM, NULL, confirm_run},
	/* until the server acknowledged → IDLE */
	[PHASE_DONE] = {OTA_STEP_IDLE, rest_enter, NULL},
};

void step_enter(struct ota *ota, enum phase phase)
{
	const struct step *step = &steps[phase];
	bool tell = step->reported != OTA_STEP_IDLE && ota->step != step->reported;

	ota->phase = phase;
	ota->due_ms = now_ms(ota);
	if (step->reported != OTA_STEP_IDLE)
		ota->step = step->reported;
	if (phase == PHASE_IDLE)
		ota->step = OTA_STEP_IDLE;
	if (step->enter)
		step->enter(ota);
	if (tell)
		status_give(ota);
}

void step_run(struct ota *ota)
{
	if (steps[ota->phase].run)
		steps[ota->phase].run(ota);
}

void step_storage_failed(struct ota *ota, int error)
{
	ota->error = error;
	ota_log(ota, OTA_LOG_ERR, "ota: storage step=%s err=%s", ota_step_name(ota->step), ota_err_name(error));
	if (++ota->io_errors >= IO_ERRORS_MAX)
		job_end(ota, OTA_FAILED, error);
	else
		ota->due_ms = now_ms(ota) + RETRY_BASE_MS;
}

static void rest_enter(struct ota *ota)
{
	ota->due_ms = NEVER;
}

static void prepare_run(struct ota *ota)
{
	int error = slot_begin(ota);

	if (error) {
		step_storage_failed(ota, error);
		return;
	}
	ota->port->report(ota->ctx);
	step_enter(ota, PHASE_PROBE);
}

/*
 * A cut loses the note of chunks that are in the slot, never more than a few; an image that was here before is here in full. So: from
 * the first chunk that is not noted, as far as the slot holds what the manifest names.
 */
static void probe_run(struct ota *ota)
{
	uint32_t index = chunk_first_missing(ota);
	int error;

	if (index == ota->manifest.chunk_count) {
		step_enter(ota, PHASE_VERIFY);
		return;
	}
	error = slot_chunk_read(ota, index);
	if (error) {
		step_storage_failed(ota, error);
		return;
	}
	if (slot_chunk_matches(ota, index)) {
		chunk_set_done(ota, index, true);
		return;
	}
	ota_log(ota, OTA_LOG_INFO, "ota: fetch.plan first=%" PRIu32 " chunks=%" PRIu32, index,
		ota->manifest.chunk_count);
	step_enter(ota, PHASE_FETCH);
}

static void verify_enter(struct ota *ota)
{
	ota->verify.next = 0;
	ota_sha256_begin(&ota->verify.whole);
}

static int verify_chunk(struct ota *ota)
{
	uint32_t index = ota->verify.next;
	int error = index == 0 ? ota->port->blk_flush(ota->ctx) : 0;

	if (!error)
		error = slot_chunk_read(ota, index);
	if (error)
		return error;
	ota_sha256_add(&ota->verify.whole, ota->chunk, ota_manifest_chunk_len(&ota->manifest, index));
	if (!slot_chunk_matches(ota, index))
		chunk_set_done(ota, index, false);
	ota->verify.next++;
	return 0;
}

/* The bytes that the boot loader will read, not those that were sent. */
static void verify_finish(struct ota *ota)
{
	uint8_t digest[OTA_SHA256_BYTES];

	ota_sha256_end(&ota->verify.whole, digest);
	if (memcmp(digest, ota->manifest.digest, sizeof(digest)) == 0) {
		step_enter(ota, ota->journal.hold ? PHASE_HELD : PHASE_ARM);
		return;
	}
	if (chunk_first_missing(ota) == ota->manifest.chunk_count) {
		job_end(ota, OTA_FAILED,
			-OTA_E_DIGEST); /* every chunk is right and the whole is not: the manifest contradicts itself */
		return;
	}
	step_storage_failed(ota, -OTA_E_READBACK);
	if (ota->phase == PHASE_VERIFY)
		step_enter(ota, PHASE_FETCH);
}

static void verify_run(struct ota *ota)
{
	int error = verify_chunk(ota);

	if (error) {
		step_storage_failed(ota, error);
		return;
	}
	if (ota->verify.next == ota->manifest.chunk_count)
		verify_finish(ota);
}

static int ready_commit(struct ota *ota)
{
	struct ota_bootrec next = ota->record;

	if (ota_bootrec_ready(&next, (enum ota_slot)slot_target(ota)) != 0)
		return 0; /* it is, from a try before */
	return record_commit(ota, &next);
}

static int journal_armed(struct ota *ota)
{
	ota->journal.step = OTA_STEP_REBOOT;
	ota->journal.reboots = 0;
	return journal_commit(ota);
}

/*
 * The journal names the reset before the record arms it: a cut in between is found at the next start as a slot that is ready, and
 * verified again. The other way round, a trial could start that no job knows of.
 */
static void arm_run(struct ota *ota)
{
	struct ota_bootrec next;
	int error;

	if (!trust_assigns(ota, ota->manifest.digest)) {
		ota_log(ota, OTA_LOG_WARN, "ota: job.unassigned id=%s", ota->journal.job_id);
		job_forget(
			ota); /* the keyset changed meanwhile, or something else was assigned: the server will offer what it wants */
		return;
	}
	error = ready_commit(ota);
	if (!error)
		error = journal_armed(ota);
	next = ota->record;
	if (!error && ota_bootrec_arm_trial(&next, (enum ota_slot)slot_target(ota)) != 0) {
		error = policy_check(ota->config, &ota->record, &ota->manifest, false);
		job_end(ota, OTA_FAILED, error ? error : -OTA_E_RECORD);
		return;
	}
	if (!error)
		error = record_commit(ota, &next);
	if (error) {
		step_storage_failed(ota, error);
		return;
	}
	ota_log(ota, OTA_LOG_INFO, "ota: trial.armed slot=%c tries=%u", slot_letter(slot_target(ota)),
		OTA_BOOTREC_TRIES);
	ota->port->report(ota->ctx);
	step_enter(ota, PHASE_REBOOT);
}

static void reboot_run(struct ota *ota)
{
	if (journal_has_job(ota) && ota->journal.step == OTA_STEP_REBOOT) {
		ota->journal.reboots++;
		(void)!journal_commit(ota);
	}
	ota->due_ms = now_ms(ota) + REBOOT_AGAIN_MS;
	ota->port->reboot(ota->ctx);
}
