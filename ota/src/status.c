/* SPDX-License-Identifier: Apache-2.0 */
/* What the host tells the server (SPEC §8). */
#include <string.h>

#include "core.h"

const char *ota_step_name(enum ota_step step)
{
	static const char *const names[] = {
		[OTA_STEP_IDLE] = "idle",
		[OTA_STEP_MANIFEST] = "manifest",
		[OTA_STEP_DOWNLOAD] = "download",
		[OTA_STEP_VERIFY] = "verify",
		[OTA_STEP_REBOOT] = "reboot",
		[OTA_STEP_TRIAL] = "trial",
		[OTA_STEP_CONFIRM] = "confirm",
		[OTA_STEP_HOLD] = "hold",
	};

	return (size_t)step < sizeof(names) / sizeof(names[0]) ? names[step] : "unknown";
}

static uint64_t bytes_in_slot(const struct ota *ota)
{
	uint64_t bytes = ota->fetch.fill;

	for (uint32_t i = 0; i < ota->manifest.chunk_count; i++)
		if (chunk_is_done(ota, i))
			bytes += ota_manifest_chunk_len(&ota->manifest, i);
	return bytes;
}

static void manifest_fill(struct ota_status *status, const struct ota_manifest *manifest)
{
	status->total = manifest->image_bytes;
	memcpy(status->version, manifest->version, sizeof(status->version));
	memcpy(status->digest, manifest->digest, sizeof(status->digest));
}

void ota_status_get(const struct ota *ota, struct ota_status *status)
{
	memset(status, 0, sizeof(*status));
	status->slot = OTA_SLOT_NONE;
	if (!journal_has_job(ota))
		return;
	memcpy(status->job_id, ota->journal.job_id, sizeof(status->job_id));
	status->job_version = ota->journal.job_version;
	status->outcome = (enum ota_outcome)ota->journal.outcome;
	status->step = ota->step;
	manifest_fill(status, &ota->manifest);
	memcpy(status->digest, ota->journal.digest, sizeof(status->digest));
	status->bytes = bytes_in_slot(ota);
	status->net_bytes = ota->journal.net_bytes;
	status->slot = ota->journal.slot;
	status->error = status->outcome == OTA_RUNNING ? ota->error : ota->journal.error;
	status->cause = (enum ota_cause)ota->journal.cause;
	status->rolled_back = ota->journal.rolled_back;
}

void status_give(struct ota *ota)
{
	struct ota_status status;

	if (!journal_has_job(ota))
		return;
	ota_status_get(ota, &status);
	ota->status_ms = now_ms(ota);
	ota->port->status(ota->ctx, &status);
}

void status_progress(struct ota *ota)
{
	if (now_ms(ota) - ota->status_ms >= STATUS_EVERY_MS)
		status_give(ota);
}

void status_answer(struct ota *ota, const struct ota_job *job, const struct ota_manifest *manifest, int error)
{
	struct ota_status status = {.job_version = job->version, .slot = OTA_SLOT_NONE, .error = error};

	memcpy(status.job_id, job->id, strlen(job->id) + 1);
	if (manifest)
		manifest_fill(&status, manifest);
	status.outcome = error ? OTA_REJECTED : OTA_SUCCEEDED;
	status.step = error ? OTA_STEP_MANIFEST : OTA_STEP_CONFIRM;
	status.bytes = error ? 0 : status.total;
	if (error == -OTA_E_FAILED_BEFORE)
		for (size_t i = 0; i < OTA_BOOTREC_FAILED; i++)
			if (memcmp(ota->record.failed[i].digest, status.digest, sizeof(status.digest)) == 0)
				status.cause = (enum ota_cause)ota->record.failed[i].cause;
	ota->port->status(ota->ctx, &status);
}
