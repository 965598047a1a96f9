/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/http.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "shared/text.h"
#include "skerryd/backup.h"
#include "skerryd/http_auth.h"
#include "skerryd/http_guard.h"
#include "skerryd/http_listen.h"
#include "skerryd/http_priv.h"
#include "skerryd/http_stream.h"
#include "skerryd/note.h"

#define STOP_TURNS        200
#define STOP_TURN_MS      5
#define DESCRIPTORS_SPARE 100 /* not for connections */
#define IDLE_S            60
#define CONNECTION_BYTES  (64u << 10) /* for headers and buffers of one connection */
#define SWALLOW_MAX       (1u << 20)  /* of a refused body; beyond, the connection is closed instead */

struct http {
	struct skerryd *server;
	struct MHD_Daemon *daemon;
	struct http_request *waiting;
	struct http_streams *streams;
	struct http_auth *auth;
	struct http_guard guard;
	unsigned changed;
	int epoll_fd;
	bool stopping;
};

/* clang-format off: a line each, so that they can be added beside each other */
static const struct http_route *const tables[] = {
	http_status_routes,
	http_device_routes,
	http_crash_routes,
	http_image_routes,
	http_job_routes,
	http_keyset_routes,
	http_enrolment_routes,
	http_telemetry_routes,
	http_history_routes,
	http_timeline_routes,
	http_rollout_routes,
	http_devices_routes,
	http_group_routes,
	http_channel_routes,
	http_backup_routes,
	http_audit_routes,
	http_stream_routes,
	http_metrics_routes,
	http_webhook_routes,
	http_token_routes,
	http_openapi_routes,
	http_artifact_routes,
	http_web_routes,
};
/* clang-format on */

/* ---- routing ---- */

/* One segment of `path` into id[], which `tail`, the pattern behind its '*', may end: "*.fit". Its length, 0: none. */
static size_t take_segment(const char *path, const char *tail, char id[HTTP_ID_MAX])
{
	size_t len = strcspn(path, "/"), end = strcspn(tail, "/");
	if (len <= end || len - end >= HTTP_ID_MAX || strncmp(path + len - end, tail, end) != 0)
		return 0;
	memcpy(id, path, len - end);
	id[len - end] = 0;
	return len - end;
}

/* `path` against `pattern`, whose every '*' takes one segment into ids[]. */
static bool path_matches(const char *pattern, const char *path, char ids[3][HTTP_ID_MAX])
{
	size_t count = 0;
	for (;;) {
		const char *star = strchr(pattern, '*');
		size_t head = star ? (size_t)(star - pattern) : strlen(pattern);
		if (strncmp(pattern, path, head) != 0)
			return false;
		path += head;
		if (!star)
			return *path == 0;
		pattern = star + 1;
		size_t len = take_segment(path, pattern, ids[count++]);
		if (len == 0)
			return false;
		path += len;
	}
}

/* The route, else NULL and request->allow: the path exists, with other methods. */
static const struct http_route *find_route(struct http_request *request, const char *method, const char *path)
{
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		for (const struct http_route *route = tables[i]; route->method; route++) {
			if (!path_matches(route->path, path, request->ids))
				continue;
			if (strcmp(route->method, method) == 0)
				return route;
			size_t len = strlen(request->allow);
			snprintf(request->allow + len, sizeof request->allow - len, "%s%s", len ? ", " : "",
				route->method);
		}
	}
	return NULL;
}

/* ---- authorisation ---- */

/* Without a route: below /artifacts/ devices get to know that there is none. */
static bool is_public(const struct http_route *route, const char *path)
{
	return route ? route->role == ROLE_NOBODY : strncmp(path, "/artifacts/", 11) == 0;
}

static void admit(struct http_request *request, const char *method, const char *path)
{
	request->is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	request->route = find_route(request, request->is_head ? MHD_HTTP_METHOD_GET : method, path);
	/* Before anything is told about what there is. */
	if (!is_public(request->route, path))
		http_auth_identify(request->http->auth, request);
	if (request->refusal)
		return;
	if (request->route && request->route->role == ROLE_NOBODY)
		return;
	if (request->route) {
		http_auth_permit(request);
	} else if (*request->allow) {
		request->refusal = MHD_HTTP_METHOD_NOT_ALLOWED;
		(void)!fleet_fail(&request->why, "see fleet/API.md", "this method does not go with this path, only %s",
			request->allow);
	} else {
		request->refusal = MHD_HTTP_NOT_FOUND;
		(void)!fleet_fail(&request->why, "see fleet/API.md", "no such path");
	}
}

