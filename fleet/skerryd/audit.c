/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/audit.h"

#include <stdlib.h>

#include "skerryd/note.h"

int audit_add(
	struct skerryd *server, const struct principal *who, const char *action, const char *object, json_t *details)
{
	/* Members in order: who checks the chain sees the object, and has to come to the same bytes. */
	char *json = details ? json_dumps(details, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	const struct store_audit audit = {.tenant = *who->tenant ? who->tenant : NULL,
		.actor = who->name,
		.action = action,
		.object = object,
		.details = json};
	int rc = details && !json ? -1 : store_audit_add(server->store, &audit, note_now());
	free(json);
	json_decref(details);
	return rc;
}
