/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The update core. One struct ota, caller's memory, one thread. Flow of an update:
 *
 *   ota_on_job → manifest signature → assignment → policy → fetch plan → (ota_on_data → chunk digest → slot write → read back)*
 *   → whole digest over what the slot holds → boot record: trial → port.reboot → U-Boot → new image: ota_start
 *   → ota_on_health + ota_on_link → confirm → SUCCEEDED   |   deadline or crash → old image: ota_start → FAILED
 *
 * All state that must survive a reset is in the boot record and the journal (SPEC §2, §6); a download resumes at the
 * first chunk that is not in the slot. A job that is to hold stops before the trial is armed, over resets too, until the server releases it.
 */
#ifndef OTA_OTA_H
#define OTA_OTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ota/bootrec.h"
#include "ota/err.h"
#include "ota/manifest.h"
#include "ota/port.h"

#define OTA_JOB_ID_MAX      65  /* with NUL */
#define OTA_URL_MAX         256 /* with NUL */
#define OTA_URLS_MAX        4
#define OTA_CHUNK_BYTES_MAX 65536

struct ota_range {
	uint32_t lba, sectors;
};

/* What the device is and where its flash is. Kept by pointer; must outlive struct ota. */
struct ota_config {
	uint8_t vendor_id[16], class_id[16];
	const char *device_id;
	const uint8_t *keyset; /* the first one's envelope, of the provisioning */
	size_t keyset_len;
	uint32_t boot_record_lba[2];
	struct ota_range slot[2], state, trust;
	/* What runs now, as the boot loader said. */
	uint8_t running_slot;     /* 0, 1; 0xff: none (not started by the boot loader): no updates */
	struct ota_image running; /* digest, bytes, counter, version */
	uint8_t boot_mode;        /* enum ota_boot_mode */
	/* Of the panic that ended the start before this one; OTA_CAUSE_NONE: it did not panic. */
	enum ota_cause crash_cause;
	uint32_t default_trial_s; /* 120 */
};

enum ota_step {
	OTA_STEP_IDLE,
	OTA_STEP_MANIFEST,
	OTA_STEP_DOWNLOAD,
	OTA_STEP_VERIFY,
	OTA_STEP_REBOOT,
	OTA_STEP_TRIAL,
	OTA_STEP_CONFIRM,
	OTA_STEP_HOLD /* between verify and reboot; last, for the others' numbers are in the journal */
};
enum ota_outcome { OTA_RUNNING, OTA_SUCCEEDED, OTA_FAILED, OTA_REJECTED };

const char *ota_step_name(enum ota_step step);

/* Becomes statusDetails of SPEC §8. */
struct ota_status {
	char job_id[OTA_JOB_ID_MAX];
	uint32_t job_version; /* expectedVersion as last known */
	enum ota_outcome outcome;
	enum ota_step step;
	uint64_t bytes, total, net_bytes;
	uint8_t slot; /* target, 0xff unknown */
	uint32_t version[3];
	uint8_t digest[32];
	int error;            /* 0 or -OTA_E_*; with OTA_RUNNING: the last error before the retry under way */
	enum ota_cause cause; /* for rolled-back trials */
	bool rolled_back;
};

/* When a job that is verified goes on to its reset (SPEC §8). */
enum ota_reset {
	OTA_RESET_AT_ONCE,
	OTA_RESET_HOLD, /* not before it is released */
	OTA_RESET_NOW   /* released, if it holds; to one that is not that far, the same as HOLD */
};

struct ota_job {
	const char *id;
	uint32_t version;        /* the server's versionNumber */
	const uint8_t *manifest; /* SUIT envelope, decoded from base64url; borrowed for the call */
	size_t manifest_len;
	const uint8_t *assignment; /* envelope, decoded; borrowed for the call */
	size_t assignment_len;     /* 0: none, and none is no job */
	const uint8_t *nonce;      /* what the request carried that this answers; borrowed for the call */
	size_t nonce_len;          /* 0: it answers none */
	const char *urls[OTA_URLS_MAX];
	size_t url_count;
	bool retry;       /* the operator allows a digest that failed before */
	uint32_t trial_s; /* 0: default */
	enum ota_reset reset;
};

/* Caller's memory, zeroed before ota_init(); no field is for the caller. About 64 KiB of chunk buffer + 16 KiB manifest inside. */
struct ota;
size_t ota_bytes(void);

/* Bind. Does not touch storage. */
void ota_init(struct ota *ota, const struct ota_config *config, const struct ota_port *port, void *ctx);

