/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/store_schema.h"

const char store_schema[] =
	"CREATE TABLE devices (id TEXT PRIMARY KEY, board TEXT NOT NULL, added_at INTEGER NOT NULL,"
	" last_seen INTEGER NOT NULL DEFAULT 0, online INTEGER NOT NULL DEFAULT 0, boot INTEGER NOT NULL DEFAULT 0,"
	" round INTEGER NOT NULL DEFAULT 0, malformed INTEGER NOT NULL DEFAULT 0,"
	" log_boot INTEGER NOT NULL DEFAULT 0, log_next INTEGER NOT NULL DEFAULT 0,"
	" version TEXT, digest TEXT, slot TEXT, mode TEXT, report TEXT, report_at INTEGER) STRICT;"
	"CREATE TABLE images (digest TEXT PRIMARY KEY, added_at INTEGER NOT NULL, payload_bytes INTEGER,"
	" manifest BLOB, app TEXT, version TEXT, counter INTEGER, image_bytes INTEGER, vendor_id BLOB, class_id BLOB) "
	"STRICT;"
	"CREATE TABLE jobs (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
	" device TEXT NOT NULL REFERENCES devices, digest TEXT NOT NULL, version TEXT, status TEXT NOT NULL,"
	" version_number INTEGER NOT NULL, queued_at INTEGER NOT NULL, started_at INTEGER, updated_at INTEGER NOT NULL,"
	" details TEXT NOT NULL, document TEXT NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX jobs_open ON jobs (device) WHERE status IN ('QUEUED', 'IN_PROGRESS');"
	"CREATE INDEX jobs_device ON jobs (device, n);"
	"CREATE INDEX jobs_status ON jobs (status, updated_at);"
	"CREATE TABLE logs (n INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, time INTEGER NOT NULL,"
	" text TEXT NOT NULL) STRICT;"
	"CREATE INDEX logs_device ON logs (device, n);"
	"CREATE TABLE events (n INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kind TEXT NOT NULL,"
	" device TEXT, job TEXT, text TEXT NOT NULL, details TEXT) STRICT;"
	"CREATE INDEX events_device ON events (device, n);"
	"PRAGMA application_id = 1397445209;"
	"PRAGMA user_version = 1;";

/* Crash records. */
static const char to_2[] =
	"CREATE TABLE crashes (n INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL REFERENCES devices,"
	" id TEXT NOT NULL, time INTEGER NOT NULL, cause TEXT NOT NULL, image TEXT, version TEXT, thread TEXT,"
	" build_id TEXT, boots INTEGER NOT NULL, record TEXT NOT NULL, UNIQUE (device, id)) STRICT;";

/* Trust. */
static const char to_3[] =
	"CREATE TABLE keysets (version INTEGER PRIMARY KEY, issued_at INTEGER NOT NULL, added_at INTEGER NOT NULL,"
	" bytes BLOB NOT NULL) STRICT;"
	"CREATE TABLE assigned (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL) STRICT;"
	"INSERT INTO assigned VALUES (1, 0);"
	"ALTER TABLE devices ADD COLUMN keyset INTEGER;"
	"ALTER TABLE devices ADD COLUMN keyset_error TEXT;"
	"ALTER TABLE devices ADD COLUMN assigned_sequence INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE devices ADD COLUMN assigned_digest TEXT;";

