/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skerryd's parts and what they share. One thread, the main loop, owns everything here but the connection to the broker, which has a thread of
 * its own and meets the main loop in the inbox:
 *
 *   mqtt.c ─ inbox.c → link.c → devices.c, jobs.c → trust.c, command.c ┐
 *                                                            ├ store*.c
 *   http.c → http_api_*.c, http_artifact.c → jobs.c, devices.c ┘
 *   backup.c → copier.c: a further thread, with a connection to the database that only reads
 */
#ifndef SKERRYD_SKERRYD_H
#define SKERRYD_SKERRYD_H

#include "skerryd/bell.h"
#include "skerryd/flood.h"
#include "skerryd/issuer.h"
#include "skerryd/metrics.h"
#include "skerryd/outbox.h"
#include "skerryd/settings.h"
#include "skerryd/store.h"
#include "skerryd/throttle.h"
#include "skerryd/trust.h"
#include "skerryd/webhook_post.h"

#define SKERRYD_VERSION "0.1.0"

/* How fast claims are taken: a bucket that fills with time. */
struct enrol_rate {
	int64_t filled_ms, tokens;
};

struct mqtt;
struct http;
struct inbox;
struct command;
struct rollouts;

/* What a change may be waited for. */
enum skerryd_topic {
	CHANGED_JOB = 1,
	CHANGED_LOG = 2,
	CHANGED_EVENT = 4,
	CHANGED_COMMAND = 8,
	CHANGED_ROLLOUT = 16,
	CHANGED_DEVICE = 32, /* what the fleet's picture counts, where no event says so */
	CHANGED_TELEMETRY = 64,
	CHANGED_BACKUP = 128,
};

/* homeassistant.c's part. */
struct homeassistant {
	json_t *changed;     /* {device: true}; NULL: none yet */
	json_t *names;       /* {"device/name": true}: telemetry whose sensors were told */
	bool is_telling_all; /* a round over all devices … */
	char after[65];      /* … got to here */
};

/* kept.c's part, for each kind. */
struct kept {
	int64_t rows;       /* at the last look, 0: none yet */
	int64_t dropped_ms; /* when something was dropped last, 0: never */
};

/* backup.c's part. */
struct backups {
	int event_fd; /* a copy is done */
	bool is_busy; /* one is under way */
};

struct skerryd {
	struct settings settings;
	struct store *store;
	struct mqtt *mqtt;
	struct inbox *inbox;
	struct http *http;
	struct bells bells;
	struct outbox outbox;
	struct throttle throttle;
	struct flood flood;
	struct trust trust;
	struct issuer issuer;
	struct enrol_rate enrol_rate;
	struct metrics metrics;
	struct webhooks webhooks;
	struct homeassistant homeassistant;
	struct backups backups;
	struct kept kept[STORE_KEPT_KINDS];
	enum store_durability durability; /* of the open group */
	struct command *commands;         /* those that wait for a device's answer */
	struct rollouts *rollouts;        /* those that run */
	int64_t now_ms;                   /* unix time of this turn of the main loop: what rollouts count with */
	unsigned changed;                 /* enum skerryd_topic, of the open group */
	int64_t broker_since;             /* unix seconds of the connection, 0: there is none */
	int64_t round;                    /* which connection to the broker this is */
	int64_t telemetry_due_ms;         /* when old telemetry is looked for again */
	int64_t history_minute;           /* of which the history has a row: its begin, unix seconds */
	int64_t presence_due_ms;          /* when silence since the connection means offline; 0: settled */
	int64_t muster_ms;                /* when the last of those who were there before us is rung */
};

/*
 * A group of changes: store_begin() … store_commit(), and after it, only if it succeeded, what is to be published goes out and those who wait are
 * woken. 0 or -1; a failure is logged.
 */
int skerryd_begin(struct skerryd *server, enum store_durability durability) STORE_CHECK;
int skerryd_commit(struct skerryd *server) STORE_CHECK;
/* The database failed within the group: says so, and undoes it. */
void skerryd_rollback(struct skerryd *server);
/* Undo a group although nothing failed. */
void skerryd_abandon(struct skerryd *server);

/* Write down what happened, inside a group. */
int skerryd_event(struct skerryd *server, const struct store_event *event) STORE_CHECK;

#endif
