/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/app_port.h"

#include <ctype.h>
#include <string.h>

#include "app_link.h"
#include "kernel/irq.h"

struct app_link app_link;

bool app_name_valid(const char *name)
{
	size_t len = strnlen(name, APP_NAME_MAX);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	return len > 0 && len < APP_NAME_MAX;
}

void app_port_attach(uint32_t bits)
{
	uint64_t state = irq_save();

	app_link.attached = thread_self();
	app_link.attached_bits = bits;
	irq_restore(state);
}

enum app_health app_port_health(void)
{
	return app_link.health;
}

int app_port_take(struct app_message *message)
{
	uint64_t state = irq_save();
	int got = msg_queue_take(&app_link.to_agent, message);

	irq_restore(state);
	return got;
}

size_t app_port_subscriptions(char (*names)[APP_NAME_MAX], size_t max)
{
	uint64_t state = irq_save();
	size_t count = app_link.subscriptions_count;

	memcpy(names, app_link.subscriptions, (count < max ? count : max) * APP_NAME_MAX);
	irq_restore(state);
	return count;
}

static void app_signal(void)
{
	if (app_link.app)
		thread_signal(app_link.app, THREAD_SIG_EVENT);
}

int app_port_deliver(const struct app_message *message)
{
	uint64_t state;
	int rc;

	if (!app_name_valid(message->name) || message->len > APP_DATA_MAX)
		return -APP_E_INVAL;
	state = irq_save();
	rc = msg_queue_put(&app_link.to_app, message->name, message->data, message->len);
	app_signal();
	irq_restore(state);
	return rc;
}

void app_port_link(int up)
{
	uint64_t state = irq_save();

	if (app_link.link_up != (up != 0)) {
		app_link.link_up = up != 0;
		app_link.link_changed = true;
		app_signal();
	}
	irq_restore(state);
}
