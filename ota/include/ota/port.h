/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam: all that the core sees of the world. The host (agent/unikernel, agent/linux, a test) fills one const table
 * and feeds events to ota.h. The core never blocks on a network, never loops, allocates nothing, has no clock.
 *
 * Every call gets `ctx` back untouched. 0 or -OTA_E_* (err.h) unless stated. Calls are made only from within ota_*().
 */
#ifndef OTA_PORT_H
#define OTA_PORT_H

#include <stddef.h>
#include <stdint.h>

enum ota_level { OTA_LOG_ERR, OTA_LOG_WARN, OTA_LOG_INFO, OTA_LOG_DEBUG };

struct ota_status; /* ota.h */

struct ota_port {
	/*
	 * Block storage, absolute 512-byte LBA, `count` sectors, synchronous. A write is durable only after flush().
	 * -OTA_E_IO; a retry may help.
	 */
	int (*blk_read)(void *ctx, uint32_t lba, void *buf, uint32_t count);
	int (*blk_write)(void *ctx, uint32_t lba, const void *buf, uint32_t count);
	int (*blk_flush)(void *ctx);

	/*
	 * Start fetching `url` (NUL-terminated, borrowed for the call) from byte `off` of the resource to its end; `total`
	 * is the size the manifest promises. One fetch at a time. Comes back as ota_on_fetch_start() when the answer's
	 * head was accepted, ota_on_data() for body bytes in order, ota_on_fetch_end() once. Returns at once; an error
	 * counts as a fetch that ended. Called, like fetch_stop(), only from within ota_tick().
	 */
	int (*fetch)(void *ctx, const char *url, uint64_t off, uint64_t total);
	/* Drop the fetch under way; events that come of it nevertheless are ignored until the next fetch(). */
	void (*fetch_stop)(void *ctx);

	/* The job's status changed: tell the server. Borrowed; the host copies, keeps only the newest, and resends terminal ones until
	 * acknowledged by ota_on_status_acked(). */
	void (*status)(void *ctx, const struct ota_status *status);
	/* What really runs changed (slot states, confirm): send a new report. */
	void (*report)(void *ctx);

	/* Reset the machine in an orderly way. May return (the host resets soon). */
	void (*reboot)(void *ctx);

	uint64_t (*now_ms)(void *ctx); /* monotonic */
	uint32_t (*random)(void *ctx); /* for jitter */
	void (*log)(void *ctx, enum ota_level level, const char *line);
};

#endif
