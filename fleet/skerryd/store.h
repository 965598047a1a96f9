/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database: devices, images, jobs, crashes, logs, events. Only the files store*.c hold SQL. Used by the main thread alone, but for the copier's own connection.
 *
 * Calls return 0; STORE_NONE when there is no such row; or -1 when the database failed, then store_error() says why.
 * Changes are grouped by store_begin() … store_commit(): after a crash all of a group is there or nothing.
 * Rows for the API come as JSON, new references, in the API's own words.
 */
#ifndef SKERRYD_STORE_H
#define SKERRYD_STORE_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"
#include "skerryd/job.h"
#include "skerryd/selector.h"

#define STORE_NONE          1
#define STORE_LOG_LINES_MAX 2000  /* kept per device */
#define STORE_EVENTS_MAX    20000 /* kept in all */
#define STORE_CRASHES_MAX   20    /* kept per device */
#define STORE_ROWS_MAX      500   /* in one answer */
#define STORE_CHECK         __attribute__((warn_unused_result))

struct store;

/* Open or make the database at `path`. 0 or -1 with *error: not ours, of a newer version, not writable. */
int store_open(const char *path, struct store **store, struct fleet_error *error) STORE_CHECK;
/* One that is there: what is empty, or is not, is an error, too. */
int store_open_made(const char *path, struct store **store, struct fleet_error *error) STORE_CHECK;
/* A further connection to a database that is open, or to a copy: it only reads, and may be of another thread. */
int store_open_reader(const char *path, struct store **store, struct fleet_error *error) STORE_CHECK;
void store_close(struct store *store);
/* Why the last call failed. Borrowed, until the next call. */
const char *store_error(const struct store *store);
/* … because the disk is full. */
bool store_is_full(const struct store *store);

enum store_durability {
	STORE_KEPT_ON_KILL = 1,  /* survives a killed skerryd; a power cut may take the last moments, never the order */
	STORE_KEPT_ON_POWER_CUT, /* on the disk when store_commit() returns */
};
int store_begin(struct store *store, enum store_durability durability) STORE_CHECK;
/* When it fails the group is undone. */
int store_commit(struct store *store) STORE_CHECK;
/* A copy as of now as the new file `path`; outside a group. -1 soon after *stop became true (by another thread). Not synced: a power cut may spoil it. */
int store_copy(struct store *store, const char *path, const atomic_bool *stop) STORE_CHECK;
/* Every page and index is in order. STORE_NONE: not so. */
int store_is_sound(struct store *store) STORE_CHECK;
/* Harmless outside a group. */
void store_rollback(struct store *store);

/* ---- selectors ---- */

/*
 * A selector as a condition about the table `devices`, called d: SQL with '?' for each of `values`; the type letter 'w' of store_priv.h binds them.
 * Retired devices match only when the selector asks for the state.
 */
struct store_where {
	char *sql;
	char *facts;    /* the same about the table `facts`, called f, with the same values; NULL: it cannot say */
	json_t *values; /* array of text */
};
/* `tenant`: whose devices and groups; "": all. 0; STORE_NONE: *error names a group that is not there; -1. Free with store_where_free(). */
int store_where_make(struct store *store, const struct selector *selector, const char *tenant,
	struct store_where *where, struct fleet_error *error) STORE_CHECK;
/* Harmless on a zeroed one. */
void store_where_free(struct store_where *where);

/* Groups: selectors with a name, within a tenant; tenant "" of the list: all. */
int store_groups_json(struct store *store, const char *tenant, json_t **groups) STORE_CHECK;
int store_group_json(struct store *store, const char *tenant, const char *name, json_t **group) STORE_CHECK;
/* *added: it is new. */
int store_group_put(
	struct store *store, const char *tenant, const char *name, const char *selector, bool *added) STORE_CHECK;
/* STORE_NONE: there is none. */
int store_group_remove(struct store *store, const char *tenant, const char *name) STORE_CHECK;
int store_tenant_find(struct store *store, const char *name, bool *found) STORE_CHECK;

/* ---- audit: what operators did, each row bound to the one before ---- */

