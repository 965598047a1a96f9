/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs for the network: an owner thread as kernel/net.h describes it. */
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/net.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "kernel/time.h"

#include "script.h"

#define BUF_BYTES 65536

static uint8_t buf[BUF_BYTES];

/* One turn of the owner's loop: until something happens, but not after `deadline_ms`. */
static void turn(uint64_t deadline_ms)
{
	uint64_t due_ms = net_deadline_ms();

	(void)thread_wait(THREAD_SIG_NET, due_ms < deadline_ms ? due_ms : deadline_ms);
	net_poll();
}

static void turn_for(uint64_t ms)
{
	uint64_t end_ms = time_now_ms() + ms;

	while (time_now_ms() < end_ms)
		turn(end_ms);
}

static uint64_t system_heap_used(void)
{
	struct mem_stats stats;

	mem_stats_get(&stats);
	return stats.heap_used_bytes;
}

/* net-start: without waiting for anything */
static void net_start_only(const struct script_line *line)
{
	(void)line;
	log_line(LOG_INFO, "test: net-start rc=%d", net_start());
	net_poll();
}

/* net-bound TIMEOUT_MS */
static void net_bound(const struct script_line *line)
{
	uint64_t start_ms = time_now_ms(), end_ms = start_ms + script_number(line, 1);
	struct net_status status;

	do {
		turn(end_ms);
		net_status_get(&status);
	} while (!status.bound && time_now_ms() < end_ms);
	log_line(LOG_INFO, "test: net-bound link=%d bound=%d address=%08x gateway=%08x dns=%08x ms=%llu", status.link,
		status.bound, (unsigned int)__builtin_bswap32(status.address),
		(unsigned int)__builtin_bswap32(status.gateway), (unsigned int)__builtin_bswap32(status.dns),
		(unsigned long long)(time_now_ms() - start_ms));
}

/* net-run MS: serve the network and say how it stands */
static void net_run(const struct script_line *line)
{
	struct net_status status;

	turn_for(script_number(line, 1));
	net_status_get(&status);
	log_line(LOG_INFO, "test: net-run link=%d bound=%d address=%08x", status.link, status.bound,
		(unsigned int)__builtin_bswap32(status.address));
}

/* heap */
static void heap(const struct script_line *line)
{
	(void)line;
	log_line(LOG_INFO, "test: heap used=%llu", (unsigned long long)system_heap_used());
}

/* Connect and wait for the outcome. */
static struct net_tcp *connect_to(const struct script_line *line, int *rc)
{
	struct net_tcp *tcp = NULL;

	*rc = net_tcp_open(&tcp, line->word[1], (uint16_t)script_number(line, 2));
	if (*rc)
		return NULL;
	while ((*rc = net_tcp_status(tcp)) == -NET_E_AGAIN)
		turn(UINT64_MAX);
	return tcp;
}

/* tcp-open HOST PORT */
static void tcp_open(const struct script_line *line)
{
	uint64_t start_ms = time_now_ms();
	struct net_tcp *tcp;
	int rc;

	tcp = connect_to(line, &rc);
	log_line(LOG_INFO, "test: tcp-open rc=%d ms=%llu", rc, (unsigned long long)(time_now_ms() - start_ms));
	if (tcp)
		net_tcp_close(tcp, false);
}

