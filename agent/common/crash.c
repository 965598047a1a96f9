/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_log.h"
#include "json.h"
#include "json_write.h"
#include "ota/err.h"
#include "platform.h"
#include "tls.h"

#define LINE_MAX_BYTES 256 /* with NUL */
#define ID_TEXT        9
#define AGAIN_MS       30000   /* the first pause; then doubling, */
#define AGAIN_MAX_MS   3600000 /* to this; each with up to as much jitter on top */
#define BUSY_MS        1000

static void put_address(struct json_out *out, const char *name, uint64_t address)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, address);
	json_put_string(out, name, text);
}

static void id_text(uint32_t id, char text[ID_TEXT])
{
	(void)snprintf(text, ID_TEXT, "%08" PRIx32, id);
}

static void put_head(struct json_out *out, const struct crash_info *info)
{
	char id[ID_TEXT];

	id_text(info->id, id);
	json_put_string(out, "id", id);
	json_put_string(out, "cause", info->cause);
	json_put_u64(out, "boots", info->boots);
	if (info->slot == 'a' || info->slot == 'b')
		json_put_string(out, "slot", info->slot == 'a' ? "a" : "b");
	json_put_string(out, "image", info->image);
	json_put_string(out, "version", info->version);
	json_put_string(out, "buildId", info->build_id);
	json_put_u64(out, "uptimeMs", info->uptime_ms);
	json_put_string(out, "thread", info->thread);
	put_address(out, "esr", info->esr);
	put_address(out, "elr", info->elr);
	put_address(out, "far", info->far);
	put_address(out, "sp", info->sp);
	put_address(out, "lr", info->lr);
	json_open(out, "pc", '[');
	for (size_t i = 0; i < info->pc_count; i++)
		put_address(out, NULL, info->pcs[i]);
	json_close(out, ']');
}

/* The end of the line that begins at `at`, its '\n' or the end of the text. */
static size_t line_end(const struct crash_info *info, size_t at)
{
	const char *end = memchr(info->text + at, '\n', info->text_bytes - at);

	return end ? (size_t)(end - info->text) : info->text_bytes;
}

static void put_lines(struct json_out *out, const struct crash_info *info, size_t at)
{
	char line[LINE_MAX_BYTES];

	json_open(out, "lines", '[');
	while (at < info->text_bytes && !out->overflow) {
		size_t end = line_end(info, at), len = end - at;

		if (len > sizeof(line) - 1)
			len = sizeof(line) - 1;
		memcpy(line, info->text + at, len);
		line[len] = '\0';
		json_put_string(out, NULL, line);
		at = end + 1;
	}
	json_close(out, ']');
}

/* What a line will take, escaped, is not known beforehand: without the first ones, until it fits. */
int crash_json(const struct crash_info *info, char *buf, size_t cap)
{
	struct json_out out;
	size_t at = 0;
	int len;

	for (;;) {
		json_begin(&out, buf, cap);
		put_head(&out, info);
		put_lines(&out, info, at);
		len = json_end(&out);
		if (len >= 0 || at >= info->text_bytes)
			return len;
		/* An eighth of what is left, to the end of a line: not too many attempts, not too much lost. */
		at = line_end(info, at + (info->text_bytes - at) / 8) + 1;
	}
}

void crash_init(struct crash *crash, const struct crash_port *port, void *ctx)
{
	memset(crash, 0, sizeof(*crash));
	crash->port = port;
	crash->ctx = ctx;
	crash->pause_ms = AGAIN_MS;
	crash->pending = port->last(ctx, &crash->info);
}

static int send(struct crash *crash)
{
	char *buf = malloc(CRASH_MESSAGE_MAX);
	int len, error = -OTA_E_MEMORY;

	if (!buf)
		return error;
	len = crash_json(&crash->info, buf, CRASH_MESSAGE_MAX);
	error = len < 0 ? len : crash->port->publish(crash->ctx, buf, (size_t)len);
	free(buf);
	return error;
}

void crash_poll(struct crash *crash)
{
	uint64_t now = platform_now_ms();
	int error;

	if (!crash->pending || now < crash->due_ms)
		return;
	error = send(crash);
	if (error == -OTA_E_TOO_LONG) {
		agent_log(
			AGENT_ERR, "agent: crash.unsent id=%08" PRIx32 " err=%s", crash->info.id, ota_err_name(error));
		crash->pending = false;
	} else if (error != 0) {
		crash->due_ms = now + BUSY_MS;
	} else {
		agent_log(AGENT_INFO, "agent: crash.sent id=%08" PRIx32 " cause=%s", crash->info.id, crash->info.cause);
		crash->due_ms = now + crash->pause_ms + tls_random_below(crash->pause_ms);
		crash->pause_ms = crash->pause_ms > AGAIN_MAX_MS / 2 ? AGAIN_MAX_MS : 2 * crash->pause_ms;
	}
}

uint64_t crash_deadline_ms(const struct crash *crash)
{
	return crash->pending ? crash->due_ms : UINT64_MAX;
}

void crash_on_accepted(struct crash *crash, const char *payload, size_t len)
{
	struct json root, value;
	char id[ID_TEXT];
	int error;

	id_text(crash->info.id, id);
	if (!crash->pending || json_parse(payload, len, &root) != 0 || !json_member(&root, "id", &value) ||
		!json_string_is(&value, id))
		return;
	crash->pending = false;
	error = crash->port->uploaded(crash->ctx);
	agent_log(error ? AGENT_WARN : AGENT_INFO, "agent: crash.accepted id=%s err=%s", id, ota_err_name(error));
}