/* `details`: JSON, canonical (compact, members in order), or NULL. `tenant`: NULL: all. */
struct store_audit {
	const char *tenant, *actor, *action, *object, *details;
};
int store_audit_add(struct store *store, const struct store_audit *audit, int64_t now) STORE_CHECK;
/* Rows with a number above `since`, oldest first; tenant "": all. */
int store_audit_json(struct store *store, const char *tenant, int64_t since, json_t **rows) STORE_CHECK;

/* ---- devices ---- */

struct store_device {
	bool online;
	int64_t boot;      /* number of the start that its presence belongs to */
	int64_t last_seen; /* unix seconds, 0: never */
	char digest[65];   /* of the last report; "" = none yet */
	char mode[17];     /* the same */
	char state[17];    /* "active", "revoked", "retired": only an active one is heard and gets jobs */
	char tenant[33];
};

/* Add or change one. *added: it is new. */
int store_device_put(struct store *store, const char *id, const char *board, int64_t now, bool *added) STORE_CHECK;
int store_device_get(struct store *store, const char *id, struct store_device *device) STORE_CHECK;
int store_device_tenant(struct store *store, const char *id, char tenant[33]) STORE_CHECK;
int store_device_json(struct store *store, const char *id, json_t **device) STORE_CHECK;
/* Its attributes, an object of texts: a new reference. */
int store_attributes_get(struct store *store, const char *id, json_t **attributes) STORE_CHECK;
/* One of them into out[size], cut; STORE_NONE: the device has none of this name. */
int store_attribute_get(struct store *store, const char *id, const char *name, char *out, size_t size) STORE_CHECK;
/* All of them anew. */
int store_attributes_put(struct store *store, const char *id, const json_t *attributes) STORE_CHECK;
int store_device_tenant_put(struct store *store, const char *id, const char *tenant) STORE_CHECK;
int store_device_state_put(struct store *store, const char *id, const char *state) STORE_CHECK;
/* What went wrong last with it, a sentence; NULL: it is well again. */
int store_device_error_put(struct store *store, const char *id, const char *error) STORE_CHECK;

/* A page of the list, by id. */
struct store_devices_query {
	const struct store_where *where;
	const char *text;  /* in id, version or attributes, in either case; NULL: any */
	const char *after; /* ids above; "": from the first, and all that match are counted */
	int64_t limit;     /* rows, at most STORE_ROWS_MAX */
};
/* Rows without their reports; *more: there are others behind. *total: how many match; untouched unless `after` is "". */
int store_devices_json(struct store *store, const struct store_devices_query *query, json_t **devices, bool *more,
	int64_t *total) STORE_CHECK;
int store_device_count(struct store *store, int64_t *count) STORE_CHECK;
/* The names of all boards that devices have. */
int store_boards_json(struct store *store, json_t **boards) STORE_CHECK;
/* STORE_NONE: there is none that is active. */
int store_device_seen(struct store *store, const char *id, int64_t now) STORE_CHECK;
int store_device_malformed(struct store *store, const char *id) STORE_CHECK;
/* `round`: which connection to the broker the word came by. */
int store_presence_put(struct store *store, const char *id, bool online, int64_t boot, int64_t round) STORE_CHECK;
/* The next device after `id` that counts as online but was not heard of in `round`, into id; STORE_NONE: there is none. */
int store_presence_stale(struct store *store, int64_t round, char id[65]) STORE_CHECK;

struct store_report {
	const char *version, *digest, *slot, *mode; /* NULL: not said */
	const char *app;                            /* the same */
	const char *serial, *mac;                   /* of the board, the same */
	const char *health;                         /* what the server makes of it; NULL: unknown */
	const char *keyset_error;                   /* NULL: the last keyset was not refused */
	int64_t keyset;                             /* version, 0: not said */
	const char *json;                           /* all of it */
};
int store_report_put(struct store *store, const char *id, const struct store_report *report, int64_t now) STORE_CHECK;

/* ---- enrolments: who may claim an identity, by a token that is kept as SHA-256 ---- */

