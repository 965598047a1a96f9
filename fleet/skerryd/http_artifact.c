/* SPDX-License-Identifier: Apache-2.0 */
/* GET /artifacts/<digest>.fit: the file as it is, whole or in part (RFC 9110 §14), by file descriptor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "skerryd/artifact.h"
#include "skerryd/http_api.h"
#include "skerryd/range.h"

#define BLOCK_BYTES 65536 /* libmicrohttpd's own file responses read 4 KiB: four times the TLS records */

struct part {
	int fd;
	uint64_t off; /* of the part in the file */
};

static ssize_t read_part(void *ctx, uint64_t pos, char *buf, size_t max)
{
	const struct part *part = ctx;
	ssize_t got;
	do {
		got = pread(part->fd, buf, max, (off_t)(part->off + pos));
	} while (got < 0 && errno == EINTR);
	/* Shorter than it was, or the disk fails: the connection ends, and the device sees a truncated body. */
	return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_part(void *ctx)
{
	struct part *part = ctx;
	close(part->fd);
	free(part);
}

static const char *header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* The digest is the name: an entity tag that is as strong as can be. */
static void make_tag(const struct http_request *request, char tag[72])
{
	snprintf(tag, 72, "\"%.64s\"", request->id);
}

static void add_headers(const struct http_request *request, struct MHD_Response *response)
{
	char tag[72];
	make_tag(request, tag);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag);
	MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "public, max-age=31536000, immutable");
}

static int queue(struct http_request *request, unsigned status, struct MHD_Response *response)
{
	if (!response)
		return MHD_NO;
	add_headers(request, response);
	enum MHD_Result queued = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return (int)queued;
}

static struct MHD_Response *empty(void)
{
	return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
}

static int reply_unsatisfiable(struct http_request *request, uint64_t size)
{
	char text[64];
	struct MHD_Response *response = empty();
	snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)size);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, text);
	return queue(request, MHD_HTTP_RANGE_NOT_SATISFIABLE, response);
}

/* first..last of `size`. Takes the descriptor. */
static struct MHD_Response *part_response(int fd, uint64_t first, uint64_t bytes)
{
	struct part *part = malloc(sizeof *part);
	struct MHD_Response *response = NULL;
	if (part) {
		*part = (struct part){.fd = fd, .off = first};
		response = MHD_create_response_from_callback(bytes, BLOCK_BYTES, read_part, part, free_part);
	}
	if (!response) {
		free(part);
		close(fd);
	}
	return response;
}

static int reply_part(struct http_request *request, int fd, uint64_t first, uint64_t last, uint64_t size)
{
	char text[80];
	struct MHD_Response *response = part_response(fd, first, last - first + 1);
	snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)first, (unsigned long long)last,
		(unsigned long long)size);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, text);
	return queue(request, MHD_HTTP_PARTIAL_CONTENT, response);
}

/* The Range header if it counts: GET only, and If-Range, if there is one, names these very bytes. */
static const char *wanted_range(const struct http_request *request)
{
	const char *if_range = header(request, MHD_HTTP_HEADER_IF_RANGE);
	char tag[72];
	make_tag(request, tag);
	if (request->is_head || (if_range && strcmp(if_range, tag) != 0))
		return NULL;
	return header(request, MHD_HTTP_HEADER_RANGE);
}

static int reply_file(struct http_request *request, int fd, uint64_t size)
{
	uint64_t first, last;
	switch (range_parse(wanted_range(request), size, &first, &last)) {
	case RANGE_PART:
		return reply_part(request, fd, first, last, size);
	case RANGE_UNSATISFIABLE:
		close(fd);
		return reply_unsatisfiable(request, size);
	default:
		return queue(request, MHD_HTTP_OK, part_response(fd, 0, size));
	}
}

static bool is_cached(const struct http_request *request)
{
	const char *seen = header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
	char tag[72];
	make_tag(request, tag);
	return seen && (strcmp(seen, "*") == 0 || strstr(seen, tag));
}

static int get_artifact(struct http_request *request)
{
	struct stat st;
	if (!artifact_is_digest(request->id))
		return http_reply_error(request, MHD_HTTP_NOT_FOUND, NULL, "there is no such payload");
	struct home_path path = home_path(&request->server->settings.home, HOME_ARTIFACTS "/%s.fit", request->id);
	int fd = open(path.text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT
			       ? http_reply_error(request, MHD_HTTP_NOT_FOUND,
					 "send it to /api/v1/images/SHA256/payload", "there is no such payload")
			       : http_reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "check the artifacts folder",
					 "the payload cannot be opened: %s", strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return http_reply_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "check the artifacts folder",
			"the payload is not a plain file");
	}
	if (is_cached(request)) {
		close(fd);
		return queue(request, MHD_HTTP_NOT_MODIFIED, empty());
	}
	return reply_file(request, fd, (uint64_t)st.st_size);
}

const struct http_route http_artifact_routes[] = {
	{"GET", "/artifacts/*.fit", HTTP_BODY_NONE, get_artifact, ROLE_NOBODY},
	{0},
};
