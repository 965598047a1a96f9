/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP byte streams over lwIP's raw interface. What arrives is copied into the connection's ring at once and lwIP's
 * buffers go free; the window is opened again only as the reader takes bytes out, so the ring never overflows and a
 * peer cannot make the device hold more than one ring, in however small pieces it sends.
 */
#include "net_tcp.h"

#include <lwip/dns.h>
#include <lwip/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/net.h"
#include "kernel/time.h"

#include "stream_ring.h"

#define RING_BYTES 65536
_Static_assert(RING_BYTES >= TCP_WND, "the peer may send a whole window before anything is read");
_Static_assert(TCP_WND <= UINT16_MAX, "tcp_recved() takes 16 bits");

/* Address, name and handshake together. A server that drops SYNs is found out here, not by lwIP's slower back-off. */
#define CONNECT_TIMEOUT_MS 20000
/* RFC 1122 §4.2.3.6 keepalive: a peer that vanished while nothing was in flight is noticed after 30 + 4 * 5 s. */
#define KEEP_IDLE_MS     30000
#define KEEP_INTERVAL_MS 5000
#define KEEP_COUNT       4

/* How long lwIP may go on with a connection that was closed here, in its timer's half seconds. */
#define LINGER_HALF_S 40

enum conn_state {
	CONN_FREE,
	CONN_UNBOUND, /* waits for an address to ask from */
	CONN_LOOKUP,
	CONN_CONNECTING,
	CONN_OPEN,
	CONN_FAILED, /* no pcb any more; `error` says why */
};

struct net_tcp {
	enum conn_state state;
	int error; /* enum net_error */
	bool peer_closed;
	uint16_t port;
	uint32_t lookup; /* which use of this entry a DNS answer belongs to */
	uint64_t deadline_ms;
	struct tcp_pcb *pcb;
	struct stream_ring ring;
	char host[DNS_MAX_NAME_LENGTH];
};

static struct net_tcp connections[NET_TCP_MAX];
static bool network_bound;

/* Leave lwIP's connection to itself: no callback of it may find this entry again. */
static struct tcp_pcb *pcb_detach(struct net_tcp *tcp)
{
	struct tcp_pcb *pcb = tcp->pcb;

	tcp->pcb = NULL;
	if (!pcb)
		return NULL;
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_err(pcb, NULL);
	return pcb;
}

static void conn_fail(struct net_tcp *tcp, enum net_error error)
{
	struct tcp_pcb *pcb = pcb_detach(tcp);

	if (pcb)
		tcp_abort(pcb);
	tcp->state = CONN_FAILED;
	tcp->error = (int)error;
}

static void error_callback(void *arg, err_t err)
{
	struct net_tcp *tcp = arg;

	(void)err;
	tcp->pcb = NULL; /* lwIP has freed it */
	tcp->error = tcp->state == CONN_OPEN ? NET_E_RESET : NET_E_REFUSED;
	tcp->state = CONN_FAILED;
}

/* ERR_MEM makes lwIP keep the data and offer it again; it cannot happen while the window is honoured. */
static err_t recv_callback(void *arg, struct tcp_pcb *pcb, struct pbuf *data, err_t err)
{
	struct net_tcp *tcp = arg;

	(void)pcb;
	(void)err;
	if (!data) {
		tcp->peer_closed = true;
		return ERR_OK;
	}
	if (data->tot_len > stream_ring_free(&tcp->ring))
		return ERR_MEM;
	for (const struct pbuf *part = data; part; part = part->next)
		stream_ring_put(&tcp->ring, part->payload, part->len);
	pbuf_free(data);
	return ERR_OK;
}

static err_t connected_callback(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct net_tcp *tcp = arg;

	(void)pcb;
	(void)err;
	tcp->state = CONN_OPEN;
	tcp->deadline_ms = UINT64_MAX;
	return ERR_OK;
}

static void conn_connect(struct net_tcp *tcp, const ip_addr_t *addr)
{
	tcp->pcb = tcp_new();
	if (!tcp->pcb) {
		conn_fail(tcp, NET_E_MEM);
		return;
	}
	tcp_arg(tcp->pcb, tcp);
	tcp_recv(tcp->pcb, recv_callback);
	tcp_err(tcp->pcb, error_callback);
	/* Writers hand over whole records; waiting for more would only add a round trip. */
	tcp_nagle_disable(tcp->pcb);
	ip_set_option(tcp->pcb, SOF_KEEPALIVE);
	tcp->pcb->keep_idle = KEEP_IDLE_MS;
	tcp->pcb->keep_intvl = KEEP_INTERVAL_MS;
	tcp->pcb->keep_cnt = KEEP_COUNT;
	tcp->state = CONN_CONNECTING;
	if (tcp_connect(tcp->pcb, addr, tcp->port, connected_callback) != ERR_OK)
		conn_fail(tcp, NET_E_REFUSED);
}

/* An answer may outlive the connection that asked: its number, not a pointer, finds the way back. */
static void lookup_callback(const char *name, const ip_addr_t *addr, void *arg)
{
	uint32_t lookup = (uint32_t)(uintptr_t)arg;
	struct net_tcp *tcp = &connections[lookup % NET_TCP_MAX];

	(void)name;
	if (tcp->state != CONN_LOOKUP || tcp->lookup != lookup)
		return;
	if (addr)
		conn_connect(tcp, addr);
	else
		conn_fail(tcp, NET_E_NAME);
}

