/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of struct ota, and the calls between its files. Flow of the files:
 *
 *   ota.c (events) → job.c → trust.c → policy.c → step.c (the table) → slot.c, fetch.c → record.c, journal.c
 *                                                         → health.c (trial, confirm) → status.c
 */
#ifndef OTA_CORE_H
#define OTA_CORE_H

#include <stdalign.h>

#include "ota/assignment.h"
#include "ota/keyset.h"
#include "ota/ota.h"
#include "ota/verify.h"

#define SECTOR_BYTES 512
#define NEVER        UINT64_MAX

/* Agreed constants of the update; each bounds one thing that a server, a network or a disk could do to us. */
enum {
	RETRY_BASE_MS = 1000,              /* backoff window after the first failure; doubles */
	RETRY_CAP_MS = 300 * 1000,         /* the widest window; jitter is drawn from the whole of it */
	RATE_WINDOW_MS = 30 * 1000,        /* in each of these … */
	RATE_WINDOW_BYTES = 30 * 1024,     /* … a fetch must bring so much */
	FETCH_TOTAL_MS = 24 * 3600 * 1000, /* a download that takes longer in one start is given up */
	WRONG_MAX_PER_URL = 3,             /* chunks with a wrong digest before every server counts as lying */
	IO_ERRORS_MAX = 5,                 /* failures of the disk before the job is given up */
	REBOOTS_MAX = 5,                   /* resets into an armed trial that the boot loader did not start */
	REBOOT_AGAIN_MS = 10 * 1000,       /* the host was asked to reset and did not */
	TOO_OLD_MS = 60 * 1000,            /* that an image which the record would not start waits before it resets */
	RECORD_AGAIN_MS = 10 * 1000,       /* between attempts to read the boot record … */
	RECORD_UNREAD_MS = 600 * 1000,     /* … before one that cannot be read is taken for lost */
	NOTE_CHUNKS = 16,                  /* chunks between two flushes of the download's progress */
	STATUS_EVERY_MS = 1000,            /* progress reports */
};

/* Where the update is. Private; a coarser view of it is enum ota_step. */
enum phase {
	PHASE_IDLE,
	PHASE_PREPARE, /* make the slot ours */
	PHASE_PROBE,   /* which chunks does it hold already? */
	PHASE_FETCH,
	PHASE_VERIFY, /* read the whole slot back */
	PHASE_HELD,   /* until the server releases it */
	PHASE_ARM,
	PHASE_REBOOT,
	PHASE_TRIAL,   /* the running image is on trial */
	PHASE_CONFIRM, /* it is healthy: make it durable */
	PHASE_DONE,    /* the outcome waits for the server's acknowledgement */
	PHASE_COUNT,
};

#define JOURNAL_DONE_BYTES ((OTA_MANIFEST_CHUNKS_MAX + 7) / 8)

/* What must survive a reset, beside the boot record: one sector. job_id "" = no job. */
struct journal {
	uint64_t seq;
	char job_id[OTA_JOB_ID_MAX];
	uint32_t job_version, trial_s;
	uint8_t step;    /* enum ota_step: DOWNLOAD, REBOOT, TRIAL or CONFIRM */
	uint8_t outcome; /* enum ota_outcome */
	uint8_t slot, cause, rolled_back, wrong, reboots;
	uint8_t hold; /* the job is armed when it is released, not before */
	int32_t error;
	uint8_t digest[32];
	uint64_t net_bytes;
	uint32_t envelope_len, bank_crc; /* of the bank, which holds the job's addresses and manifest */
	uint8_t done[JOURNAL_DONE_BYTES];
};

/* The job as it came, kept in sectors of its own that are written once per job. */
struct bank {
	char urls[OTA_URLS_MAX][OTA_URL_MAX]; /* "" = none */
	uint8_t envelope[OTA_MANIFEST_BYTES_MAX];
};

/* What a copy of the range `trust` says beside its keyset. */
struct trust_says {
	uint64_t seq;          /* of the copy */
	uint64_t sequence;     /* of the last assignment */
	uint64_t time_s;       /* signed time: the highest `issued` that was accepted */
	uint32_t keyset_bytes; /* of the envelope, in trust_copy */
	uint8_t digest[32];    /* last assigned; zeroes: nothing */
};

struct trust {
	struct ota_keyset keyset; /* version 0: nobody is trusted */
	struct trust_says says;
	uint64_t stored_time_s; /* signed time as it is on flash */
	uint64_t time_ms;       /* when says.time_s was now */
	uint64_t heard_ms;      /* when an assignment with our nonce came */
	bool heard;
	uint8_t newest;   /* copy */
	uint8_t failures; /* of writing the older copy, on end */
	uint8_t provisioned[OTA_SHA256_BYTES];
};

