/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of the last crash to T/crash (SPEC §12), until the server names its id on T/crash/accepted. It is the least
 * urgent of all that the agent has to say: it waits while anything else does, and a broker or server that does not like it
 * sees it ever more rarely. Whatever is in it, nothing else suffers.
 */
#ifndef AGENT_CRASH_H
#define AGENT_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_MESSAGE_MAX 16384 /* SPEC §12 */

/* As the host found it. Texts are NUL-terminated, of any content; all borrowed. */
struct crash_info {
	uint32_t id, boots;
	char slot; /* 'a', 'b'; else unknown */
	const char *cause, *image, *version, *build_id, *thread;
	uint64_t uptime_ms, esr, elr, far, sp, lr;
	const uint64_t *pcs; /* pc_count, innermost first */
	size_t pc_count;
	const char *text; /* text_bytes of log lines, separated by '\n'; no NUL */
	size_t text_bytes;
};

/*
 * The record as JSON into buf[cap], cap ≤ CRASH_MESSAGE_MAX: of the lines as many of the last as fit, each cut at 255 bytes.
 * Its length, or -OTA_E_TOO_LONG: not even without lines.
 */
__attribute__((warn_unused_result)) int crash_json(const struct crash_info *info, char *buf, size_t cap);

struct crash_port {
	/* The record that no server has yet; false: there is none. */
	bool (*last)(void *ctx, struct crash_info *info);
	/* The server has it: not again, also after a reset. 0 or -OTA_E_*. */
	int (*uploaded)(void *ctx);
	/* On T/crash, QoS 1. 0 or -OTA_E_*: later. */
	int (*publish)(void *ctx, const char *json, size_t len);
};

struct crash {
	const struct crash_port *port;
	void *ctx;
	struct crash_info info;
	bool pending;
	uint64_t due_ms;
	uint32_t pause_ms;
};

void crash_init(struct crash *crash, const struct crash_port *port, void *ctx);

/* Send it if it is time. Call while the broker is reached and nothing more urgent waits. Takes CRASH_MESSAGE_MAX of heap for the call. */
void crash_poll(struct crash *crash);
/* UINT64_MAX: there is nothing to send. */
uint64_t crash_deadline_ms(const struct crash *crash);

/* T/crash/accepted. */
void crash_on_accepted(struct crash *crash, const char *payload, size_t len);

#endif
