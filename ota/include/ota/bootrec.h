/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The boot record (SPEC §2) and its rules: which slot starts, in which mode, after which pause, and what is noted
 * about it. U-Boot's boot hook, the update core, the tests and the power-cut simulator compile this same file.
 *
 *   U-Boot:  load → (lost: examine both slots, recover) → begin → (plan → examine)* → start → commit → jump
 *   agent:   load → writing → ready → arm_trial → commit → reset;  then confirm → commit → mark → raise_counter → commit
 *
 * Every rule is a pure function on a decoded record in the caller's memory: nothing is durable before
 * ota_bootrec_commit() returned 0. No allocation, no libc beyond memcpy, memcmp, memset, strcmp. One caller at a
 * time.
 */
#ifndef OTA_BOOTREC_H
#define OTA_BOOTREC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTA_BOOTREC_BYTES        512 /* of a record and of a confirm mark: one sector */
#define OTA_BOOTREC_DIGEST_BYTES 32
#define OTA_BOOTREC_SLOTS        2
#define OTA_BOOTREC_FAILED       4
#define OTA_BOOTREC_TRIES        3

#define OTA_SLOT_NONE 0xff
enum ota_slot { OTA_SLOT_A = 0, OTA_SLOT_B = 1 };

/* Values on flash, frozen. The state belongs to the digest in the entry, not to the slot. */
enum ota_slot_state {
	OTA_SLOT_EMPTY = 0,
	OTA_SLOT_WRITING = 1,
	OTA_SLOT_READY = 2,
	OTA_SLOT_TRIAL = 3,
	OTA_SLOT_CONFIRMED = 4,
	OTA_SLOT_BAD = 5,
};

/*
 * Values on flash and in the kernel's device tree, frozen. In safe mode the app is not started, the agent alone
 * runs.
 */
enum ota_boot_mode { OTA_MODE_NORMAL = 0, OTA_MODE_TRIAL = 1, OTA_MODE_SAFE = 2 };

/*
 * Why an image or a slot failed: X(NAME, number, "name in reports"). The numbers are on flash, the names travel;
 * both are frozen.
 */
#define OTA_CAUSES(X)                                                                                                  \
	X(NONE, 0, "none")                                                                                             \
	X(FAULT, 1, "fault")                   /* processor exception: access, undefined, alignment */                 \
	X(PANIC, 2, "panic")                   /* the program stopped itself: failed assertion */                      \
	X(STACK_OVERFLOW, 3, "stack-overflow") /* a guard page was hit */                                              \
	X(STACK_SMASHED, 4, "stack-smashed")   /* a canary was overwritten */                                          \
	X(HEAP_EXHAUSTED, 5, "heap-exhausted") /* the app's heap */                                                    \
	X(OUT_OF_MEMORY, 6, "out-of-memory")   /* the system's memory */                                               \
	X(APP_RETURNED, 7, "app-returned")                                                                             \
	X(WATCHDOG, 8, "watchdog")                                                                                     \
	X(HEALTH_TIMEOUT, 9, "health-timeout")        /* the app did not report itself well in time */                 \
	X(LINK_TIMEOUT, 10, "link-timeout")           /* the agent did not reach its broker in time */                 \
	X(TRIES_EXHAUSTED, 11, "tries-exhausted")     /* the trial was reset, nobody said why */                       \
	X(SIGNATURE_REFUSED, 12, "signature-refused") /* the boot key's signature or a hash does not match */          \
	X(COUNTER_TOO_LOW, 13, "counter-too-low")     /* its security counter is below the floor */                    \
	X(SLOT_UNREADABLE, 14, "slot-unreadable")     /* the storage reported an error */                              \
	X(IMAGE_MALFORMED, 15, "image-malformed")     /* no FIT, or one beyond the limits of SPEC §3 */               \
	X(DIGEST_MISMATCH, 16, "digest-mismatch")     /* rightly signed, but not what the record says */               \
	X(FAILED_BEFORE, 17, "failed-before")         /* the digest is in the failed list */                           \
	X(RECORD_UNWRITABLE, 18, "record-unwritable") /* a trial's try could not be taken */                           \
	X(CANCELLED, 19, "cancelled")                 /* the operator withdrew it */