/* An assignment as it came, and the nonce of the request that it should answer; nonce_len 0: none. Borrowed. */
struct trust_told {
	const uint8_t *envelope;
	size_t len;
	const uint8_t *nonce;
	size_t nonce_len;
};

struct fetch {
	bool running;            /* between port.fetch() and its end */
	bool stop;               /* drop it in the next tick */
	bool head;               /* the answer's head came */
	uint64_t asked_off, pos; /* of the resource: where we asked to begin, the next body byte */
	size_t fill;             /* bytes of the first missing chunk in the buffer */
	uint64_t attempt_bytes, window_bytes, window_ms, began_ms, next_ms;
	uint32_t failures; /* since the last progress: the backoff's exponent */
	unsigned url;
};

struct verify {
	uint32_t next; /* chunk */
	struct ota_sha256 whole;
};

struct ota {
	const struct ota_config *config;
	const struct ota_port *port;
	void *ctx;

	struct ota_bootrec record;    /* as it is on flash */
	struct journal journal;       /* likewise */
	struct trust trust;           /* likewise, but for signed time, see trust.c */
	struct ota_manifest manifest; /* of the job; points into bank */
	uint32_t unflushed_chunks;

	enum phase phase;
	enum ota_step step; /* as reported; at the end, where it ended */
	uint64_t due_ms;    /* when the phase has something to do; NEVER */
	int error;          /* the last one, for the status */
	uint32_t io_errors;
	struct fetch fetch;
	struct verify verify;

	bool record_known; /* false: it could not be read yet, and nothing may be done that would overwrite it */
	bool has_slots, link, link_seen, well;
	bool settled; /* nothing is left to be done about the running image in this start */
	uint64_t started_ms, trial_deadline_ms;
	uint64_t well_ms;   /* since when the app is well */
	uint64_t settle_ms; /* when what could not be settled is tried again */
	uint64_t leave_ms;  /* when safe mode is left; NEVER: it is another mode */
	uint64_t status_ms; /* when the last one was given */

	alignas(64) uint8_t chunk[OTA_CHUNK_BYTES_MAX];
	alignas(64) struct bank bank;
	alignas(64) uint8_t sector[SECTOR_BYTES];
	alignas(64) uint8_t trust_copy[SECTOR_BYTES + OTA_KEYSET_BYTES_MAX]; /* head and envelope, as on flash */
};

