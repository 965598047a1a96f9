/* SPDX-License-Identifier: Apache-2.0 */
#include "mosq_net.h"

#include <errno.h>
#include <mosquitto_internal.h>
#include <mqtt_protocol.h>
#include <net_mosq.h>

#include "ota/err.h"
#include "tls.h"

int net__init(void)
{
	return MOSQ_ERR_SUCCESS;
}

void net__cleanup(void)
{
}

/* Without threads nobody has to be woken through a pair of sockets. */
int net__socketpair(mosq_sock_t *read_end, mosq_sock_t *write_end)
{
	*read_end = INVALID_SOCKET;
	*write_end = INVALID_SOCKET;
	return MOSQ_ERR_SUCCESS;
}

/* TLS stands already. Any number that is not INVALID_SOCKET means "connected" to libmosquitto; it is never used as a descriptor. */
int net__socket_connect(
	struct mosquitto *mosq, const char *host, uint16_t port, const char *bind_address, bool blocking)
{
	(void)host;
	(void)port;
	(void)bind_address;
	(void)blocking;
	mosq->sock = 1;
	return MOSQ_ERR_SUCCESS;
}

int net__socket_close(struct mosquitto *mosq)
{
	mosq->sock = INVALID_SOCKET;
	return 0;
}

bool net__is_connected(struct mosquitto *mosq)
{
	return mosq->sock != INVALID_SOCKET;
}

/* errno is how libmosquitto learns why there was nothing. */
static ssize_t io_failed(struct mosq_io *io, int error)
{
	io->error = error;
	errno = error == -OTA_E_RESET || error == -OTA_E_CLOSED ? ECONNRESET : EPROTO;
	return -1;
}

/*
 * The first byte of a packet. Zero would be taken for "no first byte yet" below. We subscribe with QoS 1 at most, so a
 * broker never sends QoS 2 or 3; libmosquitto would store QoS 2 messages without bound.
 */
static bool command_is_allowed(uint8_t byte)
{
	if ((byte & 0xf0) == CMD_RESERVED)
		return false;
	return (byte & 0xf0) != CMD_PUBLISH || (byte & 0x06) <= 0x02;
}

/* `byte` is the next of the length: is the packet still within our limit? libmosquitto allocates when the last one came. */
static bool length_is_allowed(const struct mosquitto *mosq, uint8_t byte)
{
	const struct mosquitto__packet *packet = &mosq->in_packet;

	return packet->remaining_length + (uint64_t)(byte & 127) * packet->remaining_mult <= MOSQ_PACKET_MAX;
}

ssize_t net__read(struct mosquitto *mosq, void *buf, size_t count)
{
	struct mosq_io *io = mosq->userdata;
	bool is_command = mosq->in_packet.command == 0;
	bool is_length = !is_command && mosq->in_packet.remaining_count <= 0;
	const uint8_t *byte = buf;
	ssize_t done = TLS_AGAIN;

	/* A broker that asks for answers and does not read them must not fill our memory: its next packet waits. */
	if (!is_command || mosq->out_packet_count < MOSQ_BACKLOG_MAX)
		done = tls_read(io->tls, buf, count);
	io->read_blocked = done == TLS_AGAIN;
	errno = io->read_blocked ? EAGAIN : 0;
	if (done == TLS_AGAIN)
		return -1;
	if (done == 0)
		return io_failed(io, -OTA_E_CLOSED);
	if (done < 0)
		return io_failed(io, (int)done);
	if (is_command && !command_is_allowed(*byte))
		return io_failed(io, -OTA_E_MQTT_PROTOCOL);
	if (is_length && !length_is_allowed(mosq, *byte))
		return io_failed(io, -OTA_E_TOO_LONG);
	return done;
}

ssize_t net__write(struct mosquitto *mosq, const void *buf, size_t count)
{
	struct mosq_io *io = mosq->userdata;
	ssize_t done = tls_write(io->tls, buf, count);

	errno = done == TLS_AGAIN ? EAGAIN : 0;
	if (done == TLS_AGAIN)
		return -1;
	return done < 0 ? io_failed(io, (int)done) : done;
}

size_t mosq_net_unacked(const struct mosquitto *mosq)
{
	return (size_t)mosq->msgs_out.queue_len;
}

size_t mosq_net_backlog(const struct mosquitto *mosq)
{
	return (size_t)mosq->out_packet_count + mosq_net_unacked(mosq);
}