/* tcp-get HOST PORT MAX DELAY_MS: read to the end, at most MAX bytes at a time, sleeping DELAY_MS after each */
static void tcp_get(const struct script_line *line)
{
	size_t max = script_number(line, 3) ? script_number(line, 3) : BUF_BYTES;
	uint64_t start_ms = time_now_ms(), total = 0, heap_peak = 0;
	struct net_tcp *tcp;
	uint32_t crc = 0;
	ssize_t count;
	int rc;

	tcp = connect_to(line, &rc);
	if (!tcp || rc) {
		log_line(LOG_INFO, "test: tcp-get connect=%d", rc);
		if (tcp)
			net_tcp_close(tcp, true);
		return;
	}
	while ((count = net_tcp_read(tcp, buf, max)) > 0 || count == -NET_E_AGAIN) {
		if (count > 0) {
			crc = script_crc32(crc, buf, (size_t)count);
			total += (uint64_t)count;
		}
		heap_peak = system_heap_used() > heap_peak ? system_heap_used() : heap_peak;
		if (count > 0 && script_number(line, 4))
			turn_for(script_number(line, 4));
		else
			turn(count > 0 ? time_now_ms() : UINT64_MAX);
	}
	log_line(LOG_INFO, "test: tcp-get bytes=%llu crc=%08x rc=%d ms=%llu heap=%llu", (unsigned long long)total,
		(unsigned int)crc, (int)count, (unsigned long long)(time_now_ms() - start_ms),
		(unsigned long long)heap_peak);
	net_tcp_close(tcp, false);
}

/* How far an echo has come. */
struct echo {
	struct net_tcp *tcp;
	uint64_t total, sent, received;
	bool same;
};

static int echo_send(struct echo *echo)
{
	uint8_t out[4096];
	size_t len = echo->total - echo->sent < sizeof(out) ? echo->total - echo->sent : sizeof(out);
	ssize_t count;

	if (len == 0)
		return 0;
	for (size_t i = 0; i < len; i++)
		out[i] = script_pattern(1, echo->sent + i);
	count = net_tcp_write(echo->tcp, out, len);
	if (count < 0)
		return count == -NET_E_AGAIN ? 0 : (int)count;
	echo->sent += (uint64_t)count;
	return 1;
}

static int echo_receive(struct echo *echo)
{
	ssize_t count = net_tcp_read(echo->tcp, buf, BUF_BYTES);

	if (count < 0)
		return count == -NET_E_AGAIN ? 0 : (int)count;
	for (ssize_t i = 0; i < count; i++)
		echo->same = echo->same && buf[i] == script_pattern(1, echo->received + (uint64_t)i);
	echo->received += (uint64_t)count;
	return 1;
}

static int echo_run(struct echo *echo)
{
	while (echo->received < echo->total) {
		int out = echo_send(echo), in = echo_receive(echo);

		if (out < 0)
			return out;
		if (in < 0)
			return in;
		turn(out || in ? time_now_ms() : UINT64_MAX);
	}
	return 0;
}

/* tcp-echo HOST PORT BYTES */
static void tcp_echo(const struct script_line *line)
{
	struct echo echo = {.total = script_number(line, 3), .same = true};
	uint64_t start_ms = time_now_ms();
	int rc;

	echo.tcp = connect_to(line, &rc);
	if (!rc)
		rc = echo_run(&echo);
	log_line(LOG_INFO, "test: tcp-echo rc=%d bytes=%llu same=%d ms=%llu", rc, (unsigned long long)echo.received,
		echo.same, (unsigned long long)(time_now_ms() - start_ms));
	if (echo.tcp)
		net_tcp_close(echo.tcp, false);
}

/* Write `len` pattern bytes; 0 or why not. */
static int put(struct net_tcp *tcp, uint64_t len)
{
	struct echo echo = {.tcp = tcp, .total = len};

	while (echo.sent < echo.total) {
		int rc = echo_send(&echo);

		if (rc < 0)
			return rc;
		turn(rc ? time_now_ms() : UINT64_MAX);
	}
	return 0;
}

/* tcp-put HOST PORT BYTES: write all, close at once without reading, and let the network finish it */
static void tcp_put(const struct script_line *line)
{
	struct net_tcp *tcp;
	int rc;

	tcp = connect_to(line, &rc);
	if (!rc)
		rc = put(tcp, script_number(line, 3));
	if (tcp)
		net_tcp_close(tcp, false);
	log_line(LOG_INFO, "test: tcp-put rc=%d", rc);
	turn_for(500);
}