/* ---- a request's life ---- */

static struct http_request *begin_request(struct http *http, struct MHD_Connection *connection)
{
	struct http_request *request = calloc(1, sizeof *request);
	if (!request)
		return NULL;
	request->http = http;
	request->server = http->server;
	request->connection = connection;
	request->draft.fd = -1;
	request->begun_us = metrics_now_us();
	request->id = request->ids[0];
	return request;
}

static void unlink_waiting(struct http_request *request)
{
	for (struct http_request **at = &request->http->waiting; *at; at = &(*at)->next) {
		if (*at == request) {
			*at = request->next;
			return;
		}
	}
}

static void count_request(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_HTTP_STATUS);
	metrics_http(&request->server->metrics,
		&(struct metrics_request){.method = request->route ? request->route->method : NULL,
			.path = request->route ? request->route->path : NULL,
			.status = info ? info->http_status : 0,
			.has_waited = request->has_waited,
			.us = metrics_now_us() - request->begun_us});
}

static void on_completed(
	void *ctx, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *slot;
	struct http *http = ctx;
	(void)code;
	http_guard_waits(&http->guard, connection, note_now_ms());
	if (!request)
		return;
	count_request(request);
	if (request->suspended)
		unlink_waiting(request);
	if (request->command)
		command_free(request->server, request->command);
	backup_close(request->backup);
	http_body_free(request);
	free(request);
	*slot = NULL;
}

static bool must_swallow(const struct http_request *request)
{
	const char *expect = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT);
	const char *length =
		MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	return !expect && length && strtoull(length, NULL, 10) <= SWALLOW_MAX;
}

static int refuse(struct http_request *request)
{
	if (request->refusal_wait_ms && http_wait_ms(request, 0, request->refusal_wait_ms) == HTTP_WAIT)
		return HTTP_WAIT;
	return http_reply_problem(request, (unsigned)request->refusal, &request->why);
}

static int handle(struct http_request *request)
{
	int rc = request->refusal ? refuse(request) : request->route->handle(request);
	if (rc != HTTP_WAIT)
		return rc;
	if (request->http->stopping)
		return http_reply_error(
			request, MHD_HTTP_SERVICE_UNAVAILABLE, "try again in a moment", "skerryd is shutting down");
	request->suspended = request->has_waited = true;
	request->next = request->http->waiting;
	request->http->waiting = request;
	MHD_suspend_connection(request->connection);
	return MHD_YES;
}

/* With a body that may be long, of somebody who has shown a token. */
static bool may_take_its_time(const struct http_request *request)
{
	return !request->refusal && request->route->body != HTTP_BODY_CLAIM;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *data, size_t *len, void **slot)
{
	struct http *http = ctx;
	struct http_request *request = *slot;
	(void)version;
	if (!request) {
		*slot = request = begin_request(http, connection);
		if (!request)
			return MHD_NO;
		admit(request, method, path);
		http_body_begin(request);
		if (may_take_its_time(request))
			http_guard_served(&http->guard, connection);
		if (!request->refusal || must_swallow(request))
			return MHD_YES;
		request->refusal_wait_ms = 0; /* or libmicrohttpd would read the body meanwhile */
		return (enum MHD_Result)handle(request);
	}
	if (*len) {
		http_body_add(request, data, *len);
		*len = 0;
		return MHD_YES;
	}
	http_guard_served(&http->guard, connection);
	return (enum MHD_Result)handle(request);
}

/* ---- the daemon ---- */

static void on_log(void *ctx, const char *format, va_list args)
{
	const struct skerryd *server = ctx;
	char line[400];
	if (!server->settings.verbose)
		return; /* handshakes that fail, clients that vanish: the world's doing */
	vsnprintf(line, sizeof line, format, args);
	line[strcspn(line, "\r\n")] = 0;
	note("http: %s", line);
}

static unsigned connections_max(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= HTTP_CONNECTIONS_MAX + DESCRIPTORS_SPARE)
		return HTTP_CONNECTIONS_MAX;
	return limit.rlim_cur > 2 * DESCRIPTORS_SPARE ? (unsigned)limit.rlim_cur - DESCRIPTORS_SPARE
						      : DESCRIPTORS_SPARE;
}