struct store_enrolment {
	char id[33], tenant[33], board[33];
	char pattern
		[65]; /* of the ids: "{key}" stands for the begin of the key's digest, "{serial}" for the serial number */
	char attributes[2048];                   /* JSON object, "" = none */
	int64_t uses_left, added_at, expires_at; /* unix seconds */
};
int store_enrolment_add(
	struct store *store, const struct store_enrolment *enrolment, const uint8_t hash[32]) STORE_CHECK;
int store_enrolment_find(struct store *store, const uint8_t hash[32], struct store_enrolment *enrolment) STORE_CHECK;
/* Takes one use. STORE_NONE: none was left. */
int store_enrolment_use(struct store *store, const char *id) STORE_CHECK;
/* tenant "": of all. */
int store_enrolments_json(struct store *store, const char *tenant, json_t **enrolments) STORE_CHECK;
int store_enrolment_remove(struct store *store, const char *tenant, const char *id) STORE_CHECK;

/* ---- certificates that devices got from us ---- */

struct store_holder {
	char device[65], state[17], tenant[33];
};
/* The device whose public key has this digest (hex). */
int store_holder_by_key(struct store *store, const char *key_digest, struct store_holder *holder) STORE_CHECK;
int store_holder_get(struct store *store, const char *device, struct store_holder *holder) STORE_CHECK;
/* Give a device its key, tenant and attributes (JSON object or ""). */
int store_holder_put(struct store *store, const struct store_holder *holder, const char *key_digest,
	const char *attributes) STORE_CHECK;

/* Ids of the devices that are revoked, rows. */
int store_revoked_json(struct store *store, json_t **devices) STORE_CHECK;

struct store_certificate {
	char serial[65]; /* hex */
	int64_t expires_at;
	uint8_t bytes[2048]; /* DER */
	size_t len;
};
int store_certificate_add(
	struct store *store, const char *device, const struct store_certificate *certificate, int64_t now) STORE_CHECK;
int store_certificate_newest(
	struct store *store, const char *device, struct store_certificate *certificate) STORE_CHECK;

/* ---- trust: keysets, and what was assigned (SPEC §11) ---- */

struct store_keyset {
	int64_t version, issued_at; /* issued_at: unix seconds */
	const uint8_t *bytes;       /* the envelope, borrowed; of store_keyset_get(): a new buffer, `free` it */
	size_t len;
};
/* STORE_NONE: there is one of this version. */
int store_keyset_add(struct store *store, const struct store_keyset *keyset, int64_t now) STORE_CHECK;
int store_keyset_get(struct store *store, int64_t version, struct store_keyset *keyset, uint8_t **bytes) STORE_CHECK;
/* STORE_NONE: there is none yet. */
int store_keyset_newest(struct store *store, int64_t *version) STORE_CHECK;
int store_keysets_json(struct store *store, json_t **keysets) STORE_CHECK;
/* The version that a device holds, as it says. */
int store_device_keyset(struct store *store, const char *id, int64_t version) STORE_CHECK;
/* Ids of the devices that count as online, a JSON array. */
int store_devices_online(struct store *store, json_t **devices) STORE_CHECK;

/* Every number from now on is above `floor` and above all before; what devices were assigned is forgotten, so that they get new numbers. */
int store_sequence_raise(struct store *store, int64_t floor) STORE_CHECK;
/* The number under which `digest` (hex, "" = nothing) is assigned to the device: the last one as long as it is the same, else the next of the fleet. */
int store_sequence_get(struct store *store, const char *device, const char *digest, int64_t *sequence) STORE_CHECK;

/* ---- images: a payload, by its digest, and the manifest that names it ---- */

struct store_manifest {
	const uint8_t *bytes; /* borrowed */
	size_t len;
	bool understood; /* the members below are set */
	char app[33], version[32];
	int64_t counter, image_bytes;
	uint8_t vendor_id[16], class_id[16];
};
/* *added: the image had no manifest yet. */
int store_manifest_put(struct store *store, const char *digest, const struct store_manifest *manifest, int64_t now,
	bool *added) STORE_CHECK;
/* The manifest's bytes, a new buffer, and the version it names (`version`, 32 bytes, "" = unknown). */
int store_manifest_get(
	struct store *store, const char *digest, uint8_t **bytes, size_t *len, char *version) STORE_CHECK;
