/* SPDX-License-Identifier: Apache-2.0 */
#include "logs.h"

#include "json_write.h"
#include "platform.h"

#define PERIOD_MS 250
#define LINES_MAX 16
#define LINE_ROOM (AGENT_LINE_MAX * 6 + 8) /* every byte escaped, quotes and comma */

/* A line that came while we looked is sent with the next message: nothing is held back for it. */
size_t logs_take(struct logs *logs, const struct logs_source *source, char *buf)
{
	char line[AGENT_LINE_MAX];
	struct json_out out;
	int len;

	if (platform_now_ms() < logs->due_ms)
		return 0;
	logs->due_ms = platform_now_ms() + PERIOD_MS;
	if (source->read(source->ctx, &logs->next, line, sizeof(line)) < 0)
		return 0;
	json_begin(&out, buf, LOGS_MESSAGE_MAX);
	json_put_u64(&out, "first", logs->next - 1);
	json_open(&out, "lines", '[');
	json_put_string(&out, NULL, line);
	for (int i = 1; i < LINES_MAX && out.cap - out.len > LINE_ROOM; i++) {
		uint64_t next = logs->next;

		/* A gap ends the message: `first` numbers the lines. */
		if (source->read(source->ctx, &next, line, sizeof(line)) < 0 || next != logs->next + 1)
			break;
		logs->next = next;
		json_put_string(&out, NULL, line);
	}
	json_close(&out, ']');
	len = json_end(&out);
	return len < 0 ? 0 : (size_t)len;
}

uint64_t logs_deadline_ms(const struct logs *logs)
{
	return logs->due_ms;
}
