/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/webhook_post.h"

#include <curl/curl.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/text.h"
#include "skerryd/address.h"
#include "skerryd/note.h"

#define CONNECT_MS  10000L
#define TOTAL_MS    20000L
#define ANSWER_MAX  65536 /* bytes of an answer, which nobody reads */
#define EVENTS      16
#define REDIRECTION 300

struct under_way {
	struct under_way *next;
	struct webhook_posts *posts;
	struct webhook_post post; /* its texts are owned */
	CURL *easy;
	struct curl_slist *headers;
	size_t answer_bytes;
	bool is_forbidden; /* the name leads to an address that is not allowed */
	char error[CURL_ERROR_SIZE];
};

struct webhook_posts {
	CURLM *multi;
	struct webhook_rules rules;
	struct under_way *first;
	int epoll_fd;
	int64_t deadline_ms; /* libcurl's; -1: none */
};

/* ---- libcurl's sockets and timer in one descriptor and one deadline ---- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct webhook_posts *posts = ctx;
	struct epoll_event event = {.data.fd = fd};
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(posts->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	if (epoll_ctl(posts->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0 && errno == EEXIST)
		epoll_ctl(posts->epoll_fd, EPOLL_CTL_MOD, fd, &event);
	curl_multi_assign(posts->multi, fd, posts);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *ctx)
{
	struct webhook_posts *posts = ctx;
	(void)multi;
	posts->deadline_ms = ms < 0 ? -1 : note_now_ms() + ms;
	return 0;
}

int webhook_posts_open(const struct webhook_rules *rules, struct webhook_posts **out, struct fleet_error *error)
{
	struct webhook_posts *posts = calloc(1, sizeof *posts);
	if (!posts)
		return fleet_fail(error, NULL, "out of memory");
	posts->rules = *rules;
	posts->deadline_ms = -1;
	posts->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (posts->epoll_fd < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
		!(posts->multi = curl_multi_init())) {
		webhook_posts_close(posts);
		return fleet_fail(error, NULL, "cannot start libcurl");
	}
	curl_multi_setopt(posts->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(posts->multi, CURLMOPT_SOCKETDATA, posts);
	curl_multi_setopt(posts->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(posts->multi, CURLMOPT_TIMERDATA, posts);
	/* libmosquitto selects: few descriptors are ours. */
	curl_multi_setopt(posts->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 16L);
	curl_multi_setopt(posts->multi, CURLMOPT_MAXCONNECTS, 8L);
	*out = posts;
	return 0;
}

/* ---- one of them ---- */

static void unlink_post(struct under_way *one)
{
	struct under_way **at = &one->posts->first;
	while (*at != one)
		at = &(*at)->next;
	*at = one->next;
}

static void free_text(const char *text)
{
	free((char *)(uintptr_t)text);
}

static void free_post(struct under_way *one)
{
	if (one->easy) {
		curl_multi_remove_handle(one->posts->multi, one->easy);
		curl_easy_cleanup(one->easy);
	}
	curl_slist_free_all(one->headers);
	free_text(one->post.webhook);
	free_text(one->post.delivery);
	free_text(one->post.url);
	free_text(one->post.secret);
	free_text(one->post.body);
	free(one);
}

void webhook_posts_close(struct webhook_posts *posts)
{
	if (!posts)
		return;
	while (posts->first) {
		struct under_way *one = posts->first;
		posts->first = one->next;
		free_post(one);
	}
	if (posts->multi)
		curl_multi_cleanup(posts->multi);
	if (posts->epoll_fd >= 0)
		close(posts->epoll_fd);
	free(posts);
}

/* The address is looked at when it is connected to: what a name leads to may change after it was checked. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct under_way *one = ctx;
	bool is_plain = strncmp(one->post.url, "https://", 8) != 0;
	(void)purpose;
	if (is_plain ? !address_is_loopback(&to->addr) : !one->posts->rules.private && !address_is_public(&to->addr)) {
		one->is_forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t on_answer(const char *data, size_t size, size_t count, void *ctx)
{
	struct under_way *one = ctx;
	(void)data;
	one->answer_bytes += size * count;
	return one->answer_bytes > ANSWER_MAX ? 0 : size * count;
}

static bool add_header(struct under_way *one, const char *name, const char *value)
{
	char line[300];
	snprintf(line, sizeof line, "%s: %s", name, value);
	struct curl_slist *more = curl_slist_append(one->headers, line);
	if (more)
		one->headers = more;
	return more != NULL;
}

/* HMAC-SHA256 of "<t>.<body>": the time is signed too, so that nobody can play an old delivery again. */
static bool sign(const struct webhook_post *post, int64_t now, char out[120])
{
	uint8_t mac[32];
	char hex[65], *signed_text;
	int len = asprintf(&signed_text, "%lld.%s", (long long)now, post->body);
	if (len < 0)
		return false;
	bool done = gnutls_hmac_fast(
			    GNUTLS_MAC_SHA256, post->secret, strlen(post->secret), signed_text, (size_t)len, mac) == 0;
	free(signed_text);
	text_hex(mac, sizeof mac, hex);
	snprintf(out, 120, "t=%lld,v1=%s", (long long)now, hex);
	return done;
}

