/* SPDX-License-Identifier: Apache-2.0 */
/* POSTs under way, by libcurl on the main loop: nothing here blocks. */
#ifndef SKERRYD_WEBHOOK_POST_H
#define SKERRYD_WEBHOOK_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/error.h"

#define WEBHOOK_URL_MAX 500

struct webhook_posts;

/* webhook.c's part of struct skerryd. */
struct webhooks {
	struct webhook_posts *posts; /* under way */
	int64_t count;               /* of webhooks: without any nothing is looked for */
	int64_t due_ms;              /* when the queue is looked at again */
};

struct webhook_post {
	int64_t n; /* of the delivery */
	const char *webhook, *delivery, *url, *secret, *body;
	int64_t tries, added_at;
};
/* What became of one. The texts are valid during the call. */
struct webhook_result {
	const struct webhook_post *post;
	long status;       /* HTTP status, 0: none */
	const char *error; /* NULL: 2xx */
};

struct webhook_rules {
	bool private;   /* addresses that are not public are allowed */
	const char *ca; /* PEM file of further CAs; NULL: the system's alone */
};
int webhook_posts_open(const struct webhook_rules *rules, struct webhook_posts **posts, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* Those under way are dropped. */
void webhook_posts_close(struct webhook_posts *posts);

/* Start one, all of it copied. Nothing when memory is short: it will be due again. */
void webhook_post_start(struct webhook_posts *posts, const struct webhook_post *post, int64_t now);
/* Is one to this webhook under way? */
bool webhook_post_is_under_way(const struct webhook_posts *posts, const char *webhook);

int webhook_posts_fd(const struct webhook_posts *posts);
/* When the network wants to be looked after at the latest, in ms of note_now_ms(); -1: never. */
int64_t webhook_posts_deadline_ms(const struct webhook_posts *posts);
/* Go on with all of them, and call `done` for each that has ended. */
void webhook_posts_run(
	struct webhook_posts *posts, void (*done)(void *ctx, const struct webhook_result *result), void *ctx);

#endif
