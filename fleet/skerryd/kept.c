/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/kept.h"

#include "skerryd/note.h"

#define TURN_US  5000
#define QUIET_MS 3600000 /* without a drop: then the next one is told again */

static bool is_over(struct skerryd *server, enum store_kept_what what, struct store_kept *kept)
{
	*kept = (struct store_kept){0};
	return store_kept_get(server->store, what, kept) == 0 &&
	       (uint64_t)kept->bytes > server->settings.kept_max_mb[what] * 1000000;
}

static void count_dropped(struct skerryd *server, enum store_kept_what what, int64_t dropped, int64_t now_ms)
{
	struct kept *kept = &server->kept[what];
	if (!kept->dropped_ms || now_ms - kept->dropped_ms > QUIET_MS)
		note("kept: drops what=%s max_mb=%llu remedy=\"the oldest go; %s-max-mb in skerryd.conf keeps more\"",
			store_kept_names[what], (unsigned long long)server->settings.kept_max_mb[what],
			store_kept_names[what]);
	kept->dropped_ms = now_ms;
	server->metrics.kept_drops[what] += (uint64_t)dropped;
}

/*
 * Inside a group. As many as came since the last look, so that it cannot grow whatever comes, and those cost no more than they did when they came; beyond
 * them as many as there is time for.
 */
static int drop(struct skerryd *server, enum store_kept_what what, int64_t came, int64_t *total)
{
	int64_t begun_us = metrics_now_us(), dropped;
	struct store_kept kept;
	*total = 0;
	do {
		if (store_kept_drop(server->store, what, &dropped) < 0)
			return -1;
		*total += dropped;
	} while (dropped > 0 && is_over(server, what, &kept) &&
		 (*total < came || metrics_now_us() - begun_us < TURN_US));
	return 0;
}

static void drop_group(struct skerryd *server, enum store_kept_what what, int64_t came)
{
	int64_t dropped;
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	if (drop(server, what, came, &dropped) < 0)
		skerryd_rollback(server);
	else if (skerryd_commit(server) == 0)
		count_dropped(server, what, dropped, note_now_ms());
}

bool kept_turn(struct skerryd *server)
{
	bool more = false;
	for (enum store_kept_what what = 0; what < STORE_KEPT_KINDS; what++) {
		struct store_kept kept;
		int64_t before = server->kept[what].rows;
		if (is_over(server, what, &kept)) {
			drop_group(server, what, before ? kept.rows - before : 0);
			more |= is_over(server, what, &kept);
		}
		server->kept[what].rows = kept.rows;
	}
	return more;
}
