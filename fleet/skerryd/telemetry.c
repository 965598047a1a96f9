/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/telemetry.h"

#include <stdlib.h>

#include "skerryd/homeassistant.h"
#include "skerryd/note.h"
#include "skerryd/store_telemetry.h"

#define EXPIRE_MS      60000
#define EXPIRE_MORE_MS 1000 /* a backlog goes in pieces: others want their turn */

int telemetry_take(struct skerryd *server, const char *device, const char *name, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text)
		return 0; /* out of memory: as if the network had lost it */
	int rc = store_telemetry_add(
		server->store, &(struct store_telemetry){.device = device, .name = name, .value = text}, note_now());
	free(text);
	if (rc == 0)
		server->changed |= CHANGED_TELEMETRY;
	if (rc == 0)
		homeassistant_on_telemetry(server, device, name, value);
	return rc;
}

void telemetry_tick(struct skerryd *server, int64_t now_ms)
{
	bool more = false;
	if (now_ms < server->telemetry_due_ms)
		return;
	server->telemetry_due_ms = now_ms + EXPIRE_MS;
	if (skerryd_begin(server, STORE_KEPT_ON_KILL) < 0)
		return;
	if (store_telemetry_expire(server->store, note_now(), &more) < 0)
		skerryd_rollback(server);
	else if (skerryd_commit(server) == 0 && more)
		server->telemetry_due_ms = now_ms + EXPIRE_MORE_MS;
}
