/* SPDX-License-Identifier: Apache-2.0 */
/* What app.c and app_port.c share: the two queues and flags between the app and whoever attached. Interrupts masked around every access. */
#ifndef KERNEL_APP_LINK_H
#define KERNEL_APP_LINK_H

#include <stdbool.h>

#include "kernel/app_port.h"
#include "kernel/thread.h"
#include "msg_queue.h"

#define APP_SUBSCRIPTIONS_MAX 8

struct app_link {
	struct thread *app;      /* NULL until the app runs */
	struct thread *attached; /* NULL: nobody listens */
	uint32_t attached_bits;
	enum app_health health;
	bool link_up, link_changed;
	char subscriptions[APP_SUBSCRIPTIONS_MAX][APP_NAME_MAX];
	size_t subscriptions_count;
	struct msg_queue to_agent, to_app;
};
extern struct app_link app_link;

/* Whether `name` is 1..APP_NAME_MAX-1 bytes of [A-Za-z0-9_-]. */
bool app_name_valid(const char *name);

#endif
