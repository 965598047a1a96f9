/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The download: which server, from which byte, when again. Every chunk's digest is checked before the chunk is written,
 * so a server can waste time but place nothing. The first missing chunk may be half in the buffer when a connection
 * breaks; the next attempt asks for the rest of it, so that a path which breaks every few kilobytes still gets there.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "core.h"

#define PROGRESS_BYTES 4096 /* an attempt that brought so much starts the backoff anew */
#define RETRY_LEAST_MS 100

static uint64_t missing_off(const struct ota *ota)
{
	return (uint64_t)chunk_first_missing(ota) * ota->manifest.chunk_bytes;
}

static unsigned url_count(const struct ota *ota)
{
	unsigned count = 0;

	while (count < OTA_URLS_MAX && ota->bank.urls[count][0])
		count++;
	return count;
}

static void due_set(struct ota *ota)
{
	if (ota->fetch.running)
		ota->due_ms = ota->fetch.window_ms + RATE_WINDOW_MS;
	else
		ota->due_ms = ota->link_seen ? ota->fetch.next_ms : NEVER;
}

void fetch_enter(struct ota *ota)
{
	struct fetch *fetch = &ota->fetch;
	bool stop = fetch->stop;

	memset(fetch, 0, sizeof(*fetch));
	fetch->stop = stop;
	fetch->began_ms = fetch->next_ms = now_ms(ota);
	due_set(ota);
}

void fetch_wake(struct ota *ota)
{
	if (ota->phase == PHASE_FETCH && !ota->fetch.running)
		due_set(ota);
}

void fetch_drop(struct ota *ota)
{
	ota->fetch.stop |= ota->fetch.running;
	ota->fetch.running = false;
	ota->fetch.head = false;
}

/* Full jitter over the capped window, so that a fleet which failed together does not come back together. */
static uint64_t backoff_ms(struct ota *ota)
{
	uint64_t window = RETRY_CAP_MS;

	if (ota->fetch.failures < 20 && ((uint64_t)RETRY_BASE_MS << ota->fetch.failures) < window)
		window = (uint64_t)RETRY_BASE_MS << ota->fetch.failures;
	return RETRY_LEAST_MS + ota->port->random(ota->ctx) % window;
}

static void retry_later(struct ota *ota, int error)
{
	struct fetch *fetch = &ota->fetch;
	uint64_t wait_ms;

	if (fetch->attempt_bytes >= PROGRESS_BYTES && error != -OTA_E_DIGEST)
		fetch->failures = 0;
	wait_ms = backoff_ms(ota);
	fetch->failures++;
	fetch->url = (fetch->url + 1) % url_count(ota);
	fetch->next_ms = now_ms(ota) + wait_ms;
	ota->error = error;
	due_set(ota);
	ota_log(ota, OTA_LOG_WARN, "ota: fetch.retry err=%s got=%" PRIu64 " wait_ms=%" PRIu64, ota_err_name(error),
		fetch->attempt_bytes, wait_ms);
	journal_note(ota);
	status_give(ota);
}

/*
 * The attempt is over. Networks are retried for as long as it takes; servers that sent wrong bytes, and a disk that does not keep
 * them, only so often.
 */
static void attempt_failed(struct ota *ota, int error)
{
	fetch_drop(ota);
	if (error == -OTA_E_DIGEST) {
		ota->fetch.fill = 0;
		if (++ota->journal.wrong >= WRONG_MAX_PER_URL * url_count(ota)) {
			job_end(ota, OTA_FAILED, error);
			return;
		}
	}
	if (error == -OTA_E_IO || error == -OTA_E_READBACK) {
		ota->fetch.fill = 0;
		if (++ota->io_errors >= IO_ERRORS_MAX) {
			job_end(ota, OTA_FAILED, error);
			return;
		}
	}
	retry_later(ota, error);
}

static void attempt_start(struct ota *ota)
{
	struct fetch *fetch = &ota->fetch;
	int error;

	fetch->asked_off = missing_off(ota) + fetch->fill;
	fetch->running = true;
	fetch->head = false;
	fetch->attempt_bytes = fetch->window_bytes = 0;
	fetch->window_ms = now_ms(ota);
	due_set(ota);
	error = ota->port->fetch(ota->ctx, ota->bank.urls[fetch->url], fetch->asked_off, ota->manifest.image_bytes);
	if (error) {
		fetch->running = false;
		attempt_failed(ota, error);
	}
}