/* The fleet: tenants, tokens, attributes, groups, channels, rollouts, enrolment, webhooks, history. */
static const char to_4[] =
	/* Who: tokens are kept as SHA-256; tenant NULL: all tenants. */
	"CREATE TABLE tenants (name TEXT PRIMARY KEY, added_at INTEGER NOT NULL) STRICT;"
	"INSERT INTO tenants VALUES ('default', 0);"
	"CREATE TABLE tokens (id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, role TEXT NOT NULL,"
	" tenant TEXT REFERENCES tenants, added_at INTEGER NOT NULL, expires_at INTEGER, last_used INTEGER) STRICT;"
	"CREATE UNIQUE INDEX tokens_name ON tokens (coalesce(tenant, ''), name);"
	/* What operators did. hash = SHA-256 over the row before's hash and this row: nothing can be taken out unseen. */
	"CREATE TABLE audit (n INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, tenant TEXT, actor TEXT NOT "
	"NULL,"
	" action TEXT NOT NULL, object TEXT NOT NULL, details TEXT, hash BLOB NOT NULL) STRICT;"
	/* Devices. state: active, revoked, retired. */
	"ALTER TABLE devices ADD COLUMN tenant TEXT NOT NULL DEFAULT 'default';"
	"ALTER TABLE devices ADD COLUMN state TEXT NOT NULL DEFAULT 'active';"
	"ALTER TABLE devices ADD COLUMN cert_serial TEXT;"
	"ALTER TABLE devices ADD COLUMN cert_expires INTEGER;"
	/* Of a device that claimed its identity: SHA-256 of its public key, by which it is known again. */
	"ALTER TABLE devices ADD COLUMN key_digest TEXT;"
	"CREATE UNIQUE INDEX devices_key ON devices (key_digest);"
	"CREATE TABLE certificates (serial TEXT PRIMARY KEY, device TEXT NOT NULL REFERENCES devices,"
	" added_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE INDEX certificates_device ON certificates (device, added_at);"
	"ALTER TABLE devices ADD COLUMN last_error TEXT;"
	"ALTER TABLE devices ADD COLUMN health TEXT;"
	"ALTER TABLE devices ADD COLUMN app TEXT;"
	/* A JSON object of texts, names in order, no spaces: store_selector.c searches it as text. */
	"ALTER TABLE devices ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';"
	"CREATE INDEX devices_online ON devices (online, id);"
	"CREATE INDEX devices_counts ON devices (tenant, state, version, online, health);"
	/* All that a selector may ask for: one pass over it answers any, without touching the rows. */
	"CREATE INDEX devices_facts ON devices (id, tenant, state, online, board, app, version, digest, health, mode, "
	"slot, attributes);"
	"CREATE TABLE groups (tenant TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL, selector TEXT NOT NULL,"
	" added_at INTEGER NOT NULL, PRIMARY KEY (tenant, name)) STRICT, WITHOUT ROWID;"
	/* Images: the bytes are everybody's, who may see them is not. */
	"CREATE TABLE image_tenants (tenant TEXT NOT NULL REFERENCES tenants, digest TEXT NOT NULL REFERENCES images,"
	" PRIMARY KEY (tenant, digest)) STRICT, WITHOUT ROWID;"
	"INSERT INTO image_tenants SELECT 'default', digest FROM images;"
	"CREATE TABLE channels (tenant TEXT NOT NULL REFERENCES tenants, app TEXT NOT NULL, board TEXT NOT NULL,"
	" name TEXT NOT NULL, digest TEXT NOT NULL REFERENCES images, set_at INTEGER NOT NULL,"
	" PRIMARY KEY (tenant, app, board, name)) STRICT, WITHOUT ROWID;"
	"ALTER TABLE jobs ADD COLUMN rollout TEXT;"
	/* Rollouts: spec is the description as accepted, defaults filled in; *_ms are unix milliseconds. */
	"CREATE TABLE rollouts (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
	" tenant TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL, digest TEXT NOT NULL REFERENCES images,"
	" app TEXT NOT NULL, state TEXT NOT NULL, spec TEXT NOT NULL, author TEXT NOT NULL, reason TEXT,"
	" version_number INTEGER NOT NULL, added_at INTEGER NOT NULL, started_at INTEGER, ended_at INTEGER) STRICT;"
	"CREATE INDEX rollouts_state ON rollouts (state);"
	"CREATE TABLE rollout_waves (rollout TEXT NOT NULL REFERENCES rollouts (id), wave INTEGER NOT NULL,"
	" state TEXT NOT NULL, satisfied_ms INTEGER, bucket_fill INTEGER NOT NULL, bucket_at_ms INTEGER NOT NULL,"
	" bucket_starts INTEGER NOT NULL, forgiven TEXT, PRIMARY KEY (rollout, wave)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE rollout_targets (rollout TEXT NOT NULL REFERENCES rollouts (id), device TEXT NOT NULL"
	" REFERENCES devices, wave INTEGER NOT NULL, rank INTEGER NOT NULL, state TEXT NOT NULL,"
	" tries_left INTEGER NOT NULL, stopped INTEGER NOT NULL DEFAULT 0, go_back INTEGER NOT NULL DEFAULT 0,"
	" offline INTEGER NOT NULL DEFAULT 0, job TEXT, digest_before TEXT, not_before_ms INTEGER NOT NULL DEFAULT 0,"
	" turn_ms INTEGER, started_ms INTEGER, ended_ms INTEGER, error TEXT,"
	" PRIMARY KEY (rollout, device)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX rollout_targets_turn ON rollout_targets (rollout, wave, state, rank);"
	"CREATE INDEX rollout_targets_device ON rollout_targets (device);"
	"CREATE TABLE rollout_approvals (rollout TEXT NOT NULL REFERENCES rollouts (id), actor TEXT NOT NULL,"
	" time INTEGER NOT NULL, PRIMARY KEY (rollout, actor)) STRICT, WITHOUT ROWID;"
	/* Enrolment by a token, which is kept as SHA-256. */
	"CREATE TABLE enrolments (id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants, hash BLOB NOT NULL "
	"UNIQUE,"
	" board TEXT NOT NULL, pattern TEXT NOT NULL, attributes TEXT, uses INTEGER NOT NULL DEFAULT 0,"
	" uses_left INTEGER NOT NULL, added_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT;"
	/* Webhooks, and what is still to be told. */
	"CREATE TABLE webhooks (id TEXT PRIMARY KEY, tenant TEXT REFERENCES tenants, url TEXT NOT NULL, secret TEXT "
	"NOT NULL,"
	" kinds TEXT NOT NULL, added_at INTEGER NOT NULL, last_status INTEGER, last_at INTEGER, last_delivery TEXT,"
	" last_error TEXT) STRICT;"
	"CREATE TABLE webhook_queue (n INTEGER PRIMARY KEY AUTOINCREMENT, webhook TEXT NOT NULL REFERENCES webhooks"
	" ON DELETE CASCADE, body TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL,"
	" added_at INTEGER NOT NULL) STRICT;"
	"CREATE INDEX webhook_queue_webhook ON webhook_queue (webhook, n);"
	/* What the dashboard plots. */
	"CREATE TABLE telemetry (n INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, name TEXT NOT NULL,"
	" time INTEGER NOT NULL, value TEXT NOT NULL) STRICT;"
	"CREATE INDEX telemetry_device ON telemetry (device, name, n);"
	"CREATE INDEX telemetry_all ON telemetry (device, n);"
	"CREATE TABLE telemetry_names (device TEXT NOT NULL, name TEXT NOT NULL, time INTEGER NOT NULL,"
	" value TEXT NOT NULL, PRIMARY KEY (device, name)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE history (tenant TEXT NOT NULL, time INTEGER NOT NULL, value TEXT NOT NULL,"
	" PRIMARY KEY (tenant, time)) STRICT, WITHOUT ROWID;"
	"ALTER TABLE events ADD COLUMN tenant TEXT;"
	"ALTER TABLE events ADD COLUMN rollout TEXT;";

