/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks: what happens in the fleet is POSTed to the operators' addresses, signed. Each event becomes deliveries in the database, in the event's own
 * transaction; they are sent in order, one at a time per webhook, until taken (2xx) or a day old: at least once, also over a killed skerryd.
 */
#ifndef SKERRYD_WEBHOOK_H
#define SKERRYD_WEBHOOK_H

#include "skerryd/skerryd.h"

#define WEBHOOK_SECRET_BYTES 48

/* 0 or -1. */
int webhook_start(struct skerryd *server, struct fleet_error *error) STORE_CHECK;
void webhook_stop(struct skerryd *server);

/* Readable when webhook_run() has something to do; in how many ms it has at the latest (at most `max_ms`). */
int webhook_fd(const struct skerryd *server);
int webhook_timeout_ms(const struct skerryd *server, int max_ms);
void webhook_run(struct skerryd *server);

/* Inside a group, after the event was written: queue it for those who want it. 0 or -1. */
int webhook_on_event(struct skerryd *server) STORE_CHECK;
/* Inside a group: queue a delivery of kind "test". Its id into delivery[33]. 0 or -1. */
int webhook_test(struct skerryd *server, const char *webhook, char delivery[33]) STORE_CHECK;
/* Webhooks were added or removed. */
void webhook_recount(struct skerryd *server);

/* May deliveries go to this address? "" or what is wrong with it. `private`: to addresses that are not public, too. */
const char *webhook_url_fault(const char *url, bool private);
/* The pause in seconds after the try number `tries` (from 0) failed; `random`: any number. */
int64_t webhook_pause_s(int64_t tries, uint32_t random);

#endif
