/* SPDX-License-Identifier: Apache-2.0 */
/* A job: taken or refused, ended, withdrawn. */
#include <string.h>

#include "core.h"

int job_manifest_read(struct ota *ota, const uint8_t *envelope, size_t len, struct ota_manifest *manifest)
{
	struct ota_envelope parts;
	int error = trust_ready(ota);

	if (!error)
		error = ota_envelope_open(envelope, len, &parts);
	if (error)
		return error;
	if (ota_envelope_verify(&parts, &ota->trust.keyset.release) != OTA_ACCEPTED)
		return -OTA_E_SIG;
	return ota_manifest_parse(parts.manifest, parts.manifest_len, manifest);
}

bool job_is_running_image(const struct ota *ota)
{
	return journal_has_job(ota) && ota->journal.outcome == OTA_RUNNING &&
	       memcmp(ota->journal.digest, ota->config->running.digest, sizeof(ota->journal.digest)) == 0;
}

static bool id_is(const struct ota *ota, const char *id)
{
	return journal_has_job(ota) && strcmp(ota->journal.job_id, id) == 0;
}

static const char *url_at(const struct ota_job *job, size_t index)
{
	return index < job->url_count ? job->urls[index] : "";
}

static bool job_is_same(const struct ota *ota, const struct ota_job *job)
{
	if (!id_is(ota, job->id) || ota->journal.envelope_len != job->manifest_len ||
		memcmp(ota->bank.envelope, job->manifest, job->manifest_len) != 0)
		return false;
	for (size_t i = 0; i < OTA_URLS_MAX; i++)
		if (strcmp(ota->bank.urls[i], url_at(job, i)) != 0)
			return false;
	return true;
}

static int job_assign(struct ota *ota, const struct ota_job *job, const uint8_t digest[32])
{
	const struct trust_told told = {job->assignment, job->assignment_len, job->nonce, job->nonce_len};
	int error = trust_assign(ota, &told, digest);

	if (error)
		ota_log(ota, OTA_LOG_WARN, "ota: assignment.refuse id=%s err=%s", job->id, ota_err_name(error));
	return error;
}

/*
 * The release is of this moment, and not noted: a cut before the trial is armed leaves a job that holds again, whenever the power comes back.
 */
static void job_release(struct ota *ota)
{
	ota_log(ota, OTA_LOG_INFO, "ota: job.release id=%s", ota->journal.job_id);
	step_enter(ota, PHASE_ARM);
}

/*
 * A known job again: the server's version may be new, and it may not have heard our last word. Its assignment may be newer, too; one that is
 * refused takes nothing from the job, which stands on the one that it came with; but it brings no release either.
 */
static int job_again(struct ota *ota, const struct ota_job *job)
{
	bool assigned = ota->journal.outcome == OTA_RUNNING && job_assign(ota, job, ota->journal.digest) == 0;

	ota->journal.job_version = job->version;
	if (assigned && ota->phase == PHASE_HELD && job->reset == OTA_RESET_NOW)
		job_release(ota);
	else
		status_give(ota);
	return 0;
}

static bool is_armed(const struct ota *ota)
{
	return ota->phase == PHASE_ARM || ota->phase == PHASE_REBOOT;
}

static int urls_check(const struct ota_job *job)
{
	if (job->url_count == 0 || job->url_count > OTA_URLS_MAX)
		return -OTA_E_URL;
	for (size_t i = 0; i < job->url_count; i++)
		if (!job->urls[i] || job->urls[i][0] == '\0' || strlen(job->urls[i]) >= OTA_URL_MAX)
			return -OTA_E_URL;
	return 0;
}

static void bank_fill(struct ota *ota, const struct ota_job *job)
{
	memset(&ota->bank, 0, sizeof(ota->bank));
	for (size_t i = 0; i < job->url_count; i++)
		memcpy(ota->bank.urls[i], job->urls[i], strlen(job->urls[i]) + 1);
	memcpy(ota->bank.envelope, job->manifest, job->manifest_len);
}

/* The same image under a new job, or from other servers: what is in the slot stays, what was counted for the same job goes on. */
static void journal_fill(
	struct ota *ota, const struct ota_job *job, const struct ota_manifest *manifest, const struct journal *before)
{
	struct journal *journal = &ota->journal;
	bool same_image = memcmp(before->digest, manifest->digest, sizeof(before->digest)) == 0;