/* Certificates that expire are counted without a look at the rows, which hold whole reports. */
static const char to_5[] = "CREATE INDEX devices_certificates ON devices (cert_expires, tenant, state)"
			   " WHERE cert_expires IS NOT NULL;";

/*
 * What selectors and counts ask for, each combination once, '' for what is not known, and how many devices have it: they decide on some hundred rows
 * instead of one for each device. Triggers keep it, whoever writes; a combination that no device has is gone, so that no device fills it.
 */
#define FACTS "tenant, state, online, board, app, version, digest, health, mode, slot"
#define FACTS_TYPES                                                                                                    \
	"tenant TEXT NOT NULL, state TEXT NOT NULL, online INTEGER NOT NULL, board TEXT NOT NULL, app TEXT NOT NULL,"  \
	" version TEXT NOT NULL, digest TEXT NOT NULL, health TEXT NOT NULL, mode TEXT NOT NULL, slot TEXT NOT NULL"
#define FACTS_HERE                                                                                                     \
	"devices.tenant, devices.state, devices.online, devices.board, coalesce(devices.app, ''), "                    \
	"coalesce(devices.version, ''),"                                                                               \
	" coalesce(devices.digest, ''), coalesce(devices.health, ''), coalesce(devices.mode, ''), "                    \
	"coalesce(devices.slot, '')"
#define FACTS_NEW                                                                                                      \
	"NEW.tenant, NEW.state, NEW.online, NEW.board, coalesce(NEW.app, ''), coalesce(NEW.version, ''),"              \
	" coalesce(NEW.digest, ''), coalesce(NEW.health, ''), coalesce(NEW.mode, ''), coalesce(NEW.slot, '')"
#define FACTS_OLD                                                                                                      \
	"OLD.tenant, OLD.state, OLD.online, OLD.board, coalesce(OLD.app, ''), coalesce(OLD.version, ''),"              \
	" coalesce(OLD.digest, ''), coalesce(OLD.health, ''), coalesce(OLD.mode, ''), coalesce(OLD.slot, '')"
#define FACTS_TAKE                                                                                                     \
	"INSERT INTO facts (count, " FACTS ") VALUES (1, " FACTS_NEW ")"                                               \
	" ON CONFLICT (" FACTS ") DO UPDATE SET count = count + 1;"                                                    \
	"UPDATE devices SET facts = (SELECT n FROM facts WHERE (" FACTS ") = (" FACTS_NEW ")) WHERE id = NEW.id;"
