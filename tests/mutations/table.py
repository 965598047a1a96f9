# SPDX-License-Identifier: Apache-2.0
"""
Deliberately broken builds. Each row: what is broken, which program must notice, its arguments, and the edits, each (file, old text, new text); the
old text stands in the file exactly once, or the row is out of date and fails.
"""

import collections

Mutation = collections.namedtuple("Mutation", "name catcher arguments edits")

BOOTREC = "ota/src/bootrec.c"
STORE = "ota/src/bootrec_store.c"
FETCH = "ota/src/fetch.c"
HEALTH = "ota/src/health.c"
JOB = "ota/src/job.c"
JOURNAL = "ota/src/journal.c"
OTA = "ota/src/ota.c"
POLICY = "ota/src/policy.c"
RESUME = "ota/src/resume.c"
SLOT = "ota/src/slot.c"
STEP = "ota/src/step.c"

SINGLE = ["--cuts", "1"]


def simulate(name, *edits, arguments=SINGLE):
    return Mutation(name, "simulate", arguments, edits)


def model(name, *edits):
    return Mutation(name, "model_bootrec", [], edits)


MUTATIONS = [
    # The record and its copies
    simulate("the record is written in one copy only",
             (STORE, "second_failed = copy_write(ops, ctx, 1 - first, sector) != 0;", "second_failed = false;")),
    simulate("the record is not read back",
             (STORE, "return memcmp(back, sector, sizeof(back)) == 0 ? 0 : OTA_BOOTREC_UNWRITTEN;", "return 0;"),
             arguments=["--only", "record worn", "--cuts", "1"]),
    simulate("the record is not flushed between its copies",
             (STORE, "if (ops->write(ctx, copy, sector) != 0 || ops->flush(ctx) != 0 ||", "if (ops->write(ctx, copy, sector) != 0 ||")),
    simulate("the record's CRC is not checked",
             (STORE, "return get32(sector + CRC_OFF) == ota_crc32(sector, CRC_OFF);", "return sector != NULL;")),
    simulate("the whole copy of the record is written first, not the lost one",
             (STORE, "return lost[0] ? 0 : 1;", "return lost[0] ? 1 : 0;")),
    # Trial and confirm
    simulate("confirm before health",
             (HEALTH, "return ota->well && ota->link_seen;", "return ota->link_seen;")),
    simulate("the security counter is raised before confirm",
             (STEP, "next = ota->record;\n\tif (!error && ota_bootrec_arm_trial", "next = ota->record;\n\tnext.min_counter = ota->manifest.counter;\n\tif (!error && ota_bootrec_arm_trial")),
    simulate("the security counter is never raised",
             (HEALTH, "return ota_bootrec_raise_counter(&next) ? record_commit(ota, &next) : 0;", "return ota_bootrec_raise_counter(&next) ? 0 : 0;")),
    simulate("tries are taken after the jump, by the agent",
             (BOOTREC, "rec->slot[slot].tries_left--;", "rec->slot[slot].cause = rec->slot[slot].cause;"),
             (OTA, "job_resume(ota);", "if (record_is_trial(ota)) {\n\t\tstruct ota_bootrec next = ota->record;\n\n\t\tnext.slot[ota->config->running_slot].tries_left--;\n"
              "\t\t(void)!record_commit(ota, &next);\n\t}\n\tjob_resume(ota);")),
    simulate("success is told before the confirm",
             (HEALTH, "step_enter(ota, PHASE_CONFIRM);", "job_end(ota, OTA_SUCCEEDED, 0);")),
    simulate("the confirm mark is never written",
             (HEALTH, "error = slot_mark_write(ota, slot);", "error = 0;")),
    simulate("the starts of a healthy image are not cleared",
             (BOOTREC, "bool changed = rec->starts != 0;\n\n\trec->starts = 0;", "bool changed = false;\n")),
    # Failure
    simulate("a failed digest is not listed",
             (BOOTREC, "failed_add(rec, slot->image.digest, (uint8_t)cause);", "(void)failed_add;")),
    simulate("the job's policy forgets the failed list",
             (POLICY, "if (!retry && ota_bootrec_has_failed(record, manifest->digest))", "if (retry && ota_bootrec_has_failed(record, manifest->digest))")),
    simulate("the trial is armed before the journal says so",
             (STEP, "\tif (!error)\n\t\terror = journal_armed(ota);\n\tnext", "\tnext"),
             (STEP, "error = record_commit(ota, &next);\n\tif (error) {\n\t\tstep_storage_failed(ota, error);\n\t\treturn;\n\t}\n\tota_log(ota, OTA_LOG_INFO, \"ota: trial.armed",
              "error = record_commit(ota, &next);\n\tif (!error)\n\t\terror = journal_armed(ota);\n\tif (error) {\n\t\tstep_storage_failed(ota, error);\n\t\treturn;\n\t}\n"
              "\tota_log(ota, OTA_LOG_INFO, \"ota: trial.armed")),
    simulate("a release outlives a power cut",
             (JOB, "\tstep_enter(ota, PHASE_ARM);\n}", "\tota->journal.hold = 0;\n\t(void)!journal_commit(ota);\n\tstep_enter(ota, PHASE_ARM);\n}"),
             arguments=["--only", ", held", "--cuts", "1"]),
    simulate("a commit of the journal writes over its only whole copy",
             (JOURNAL, "unsigned first = copy_to_write_first(ota);", "unsigned first = copy_to_write_first(ota) | 1;"),
             arguments=["--only", "slot a confirmed, other empty; a new image crashing", "--cuts", "2"]),
    # The slot
    simulate("the whole slot is not read back",
             (STEP, "if (memcmp(digest, ota->manifest.digest, sizeof(digest)) == 0) {", "if (digest[0] == digest[0]) {")),
    simulate("the slot is armed by the journal's notes alone",
             (STEP, "if (index == ota->manifest.chunk_count) {\n\t\tstep_enter(ota, PHASE_VERIFY);", "if (index == ota->manifest.chunk_count) {\n\t\tstep_enter(ota, PHASE_ARM);")),
    simulate("the slot is not flushed before it is verified",
             (STEP, "int error = index == 0 ? ota->port->blk_flush(ota->ctx) : 0;", "int error = 0;")),
    simulate("the running slot is written",
             (SLOT, "return ota->config->running_slot == OTA_SLOT_A ? OTA_SLOT_B : OTA_SLOT_A;", "return ota->config->running_slot;")),
    simulate("the confirm mark is not zeroed for a new install",
             (SLOT, "return mark_zero(ota, slot);", "return ota ? 0 : mark_zero(ota, slot);"),
             arguments=["--only", "other confirmed", "--cuts", "1"]),
    simulate("the slot is written before the record says so",
             (SLOT, "\t\tota_bootrec_writing(&next, (enum ota_slot)slot, &image);\n\t\terror = record_commit(ota, &next);\n\t\tif (error)\n\t\t\treturn error;",
              "\t\tota_bootrec_writing(&next, (enum ota_slot)slot, &image);\n\t\tota->record = next;\n\t\terror = 0;\n\t\tif (error)\n\t\t\treturn error;")),
    simulate("the journal is written before the bank, which is believed without its CRC",
             (JOB, "error = journal_bank_write(ota);\n\tif (!error)\n\t\terror = journal_commit(ota);", "error = journal_commit(ota);\n\tif (!error)\n\t\terror = journal_bank_write(ota);"),
             (JOURNAL, "if (bank_crc(ota) != ota->journal.bank_crc || ota->bank.urls[0][0] == '\\0')", "if (ota->bank.urls[0][0] == '\\0')")),
    # The boot rules, over every record
    model("an image below the floor is started",
          (BOOTREC, "if (image->counter < rec->min_counter)\n\t\treturn OTA_CAUSE_COUNTER_TOO_LOW;", "if (image->counter < 0 * rec->min_counter)\n\t\treturn OTA_CAUSE_COUNTER_TOO_LOW;")),
    model("an image that does not verify is started",
          (BOOTREC, "if (seen[slot].view != OTA_VIEW_VERIFIED)\n\t\treturn seen", "if (seen[slot].view == OTA_VIEW_UNSEEN)\n\t\treturn seen")),
    model("a failed image has no turn beside one that was never confirmed",
          (BOOTREC, "bool was_confirmed = strictness == BY_STATE && rec->slot[plan.slot].state == OTA_SLOT_CONFIRMED;", "bool was_confirmed = strictness == BY_STATE;")),
    simulate("a last resort's failure is told without its cause",
             (RESUME, "return OTA_CAUSE_TRIES_EXHAUSTED;", "return OTA_CAUSE_NONE;"), arguments=["--long", "--only", "in safe mode, other failed; a new image never", "--cuts", "1"]),
    model("a slot that is being written is started",
          (BOOTREC, "return rec->slot[slot].state == OTA_SLOT_CONFIRMED || rec->slot[slot].state == OTA_SLOT_READY;",
           "return rec->slot[slot].state == OTA_SLOT_CONFIRMED || rec->slot[slot].state == OTA_SLOT_READY ||\n\t       rec->slot[slot].state == OTA_SLOT_WRITING;")),
    model("a trial takes no tries",
          (BOOTREC, "rec->slot[slot].tries_left--;", "rec->slot[slot].cause = rec->slot[slot].cause;")),
]
