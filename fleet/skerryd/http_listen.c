/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/http_listen.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static int open_socket(const struct addrinfo *address)
{
	int one = 1;
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* A restart must not wait for the old connections to time out. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int number = errno;
	close(fd);
	errno = number;
	return -1;
}

static int listen_on(const struct settings *settings, int *fd, struct fleet_error *error)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *address;
	char port[8];
	snprintf(port, sizeof port, "%u", (unsigned)settings->http_port);
	if (getaddrinfo(settings->listen, port, &hints, &address) != 0)
		return fleet_fail(error, "give an IPv4 or IPv6 address, for example 127.0.0.1 or 0.0.0.0",
			"'%s': listen = %s is not an address", settings->text.path, settings->listen);
	*fd = open_socket(address);
	freeaddrinfo(address);
	if (*fd >= 0)
		return 0;
	const char *remedy = errno == EADDRINUSE
				     ? "end the program that uses the port (another skerryd?), or change http-port"
				     : "change listen or http-port in skerryd.conf";
	return fleet_fail_errno(error, remedy, "cannot listen on %s port %s", settings->listen, port);
}

/* libmicrohttpd would only say that it does not start. */
static int check_pair(const struct settings *settings, const struct http_listen *listen, struct fleet_error *error)
{
	gnutls_certificate_credentials_t credentials;
	const gnutls_datum_t cert = {listen->cert.data, (unsigned)listen->cert.len},
			     key = {listen->key.data, (unsigned)listen->key.len};
	if (gnutls_certificate_allocate_credentials(&credentials) < 0)
		return fleet_fail(error, NULL, "out of memory");
	int rc = gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(credentials);
	if (rc >= 0)
		return 0;
	return fleet_fail(error, "restore both from a backup of the home",
		"'%s/" HOME_SERVER_CERT "' and its key cannot be used: %s", settings->home.dir, gnutls_strerror(rc));
}

int http_listen_open(struct http_listen *listen, const struct settings *settings, struct fleet_error *error)
{
	*listen = (struct http_listen){.fd = -1};
	if (file_read(home_path(&settings->home, HOME_SERVER_CERT).text, 65536, &listen->cert, error) == 0 &&
		file_read(home_path(&settings->home, HOME_SERVER_KEY).text, 65536, &listen->key, error) == 0 &&
		check_pair(settings, listen, error) == 0 && listen_on(settings, &listen->fd, error) == 0)
		return 0;
	http_listen_close(listen, true);
	return -1;
}

void http_listen_close(struct http_listen *listen, bool socket_too)
{
	file_bytes_free(&listen->cert);
	file_bytes_free(&listen->key);
	if (socket_too && listen->fd >= 0)
		close(listen->fd);
}
