/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: update core, jobs, MQTT, downloads, health, report, logs and commands bound into one object that its host
 * drives by polling. The host (agent/unikernel, a test, later agent/linux) fills in struct agent_config and one table:
 *
 *   agent_init();  loop: agent_network(); agent_poll(); wait for streams, the app or agent_deadline_ms()
 *
 * One thread. Allocates at start, per connection and per message (libmosquitto, mbedTLS), within known bounds.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "claim.h"
#include "crash.h"
#include "https.h"
#include "identity.h"
#include "jobs.h"
#include "logs.h"
#include "mqtt.h"
#include "platform.h"
#include "renew.h"

#define AGENT_NAME_MAX 32   /* of an app's topic, with NUL */
#define AGENT_DATA_MAX 1024 /* of an app's message */

/* What the app publishes or is sent. */
struct agent_message {
	char name[AGENT_NAME_MAX];
	size_t len;
	uint8_t data[AGENT_DATA_MAX];
};

/* For the report, in bytes. */
struct agent_memory {
	size_t heap_bytes, heap_peak, stack_peak;
};

/* What tells one board from another, for the report; "": it has none. */
struct agent_board {
	char serial[65]; /* as the board's maker wrote it */
	char mac[18];    /* "52:54:00:12:34:56" */
};

struct agent_ops {
	/* Storage as in ota/port.h. */
	int (*blk_read)(void *ctx, uint32_t lba, void *buf, uint32_t count);
	int (*blk_write)(void *ctx, uint32_t lba, const void *buf, uint32_t count);
	int (*blk_flush)(void *ctx);
	const struct stream_ops *streams;

	/* The app. `is_well`: it said so and still does. `take`: its oldest publication, false if there is none. */
	bool (*app_is_well)(void *ctx);
	bool (*app_take)(void *ctx, struct agent_message *message);
	void (*app_deliver)(void *ctx, const struct agent_message *message);
	void (*app_link)(void *ctx, bool up);

	/* The log ring: as log_read() in kernel/log.h. Level: 0 errors … 3 debug. */
	int (*log_read)(void *ctx, uint64_t *seq, char *buf, size_t cap);
	void (*log_level)(void *ctx, enum agent_level level);

	void (*memory)(void *ctx, struct agent_memory *memory);
	/* Into *board, which is zeroed. NUL-terminated; a text that is not all printable ASCII is not reported. */
	void (*board)(void *ctx, struct agent_board *board);
	/* The crash record: as struct crash_port in crash.h. */
	bool (*crash_last)(void *ctx, struct crash_info *info);
	int (*crash_uploaded)(void *ctx);
	/* Make the device noticeable to somebody who stands before it. */
	void (*identify)(void *ctx);
	/* Reset now. */
	void (*reboot)(void *ctx);
};

/* What runs and where things are. Kept by pointer. */
struct agent_config {
	struct ota *ota; /* ota_bytes() of zeroed memory */
	/* Flash map and running image; the agent adds the identity's members. */
	struct ota_config core;
	struct ota_range provision, identity; /* identity: no sectors, none can be claimed or renewed */
	const char *app, *kind, *build_id;    /* "sensor", "unikernel 0.1", hex */
	uint32_t boots;                       /* starts ever, as the boot loader counts */
};

struct agent {
	struct agent_config *config;
	const struct agent_ops *ops;
	void *ctx;
	struct identity identity;
	struct claim *claim; /* NULL: the identity is whole */
	struct tls_context tls;
	struct mqtt_config mqtt_config;
	char base[MQTT_TOPIC_MAX]; /* prefix/device id */
	struct mqtt mqtt;
	struct https https;
	struct jobs jobs;
	struct logs logs;
	struct crash crash;
	struct renew renew;
	struct ota_status status; /* last heard of the core, for the log */
	bool connects;            /* has an identity, so it reaches for the broker */
	bool network, well, report_due, presence_due;
	bool heard;         /* the server proved in this start that it was asked */
	int keyset_error;   /* of the last keyset that was offered */
	uint64_t boot_ms;   /* first connection to the broker */
	uint64_t reboot_ms; /* 0: no reset wanted; else at the latest then */
	bool leaving;       /* said good-bye to the broker */
};

/*
 * Read the identity, prepare TLS, settle what the last start left (ota_start()). A device without an identity claims one
 * before it connects. 0, -OTA_E_PROVISION, -OTA_E_IO, -OTA_E_READBACK,
 * -OTA_E_ENTROPY, -OTA_E_TLS_KEY, -OTA_E_TLS_CERT, -OTA_E_MEMORY; then *agent holds nothing and may be tried again.
 */
__attribute__((warn_unused_result)) int agent_init(
	struct agent *agent, struct agent_config *config, const struct agent_ops *ops, void *ctx);

/* The network has an address, or lost it. */
void agent_network(struct agent *agent, bool up);

/* Everything that can be done now. */
void agent_poll(struct agent *agent);
/* When agent_poll() is due at the latest. */
uint64_t agent_deadline_ms(const struct agent *agent);

/* Reset in an orderly way within a few seconds: what is to be told first is told if the broker is reached. */
void agent_reboot(struct agent *agent);

/* Close all connections and free; for tests and for programs that end. */
void agent_free(struct agent *agent);

#endif
