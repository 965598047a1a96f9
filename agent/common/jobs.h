/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs contract (SPEC §8) between the server's topics and the update core: asks for the next job, hands it to the
 * core, and tells the server what became of it. One status is kept, the newest; a terminal one until the server has
 * accepted or refused it. One update is under way at a time, because its answer carries the version of the next.
 * Every wait has a timer. Knows neither MQTT nor the core: both are behind struct jobs_port.
 */
#ifndef AGENT_JOBS_H
#define AGENT_JOBS_H

#include "backoff.h"
#include "ota/ota.h"

/* The server has no job for us. Borrowed. */
struct jobs_idle {
	const uint8_t *assignment; /* that says so, signed */
	size_t assignment_len;     /* 0: none */
	const uint8_t *nonce;      /* of the request that was answered */
	size_t nonce_len;
};

struct jobs_port {
	/* Publish on T/jobs/`suffix`, QoS 1. 0 or -OTA_E_*: try again later. */
	int (*publish)(void *ctx, const char *suffix, const char *json, size_t len);
	/* ota_on_job(), ota_on_idle() and ota_on_cancel(NULL), ota_on_status_acked(). */
	int (*job)(void *ctx, const struct ota_job *job);
	void (*idle)(void *ctx, const struct jobs_idle *idle);
	void (*acked)(void *ctx, const char *id, uint32_t version);
	/* ota_keyset_version() */
	uint32_t (*keyset)(void *ctx);
};

/* A request that waits for its answer. */
struct jobs_request {
	bool waiting;
	uint32_t token;       /* number part of the clientToken */
	uint64_t deadline_ms; /* waiting: give up and repeat; else: send not before */
	struct backoff backoff;
};

struct jobs {
	const struct jobs_port *port;
	void *ctx;
	bool up;
	uint32_t session, tokens; /* the clientToken is `session-number`, session random per start */
	bool get_wanted;
	struct jobs_request get, update;
	bool pending, replaced; /* a status to be sent; it changed since it was sent */
	struct ota_status status;
	char known_id[OTA_JOB_ID_MAX]; /* the server's version of this job, as last heard in this start; "": unknown */
	uint32_t known_version;
	uint64_t last_sent_ms;
	uint64_t next_get_ms; /* ask not before */
};

void jobs_init(struct jobs *jobs, const struct jobs_port *port, void *ctx);

/* Broker reached or lost. */
void jobs_on_link(struct jobs *jobs, bool up);

/* A message on T/jobs/`suffix`; payload[len] is decoded in place. */
void jobs_on_message(struct jobs *jobs, const char *suffix, char *payload, size_t len);

/* From the core's port: the job's status changed. */
void jobs_on_status(struct jobs *jobs, const struct ota_status *status);

/* Another keyset counts: what the server assigned has to come again. */
void jobs_on_keyset(struct jobs *jobs);

/* Nothing is left to be told, or it cannot be told now. */
bool jobs_is_settled(const struct jobs *jobs);

void jobs_poll(struct jobs *jobs);
uint64_t jobs_deadline_ms(const struct jobs *jobs);

#endif
