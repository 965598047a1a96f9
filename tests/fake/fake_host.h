/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole device around the update core: disk, boot loader, clock, artifact servers, server of jobs. Time passes only
 * when nothing else can happen, so a day of retries takes no time; a life ends with a reset, a power cut or when nothing is left to do.
 */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

#include "fake_boot.h"
#include "fake_trust.h"
#include "ota/ota.h"

/* How an artifact server behaves. */
enum server_kind {
	SERVER_GOOD,
	SERVER_IGNORES_RANGE, /* 200 from byte 0 */
	SERVER_FLIPS,         /* one byte of the image is wrong, always */
	SERVER_TRUNCATES,     /* ends after `limit` bytes as if all were well */
	SERVER_RESETS,        /* breaks after `limit` bytes of every answer */
	SERVER_REFUSES,       /* 404 */
	SERVER_TRICKLES,      /* `limit` bytes a second, 0: one */
	SERVER_SILENT,        /* never answers */
	SERVER_LIES_RANGE,    /* begins somewhere else than asked */
	SERVER_ENDLESS,       /* never stops sending */
};

struct fake_server {
	enum server_kind kind;
	uint64_t limit; /* bytes */
	uint64_t flip_off;
	unsigned asked; /* requests so far */
};

/* What becomes of an image when it runs. */
enum image_behaviour {
	IMAGE_WELL,
	IMAGE_NEVER_WELL,
	IMAGE_CRASHES,    /* with its last words, once the agent is up */
	IMAGE_DIES_EARLY, /* before its agent is up, without a word */
	IMAGE_NO_LINK,
};

struct fake_host {
	struct ram_flash flash;
	struct fake_boot boot;
	const struct fake_image *images[8];
	enum image_behaviour behaviour[8];
	size_t image_count;
	struct fake_server servers[OTA_URLS_MAX];
	size_t server_count;

	/* The core's calls to its disk so far; from which on they fail, and how many of them. */
	uint64_t disk_calls, disk_fail_from, disk_fail_count;
	int fetch_error; /* what port.fetch() answers */

	/* The job on offer at every connect; NULL: none. */
	const struct fake_image *job;
	const char *job_id;
	uint32_t job_version;
	bool job_retry;
	uint32_t job_trial_s;
	enum ota_reset job_reset;
	/* What the server signed for it: as above, a new sequence for another image; or what a test wants to send instead. */
	struct fake_assignment assigned;
	const struct fake_assignment *assignment;
	uint64_t sequence;
	struct fake_keyset keyset; /* that the device was provisioned with */

	/* This life. */
	struct fake_start running;
	struct ota *ota;
	struct ota_config config;
	uint64_t now;
	uint32_t random;
	bool reboot, link;
	enum ota_cause crash; /* the panic that ended the last life */

	/* The fetch under way. */
	bool fetching, head_sent;
	unsigned server;
	uint64_t off, sent;

	/* What was seen. */
	int start_result, job_result;
	struct ota_status status, last_terminal;
	char told_id[OTA_JOB_ID_MAX]; /* the job whose end the server knows; it is not offered again */
	struct ota_status told;       /* its end */
	unsigned statuses, terminals, reports, lives, fetches, stops;
	uint64_t body_bytes;
	char log[32][200]; /* the last lines */
	unsigned log_count;
};

void fake_host_init(struct fake_host *host);
void fake_host_free(struct fake_host *host);
void fake_host_image_add(struct fake_host *host, const struct fake_image *image, enum image_behaviour behaviour);
/* One life: boot loader, core, events, until reset, cut, or nothing more to happen before `host->now` + ms. False: nothing started. */
bool fake_host_live(struct fake_host *host, uint64_t ms);
/* Lives until the job's outcome is terminal and acknowledged, at most `lives`. True if it got there. */
bool fake_host_settle(struct fake_host *host, unsigned lives);
/* Start without running: the core is up, no event was given. The same in two: the boot loader's part, then the core's. */
bool fake_host_begin(struct fake_host *host);
bool fake_host_boot(struct fake_host *host);
void fake_host_core_start(struct fake_host *host);
/* The rest of a life that began: what the image does, and events. */
void fake_host_go(struct fake_host *host, uint64_t ms);
/* An assignment of `digest` (NULL: nothing) by the server's clock, under the keyset that the device holds, in host->assigned. */
void fake_host_assign(struct fake_host *host, const uint8_t *digest);
int fake_host_offer(struct fake_host *host, const struct fake_image *image, const char *id);
void fake_host_run(struct fake_host *host, uint64_t ms); /* events until nothing is due within ms */
void fake_host_connect(
	struct fake_host *host); /* broker reached; the job, if there is one that has not ended, is offered */
bool fake_host_log_has(const struct fake_host *host, const char *text);

#endif