/* ---- log.c ---- */
void ota_log(struct ota *ota, enum ota_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define DIGEST_TEXT 17
const char *digest_text(const uint8_t digest[32], char text[DIGEST_TEXT]); /* its first 8 bytes */
char slot_letter(unsigned slot);

static inline uint64_t now_ms(const struct ota *ota)
{
	return ota->port->now_ms(ota->ctx);
}

/* ---- record.c ---- */
/*
 * Load the boot record; lost, it is rebuilt from what runs. 0, -OTA_E_RECORD (rebuilt and durable), -OTA_E_IO: that could not be made
 * durable, or, with record_known still false, no copy can be read: again after RECORD_AGAIN_MS.
 */
__attribute__((warn_unused_result)) int record_load(struct ota *ota);
/* Make `next` durable, then the record. 0 or -OTA_E_IO, then the record is as before. */
__attribute__((warn_unused_result)) int record_commit(struct ota *ota, const struct ota_bootrec *next);
struct ota_bootrec_slot *record_running(
	struct ota_bootrec *record, const struct ota_config *config); /* NULL: entry is of another digest */
bool record_is_confirmed(const struct ota *ota); /* the running image is the active, confirmed one */
bool record_is_trial(const struct ota *ota);     /* the running image is on trial */
bool record_is_unsettled(
	const struct ota *ota); /* it is neither confirmed once nor given up: on trial, or started as a last resort */

/* ---- journal.c ---- */
__attribute__((warn_unused_result)) int journal_load(
	struct ota *ota); /* 0, -OTA_E_JOURNAL: nothing known, job_id is "" */
__attribute__((warn_unused_result)) int journal_commit(struct ota *ota); /* both copies, durable. 0 or -OTA_E_IO */
void journal_note(struct ota *ota); /* progress: one copy, durable at the next flush; may be lost */
__attribute__((warn_unused_result)) int journal_bank_write(struct ota *ota);
__attribute__((warn_unused_result)) int journal_bank_read(struct ota *ota); /* 0, -OTA_E_JOURNAL or -OTA_E_IO */
uint32_t journal_sectors(void);                                             /* what `state` must have */
bool journal_has_job(const struct ota *ota);
bool chunk_is_done(const struct ota *ota, uint32_t index);
void chunk_set_done(struct ota *ota, uint32_t index, bool done);
uint32_t chunk_first_missing(const struct ota *ota); /* chunk_count: none */

/* ---- trust.c ---- */
uint32_t trust_sectors(void); /* what `trust` must have */
/* 0; -OTA_E_IO, -OTA_E_KEYSET (of the provisioning): nobody is trusted. */
__attribute__((warn_unused_result)) int trust_load(struct ota *ota);
__attribute__((warn_unused_result)) int trust_ready(struct ota *ota); /* loaded, or tried again */
/*
 * Accept the assignment of `digest` (zeroes: that nothing is assigned, as answer to our request) and make it durable. 0 or -OTA_E_*; on an error
 * nothing has changed. -OTA_E_IO, -OTA_E_KEYSET_VERSION: it may be accepted later.
 */
__attribute__((warn_unused_result)) int trust_assign(
	struct ota *ota, const struct trust_told *told, const uint8_t digest[32]);
bool trust_assigns(
	const struct ota *ota, const uint8_t digest[32]); /* is it what was assigned last, under this keyset? */

/* ---- policy.c ---- */
/* May this image be installed here? 0 or the first reason against it. Pure. */
__attribute__((warn_unused_result)) int policy_check(const struct ota_config *config, const struct ota_bootrec *record,
	const struct ota_manifest *manifest, bool retry);

/* ---- job.c ---- */
/* Open, verify and parse the envelope; chunk digests point into it. 0 or the reason why it is refused. */
__attribute__((warn_unused_result)) int job_manifest_read(
	struct ota *ota, const uint8_t *envelope, size_t len, struct ota_manifest *manifest);
__attribute__((warn_unused_result)) int job_offer(struct ota *ota, const struct ota_job *job);
void job_end(struct ota *ota, enum ota_outcome outcome, int error); /* durable, reported */
void job_forget(struct ota *ota);
bool job_is_running_image(const struct ota *ota);  /* the job's image is the one that runs */
int job_withdraw(struct ota *ota, const char *id); /* as ota_on_cancel() */
void job_recheck(struct ota *ota); /* the keyset changed: is the job's image still signed by those who count? */

/* ---- resume.c ---- */
void job_resume(struct ota *ota); /* at start: settle what the last start left */

/* ---- slot.c ---- */
uint8_t slot_target(const struct ota *ota); /* the one that does not run */
__attribute__((warn_unused_result)) int slot_begin(struct ota *ota);
__attribute__((warn_unused_result)) int slot_chunk_read(struct ota *ota, uint32_t index); /* into ota->chunk */
bool slot_chunk_matches(const struct ota *ota, uint32_t index); /* is ota->chunk what the manifest names? */
__attribute__((warn_unused_result)) int slot_chunk_write(
	struct ota *ota, uint32_t index); /* from ota->chunk, and read back into it */
__attribute__((warn_unused_result)) int slot_mark_write(struct ota *ota, unsigned slot);
bool slot_mark_is_current(struct ota *ota, unsigned slot);

/* ---- fetch.c ---- */
void fetch_enter(struct ota *ota);
void fetch_run(struct ota *ota);
void fetch_wake(struct ota *ota);   /* the broker was reached */
void fetch_drop(struct ota *ota);   /* whatever the phase; the host hears of it in the next tick */
void fetch_settle(struct ota *ota); /* tell the host what fetch events decided */

/* ---- health.c ---- */
void trial_enter(struct ota *ota);
void trial_run(struct ota *ota);
void confirm_run(struct ota *ota);
void health_settle(struct ota *ota); /* after each event that could have changed the image's health */
void safe_enter(struct ota *ota);    /* at start, in safe mode: from when on it may be left */
void safe_leave(struct ota *ota);    /* when that is over */
__attribute__((warn_unused_result)) int health_confirm(
	struct ota *ota); /* the running image stays, whatever was active */

/* ---- step.c ---- */
void step_enter(struct ota *ota, enum phase phase);
void step_run(struct ota *ota);
void step_storage_failed(struct ota *ota, int error);

/* ---- status.c ---- */
void status_give(struct ota *ota);
void status_progress(struct ota *ota); /* at most one a second */
/* Of a job that is not taken: error 0 = it succeeded at once. `manifest` may be NULL: not readable. */
void status_answer(struct ota *ota, const struct ota_job *job, const struct ota_manifest *manifest, int error);

#endif