int store_payload_put(struct store *store, const char *digest, int64_t bytes, int64_t now) STORE_CHECK;
/* Those of a tenant, "" = of any; newest first. With members vendorId and classId (hex), which the API does not show. */
int store_images_json(struct store *store, const char *tenant, json_t **images) STORE_CHECK;
/* The tenant has it, too. */
int store_image_share(struct store *store, const char *tenant, const char *digest) STORE_CHECK;

struct store_image {
	char app[33], version[32]; /* "" = its manifest does not say */
	uint8_t vendor_id[16], class_id[16];
};
/* STORE_NONE: the tenant ("" = any) does not have it. */
int store_image_get(struct store *store, const char *tenant, const char *digest, struct store_image *image) STORE_CHECK;
/* Who needs it within the tenant ("" = any), a sentence; STORE_NONE: nobody. */
int store_image_use(struct store *store, const char *tenant, const char *digest, char why[80]) STORE_CHECK;
/* The tenant ("" = all) has it no more. *gone: nobody has, its payload may go. */
int store_image_remove(struct store *store, const char *tenant, const char *digest, bool *gone) STORE_CHECK;

/* ---- channels: which image of an app is `stable` on a board ---- */

struct store_channel {
	const char *tenant, *app, *board, *name;
};
/* tenant "": of all. */
int store_channels_json(struct store *store, const char *tenant, json_t **channels) STORE_CHECK;
int store_channel_put(
	struct store *store, const struct store_channel *channel, const char *digest, int64_t now) STORE_CHECK;
int store_channel_remove(struct store *store, const struct store_channel *channel) STORE_CHECK;

/* ---- jobs ---- */

struct store_job {
	char id[65], device[65], digest[65], version[32];
	enum job_status status;
	int64_t version_number;
	int64_t queued_at, started_at, updated_at; /* unix seconds; started_at 0: not yet */
	char *details, *document;                  /* JSON objects; owned */
	char rollout[33];                          /* "": an operator's */
	bool has_payload;                          /* the device has fetched it */
};
void store_job_free(struct store_job *job);
/* STORE_NONE: the device has an open job already. */
int store_job_add(struct store *store, const struct store_job *job) STORE_CHECK;
/* Write status, versionNumber, times, details and has_payload. */
int store_job_put(struct store *store, const struct store_job *job) STORE_CHECK;
int store_job_get(struct store *store, const char *id, struct store_job *job) STORE_CHECK;
/* The device's oldest open job. */
int store_job_next(struct store *store, const char *device, struct store_job *job) STORE_CHECK;
/* An IN_PROGRESS job that was last updated before `before`. */
int store_job_silent(struct store *store, int64_t before, struct store_job *job) STORE_CHECK;
int store_job_json(struct store *store, const char *id, json_t **job) STORE_CHECK;
/* Newest first; device NULL: of all. */
int store_jobs_json(struct store *store, const char *device, json_t **jobs) STORE_CHECK;
int store_jobs_of_tenant_json(struct store *store, const char *tenant, json_t **jobs) STORE_CHECK;
int store_job_newest_json(struct store *store, const char *device, json_t **job) STORE_CHECK;
/* The device's newest SUCCEEDED job: its id and digest. */
int store_job_success(struct store *store, const char *device, char id[65], char digest[65]) STORE_CHECK;
int store_job_count_open(struct store *store, int64_t *count) STORE_CHECK;
/* Open jobs whose device is online and has not fetched the payload: who is at the artifact server, or about to be. */
int store_job_count_fetching(struct store *store, int64_t *count) STORE_CHECK;
/* Ids of the devices with a QUEUED job, a JSON array. */
int store_jobs_waiting(struct store *store, json_t **devices) STORE_CHECK;

/* ---- crashes: bounded, each once ---- */

struct store_crash {
	const char *id, *cause;                          /* id: 8 hex digits */
	const char *image, *version, *thread, *build_id; /* NULL: not said */
	int64_t boots;                                   /* number of the start that crashed; 0: not said */
	const char *json;                                /* all of it */
};
/* Keep it, and at most STORE_CRASHES_MAX of the device's. *added: it was not here yet. */
int store_crash_add(
	struct store *store, const char *device, const struct store_crash *crash, int64_t now, bool *added) STORE_CHECK;