enum ota_cause {
#define OTA_CAUSE_ENUM(name, number, text) OTA_CAUSE_##name = number,
	OTA_CAUSES(OTA_CAUSE_ENUM)
#undef OTA_CAUSE_ENUM
};

/* The name in reports of a cause read from anywhere; "unknown" for a number that the table has not. Static. */
const char *ota_cause_name(unsigned cause);
/*
 * The cause with this name (NUL-terminated), or OTA_CAUSE_PANIC for one that the table has not: it failed in any
 * case.
 */
enum ota_cause ota_cause_from_name(const char *name);

/* An image as its slot holds it, or as a manifest announces it. */
struct ota_image {
	uint8_t digest[OTA_BOOTREC_DIGEST_BYTES]; /* SHA-256 of the FIT's `bytes` bytes */
	uint32_t bytes;
	uint32_t counter;    /* security counter */
	uint32_t version[3]; /* major, minor, patch; flash has 16 bits for the first two, greater ones become 0xffff */
};

struct ota_bootrec_slot {
	struct ota_image image;
	uint8_t state;      /* enum ota_slot_state, or a number from a newer format: then the slot is not eligible */
	uint8_t tries_left; /* of a trial */
	uint8_t cause;      /* enum ota_cause: why this image failed last */
};

struct ota_bootrec_failed {
	uint8_t digest[OTA_BOOTREC_DIGEST_BYTES]; /* zero: unused */
	uint8_t cause;
};

struct ota_bootrec {
	uint64_t seq;
	uint32_t min_counter; /* images with a lower security counter are not started */
	uint32_t boots;       /* starts ever */
	uint8_t active;       /* the slot last confirmed, or OTA_SLOT_NONE */
	uint8_t starts; /* starts in a row that no agent cleared; 255 is followed by 244, so that the ladder keeps step */
	uint8_t last_slot, last_mode, last_cause;
	uint8_t reset_cause; /* of the reset before the last start, as U-Boot knew it: watchdog or none (enum ota_cause) */
	uint8_t safe_resets; /* resets in a row by which safe mode was left, to try the app again; stays at 255 */
	struct ota_bootrec_slot slot[OTA_BOOTREC_SLOTS];
	struct ota_bootrec_failed failed[OTA_BOOTREC_FAILED]; /* newest first */
};

/* Negative results of the calls below. */
enum ota_bootrec_error {
	OTA_BOOTREC_LOST = -1,      /* no copy is whole; retry does not help: recover */
	OTA_BOOTREC_UNWRITTEN = -2, /* no copy took the record; on flash the old one or none is whole */
	OTA_BOOTREC_STATE = -3,     /* the record's state does not allow it; nothing changed */
	OTA_BOOTREC_UNREADABLE =
		-4, /* no copy is whole, and one that could not be read may be: retry later, overwrite nothing */
};

/* ---- Codec ---- */

/* Encode into sector[512]; reserved bytes become zero. */
void ota_bootrec_encode(const struct ota_bootrec *rec, uint8_t sector[OTA_BOOTREC_BYTES]);
/* Decode sector[512]. 0, or OTA_BOOTREC_LOST (magic, format, CRC or `active` wrong); then *rec is not touched. */
int ota_bootrec_decode(const uint8_t sector[OTA_BOOTREC_BYTES], struct ota_bootrec *rec)
	__attribute__((warn_unused_result));
/* An empty record: nothing confirmed, both slots empty. */
void ota_bootrec_init(struct ota_bootrec *rec);

/* The confirm mark in a slot's last sector (SPEC §3). */
struct ota_confirm_mark {
	uint64_t seq; /* the record's when the image was confirmed */
	uint8_t digest[OTA_BOOTREC_DIGEST_BYTES];
	uint32_t counter;
};
void ota_confirm_mark_encode(const struct ota_confirm_mark *mark, uint8_t sector[OTA_BOOTREC_BYTES]);
/* 0, or OTA_BOOTREC_LOST: no mark (zeroed, torn, other format). */
int ota_confirm_mark_decode(const uint8_t sector[OTA_BOOTREC_BYTES], struct ota_confirm_mark *mark)
	__attribute__((warn_unused_result));

