/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_ops.h"

#include <stdio.h>
#include <string.h>

#include "kernel/app_port.h"
#include "kernel/bootinfo.h"
#include "kernel/crash.h"
#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/mem.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "ota/err.h"

_Static_assert(AGENT_NAME_MAX == APP_NAME_MAX && AGENT_DATA_MAX == APP_DATA_MAX, "messages are copied as they are");
_Static_assert((int)LOG_ERR == (int)AGENT_ERR && (int)LOG_DEBUG == (int)AGENT_DEBUG, "levels are cast");

static int result_of(int error)
{
	return error == 0 ? 0 : -OTA_E_IO;
}

static int blk_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	struct blk_dev *blk = dev_blk();

	(void)ctx;
	return blk ? result_of(blk->ops->read(blk, lba, buf, count)) : -OTA_E_IO;
}

static int blk_write(void *ctx, uint32_t lba, const void *buf, uint32_t count)
{
	struct blk_dev *blk = dev_blk();

	(void)ctx;
	return blk ? result_of(blk->ops->write(blk, lba, buf, count)) : -OTA_E_IO;
}

static int blk_flush(void *ctx)
{
	struct blk_dev *blk = dev_blk();

	(void)ctx;
	return blk ? result_of(blk->ops->flush(blk)) : -OTA_E_IO;
}

/* In safe mode there is no app: nobody is well. */
static bool app_is_well(void *ctx)
{
	(void)ctx;
	return bootinfo()->mode != BOOT_SAFE && app_port_health() == APP_WELL;
}

static bool app_take(void *ctx, struct agent_message *message)
{
	struct app_message taken;

	(void)ctx;
	if (!app_port_take(&taken))
		return false;
	memcpy(message->name, taken.name, sizeof(message->name));
	memcpy(message->data, taken.data, taken.len);
	message->len = taken.len;
	return true;
}

/* The broker sends all of T/app/+; the app gets what it asked for. */
static bool app_subscribed(const char *name)
{
	char names[8][APP_NAME_MAX];
	size_t count = app_port_subscriptions(names, 8);

	for (size_t i = 0; i < count && i < 8; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void app_deliver(void *ctx, const struct agent_message *message)
{
	struct app_message given = {.len = message->len};

	(void)ctx;
	if (!app_subscribed(message->name))
		return;
	memcpy(given.name, message->name, sizeof(given.name));
	memcpy(given.data, message->data, message->len);
	if (app_port_deliver(&given) != 0)
		log_line(LOG_WARN, "agent: app.message dropped name=%s", message->name);
}

static void app_link(void *ctx, bool up)
{
	(void)ctx;
	app_port_link(up);
}

static int ring_read(void *ctx, uint64_t *seq, char *buf, size_t cap)
{
	(void)ctx;
	return log_read(seq, buf, cap);
}

static void ring_level(void *ctx, enum agent_level level)
{
	(void)ctx;
	log_level_set((enum log_level)level);
}

static void memory(void *ctx, struct agent_memory *out)
{
	struct mem_stats stats;

	(void)ctx;
	mem_stats_get(&stats);
	out->heap_bytes = stats.heap_bytes;
	out->heap_peak = stats.heap_peak_bytes;
	out->stack_peak = thread_stack_peak_bytes(thread_self());
}

static void board(void *ctx, struct agent_board *out)
{
	const struct net_dev *net = dev_net();

	(void)ctx;
	(void)snprintf(out->serial, sizeof(out->serial), "%s", bootinfo()->serial);
	if (net)
		(void)snprintf(out->mac, sizeof(out->mac), "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1],
			net->mac[2], net->mac[3], net->mac[4], net->mac[5]);
}

static bool record_last(void *ctx, struct crash_info *info)
{
	const struct crash_record *record = crash_last();

	(void)ctx;
	if (!record)
		return false;
	*info = (struct crash_info){
		.id = record->id,
		.boots = record->boots,
		.slot = record->slot,
		.cause = record->cause,
		.image = record->image,
		.version = record->version,
		.build_id = record->build_id,
		.thread = record->thread,
		.uptime_ms = record->uptime_ms,
		.esr = record->esr,
		.elr = record->elr,
		.far = record->far,
		.sp = record->sp,
		.lr = record->lr,
		.pcs = record->pcs,
		.pc_count = record->pc_count,
		.text = record->text,
		.text_bytes = record->text_bytes,
	};
	return true;
}

static int record_uploaded(void *ctx)
{
	(void)ctx;
	return result_of(crash_uploaded());
}

/* The console is all that every board has. */
static void identify(void *ctx)
{
	(void)ctx;
	log_line(LOG_INFO, "agent: identify *** here I am ***");
}

static void reboot(void *ctx)
{
	(void)ctx;
	machine_reset();
}

const struct agent_ops kernel_ops = {
	.blk_read = blk_read,
	.blk_write = blk_write,
	.blk_flush = blk_flush,
	.streams = &stream_net_ops,
	.app_is_well = app_is_well,
	.app_take = app_take,
	.app_deliver = app_deliver,
	.app_link = app_link,
	.log_read = ring_read,
	.log_level = ring_level,
	.memory = memory,
	.board = board,
	.crash_last = record_last,
	.crash_uploaded = record_uploaded,
	.identify = identify,
	.reboot = reboot,
};
