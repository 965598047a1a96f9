/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: one download as the agent does it.
 *   https_probe PROVISION-IMAGE URL OFF TOTAL
 * prints `init E_…` or `END E_… start=N got=N sum=N` (sum: of the body's bytes) and ends with 0.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "https.h"
#include "ota/err.h"
#include "platform.h"
#include "stream_socket.h"

static struct {
	bool ended;
	uint64_t start, got, sum;
} seen;

void platform_log(enum agent_level level, const char *line)
{
	(void)level;
	(void)fprintf(stderr, "%s\n", line);
}

static void on_start(void *ctx, uint64_t off)
{
	(void)ctx;
	seen.start = off;
}

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	seen.got += len;
	for (size_t i = 0; i < len; i++)
		seen.sum += data[i];
}

static void on_end(void *ctx, int error)
{
	(void)ctx;
	printf("END %s start=%" PRIu64 " got=%" PRIu64 " sum=%" PRIu64 "\n", ota_err_name(error), seen.start, seen.got,
		seen.sum);
	seen.ended = true;
}

static const struct https_events events = {on_start, on_data, on_end};

static void wait_a_little(const struct https *https)
{
	uint64_t now = platform_now_ms(), deadline = https_deadline_ms(https);
	struct pollfd fds[4];
	size_t count = stream_socket_pollfds(fds, 4);

	(void)poll(fds, (nfds_t)count, deadline <= now ? 0 : 20);
}

static int run(const struct tls_context *context, char **argv)
{
	static struct https https;
	int error;

	https_init(&https, context, &stream_socket_ops, &events, NULL);
	error = https_get(&https, argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	if (error != 0)
		on_end(NULL, error);
	while (!seen.ended) {
		https_poll(&https);
		wait_a_little(&https);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static uint8_t image[OTA_PROVISION_BYTES_MAX];
	static struct ota_provision provision;
	static struct tls_context context;
	FILE *file = argc == 5 ? fopen(argv[1], "rb") : NULL;
	size_t len;
	int error;

	if (!file)
		return 2;
	len = fread(image, 1, sizeof(image), file);
	(void)fclose(file);
	error = ota_provision_decode(image, len, &provision);
	if (error == 0)
		error = tls_context_init(&context, &provision);
	if (error != 0) {
		printf("init %s\n", ota_err_name(error));
		return 0;
	}
	error = run(&context, argv);
	tls_context_free(&context);
	return error;
}
