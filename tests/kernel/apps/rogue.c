/* SPDX-License-Identifier: Apache-2.0 */
/* Well, until a message to "do" names what it then does, each in a function of its own, which a crash report must name. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/app.h"
#include "kernel/dev.h"

static struct app_event event;
static struct net_ops deaf_ops;

static void write_to_nothing(void)
{
	*(volatile int *)8 = 1;
}

static int recurse_for_ever(int depth)
{
	volatile char room[200];

	room[0] = (char)depth;
	return recurse_for_ever(depth + 1) + room[0];
}

static void eat_the_heap(void)
{
	for (;;)
		memset(malloc(10000), 1, 10000);
}

static void claim_the_impossible(void)
{
	assert(event.len > sizeof(event.data));
}

static void hang_with_interrupts_off(void)
{
	__asm__ volatile("msr daifset, #2\n1:\tb 1b");
}

static void spin_for_ever(void)
{
	for (;;)
		__asm__ volatile("nop");
}

/* Run by the thread that serves the network, which is the agent's. */
static int receive_for_ever(struct net_dev *dev, const uint8_t **frame)
{
	(void)dev;
	(void)frame;
	spin_for_ever();
	return 0;
}

static void break_the_network(void)
{
	deaf_ops = *dev_net()->ops;
	deaf_ops.recv = receive_for_ever;
	dev_net()->ops = &deaf_ops;
}

static void misbehave(const char *how)
{
	static const struct {
		const char *how;
		void (*act)(void);
	} ways[] = {
		{"null", write_to_nothing},
		{"exhaust", eat_the_heap},
		{"assert", claim_the_impossible},
		{"hang", hang_with_interrupts_off},
		{"spin", spin_for_ever},
		{"network", break_the_network},
	};

	app_log(APP_INFO, "told to %s", how);
	if (strcmp(how, "overflow") == 0)
		(void)recurse_for_ever(0);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(how, ways[i].how) == 0)
			ways[i].act();
}

int app_main(void)
{
	(void)app_subscribe("do");
	app_health_set(APP_WELL);
	app_log(APP_INFO, "well");
	for (;;) {
		app_wait(&event, UINT64_MAX);
		if (event.kind != APP_EV_MESSAGE || event.len == 0 || event.len >= sizeof(event.data))
			continue;
		event.data[event.len] = '\0';
		if (strcmp((const char *)event.data, "return") == 0)
			return 3;
		misbehave((const char *)event.data);
	}
}