static int start_daemon(struct http *http, const struct http_listen *listen, struct fleet_error *error)
{
	unsigned flags = MHD_USE_TLS | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	const union MHD_DaemonInfo *info;
	http->guard.limit = connections_max();
	http->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log,
		http->server, MHD_OPTION_LISTEN_SOCKET, listen->fd, MHD_OPTION_HTTPS_MEM_KEY, listen->key.data,
		MHD_OPTION_HTTPS_MEM_CERT, listen->cert.data, MHD_OPTION_HTTPS_PRIORITIES,
		"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
		MHD_OPTION_NOTIFY_CONNECTION, http_guard_notify, &http->guard, MHD_OPTION_CONNECTION_LIMIT,
		http->guard.limit, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_BYTES, MHD_OPTION_END);
	if (!http->daemon)
		return fleet_fail(error, "see above", "the HTTPS server does not start");
	info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	http->epoll_fd = info ? info->epoll_fd : -1;
	return 0;
}

static void http_free(struct http *http)
{
	http_greet_close(&http->guard.greet);
	http_streams_free(http->streams);
	http_auth_free(http->auth);
	free(http);
}

static int listen_and_start(struct http *http, struct fleet_error *error)
{
	struct http_listen listen;
	if (!http->streams || !http->auth)
		return fleet_fail(error, NULL, "out of memory");
	if (http_greet_open(&http->guard.greet, error) < 0 ||
		http_listen_open(&listen, &http->server->settings, error) < 0)
		return -1;
	int rc = start_daemon(http, &listen, error);
	http_listen_close(&listen, rc < 0);
	return rc;
}

int http_start(struct skerryd *server, struct http **out, struct fleet_error *error)
{
	struct http *http = calloc(1, sizeof *http);
	if (!http)
		return fleet_fail(error, NULL, "out of memory");
	http->server = server;
	http->guard.greet.fd = -1;
	http->streams = http_streams_new(server);
	http->auth = http_auth_new(&server->settings);
	if (listen_and_start(http, error) < 0) {
		http_free(http);
		return -1;
	}
	*out = http;
	return 0;
}

struct http_streams *http_streams_of(struct http *http)
{
	return http->streams;
}

int http_fd(const struct http *http)
{
	return http->epoll_fd;
}

int http_greet_fd(const struct http *http)
{
	return http->guard.greet.fd;
}

int http_timeout_ms(const struct http *http, int max_ms)
{
	MHD_UNSIGNED_LONG_LONG ms;
	int64_t timeout = max_ms, now = note_now_ms();
	if (MHD_get_timeout(http->daemon, &ms) == MHD_YES && ms < (unsigned)max_ms)
		timeout = (int64_t)ms;
	for (const struct http_request *request = http->waiting; request; request = request->next)
		if (request->deadline_ms - now < timeout)
			timeout = request->deadline_ms > now ? request->deadline_ms - now : 0;
	if (http_streams_due_ms(http->streams) - now < timeout)
		timeout = http_streams_due_ms(http->streams) > now ? http_streams_due_ms(http->streams) - now : 0;
	return http->changed ? 0 : (int)timeout;
}

static void resume(struct http *http)
{
	int64_t now = note_now_ms();
	struct http_request **at = &http->waiting;
	while (*at) {
		struct http_request *request = *at;
		if (!(request->waits_for & http->changed) && now < request->deadline_ms && !http->stopping) {
			at = &request->next;
			continue;
		}
		*at = request->next;
		request->suspended = false;
		MHD_resume_connection(request->connection);
	}
	http_streams_run(http->streams, http->changed, now);
	http->changed = 0;
}

void http_run(struct http *http)
{
	resume(http);
	http_guard_run(&http->guard, note_now_ms());
	http_greet_wake(&http->guard.greet);
	MHD_run(http->daemon);
	http_greet_rest(&http->guard.greet);
}

void http_count(const struct http *http, unsigned *connections, unsigned *waiting)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
	*connections = info ? info->num_connections : 0;
	*waiting = 0;
	for (const struct http_request *request = http->waiting; request; request = request->next)
		++*waiting;
}

void http_wake(struct http *http, unsigned changed)
{
	if (http) /* not yet at start */
		http->changed |= changed;
}

void http_stop(struct http *http)
{
	if (!http)
		return;
	http->stopping = true;
	http_greet_stop(&http->guard.greet);
	/* Streams end with a last chunk, which takes several turns; a reader that does not read is not waited for long. */
	for (int i = 0; i < STOP_TURNS && (i == 0 || http_streams_stop(http->streams)); i++) {
		http_run(http);
		poll(NULL, 0, i > 0 ? STOP_TURN_MS : 0);
	}
	MHD_stop_daemon(http->daemon);
	http_free(http);
}
