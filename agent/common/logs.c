/* SPDX-License-Identifier: Apache-2.0 */
#include "logs.h"

#include "json_write.h"
#include "platform.h"

#define PERIOD_MS 1000 /* a message costs broker and server far more than a line */
#define FULL_MS   250  /* after one that was full: there is a backlog */
#define LINES_MAX 16
#define LINE_ROOM (AGENT_LINE_MAX * 6 + 8) /* every byte escaped, quotes and comma */

/* Lines after the first, as long as they fit and follow each other: `first` numbers them. False: there is no next one now. */
static bool lines_put(struct logs *logs, const struct logs_source *source, struct json_out *out)
{
	char line[AGENT_LINE_MAX];

	for (int i = 1; i < LINES_MAX && out->cap - out->len > LINE_ROOM; i++) {
		uint64_t next = logs->next;

		if (source->read(source->ctx, &next, line, sizeof(line)) < 0)
			return false;
		if (next != logs->next + 1)
			break;
		logs->next = next;
		json_put_string(out, NULL, line);
	}
	return true;
}

size_t logs_take(struct logs *logs, const struct logs_source *source, char *buf)
{
	uint64_t now = platform_now_ms();
	char line[AGENT_LINE_MAX];
	struct json_out out;
	int len;

	if (now < logs->due_ms)
		return 0;
	logs->due_ms = now + PERIOD_MS;
	if (source->read(source->ctx, &logs->next, line, sizeof(line)) < 0)
		return 0;
	json_begin(&out, buf, LOGS_MESSAGE_MAX);
	json_put_u64(&out, "first", logs->next - 1);
	json_open(&out, "lines", '[');
	json_put_string(&out, NULL, line);
	if (lines_put(logs, source, &out))
		logs->due_ms = now + FULL_MS;
	json_close(&out, ']');
	len = json_end(&out);
	return len < 0 ? 0 : (size_t)len;
}

void logs_hurry(struct logs *logs)
{
	logs->due_ms = 0;
}

uint64_t logs_deadline_ms(const struct logs *logs)
{
	return logs->due_ms;
}
