/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_thread.h"

#include <inttypes.h>
#include <string.h>

#include "agent.h"
#include "agent_log.h"
#include "kernel/app_port.h"
#include "kernel/bootinfo.h"
#include "kernel/mem.h"
#include "kernel/net.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "kernel/time.h"
#include "kernel/watchdog.h"
#include "kernel_ops.h"
#include "ota/err.h"

#define FEED_PERIOD_MS   2000 /* the kernel's watchdog waits five times as long */
#define INIT_RETRY_MS    60000
#define TRIAL_GIVE_UP_MS 10000

static struct agent agent;
static struct agent_config config;
static bool has_network; /* a device; not: an address */

/* Serve network, watchdog and whoever waits for signals, but not longer than `until_ms`. */
static void wait_until(uint64_t until_ms)
{
	uint64_t wake_ms = time_now_ms() + FEED_PERIOD_MS;

	if (has_network && net_deadline_ms() < wake_ms)
		wake_ms = net_deadline_ms();
	(void)thread_wait(THREAD_SIG_NET | THREAD_SIG_APP, wake_ms < until_ms ? wake_ms : until_ms);
	watchdog_feed();
	if (has_network)
		net_poll();
}

static void idle_until(uint64_t until_ms)
{
	while (time_now_ms() < until_ms)
		wait_until(until_ms);
}

static struct ota_range range_of(struct flash_range range)
{
	return (struct ota_range){range.lba, range.sectors};
}

static void running_set(struct ota_config *core, const struct bootinfo *boot)
{
	const char *panicked = panic_last_cause();

	core->running_slot = boot->slot_index;
	memcpy(core->running.digest, boot->digest, sizeof(core->running.digest));
	core->running.bytes = boot->image_bytes;
	core->running.counter = boot->security_counter;
	memcpy(core->running.version, boot->version, sizeof(core->running.version));
	core->boot_mode = (uint8_t)boot->mode;
	core->crash_cause = panicked ? ota_cause_from_name(panicked) : OTA_CAUSE_NONE;
}

static void config_set(const struct bootinfo *boot)
{
	size_t pages = (ota_bytes() + PAGE_BYTES - 1) / PAGE_BYTES;

	running_set(&config.core, boot);
	for (size_t i = 0; i < 2; i++) {
		config.core.boot_record_lba[i] = boot->boot_record_lba[i];
		config.core.slot[i] = range_of(boot->slot[i]);
	}
	config.core.state = range_of(boot->state);
	config.core.trust = range_of(boot->trust);
	config.identity = range_of(boot->identity);
	config.provision = range_of(boot->provision);
	config.app = app_image_name();
	config.kind = "unikernel";
	config.build_id = build_id_hex();
	config.boots = boot->boots;
	config.ota = mem_pages_alloc(pages);
	if (!config.ota)
		panic(PANIC_OUT_OF_MEMORY, "no %zu pages for the update core", pages);
}

/*
 * Without identity or random numbers there is no agent. A confirmed image keeps its app running and tries again, the cause may
 * pass; an image on trial can never be confirmed like this, so its try ends at once.
 */
static void agent_start(void)
{
	int error;

	while ((error = agent_init(&agent, &config, &kernel_ops, NULL)) != 0) {
		agent_log(AGENT_ERR, "agent: init err=%s: %s", ota_err_name(error), ota_err_text(error));
		if (bootinfo()->mode == BOOT_TRIAL) {
			idle_until(time_now_ms() + TRIAL_GIVE_UP_MS);
			machine_reset();
		}
		idle_until(time_now_ms() + INIT_RETRY_MS);
	}
}

static void network_follow(void)
{
	struct net_status status;

	net_status_get(&status);
	if (status.bound != agent.network) {
		const uint8_t *ip = (const uint8_t *)&status.address;

		agent_log(AGENT_INFO, "agent: dhcp bound=%d ms=%" PRIu64 " ticks=%" PRIu64 " address=%u.%u.%u.%u",
			status.bound, time_now_ms(), time_ticks(), ip[0], ip[1], ip[2], ip[3]);
	}
	agent_network(&agent, status.bound);
}

void agent_thread(void *arg)
{
	(void)arg;
	app_port_attach(THREAD_SIG_APP);
	has_network = net_start() == 0;
	if (!bootinfo()->present) {
		agent_log(AGENT_WARN, "agent: off, not started by the boot loader");
		idle_until(UINT64_MAX);
	}
	/* The agent runs all the same: an image on trial that finds no network must end in a rollback. */
	if (!has_network)
		agent_log(AGENT_WARN, "agent: no network device");
	config_set(bootinfo());
	agent_start();
	for (;;) {
		network_follow();
		agent_poll(&agent);
		wait_until(agent_deadline_ms(&agent));
	}
}
