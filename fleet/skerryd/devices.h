/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: who is ours, who is there, what runs. All but devices_enrol_all() and devices_settle_presence() inside a group. */
#ifndef SKERRYD_DEVICES_H
#define SKERRYD_DEVICES_H

#include "skerryd/message.h"
#include "skerryd/skerryd.h"

/* Take up the files that `skerry device add` left in server/enrol. 0 or -1. */
int devices_enrol_all(struct skerryd *server) STORE_CHECK;
/* The same for one device. STORE_NONE: there is no such file, or a malformed one. */
int devices_enrol(struct skerryd *server, const char *id) STORE_CHECK;
/* *added: it is new. 0 or -1. */
int devices_put(struct skerryd *server, const char *id, const char *board, bool *added) STORE_CHECK;

#define DEVICES_ATTRIBUTES_MAX 32
#define DEVICES_VALUE_MAX      128
#define DEVICES_REFUSED        2 /* *error says why */

/* An object of texts with names that attributes may have. 0, or -1 with *error. */
int devices_check_attributes(const json_t *attributes, struct fleet_error *error) STORE_CHECK;
/* Merge `patch` (a text: set; null: take away) into the device's attributes. 0, STORE_NONE, DEVICES_REFUSED, -1. */
int devices_set_attributes(
	struct skerryd *server, const char *id, const json_t *patch, struct fleet_error *error) STORE_CHECK;
/* Decommission: its job is canceled, and what it says is refused. 0, STORE_NONE, -1. */
int devices_retire(struct skerryd *server, const char *id) STORE_CHECK;
/* After the group is committed: the file that `skerry device add` left must not bring it back. */
void devices_forget_enrolment(const struct skerryd *server, const char *id);

/* What the device says. 0 or -1. `retained`: the broker remembers it from before. */
int devices_on_presence(
	struct skerryd *server, const char *id, const struct message_presence *presence, bool retained) STORE_CHECK;
int devices_on_report(
	struct skerryd *server, const char *id, const json_t *body, struct store_report *report) STORE_CHECK;
int devices_on_log(struct skerryd *server, const char *id, const struct message_log *log) STORE_CHECK;

/* Keep the record and acknowledge it; one that is here already is acknowledged again. */
int devices_on_crash(struct skerryd *server, const char *id, const json_t *body, struct store_crash *crash) STORE_CHECK;

/* After a new connection to the broker: who did not speak since is offline. */
void devices_settle_presence(struct skerryd *server);

/* One device as the API shows it. 0, STORE_NONE, -1. */
int devices_json(struct skerryd *server, const char *id, json_t **device) STORE_CHECK;

#endif