/*
 * Read boot record and journal and settle what the last start left: a trial begins its deadline, a rolled-back job is reported, a download
 * resumes once ota_on_link(true) came. 0: as it should be. Otherwise updates still work: -OTA_E_RECORD, both copies of the boot record were lost,
 * it was rebuilt from what runs; -OTA_E_IO, that could not be made durable, or the record cannot be read: it is tried every 10 s, jobs are answered -OTA_E_IO,
 * and after 10 min it counts as lost; or whom to trust could not be read, and nobody is trusted until it can. -OTA_E_KEYSET, the provisioned keyset
 * is not one: every job will be rejected. -OTA_E_NO_SLOTS: not started by the boot loader, or a flash map
 * that cannot hold this; every job will be rejected. Call once.
 */
int ota_start(struct ota *ota);

/*
 * A job came from the server. The same job again is harmless: its status is given again; with OTA_RESET_NOW it releases a job that holds. Another job
 * replaces one whose trial is not armed.
 * 0: taken, under way already, or succeeded at once (the image runs). -OTA_E_BUSY (a trial is armed), -OTA_E_TRIAL (the running image
 * is not confirmed yet), -OTA_E_KEYSET_VERSION (assigned under another keyset than the one held) and -OTA_E_IO: nothing was reported, offer the job again later. Otherwise it was refused and a REJECTED status was given to port.status.
 */
int ota_on_job(struct ota *ota, const struct ota_job *job);

/*
 * The operator withdrew job `id` (NULL: the server has no job for us any more): stop and forget it. With an id, the job's status becomes FAILED with
 * E_CANCELLED. 0; -OTA_E_JOB: there is no such job; too late, the job goes on: -OTA_E_BUSY, its trial is armed, -OTA_E_TRIAL, its image runs.
 */
int ota_on_cancel(struct ota *ota, const char *id);

/*
 * A keyset came (SPEC §11). 0: accepted and durable, or not newer than the one that is held. It takes effect at once: an update under way whose
 * image no longer has enough signatures ends, unless it is armed; every assignment has to come again. -OTA_E_KEYSET_VERSION: one in between is missing;
 * -OTA_E_KEYSET: not signed as it has to be; -OTA_E_IO: try again; or that of ota_keyset_open().
 */
__attribute__((warn_unused_result)) int ota_on_keyset(struct ota *ota, const uint8_t *envelope, size_t len);
/* The version that is held; 0: none. */
uint32_t ota_keyset_version(const struct ota *ota);

/*
 * The server says, signed, that nothing is assigned, in answer to the request with this nonce. 0, or why that proves nothing: -OTA_E_ASSIGNMENT,
 * -OTA_E_REPLAYED, -OTA_E_EXPIRED, -OTA_E_SCOPE, -OTA_E_KEYSET_VERSION, -OTA_E_IO. A job under way is not touched: see ota_on_cancel().
 */
__attribute__((warn_unused_result)) int ota_on_idle(
	struct ota *ota, const uint8_t *assignment, size_t len, const uint8_t *nonce, size_t nonce_len);
/* Seconds since the last assignment that answered a request of this start. False: none did. */
bool ota_heard_s(const struct ota *ota, uint64_t *seconds);

/* Signed time (SPEC §11): unix seconds that have passed at least. */
uint64_t ota_signed_time_s(const struct ota *ota);

/* Broker reached / lost (counts for confirming). */
void ota_on_link(struct ota *ota, bool up);

/* The app's health: well, or not (yet, or any more). */
void ota_on_health(struct ota *ota, bool well);

/* The fetch: head accepted, the body begins at byte `off` of the resource (0 if the server ignored Range); more body; ended with 0 or -OTA_E_*. */
void ota_on_fetch_start(struct ota *ota, uint64_t off);
void ota_on_data(struct ota *ota, const uint8_t *data, size_t len);
void ota_on_fetch_end(struct ota *ota, int error);

/*
 * The server acknowledged the last status of job `id` (its new versionNumber), or refused it as stale or terminal (version 0). Either ends a job whose
 * outcome is terminal; one that is running goes on: ask the server for the job again to learn the truth.
 */
void ota_on_status_acked(struct ota *ota, const char *id, uint32_t version);

/*
 * Work and timers. Call when port.now_ms() >= ota_deadline_ms(), which is UINT64_MAX when nothing is to come; harmless at any time. One call
 * does one piece of work: at most one chunk is read, hashed or written. Look at the deadline again after every call of this header.
 */
void ota_tick(struct ota *ota);
uint64_t ota_deadline_ms(const struct ota *ota);

/* For reports: the boot record as known, and the job under way (outcome OTA_RUNNING, step IDLE = none). */
const struct ota_bootrec *ota_record(const struct ota *ota);
void ota_status_get(const struct ota *ota, struct ota_status *status);

#endif