static void conn_lookup(struct net_tcp *tcp)
{
	ip_addr_t addr;
	err_t err;

	tcp->state = CONN_LOOKUP;
	err = dns_gethostbyname(tcp->host, &addr, lookup_callback, (void *)(uintptr_t)tcp->lookup);
	if (err == ERR_OK)
		conn_connect(tcp, &addr);
	else if (err != ERR_INPROGRESS)
		conn_fail(tcp, err == ERR_MEM ? NET_E_MEM : NET_E_NAME);
}

static enum net_error timeout_error(enum conn_state state)
{
	return state == CONN_LOOKUP ? NET_E_NAME : NET_E_REFUSED;
}

void net_tcp_poll(bool bound, uint64_t now_ms)
{
	network_bound = bound;
	for (struct net_tcp *tcp = connections; tcp < connections + NET_TCP_MAX; tcp++) {
		if (tcp->state == CONN_UNBOUND && bound)
			conn_lookup(tcp);
		if (tcp->state >= CONN_UNBOUND && tcp->state <= CONN_CONNECTING && now_ms >= tcp->deadline_ms)
			conn_fail(tcp, timeout_error(tcp->state));
	}
}

void net_tcp_output(void)
{
	for (struct net_tcp *tcp = connections; tcp < connections + NET_TCP_MAX; tcp++)
		if (tcp->pcb)
			(void)tcp_output(tcp->pcb);
}

uint64_t net_tcp_deadline_ms(void)
{
	uint64_t deadline_ms = UINT64_MAX;

	for (const struct net_tcp *tcp = connections; tcp < connections + NET_TCP_MAX; tcp++)
		if (tcp->state >= CONN_UNBOUND && tcp->state <= CONN_CONNECTING && tcp->deadline_ms < deadline_ms)
			deadline_ms = tcp->deadline_ms;
	return deadline_ms;
}

static struct net_tcp *conn_find_free(void)
{
	for (struct net_tcp *tcp = connections; tcp < connections + NET_TCP_MAX; tcp++)
		if (tcp->state == CONN_FREE)
			return tcp;
	return NULL;
}

int net_tcp_open(struct net_tcp **out, const char *host, uint16_t port)
{
	struct net_tcp *tcp = conn_find_free();
	uint32_t lookup;
	uint8_t *bytes;

	if (!tcp)
		return -NET_E_MEM;
	bytes = malloc(RING_BYTES);
	if (!bytes)
		return -NET_E_MEM;
	/* Remains congruent to the entry's index. */
	lookup = (tcp->lookup - tcp->lookup % NET_TCP_MAX) + NET_TCP_MAX + (uint32_t)(tcp - connections);
	*tcp = (struct net_tcp){.state = CONN_UNBOUND, .port = port, .lookup = lookup};
	tcp->ring = (struct stream_ring){.bytes = bytes, .capacity = RING_BYTES};
	tcp->deadline_ms = time_now_ms() + CONNECT_TIMEOUT_MS;
	*out = tcp;
	if (strlen(host) >= sizeof(tcp->host)) {
		conn_fail(tcp, NET_E_NAME);
		return 0;
	}
	memcpy(tcp->host, host, strlen(host) + 1);
	if (network_bound)
		conn_lookup(tcp);
	return 0;
}

int net_tcp_status(const struct net_tcp *tcp)
{
	if (tcp->state == CONN_FAILED)
		return -tcp->error;
	return tcp->state == CONN_OPEN ? 0 : -NET_E_AGAIN;
}

/* What arrived before the end, of whatever kind, is read before the end is told. */
ssize_t net_tcp_read(struct net_tcp *tcp, void *buf, size_t len)
{
	size_t count = stream_ring_take(&tcp->ring, buf, len);

	if (count) {
		if (tcp->pcb)
			tcp_recved(tcp->pcb, (u16_t)count);
		return (ssize_t)count;
	}
	if (tcp->state != CONN_OPEN)
		return net_tcp_status(tcp);
	return tcp->peer_closed ? -NET_E_CLOSED : -NET_E_AGAIN;
}

ssize_t net_tcp_write(struct net_tcp *tcp, const void *buf, size_t len)
{
	if (tcp->state != CONN_OPEN)
		return net_tcp_status(tcp);
	if (len > tcp_sndbuf(tcp->pcb))
		len = tcp_sndbuf(tcp->pcb);
	if (len == 0 || tcp_write(tcp->pcb, buf, (u16_t)len, TCP_WRITE_FLAG_COPY) != ERR_OK)
		return -NET_E_AGAIN;
	(void)tcp_output(tcp->pcb);
	return (ssize_t)len;
}

/* A peer that answers every probe but opens no window would keep the last bytes, and so lwIP's connection, for ever. */
static err_t linger_callback(void *arg, struct tcp_pcb *pcb)
{
	(void)arg;
	tcp_abort(pcb);
	return ERR_ABRT;
}

void net_tcp_close(struct net_tcp *tcp, bool abort)
{
	size_t unread = stream_ring_used(&tcp->ring);
	struct tcp_pcb *pcb = pcb_detach(tcp);

	/* With unread bytes lwIP would reset the connection, and what was written last might be lost. */
	if (pcb && unread && !abort)
		tcp_recved(pcb, (u16_t)unread);
	if (pcb)
		tcp_poll(pcb, linger_callback, LINGER_HALF_S);
	if (pcb && (abort || tcp_close(pcb) != ERR_OK))
		tcp_abort(pcb);
	free(tcp->ring.bytes);
	tcp->ring.bytes = NULL;
	tcp->state = CONN_FREE;
}
