/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a start: what did the last one leave? The journal says what was wanted, the boot record and the digest that
 * runs say what is. Where they differ, what runs is right.
 */
#include <string.h>

#include "core.h"

static bool digest_is(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, OTA_SHA256_BYTES) == 0;
}

/* The job's addresses and manifest, believed no more than when they came. */
static int manifest_load(struct ota *ota)
{
	int error = journal_bank_read(ota);

	if (!error)
		error = job_manifest_read(ota, ota->bank.envelope, ota->journal.envelope_len, &ota->manifest);
	if (!error && !digest_is(ota->manifest.digest, ota->journal.digest))
		error = -OTA_E_JOURNAL;
	if (error) {
		memset(&ota->manifest, 0, sizeof(ota->manifest));
		ota_log(ota, OTA_LOG_WARN, "ota: journal.bank err=%s", ota_err_name(error));
	}
	return error;
}

static uint8_t failed_cause(const struct ota *ota, const uint8_t *digest)
{
	for (size_t i = 0; i < OTA_BOOTREC_FAILED; i++)
		if (digest_is(ota->record.failed[i].digest, digest))
			return ota->record.failed[i].cause;
	if (ota->record.slot[ota->journal.slot].cause != OTA_CAUSE_NONE)
		return ota->record.slot[ota->journal.slot].cause;
	return OTA_CAUSE_TRIES_EXHAUSTED; /* a last resort: no trial, but as many starts */
}

/* The image was tried, and another one runs. Who panicked before this start was that image. */
static void rolled_back(struct ota *ota)
{
	struct ota_bootrec next = ota->record;

	if (ota->config->crash_cause != OTA_CAUSE_NONE &&
		ota_bootrec_name_cause(&next, ota->journal.digest, ota->config->crash_cause))
		(void)!record_commit(ota, &next);
	ota->journal.rolled_back = 1;
	ota->journal.cause = failed_cause(ota, ota->journal.digest);
	ota_log(ota, OTA_LOG_ERR, "ota: rolled-back job=%s cause=%s", ota->journal.job_id,
		ota_cause_name(ota->journal.cause));
	ota->step = OTA_STEP_TRIAL;
	job_end(ota, OTA_FAILED, -OTA_E_ROLLED_BACK);
}

static bool entry_is_job(const struct ota *ota, const struct ota_bootrec_slot *entry)
{
	return entry->state != OTA_SLOT_EMPTY && digest_is(entry->image.digest, ota->journal.digest);
}

/* The boot loader did not start the armed image, though it says nothing against it: once more, but not for ever. */
static void armed_again(struct ota *ota)
{
	struct ota_bootrec next = ota->record;

	if (ota->journal.reboots < REBOOTS_MAX) {
		step_enter(ota, PHASE_REBOOT);
		return;
	}
	if (ota_bootrec_mark_bad(&next, (enum ota_slot)ota->journal.slot, OTA_CAUSE_RECORD_UNWRITABLE) == 0)
		(void)!record_commit(ota, &next);
	job_end(ota, OTA_FAILED, -OTA_E_RECORD);
}

static void download_resume(struct ota *ota, int manifest_error)
{
	int error;

	if (manifest_error == -OTA_E_IO || manifest_error == -OTA_E_JOURNAL || manifest_error == -OTA_E_KEYSET ||
		(!manifest_error && !trust_assigns(ota, ota->manifest.digest))) {
		job_forget(ota); /* the server will offer it again */
		return;
	}
	error = manifest_error ? manifest_error : policy_check(ota->config, &ota->record, &ota->manifest, false);
	if (error)
		job_end(ota, OTA_REJECTED, error);
	else
		step_enter(ota, PHASE_PREPARE);
}

/* Another image than the job's runs. */
static void other_runs(struct ota *ota, int manifest_error)
{
	const struct ota_bootrec_slot *entry = &ota->record.slot[ota->journal.slot];
	bool was_armed = ota->journal.step != OTA_STEP_DOWNLOAD;

	if (!was_armed)
		download_resume(ota, manifest_error);
	else if (ota_bootrec_has_failed(&ota->record, ota->journal.digest))
		rolled_back(ota);
	else if (entry_is_job(ota, entry) && (entry->state == OTA_SLOT_BAD || entry->state == OTA_SLOT_CONFIRMED))
		rolled_back(ota);
	else if (entry_is_job(ota, entry) && entry->state == OTA_SLOT_TRIAL)
		armed_again(ota);
	else
		download_resume(ota, manifest_error); /* cut between the two commits, or the record was rebuilt */
}

/* The job's image runs. */
static void target_runs(struct ota *ota)
{
	if (record_is_confirmed(ota))
		step_enter(ota, PHASE_CONFIRM); /* a cut came before the end of it */
	else if (record_is_unsettled(ota))
		step_enter(ota, PHASE_TRIAL);
	else
		rolled_back(ota); /* it failed, and was started all the same because nothing else can be */
}

/* The trial that ended with a panic is the one that runs again: its cause is known now, before the tries are used up. */
static void crash_note(struct ota *ota)
{
	struct ota_bootrec next = ota->record;

	if (ota->config->crash_cause == OTA_CAUSE_NONE || !record_is_trial(ota))
		return;
	if (ota_bootrec_name_cause(&next, ota->config->running.digest, ota->config->crash_cause))
		(void)!record_commit(ota, &next);
}

void job_resume(struct ota *ota)
{
	int manifest_error = journal_has_job(ota) ? manifest_load(ota) : 0;

	crash_note(ota);
	if (journal_has_job(ota) && ota->journal.outcome != OTA_RUNNING) {
		ota->step = (enum ota_step)ota->journal.step;
		step_enter(ota, PHASE_DONE);
		status_give(ota);
	} else if (job_is_running_image(ota)) {
		target_runs(ota);
		return;
	} else if (journal_has_job(ota) && !record_is_trial(ota)) {
		other_runs(ota, manifest_error);
	}
	if (record_is_unsettled(ota) && ota->phase != PHASE_REBOOT) {
		if (journal_has_job(ota) && ota->journal.outcome == OTA_RUNNING)
			job_forget(ota); /* of before this image was armed */
		step_enter(ota, PHASE_TRIAL);
	}
}
