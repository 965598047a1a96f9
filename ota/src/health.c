/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trial and confirm (SPEC §10). An image is confirmed when its app said well and the broker was reached at least once in this start;
 * whether a report could be delivered decides nothing.
 */
#include <inttypes.h>

#include "core.h"

enum { DEFAULT_TRIAL_S = 120, SETTLE_AGAIN_MS = 10 * 1000, PROOF_MS = 60 * 1000, WELL_FOR_MS = 3000 };

static uint32_t trial_s(const struct ota *ota)
{
	if (job_is_running_image(ota) && ota->journal.trial_s)
		return ota->journal.trial_s;
	return ota->config->default_trial_s ? ota->config->default_trial_s : DEFAULT_TRIAL_S;
}

static bool trial_is_well(const struct ota *ota)
{
	return ota->well && ota->link_seen;
}

/* An app that says well and dies on the spot must not be confirmed in between: it has to stay well for a moment. */
static uint64_t trial_due_ms(const struct ota *ota)
{
	if (trial_is_well(ota))
		return ota->well_ms + WELL_FOR_MS;
	return record_is_trial(ota) ? ota->trial_deadline_ms : NEVER;
}

/*
 * An image that was started as a last resort, not on trial, is not given up: there may be nothing to go back to. Its deadline is only
 * the time that it has to be confirmed before another image may be installed beside it. A trial is entered again when a job takes it
 * over, and may be well by then.
 */
void trial_enter(struct ota *ota)
{
	ota->trial_deadline_ms = ota->started_ms + (uint64_t)trial_s(ota) * 1000;
	ota->due_ms = trial_due_ms(ota);
	if (record_is_trial(ota)) {
		ota_log(ota, OTA_LOG_INFO, "ota: trial.start slot=%c seconds=%" PRIu32,
			slot_letter(ota->config->running_slot), trial_s(ota));
	}
	if (job_is_running_image(ota) && ota->journal.step != OTA_STEP_TRIAL) {
		ota->journal.step = OTA_STEP_TRIAL;
		(void)!journal_commit(ota); /* the boot record alone would do: the digest that runs is the job's */
	}
}

/* If the record cannot be written the boot loader still takes a try with every start. */
static void trial_give_up(struct ota *ota)
{
	enum ota_cause cause = ota->well ? OTA_CAUSE_LINK_TIMEOUT : OTA_CAUSE_HEALTH_TIMEOUT;
	struct ota_bootrec next = ota->record;

	ota_log(ota, OTA_LOG_ERR, "ota: trial.fail slot=%c cause=%s", slot_letter(ota->config->running_slot),
		ota_cause_name(cause));
	if (ota_bootrec_mark_bad(&next, (enum ota_slot)ota->config->running_slot, cause) == 0)
		(void)!record_commit(ota, &next);
	step_enter(ota, PHASE_REBOOT);
}

void trial_run(struct ota *ota)
{
	ota->due_ms = trial_due_ms(ota);
	if (now_ms(ota) < ota->due_ms)
		return;
	if (trial_is_well(ota))
		step_enter(ota, PHASE_CONFIRM);
	else
		trial_give_up(ota);
}

static int floor_raise(struct ota *ota)
{
	struct ota_bootrec next = ota->record;

	return ota_bootrec_raise_counter(&next) ? record_commit(ota, &next) : 0;
}

/*
 * Make the running image the one that stays. First the record: from then on the boot loader takes this image for good. Then the
 * mark in the slot, which says the same should the record be lost. The floor comes last, when nothing older is needed any more.
 * Each part is left out when it is there already, so a cut between them is mended by doing it again. The image is noted as the boot
 * loader verified it: a floor above its own counter, out of a manifest, would shut it out for good.
 */
int health_confirm(struct ota *ota)
{
	uint8_t slot = ota->config->running_slot;
	struct ota_bootrec next = ota->record;
	int error = 0;

	if (!record_is_confirmed(ota)) {
		ota_bootrec_confirm(&next, (enum ota_slot)slot, &ota->config->running);
		error = record_commit(ota, &next);
		if (error)
			return error;
		ota_log(ota, OTA_LOG_INFO, "ota: confirm slot=%c", slot_letter(slot));
	}
	if (!slot_mark_is_current(ota, slot))
		error = slot_mark_write(ota, slot);
	return error ? error : floor_raise(ota);
}