#define FACTS_LEAVE                                                                                                    \
	"UPDATE facts SET count = count - 1 WHERE n = OLD.facts;"                                                      \
	"DELETE FROM facts WHERE n = OLD.facts AND count = 0;"

static const char to_6[] =
	"DROP INDEX devices_counts;"
	"DROP INDEX devices_facts;"
	"CREATE TABLE facts (n INTEGER PRIMARY KEY, count INTEGER NOT NULL, " FACTS_TYPES ", UNIQUE (" FACTS
	")) STRICT;"
	"ALTER TABLE devices ADD COLUMN facts INTEGER REFERENCES facts;"
	"INSERT INTO facts (count, " FACTS ") SELECT count(*), " FACTS_HERE " FROM devices GROUP BY " FACTS_HERE ";"
	"UPDATE devices SET facts = (SELECT n FROM facts WHERE (" FACTS ") = (" FACTS_HERE "));"
	/* One pass over a part of it answers any selector, and the search for a text, without the rows, which hold whole reports. */
	"CREATE INDEX devices_facts ON devices (facts, id, attributes);"
	"CREATE TRIGGER devices_added AFTER INSERT ON devices BEGIN " FACTS_TAKE "END;"
	"CREATE TRIGGER devices_changed AFTER UPDATE OF " FACTS " ON devices"
	" WHEN (" FACTS_NEW ") <> (" FACTS_OLD ") BEGIN " FACTS_TAKE FACTS_LEAVE "END;"
	"CREATE TRIGGER devices_removed AFTER DELETE ON devices BEGIN " FACTS_LEAVE "END;";

/* What is asked each second while a rollout runs, or more often: who is at the artifact server, who is late, who is gone. */
static const char to_7[] = "ALTER TABLE jobs ADD COLUMN has_payload INTEGER NOT NULL DEFAULT 0;"
			   "CREATE INDEX jobs_fetching ON jobs (has_payload, status, device);"
			   "CREATE INDEX rollout_targets_flight ON rollout_targets (rollout, started_ms)"
			   " WHERE state IN ('offered', 'active', 'reverting');"
			   "CREATE INDEX devices_inactive ON devices (id) WHERE state <> 'active';";

/*
 * How much there is of what devices send: counting it anew would take a pass over all of it. About the bytes that a row takes: the row, and its copy of
 * the columns in each index.
 */
#define TELEMETRY_BYTES(row)                                                                                           \
	"(3 * length(" row "device) + 2 * length(" row "name) + length(CAST(" row "value AS BLOB)) + 60)"
#define LOG_BYTES(row)   "(2 * length(" row "device) + length(CAST(" row "text AS BLOB)) + 30)"
#define CRASH_BYTES(row) "(3 * length(" row "device) + length(CAST(" row "record AS BLOB)) + 150)"
/* clang-format off */
#define KEEP(table, bytes) \
	"INSERT INTO kept SELECT '" table "', count(*), coalesce(sum(" bytes("") "), 0) FROM " table ";" \
	"CREATE TRIGGER " table "_added AFTER INSERT ON " table " BEGIN" \
	" UPDATE kept SET count = count + 1, bytes = bytes + " bytes("NEW.") " WHERE what = '" table "'; END;" \
	"CREATE TRIGGER " table "_removed AFTER DELETE ON " table " BEGIN" \
	" UPDATE kept SET count = count - 1, bytes = bytes - " bytes("OLD.") " WHERE what = '" table "'; END;"

static const char to_8[] =
	"CREATE TABLE kept (what TEXT PRIMARY KEY, count INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	KEEP("telemetry", TELEMETRY_BYTES)
	KEEP("logs", LOG_BYTES)
	KEEP("crashes", CRASH_BYTES);
/* clang-format on */

/* What an operator's inventory knows a board by; an index each, for it is asked for by value and not in facts: hardly two are equal. */
static const char to_9[] = "ALTER TABLE devices ADD COLUMN serial TEXT;"
			   "ALTER TABLE devices ADD COLUMN mac TEXT;"
			   "CREATE INDEX devices_serial ON devices (serial);"
			   "CREATE INDEX devices_mac ON devices (mac);";

const char *const store_upgrades[] = {to_2, to_3, to_4, to_5, to_6, to_7, to_8, to_9};
const int store_schema_version = 1 + (int)(sizeof store_upgrades / sizeof *store_upgrades);