static bool add_headers(struct under_way *one, int64_t now)
{
	char signature[120];
	return sign(&one->post, now, signature) && add_header(one, "Content-Type", "application/json") &&
	       add_header(one, "Skerry-Delivery", one->post.delivery) &&
	       add_header(one, "Skerry-Signature", signature) && add_header(one, "Expect", "");
}

static void set_options(struct under_way *one)
{
	CURL *easy = one->easy;
	curl_easy_setopt(easy, CURLOPT_URL, one->post.url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, one->post.body);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, one->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "skerryd");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, one);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, one);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, one->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, one);
	if (one->posts->rules.ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, one->posts->rules.ca);
}

void webhook_post_start(struct webhook_posts *posts, const struct webhook_post *post, int64_t now)
{
	struct under_way *one = calloc(1, sizeof *one);
	if (!one)
		return;
	one->posts = posts;
	one->post = *post;
	one->post.webhook = strdup(post->webhook);
	one->post.delivery = strdup(post->delivery);
	one->post.url = strdup(post->url);
	one->post.secret = strdup(post->secret);
	one->post.body = strdup(post->body);
	if (!one->post.webhook || !one->post.delivery || !one->post.url || !one->post.secret || !one->post.body ||
		!add_headers(one, now) || !(one->easy = curl_easy_init())) {
		free_post(one);
		return;
	}
	set_options(one);
	one->next = posts->first;
	posts->first = one;
	curl_multi_add_handle(posts->multi, one->easy);
}

bool webhook_post_is_under_way(const struct webhook_posts *posts, const char *webhook)
{
	for (const struct under_way *one = posts->first; one; one = one->next)
		if (strcmp(one->post.webhook, webhook) == 0)
			return true;
	return false;
}

/* ---- all of them ---- */

int webhook_posts_fd(const struct webhook_posts *posts)
{
	return posts->epoll_fd;
}

int64_t webhook_posts_deadline_ms(const struct webhook_posts *posts)
{
	return posts->deadline_ms;
}

static void move_on(struct webhook_posts *posts)
{
	struct epoll_event events[EVENTS];
	int running, count = epoll_wait(posts->epoll_fd, events, EVENTS, 0);
	for (int i = 0; i < count; i++) {
		unsigned got = events[i].events;
		int mask = (got & EPOLLIN ? CURL_CSELECT_IN : 0) | (got & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (got & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
		curl_multi_socket_action(posts->multi, events[i].data.fd, mask, &running);
	}
	if (posts->deadline_ms >= 0 && note_now_ms() >= posts->deadline_ms) {
		posts->deadline_ms = -1;
		curl_multi_socket_action(posts->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

static const char *failure_of(const struct under_way *one, CURLcode code, long status, char text[CURL_ERROR_SIZE])
{
	if (one->is_forbidden)
		return "its address is not public; webhook-private in skerryd.conf would allow it";
	if (code == CURLE_OK && status / 100 == 2)
		return NULL;
	if (code == CURLE_OK && status / 100 * 100 == REDIRECTION)
		snprintf(text, CURL_ERROR_SIZE, "HTTP status %ld: redirects are not followed", status);
	else if (code == CURLE_OK)
		snprintf(text, CURL_ERROR_SIZE, "HTTP status %ld", status);
	else
		snprintf(text, CURL_ERROR_SIZE, "%s", *one->error ? one->error : curl_easy_strerror(code));
	return text;
}

void webhook_posts_run(
	struct webhook_posts *posts, void (*done)(void *ctx, const struct webhook_result *result), void *ctx)
{
	CURLMsg *message;
	int left;
	move_on(posts);
	while ((message = curl_multi_info_read(posts->multi, &left))) {
		struct under_way *one = NULL;
		char text[CURL_ERROR_SIZE];
		long status = 0;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &one);
		curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		const char *error = failure_of(one, code, status, text);
		unlink_post(one);
		done(ctx, &(struct webhook_result){.post = &one->post, .status = status, .error = error});
		free_post(one);
	}
}