/* tcp-answer HOST PORT BYTES: read to the peer's end of stream, then write BYTES through the half that is still open */
static void tcp_answer(const struct script_line *line)
{
	uint64_t total = 0;
	struct net_tcp *tcp;
	ssize_t count = 0;
	int rc, put_rc = -1;

	tcp = connect_to(line, &rc);
	if (!rc) {
		while ((count = net_tcp_read(tcp, buf, BUF_BYTES)) > 0 || count == -NET_E_AGAIN) {
			total += count > 0 ? (uint64_t)count : 0;
			turn(count > 0 ? time_now_ms() : UINT64_MAX);
		}
		put_rc = put(tcp, script_number(line, 3));
	}
	if (tcp)
		net_tcp_close(tcp, false);
	log_line(LOG_INFO, "test: tcp-answer rc=%d bytes=%llu end=%d put=%d", rc, (unsigned long long)total, (int)count,
		put_rc);
	turn_for(500);
}

/* tcp-abort HOST PORT */
static void tcp_abort(const struct script_line *line)
{
	struct net_tcp *tcp;
	int rc;

	tcp = connect_to(line, &rc);
	if (tcp)
		net_tcp_close(tcp, true);
	log_line(LOG_INFO, "test: tcp-abort rc=%d", rc);
	turn_for(200);
}

/* tcp-idle HOST PORT MS: connect, read nothing, and leave the connection open */
static void tcp_idle(const struct script_line *line)
{
	int rc;

	(void)connect_to(line, &rc);
	turn_for(script_number(line, 3));
	log_line(LOG_INFO, "test: tcp-idle rc=%d", rc);
}

/* tcp-hoard HOST PORT MS: connect NET_TCP_MAX times, read nothing for MS, say what that costs, and try one more */
static void tcp_hoard(const struct script_line *line)
{
	struct net_tcp *tcp[NET_TCP_MAX] = {NULL}, *more = NULL;
	uint64_t before = system_heap_used();
	int rc;

	for (size_t i = 0; i < NET_TCP_MAX; i++)
		tcp[i] = connect_to(line, &rc);
	turn_for(script_number(line, 3));
	rc = net_tcp_open(&more, line->word[1], (uint16_t)script_number(line, 2));
	log_line(LOG_INFO, "test: tcp-hoard heap=%llu fifth=%d", (unsigned long long)(system_heap_used() - before), rc);
	for (size_t i = 0; i < NET_TCP_MAX; i++)
		if (tcp[i])
			net_tcp_close(tcp[i], true);
	turn_for(200);
}

/* tcp-cycle HOST PORT TIMES: open, echo a little, close; what is left of the heap afterwards shows a leak */
static void tcp_cycle(const struct script_line *line)
{
	uint64_t before, good = 0;

	turn_for(100);
	before = system_heap_used();
	for (uint64_t i = 0; i < script_number(line, 3); i++) {
		struct echo echo = {.total = 100, .same = true};
		int rc;

		echo.tcp = connect_to(line, &rc);
		if (!rc)
			rc = echo_run(&echo);
		if (echo.tcp)
			net_tcp_close(echo.tcp, i % 2);
		good += rc == 0 && echo.same;
	}
	turn_for(1000);
	log_line(LOG_INFO, "test: tcp-cycle good=%llu leaked=%lld", (unsigned long long)good,
		(long long)(system_heap_used() - before));
}

const struct script_verb net_verbs[] = {
	{"net-start", net_start_only},
	{"net-bound", net_bound},
	{"net-run", net_run},
	{"heap", heap},
	{"tcp-open", tcp_open},
	{"tcp-get", tcp_get},
	{"tcp-echo", tcp_echo},
	{"tcp-put", tcp_put},
	{"tcp-answer", tcp_answer},
	{"tcp-abort", tcp_abort},
	{"tcp-idle", tcp_idle},
	{"tcp-hoard", tcp_hoard},
	{"tcp-cycle", tcp_cycle},
};
const size_t net_verbs_count = sizeof(net_verbs) / sizeof(net_verbs[0]);