	if (same_image && strcmp(before->job_id, job->id) == 0)
		journal->net_bytes = before->net_bytes;
	memcpy(journal->job_id, job->id, strlen(job->id) + 1);
	journal->job_version = job->version;
	journal->trial_s = job->trial_s;
	journal->hold = job->reset != OTA_RESET_AT_ONCE;
	journal->outcome = OTA_RUNNING;
	journal->step = OTA_STEP_DOWNLOAD;
	journal->slot = slot_target(ota);
	memcpy(journal->digest, manifest->digest, sizeof(journal->digest));
	journal->envelope_len = (uint32_t)job->manifest_len;
}

/* The bank, then the journal that names it: in between the old journal does not match the bank, and its CRC says so. */
static int journal_replace(struct ota *ota, const struct ota_job *job, const struct ota_manifest *manifest)
{
	struct journal before = ota->journal;
	int error;

	memset(&ota->journal, 0, sizeof(ota->journal));
	ota->journal.seq = before.seq;
	bank_fill(ota, job);
	journal_fill(ota, job, manifest, &before);
	error = journal_bank_write(ota);
	if (!error)
		error = journal_commit(ota);
	if (error)
		job_forget(ota);
	return error;
}

static int job_take(struct ota *ota, const struct ota_job *job, const struct ota_manifest *manifest, enum phase phase)
{
	struct ota_bootrec next = ota->record;
	char text[DIGEST_TEXT];
	int error;

	fetch_drop(ota);
	if (job->retry && ota_bootrec_forget_failed(&next, manifest->digest)) {
		error = record_commit(ota, &next);
		if (error)
			return error;
	}
	error = journal_replace(ota, job, manifest);
	if (error)
		return error;
	ota->manifest = *manifest;
	ota->manifest.chunk_digests = ota->bank.envelope + (manifest->chunk_digests - job->manifest);
	if (phase == PHASE_TRIAL)
		ota->journal.slot = ota->config->running_slot;
	ota->error = 0;
	ota->io_errors = 0;
	ota->fetch.fill = 0;
	ota_log(ota, OTA_LOG_INFO, "ota: job.take id=%s digest=%s slot=%c", job->id,
		digest_text(manifest->digest, text), slot_letter(ota->journal.slot));
	ota->step = OTA_STEP_MANIFEST;
	status_give(ota);
	step_enter(ota, phase);
	return 0;
}

static int job_refuse(struct ota *ota, const struct ota_job *job, const struct ota_manifest *manifest, int error)
{
	ota_log(ota, OTA_LOG_WARN, "ota: job.refuse id=%s err=%s", job->id, ota_err_name(error));
	status_answer(ota, job, manifest, error);
	return error;
}

/* The boot loader took to this image because the active one kept dying, and the operator wants it too. */
static int running_activate(struct ota *ota)
{
	struct ota_bootrec_slot *entry = record_running(&ota->record, ota->config);
	int error;

	if (!entry || entry->state != OTA_SLOT_CONFIRMED)
		return -OTA_E_SAME;
	error = health_confirm(ota);
	/* The record decides; a mark that could not be written is made up for when the image settles, now or at its next start. */
	if (error && record_is_confirmed(ota))
		ota->settled = false;
	return record_is_confirmed(ota) ? 0 : error;
}

/* The image that the job wants is the one that runs: done, or nearly. */
static int job_for_running(struct ota *ota, const struct ota_job *job, const struct ota_manifest *manifest)
{
	int error = 0;

	if (ota->phase == PHASE_TRIAL)
		return job_take(ota, job, manifest, PHASE_TRIAL);
	if (ota->phase == PHASE_CONFIRM)
		return -OTA_E_TRIAL;
	if (!record_is_confirmed(ota))
		error = running_activate(ota);
	if (error == -OTA_E_SAME)
		return job_refuse(ota, job, manifest, error);
	if (error)
		return error;
	ota_log(ota, OTA_LOG_INFO, "ota: job.done id=%s runs=yes", job->id);
	status_answer(ota, job, manifest, 0);
	return 0;
}

/* The running image is confirmed before another is taken; one that nobody put on trial and that never gets well only has so long. */
static bool is_settling(const struct ota *ota)
{
	if (ota->phase == PHASE_CONFIRM || record_is_trial(ota))
		return true;
	return record_is_unsettled(ota) && now_ms(ota) < ota->trial_deadline_ms;
}

/*
 * The server has not heard how it ended, and its bank may have been lost meanwhile: the end stands. To judge it anew would refuse what failed
 * in this very job as something that failed before.
 */