/* ---- Storage ---- */

/*
 * How the two copies are reached: sector 0 of copy 0 or 1. 0 or a negative code; write() is durable only after
 * flush(). A read that fails is tried OTA_BOOTREC_READS times on end.
 */
#define OTA_BOOTREC_READS 3
struct ota_bootrec_ops {
	int (*read)(void *ctx, unsigned copy, uint8_t sector[OTA_BOOTREC_BYTES]);
	int (*write)(void *ctx, unsigned copy, const uint8_t sector[OTA_BOOTREC_BYTES]);
	int (*flush)(void *ctx);
};

/*
 * The newest whole copy (equal seq: copy 0). 0, OTA_BOOTREC_LOST or OTA_BOOTREC_UNREADABLE; then *rec is
 * ota_bootrec_init().
 */
int ota_bootrec_load(const struct ota_bootrec_ops *ops, void *ctx, struct ota_bootrec *rec)
	__attribute__((warn_unused_result));

/*
 * Make *rec durable in both copies with a new seq (in *rec on return). The older or invalid copy is written,
 * flushed and read back first, then the other: a power cut leaves the old or the new record whole. 0: at least one
 * copy holds it; OTA_BOOTREC_UNWRITTEN: none does; a retry may help.
 */
int ota_bootrec_commit(const struct ota_bootrec_ops *ops, void *ctx, struct ota_bootrec *rec)
	__attribute__((warn_unused_result));

/* ---- Start of the machine: U-Boot ---- */

enum ota_slot_view { OTA_VIEW_UNSEEN = 0, OTA_VIEW_REFUSED, OTA_VIEW_VERIFIED = 0x5a };

/* What U-Boot found in a slot itself in this start. Zeroed = not looked at yet. */
struct ota_slot_seen {
	enum ota_slot_view view;
	enum ota_cause cause;   /* REFUSED: why */
	struct ota_image image; /* VERIFIED: of the FIT, all signed but the digest, which is computed */
	bool has_mark;          /* VERIFIED: the slot has a whole confirm mark; needed only for ota_bootrec_recover() */
	struct ota_confirm_mark mark;
};

enum ota_boot_step {
	OTA_BOOT_EXAMINE, /* verify plan.slot, fill in seen[plan.slot], plan again */
	OTA_BOOT_START,   /* start plan.slot */
	OTA_BOOT_NOTHING, /* no slot may be started: say so and reset */
};
struct ota_boot_plan {
	enum ota_boot_step step;
	uint8_t slot;
	uint8_t mode;      /* START: enum ota_boot_mode */
	uint32_t pause_ms; /* START: wait so long before ota_bootrec_start() */
};

/*
 * Both copies were lost: make a record from the slots themselves, both examined, with has_mark and mark filled in
 * (SPEC §2, last rule). The slot whose mark belongs to its content and has the highest seq is taken as active and
 * confirmed; with no such mark, the verifiable one with the highest security counter, slot a on a tie. With no
 * verifiable slot the record stays empty.
 */
void ota_bootrec_recover(struct ota_bootrec *rec, const struct ota_slot_seen seen[OTA_BOOTREC_SLOTS]);

/*
 * Settle what the last start left: `reset_cause` is OTA_CAUSE_WATCHDOG when the watchdog reset the machine, else
 * OTA_CAUSE_NONE; it is noted for the agent. A trial without tries becomes bad, its digest goes to the failed list with the cause that was
 * named, or tries-exhausted.
 */
void ota_bootrec_begin(struct ota_bootrec *rec, enum ota_cause reset_cause);

/*
 * The next step, given the record and what was seen so far. Order: a trial with tries left; the slot whose turn it
 * is on the ladder of `starts` (confirmed or ready), the other one; any verifiable slot that is not below
 * min_counter and did not fail before; and at last one that failed before, in safe mode, so that the device can be
 * reached. At most two EXAMINE steps come before the others.
 */
struct ota_boot_plan ota_bootrec_plan(
	const struct ota_bootrec *rec, const struct ota_slot_seen seen[OTA_BOOTREC_SLOTS]);

