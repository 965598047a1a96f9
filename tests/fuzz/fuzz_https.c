/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole download: any answers of any servers, in any pieces, through the client that the agent has, over a TLS that is only a script.
 * Whatever comes, the resource is begun once and at the byte that was asked for or at its start, no more of it is handed on than it has, success means
 * all of it, the end comes once, and until then there is a timer.
 *
 * The input: off and total asked for (2 bytes each), then steps: a byte below 0xf0, so many bytes of the answer, which follow; or one of `enum step`.
 */
#include "fuzz.h"
#include "https.h"
#include "ota/err.h"
#include "platform.h"

enum step { CONNECTED = 0xf0, TIME_PASSES, ENDS, ENDS_ABRUPTLY, TLS_FAILS, STOPPED, STOPPED_BY_DATA, BLOCKED };
enum { REQUEST_MAX = 1024, STEPS_MAX = 500 };

static uint64_t now_ms;
static struct https https;

/* ---- TLS ---- */

static struct {
	bool open, up, blocked;
	int ended; /* what a read says when nothing is left; 1: nothing yet */
	const uint8_t *piece;
	size_t left;
	char request[REQUEST_MAX];
	size_t request_len;
	unsigned opened;
} wire;

uint64_t platform_now_ms(void)
{
	return now_ms;
}

void platform_log(enum agent_level level, const char *line)
{
	(void)level;
	(void)line;
}

int tls_open(struct tls *tls, const struct tls_peer *peer, uint32_t timeout_ms)
{
	FUZZ_MUST(!wire.open && peer->host[0] && peer->port);
	memset(&wire, 0, offsetof(__typeof__(wire), opened));
	wire.open = true;
	wire.ended = 1;
	wire.opened++;
	tls->deadline_ms = now_ms + timeout_ms;
	return 0;
}

int tls_poll(struct tls *tls)
{
	FUZZ_MUST(wire.open);
	if (wire.ended != 1)
		return wire.ended ? wire.ended : -OTA_E_CLOSED;
	if (now_ms >= tls->deadline_ms)
		return -OTA_E_TIMEOUT;
	return wire.up ? 0 : TLS_AGAIN;
}

uint64_t tls_deadline_ms(const struct tls *tls)
{
	return wire.up || !wire.open ? UINT64_MAX : tls->deadline_ms;
}

ssize_t tls_read(struct tls *tls, void *buf, size_t len)
{
	size_t count = wire.left < len ? wire.left : len;

	(void)tls;
	FUZZ_MUST(wire.up && len > 0);
	if (count == 0)
		return wire.ended == 1 ? TLS_AGAIN : wire.ended;
	memcpy(buf, wire.piece, count);
	wire.piece += count;
	wire.left -= count;
	return (ssize_t)count;
}

ssize_t tls_write(struct tls *tls, const void *buf, size_t len)
{
	(void)tls;
	FUZZ_MUST(wire.up && len > 0);
	if (wire.blocked)
		return TLS_AGAIN;
	len = len > 7 ? len / 2 : len;
	FUZZ_MUST(len < REQUEST_MAX - wire.request_len);
	memcpy(wire.request + wire.request_len, buf, len);
	wire.request_len += len;
	return (ssize_t)len;
}

void tls_close(struct tls *tls)
{
	(void)tls;
	wire.open = wire.up = false;
}

/* ---- what the client says ---- */

static uint64_t asked_off, total, got;
static bool began, ended, stop_at_data, stopped;

static void on_start(void *ctx, uint64_t off)
{
	(void)ctx;
	FUZZ_MUST(!began && !ended && (off == asked_off || off == 0));
	began = true;
	got = off;
}

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	FUZZ_MUST(began && !ended && !stopped && data && len > 0 && len <= total - got);
	got += len;
	if (stop_at_data) {
		stopped = true;
		https_stop(&https);
	}
}

static void on_end(void *ctx, int error)
{
	(void)ctx;
	FUZZ_MUST(!ended && !stopped && error <= 0);
	FUZZ_MUST(error != 0 || (began && got == total));
	FUZZ_MUST(error == 0 || strcmp(ota_err_name(error), "E_?") != 0);
	ended = true;
}

static const struct https_events events = {on_start, on_data, on_end};

/* A request is one line and its fields, whatever a server sent us to. */
static void request_check(void)
{
	unsigned lines = 0;

	if (wire.request_len == 0 || https.phase < HTTPS_HEAD)
		return;
	for (const char *at = wire.request; (at = strstr(at, "\r\n")); at += 2)
		lines++;
	FUZZ_MUST(strncmp(wire.request, "GET /", 5) == 0 && lines == 6);
	FUZZ_MUST(strcmp(wire.request + wire.request_len - 4, "\r\n\r\n") == 0);
}

static void poll_once(void)
{
	https_poll(&https);
	request_check();
	FUZZ_MUST((https.phase == HTTPS_IDLE) == (ended || stopped));
	FUZZ_MUST(https.phase == HTTPS_IDLE || https_deadline_ms(&https) <= now_ms + 60000);
	FUZZ_MUST(wire.open == (https.phase != HTTPS_IDLE) && wire.opened <= 1 + HTTPS_REDIRECTS_MAX);
}

static void piece_give(struct fuzz_in *in, size_t len)
{
	len = len < in->left ? len : in->left;
	wire.piece = in->at;
	wire.left = len;
	in->at += len;
	in->left -= len;
	for (int polls = 0; polls < 64 && wire.left > 0 && https.phase != HTTPS_IDLE; polls++)
		poll_once();
	wire.left = 0;
}

static void step(struct fuzz_in *in)
{
	uint8_t verb = fuzz_u8(in);

	wire.blocked = verb == BLOCKED;
	stop_at_data = verb == STOPPED_BY_DATA;
	if (verb == TIME_PASSES)
		now_ms += 1000u * fuzz_u8(in);
	else if (verb == STOPPED && !ended)
		https_stop(&https), stopped = true;
	else if (verb == ENDS)
		wire.ended = 0;
	else if (verb == ENDS_ABRUPTLY)
		wire.ended = -OTA_E_TLS_TRUNCATED;
	else if (verb == TLS_FAILS)
		wire.ended = -OTA_E_TLS_RECORD;
	else if (verb == CONNECTED)
		wire.up = wire.open;
	poll_once();
	if (verb < CONNECTED && wire.up)
		piece_give(in, (size_t)verb + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	uint16_t numbers[2];

	fuzz_bytes(&in, numbers, sizeof(numbers));
	asked_off = numbers[0];
	total = asked_off + 1 + numbers[1];
	now_ms = 1000;
	got = 0;
	began = ended = stop_at_data = stopped = false;
	memset(&wire, 0, sizeof(wire));
	https_init(&https, NULL, NULL, &events, NULL);
	FUZZ_MUST(https_get(&https, "https://artifacts.example:8443/image.fit", asked_off, total) == 0);
	for (int i = 0; i < STEPS_MAX && in.left > 0 && https.phase != HTTPS_IDLE; i++)
		step(&in);
	/* A server that falls silent is given up. */
	for (int i = 0; i < 8 && https.phase != HTTPS_IDLE; i++) {
		now_ms += 60000;
		poll_once();
	}
	FUZZ_MUST(https.phase == HTTPS_IDLE);
	return 0;
}