/* A peer that trickles is as bad as one that is silent: both are counted in bytes per window, from the request on. */
static void rate_check(struct ota *ota)
{
	struct fetch *fetch = &ota->fetch;

	if (now_ms(ota) - fetch->window_ms < RATE_WINDOW_MS)
		return;
	if (fetch->window_bytes < RATE_WINDOW_BYTES) {
		attempt_failed(ota, fetch->head ? -OTA_E_SLOW : -OTA_E_TIMEOUT);
		return;
	}
	fetch->window_ms = now_ms(ota);
	fetch->window_bytes = 0;
	due_set(ota);
}

void fetch_run(struct ota *ota)
{
	if (now_ms(ota) - ota->fetch.began_ms >= FETCH_TOTAL_MS)
		job_end(ota, OTA_FAILED, -OTA_E_DEADLINE);
	else if (ota->fetch.running)
		rate_check(ota);
	else if (ota->link_seen && now_ms(ota) >= ota->fetch.next_ms)
		attempt_start(ota);
	else
		due_set(ota);
}

/* A chunk is complete in the buffer. */
static int chunk_finish(struct ota *ota)
{
	uint32_t index = chunk_first_missing(ota);
	int error;

	if (!slot_chunk_matches(ota, index)) {
		ota_log(ota, OTA_LOG_WARN, "ota: chunk.refuse index=%" PRIu32 " err=E_DIGEST", index);
		return -OTA_E_DIGEST;
	}
	error = slot_chunk_write(ota, index);
	if (error)
		return error;
	ota->fetch.fill = 0;
	ota->error = 0;
	chunk_set_done(ota, index, true);
	journal_note(ota);
	if (++ota->unflushed_chunks >= NOTE_CHUNKS) {
		ota->unflushed_chunks = 0;
		error = ota->port->blk_flush(ota->ctx);
	}
	return error;
}

/* Use up to `len` bytes of the body at fetch.pos: skip what is in the slot or the buffer already, gather the rest. */
static size_t body_take(struct ota *ota, const uint8_t *data, size_t len)
{
	struct fetch *fetch = &ota->fetch;
	uint64_t wanted = missing_off(ota) + fetch->fill;
	size_t room;

	if (fetch->pos < wanted)
		return len < wanted - fetch->pos ? len : (size_t)(wanted - fetch->pos);
	room = ota_manifest_chunk_len(&ota->manifest, chunk_first_missing(ota)) - fetch->fill;
	if (len > room)
		len = room;
	memcpy(ota->chunk + fetch->fill, data, len);
	fetch->fill += len;
	return len;
}

static bool chunk_is_full(const struct ota *ota)
{
	return ota->fetch.fill == ota_manifest_chunk_len(&ota->manifest, chunk_first_missing(ota));
}

/* ---- events ---- */

void ota_on_fetch_start(struct ota *ota, uint64_t off)
{
	struct fetch *fetch = &ota->fetch;

	if (!fetch->running || ota->phase != PHASE_FETCH)
		return;
	if (fetch->head || (off != 0 && off != fetch->asked_off)) {
		attempt_failed(ota, -OTA_E_HTTP_RANGE);
		return;
	}
	fetch->head = true;
	fetch->pos = off;
	ota_log(ota, OTA_LOG_INFO, "ota: fetch.body off=%" PRIu64 " asked=%" PRIu64, off, fetch->asked_off);
}

void ota_on_data(struct ota *ota, const uint8_t *data, size_t len)
{
	struct fetch *fetch = &ota->fetch;

	if (!fetch->running || ota->phase != PHASE_FETCH)
		return;
	assert(fetch->head);
	ota->journal.net_bytes += len;
	fetch->attempt_bytes += len;
	fetch->window_bytes += len;
	while (len > 0) {
		size_t taken = body_take(ota, data, len);
		int error;

		fetch->pos += taken;
		data += taken;
		len -= taken;
		if (!chunk_is_full(ota))
			continue;
		error = chunk_finish(ota);
		if (error) {
			attempt_failed(ota, error);
			return;
		}
		if (chunk_first_missing(ota) == ota->manifest.chunk_count) {
			/* Whatever still comes is more than the manifest promised, or nothing. */
			fetch_drop(ota);
			step_enter(ota, PHASE_VERIFY);
			return;
		}
	}
	status_progress(ota);
}

void ota_on_fetch_end(struct ota *ota, int error)
{
	ota->fetch.stop = false;
	if (!ota->fetch.running || ota->phase != PHASE_FETCH)
		return;
	ota->fetch.running = false;
	attempt_failed(ota, error ? error : -OTA_E_TRUNCATED);
}
