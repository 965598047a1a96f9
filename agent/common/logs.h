/* SPDX-License-Identifier: Apache-2.0 */
/* The log ring to T/log (SPEC §8): in order, from the oldest line kept, at a bounded rate, gathered: one a second while there is no backlog. What the ring overwrote meanwhile shows as a gap in `first`. */
#ifndef AGENT_LOGS_H
#define AGENT_LOGS_H

#include <stddef.h>
#include <stdint.h>

#define LOGS_MESSAGE_MAX 2048

struct logs {
	uint64_t next;   /* number of the next line to send */
	uint64_t due_ms; /* not before */
};

/* As log_read() in kernel/log.h. */
struct logs_source {
	int (*read)(void *ctx, uint64_t *seq, char *buf, size_t cap);
	void *ctx;
};

/* The next message into buf[LOGS_MESSAGE_MAX]: its length, or 0: nothing to send now. The lines count as sent. */
size_t logs_take(struct logs *logs, const struct logs_source *source, char *buf);

/* The next lines are worth a message at once: there may be no later. */
void logs_hurry(struct logs *logs);

/* When there may be more. */
uint64_t logs_deadline_ms(const struct logs *logs);

#endif
