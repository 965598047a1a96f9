/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/copier.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#define BEHIND 10 /* nice value: on a busy machine devices come first */

struct copier {
	pthread_t thread;
	char from[PATH_MAX], to[PATH_MAX];
	int event_fd;
	atomic_bool stop, done;
	/* the thread's until `done` */
	int rc;
	bool is_full;
	struct fleet_error error;
};

static void copy(struct copier *copier)
{
	struct store *store;
	copier->rc = store_open_reader(copier->from, &store, &copier->error);
	if (copier->rc < 0)
		return;
	copier->rc = store_copy(store, copier->to, &copier->stop);
	if (copier->rc < 0) {
		copier->is_full = store_is_full(store);
		(void)!fleet_fail(&copier->error, copier->is_full ? "free some space" : NULL,
			"the database cannot be copied: %s", store_error(store));
	}
	store_close(store);
}

static void *run(void *ctx)
{
	struct copier *copier = ctx;
	setpriority(PRIO_PROCESS, 0, BEHIND); /* of this thread alone, as Linux has it */
	copy(copier);
	atomic_store(&copier->done, true);
	eventfd_write(copier->event_fd, 1);
	return NULL;
}

int copier_start(const char *from, const char *to, int event_fd, struct copier **out, struct fleet_error *error)
{
	struct copier *copier = calloc(1, sizeof *copier);
	if (!copier)
		return fleet_fail(error, NULL, "out of memory");
	snprintf(copier->from, sizeof copier->from, "%s", from);
	snprintf(copier->to, sizeof copier->to, "%s", to);
	copier->event_fd = event_fd;
	if (pthread_create(&copier->thread, NULL, run, copier) != 0) {
		free(copier);
		return fleet_fail(error, "try again", "no thread for the copy of the database");
	}
	*out = copier;
	return 0;
}

bool copier_is_done(const struct copier *copier)
{
	return atomic_load(&copier->done);
}

int copier_result(const struct copier *copier, bool *is_full, struct fleet_error *error)
{
	*is_full = copier->is_full;
	if (copier->rc < 0)
		*error = copier->error;
	return copier->rc;
}

void copier_free(struct copier *copier)
{
	if (!copier)
		return;
	atomic_store(&copier->stop, true);
	pthread_join(copier->thread, NULL);
	free(copier);
}