void confirm_run(struct ota *ota)
{
	int error = health_confirm(ota);

	if (error) {
		ota_log(ota, OTA_LOG_ERR, "ota: confirm err=%s", ota_err_name(error));
		ota->error = error;
		if (!record_is_confirmed(ota) || ++ota->io_errors < IO_ERRORS_MAX) {
			ota->due_ms = now_ms(ota) + RETRY_BASE_MS;
			return;
		}
		/* It is confirmed without its mark: a device that waited for a worn sector could never be updated again. */
		(void)!floor_raise(ota);
		ota->settled = ota->record.starts == 0;
	}
	ota->port->report(ota->ctx);
	if (job_is_running_image(ota))
		job_end(ota, OTA_SUCCEEDED, 0);
	else
		step_enter(ota, journal_has_job(ota) ? PHASE_DONE : PHASE_IDLE);
	/* One that was confirmed in an earlier start has this one's count to clear, like any other. */
	health_settle(ota);
}

/* A confirmed image that is alive: its starts count no more, and what a cut took from its confirm is made up for. */
static int settle(struct ota *ota)
{
	struct ota_bootrec next = ota->record;
	int error = 0;

	if (ota_bootrec_clear_starts(&next))
		error = record_commit(ota, &next);
	if (!error && ota->config->boot_mode != OTA_MODE_SAFE && record_is_confirmed(ota))
		error = health_confirm(ota);
	return error;
}

/*
 * The last start ended in a panic or by the watchdog, or the one before this was in safe mode: that the image is well at once proves
 * little, and its starts count until it lived for a while. A power cut or an operator's reset is nothing against it.
 */
static bool is_unproven(const struct ota *ota)
{
	bool doubt = ota->config->crash_cause != OTA_CAUSE_NONE || ota->record.reset_cause != OTA_CAUSE_NONE ||
		     ota->record.safe_resets > 0;

	return doubt && now_ms(ota) - ota->started_ms < PROOF_MS;
}

void health_settle(struct ota *ota)
{
	bool alive = ota->config->boot_mode == OTA_MODE_SAFE ? ota->link : ota->well;

	if (ota->has_slots && !ota->record_known)
		return; /* settle_ms is when it is read again */
	ota->settle_ms = NEVER;
	if (!ota->has_slots)
		return;
	if (ota->phase == PHASE_TRIAL) {
		trial_run(ota);
		return;
	}
	if (!alive || ota->settled || record_is_unsettled(ota))
		return;
	if (is_unproven(ota)) {
		ota->settle_ms = ota->started_ms + PROOF_MS;
		return;
	}
	if (settle(ota) != 0) {
		ota->settle_ms = now_ms(ota) + SETTLE_AGAIN_MS;
		return;
	}
	ota->settled = true;
	ota->port->report(ota->ctx);
}

/*
 * Safe mode is for being reached, not for staying: what broke the app may be gone. So it is left after a while by a reset, a longer
 * while each time, until the app holds. Was the broker reached, `starts` is 0 and the app is tried; if not, the ladder goes on, for the
 * other slot may do better. An update needs no such help, it ends in a reset of its own; but one that holds may do so for a day, and holds on after this one.
 */
void safe_enter(struct ota *ota)
{
	if (ota->config->boot_mode == OTA_MODE_SAFE)
		ota->leave_ms = ota->started_ms + ota_bootrec_safe_stay_ms(&ota->record);
}

void safe_leave(struct ota *ota)
{
	struct ota_bootrec next = ota->record;

	if (ota->phase != PHASE_IDLE && ota->phase != PHASE_DONE && ota->phase != PHASE_HELD) {
		ota->leave_ms = now_ms(ota) + SETTLE_AGAIN_MS;
		return;
	}
	ota->leave_ms = NEVER;
	ota_bootrec_leave_safe(&next);
	if (record_commit(ota, &next) != 0) {
		/* Not counted, it would not be paced. */
		ota->leave_ms = now_ms(ota) + ota_bootrec_safe_stay_ms(&ota->record);
		return;
	}
	ota_log(ota, OTA_LOG_INFO, "ota: safe.leave times=%u", ota->record.safe_resets);
	step_enter(ota, PHASE_REBOOT);
}