static bool job_has_ended(const struct ota *ota, const struct ota_job *job, const struct ota_manifest *manifest)
{
	return id_is(ota, job->id) && ota->journal.outcome != OTA_RUNNING && !job->retry &&
	       memcmp(ota->journal.digest, manifest->digest, sizeof(manifest->digest)) == 0;
}

int job_offer(struct ota *ota, const struct ota_job *job)
{
	struct ota_manifest manifest;
	int error;

	if (!job->id || job->id[0] == '\0' || strlen(job->id) >= OTA_JOB_ID_MAX)
		return -OTA_E_JOB;
	if (!ota->has_slots)
		return job_refuse(ota, job, NULL, -OTA_E_NO_SLOTS);
	if (!ota->record_known)
		return -OTA_E_IO;
	if (job_is_same(ota, job) && (ota->journal.outcome == OTA_RUNNING || !job->retry))
		return job_again(ota, job);
	error = urls_check(job);
	if (!error)
		error = job_manifest_read(ota, job->manifest, job->manifest_len, &manifest);
	if (error == -OTA_E_IO)
		return error;
	if (error)
		return job_refuse(ota, job, NULL, error);
	if (job_has_ended(ota, job, &manifest))
		return job_again(ota, job);
	error = job_assign(ota, job, manifest.digest);
	if (error == -OTA_E_IO || error == -OTA_E_KEYSET_VERSION)
		return error;
	if (error)
		return job_refuse(ota, job, &manifest, error);
	error = policy_check(ota->config, &ota->record, &manifest, job->retry);
	if (error == -OTA_E_SAME)
		return job_for_running(ota, job, &manifest);
	if (error)
		return job_refuse(ota, job, &manifest, error);
	if (is_settling(ota))
		return -OTA_E_TRIAL;
	if (is_armed(ota))
		return -OTA_E_BUSY;
	return job_take(ota, job, &manifest, PHASE_PREPARE);
}

void job_end(struct ota *ota, enum ota_outcome outcome, int error)
{
	fetch_drop(ota);
	ota->journal.outcome = (uint8_t)outcome;
	ota->journal.error = error;
	/* Not durable: the same end is reached again after a reset. */
	(void)!journal_commit(ota);
	ota_log(ota, outcome == OTA_SUCCEEDED ? OTA_LOG_INFO : OTA_LOG_ERR, "ota: job.end id=%s outcome=%s err=%s",
		ota->journal.job_id,
		outcome == OTA_SUCCEEDED ? "succeeded"
		: outcome == OTA_FAILED  ? "failed"
					 : "rejected",
		ota_err_name(error));
	step_enter(ota, PHASE_DONE);
	status_give(ota);
}

void job_forget(struct ota *ota)
{
	uint64_t seq = ota->journal.seq;

	fetch_drop(ota);
	memset(&ota->journal, 0, sizeof(ota->journal));
	memset(&ota->manifest, 0, sizeof(ota->manifest));
	ota->journal.seq = seq;
	(void)!journal_commit(ota); /* not durable: the job is found again, and settled as it stands then */
	if (ota->phase != PHASE_TRIAL && ota->phase != PHASE_CONFIRM && ota->phase != PHASE_REBOOT)
		step_enter(ota, PHASE_IDLE);
}

int job_withdraw(struct ota *ota, const char *id)
{
	if (!journal_has_job(ota) || (id && !id_is(ota, id)))
		return -OTA_E_JOB;
	if (is_armed(ota))
		return -OTA_E_BUSY;
	if (ota->phase == PHASE_TRIAL || ota->phase == PHASE_CONFIRM)
		return -OTA_E_TRIAL;
	ota_log(ota, OTA_LOG_INFO, "ota: job.withdrawn id=%s", ota->journal.job_id);
	if (id && ota->phase != PHASE_DONE)
		job_end(ota, OTA_FAILED, -OTA_E_CANCELLED);
	else
		job_forget(ota);
	return 0;
}

/* Until it is armed. What is on trial or confirmed was accepted, and stays: to take it back is another job. */
void job_recheck(struct ota *ota)
{
	struct ota_manifest manifest;
	int error;

	if (ota->phase < PHASE_PREPARE || ota->phase > PHASE_ARM)
		return;
	error = job_manifest_read(ota, ota->bank.envelope, ota->journal.envelope_len, &manifest);
	if (error)
		job_end(ota, OTA_REJECTED, error);
}
