/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of app.h: what the agent (or, in an image without one, nobody) sees of the app. The kernel owns the
 * queues between both; one program at most attaches. All calls are for the attached program's thread.
 */
#ifndef KERNEL_APP_PORT_H
#define KERNEL_APP_PORT_H

#include "kernel/app.h"
#include "kernel/thread.h"

/*
 * The app's thread, for a program table (kernel/thread.h): runs app_main(). Not started in safe mode. The attaching
 * program stands before it in the table and attaches before it first waits, so that the app never finds nobody.
 */
void app_thread(void *arg);
#define APP_STACK_BYTES 32768

struct app_message {
	char name[APP_NAME_MAX];
	size_t len;
	uint8_t data[APP_DATA_MAX];
};

/* Attach: `bits` are signalled to the caller's thread whenever one of the app's words below changes. */
void app_port_attach(uint32_t bits);

/* Last health said. */
enum app_health app_port_health(void);

/* Take the oldest publication into `*message`: 1 if there was one, else 0. */
int app_port_take(struct app_message *message);

/* Names subscribed so far: copies up to `max` into `names`, returns how many there are. Grows only. */
size_t app_port_subscriptions(char (*names)[APP_NAME_MAX], size_t max);

/* Hand the app a message or a link change. 0, or -APP_E_FULL (dropped: the app is not reading). */
int app_port_deliver(const struct app_message *message);
void app_port_link(int up);

#endif