/*
 * Note the start of `plan` (step START): takes the try, counts the start, notes why the slots that were passed
 * over were refused (a refused trial becomes bad). Commit before the jump; if a trial's commit fails, do not start
 * it: restore the record, refuse the slot (RECORD_UNWRITABLE) and plan again.
 */
void ota_bootrec_start(
	struct ota_bootrec *rec, const struct ota_slot_seen seen[OTA_BOOTREC_SLOTS], const struct ota_boot_plan *plan);

/* ---- Update: the agent ---- */

/*
 * A new install into `slot` begins: entry = `image`, writing. If it was the active slot, none is active any more
 * (the running one is confirmed first).
 */
void ota_bootrec_writing(struct ota_bootrec *rec, enum ota_slot slot, const struct ota_image *image);

/* The slot's content was read back and is the entry's image: writing → ready. OTA_BOOTREC_STATE unless writing. */
int ota_bootrec_ready(struct ota_bootrec *rec, enum ota_slot slot) __attribute__((warn_unused_result));

/*
 * ready or confirmed → trial with OTA_BOOTREC_TRIES. OTA_BOOTREC_STATE from another state, for the active slot, below
 * min_counter, in the failed list, or while the other slot is on trial.
 */
int ota_bootrec_arm_trial(struct ota_bootrec *rec, enum ota_slot slot) __attribute__((warn_unused_result));

/*
 * The running `image` in `slot` is healthy: confirmed and active, starts and cause cleared. An entry of another
 * digest is replaced by `image`. After the commit write the slot's confirm mark (ota_bootrec_mark()), then
 * ota_bootrec_raise_counter() and commit again.
 */
void ota_bootrec_confirm(struct ota_bootrec *rec, enum ota_slot slot, const struct ota_image *image);

/*
 * The confirm mark for `slot`, which must be confirmed: seq is the record's, so commit first. OTA_BOOTREC_STATE
 * unless confirmed.
 */
int ota_bootrec_mark(const struct ota_bootrec *rec, enum ota_slot slot, struct ota_confirm_mark *mark)
	__attribute__((warn_unused_result));

/* Raise min_counter to the counter of the active, confirmed image; true if it changed. */
bool ota_bootrec_raise_counter(struct ota_bootrec *rec);

/*
 * The running image lives (in safe mode: reached the broker): starts = 0, and in another mode safe_resets = 0 too; true
 * if something changed.
 */
bool ota_bootrec_clear_starts(struct ota_bootrec *rec);

/* How long safe mode lasts before the agent resets: 10 min, doubled with each time in a row, at most 6 h. */
uint32_t ota_bootrec_safe_stay_ms(const struct ota_bootrec *rec);

/* The agent is about to leave safe mode by a reset: counted in safe_resets. Commit before the reset. */
void ota_bootrec_leave_safe(struct ota_bootrec *rec);

/*
 * The image in `slot` is given up: bad, digest to the failed list. OTA_BOOTREC_STATE if empty or confirmed: a
 * confirmed image is never marked bad.
 */
int ota_bootrec_mark_bad(struct ota_bootrec *rec, enum ota_slot slot, enum ota_cause cause)
	__attribute__((warn_unused_result));

/*
 * Name the cause of the failure of the image with `digest`, by itself before it resets or by its successor from
 * the crash record; true if something changed.
 */
bool ota_bootrec_name_cause(
	struct ota_bootrec *rec, const uint8_t digest[OTA_BOOTREC_DIGEST_BYTES], enum ota_cause cause);

/* Is the digest in the failed list? */
bool ota_bootrec_has_failed(const struct ota_bootrec *rec, const uint8_t digest[OTA_BOOTREC_DIGEST_BYTES]);

/* The operator wants it tried again: drop the digest from the failed list; true if it was there. */
bool ota_bootrec_forget_failed(struct ota_bootrec *rec, const uint8_t digest[OTA_BOOTREC_DIGEST_BYTES]);

const char *ota_slot_state_name(unsigned state); /* "empty" … "bad", "unknown". Static. */
const char *ota_boot_mode_name(unsigned mode);   /* "normal", "trial", "safe", "unknown". Static. */

#endif
