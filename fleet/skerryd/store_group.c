/* SPDX-License-Identifier: Apache-2.0 */
/* Groups: selectors with a name. */
#include "skerryd/note.h"
#include "skerryd/store_priv.h"

#define GROUP_COLUMNS "SELECT tenant, name, selector, added_at AS addedAt FROM groups "

int store_groups_json(struct store *store, const char *tenant, json_t **groups)
{
	return store_select(
		store, groups, GROUP_COLUMNS "WHERE ? = '' OR tenant = ? ORDER BY tenant, name", "ss", tenant, tenant);
}

int store_group_json(struct store *store, const char *tenant, const char *name, json_t **group)
{
	return store_select_one(store, group, GROUP_COLUMNS "WHERE tenant = ? AND name = ?", "ss", tenant, name);
}

int store_group_put(struct store *store, const char *tenant, const char *name, const char *selector, bool *added)
{
	if (store_run(store, "UPDATE groups SET selector = ? WHERE tenant = ? AND name = ?", "sss", selector, tenant,
		    name) < 0)
		return -1;
	*added = !store_has_changed(store);
	if (!*added)
		return 0;
	return store_run(store, "INSERT INTO groups (tenant, name, selector, added_at) VALUES (?, ?, ?, ?)", "sssi",
		tenant, name, selector, note_now());
}

int store_group_remove(struct store *store, const char *tenant, const char *name)
{
	if (store_run(store, "DELETE FROM groups WHERE tenant = ? AND name = ?", "ss", tenant, name) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

int store_tenant_find(struct store *store, const char *name, bool *found)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt, "SELECT 1 FROM tenants WHERE name = ?", "s", name);
	*found = rc == 0;
	if (rc == 0)
		store_done(store, stmt);
	return rc < 0 ? -1 : 0;
}