/* Newest first, without their records; device NULL: of all. */
int store_crashes_json(struct store *store, const char *device, json_t **crashes) STORE_CHECK;
int store_crashes_of_tenant_json(struct store *store, const char *tenant, json_t **crashes) STORE_CHECK;
int store_crash_json(struct store *store, const char *device, const char *id, json_t **crash) STORE_CHECK;

/* ---- tokens and tenants ---- */

struct store_token {
	char id[17], name[65], role[9], tenant[33]; /* tenant "": all */
	uint8_t hash[32];                           /* SHA-256 of the token */
	int64_t expires_at, last_used;              /* unix seconds, 0: never */
};
/* STORE_NONE: the tenant has one of this name. */
int store_token_add(struct store *store, const struct store_token *token, int64_t now) STORE_CHECK;
int store_token_find(struct store *store, const uint8_t hash[32], struct store_token *token) STORE_CHECK;
int store_token_used(struct store *store, const char *id, int64_t now) STORE_CHECK;
/* `tenant`: only of this one, "" = of all. */
int store_token_json(struct store *store, const char *id, const char *tenant, json_t **token) STORE_CHECK;
int store_tokens_json(struct store *store, const char *tenant, json_t **tokens) STORE_CHECK;
int store_token_delete(struct store *store, const char *id, const char *tenant) STORE_CHECK;

/* STORE_NONE: there is one of this name. */
int store_tenant_add(struct store *store, const char *name, int64_t now) STORE_CHECK;
int store_tenant_json(struct store *store, const char *name, json_t **tenant) STORE_CHECK;
int store_tenants_json(struct store *store, const char *tenant, json_t **tenants) STORE_CHECK;

/* ---- logs and events: numbered rows, bounded ---- */

int store_log_add(struct store *store, const char *device, int64_t now, const char *text) STORE_CHECK;
/* Where the device is in its own numbering: of start `boot`, lines below `next` are here. */
int store_log_mark_get(struct store *store, const char *device, int64_t *boot, int64_t *next) STORE_CHECK;
int store_log_mark_put(struct store *store, const char *device, int64_t boot, int64_t next) STORE_CHECK;
/* Number of the newest line, 0: none. */
int store_log_last(struct store *store, const char *device, int64_t *n) STORE_CHECK;
int store_log_trim(struct store *store, const char *device) STORE_CHECK;
/* Lines with a number above `since`, oldest first. */
int store_logs_json(struct store *store, const char *device, int64_t since, json_t **lines) STORE_CHECK;

struct store_event {
	const char *kind, *device, *job, *text, *details; /* device, job, details (JSON) may be NULL */
	const char *tenant, *rollout;                     /* NULL: the device's tenant; none */
};
int store_event_add(struct store *store, const struct store_event *event, int64_t now) STORE_CHECK;
struct store_event_query {
	const char *device, *tenant, *rollout; /* NULL or "": of all */
	int64_t since, limit;                  /* numbers above; rows, at most STORE_ROWS_MAX */
	bool newest;                           /* of more than `limit` the last ones, else the first */
};
/* Oldest first, also with `newest`. */
int store_events_json(struct store *store, const struct store_event_query *query, json_t **events) STORE_CHECK;
/* Number of the newest one, 0: none. */
int store_event_last(struct store *store, int64_t *n) STORE_CHECK;

/* A place in a device's timeline: what came before it has a lower time, or in the same second a lower rank, or of the same rank a lower number. */
struct store_moment {
	int64_t time, rank, n;
};
/* What happened to the device before then, newest first: events; its jobs and crash records whose events are gone; that it was added. */
int store_timeline_json(struct store *store, const char *device, const struct store_moment *before, int64_t limit,
	json_t **rows) STORE_CHECK;
/* {"devices","online","versions":{v:n},"health":{h:n}} of a tenant, "" = all; the 100 commonest versions. */
int store_fleet_json(struct store *store, const char *tenant, json_t **fleet) STORE_CHECK;

#endif
