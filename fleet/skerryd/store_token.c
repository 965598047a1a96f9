/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and tenants. Of a token only its SHA-256 is kept. */
#include "skerryd/store_priv.h"

#define TOKEN_COLUMNS                                                                                                  \
	"SELECT id, name, role, tenant, added_at AS addedAt, expires_at AS expiresAt, last_used AS lastUsed FROM "     \
	"tokens "

int store_token_add(struct store *store, const struct store_token *token, int64_t now)
{
	if (store_run(store,
		    "INSERT INTO tokens (id, name, hash, role, tenant, added_at, expires_at)"
		    " VALUES (?, ?, ?, ?, nullif(?, ''), ?, nullif(?, 0)) ON CONFLICT DO NOTHING",
		    "ssbssii", token->id, token->name, token->hash, sizeof token->hash, token->role, token->tenant, now,
		    token->expires_at) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

int store_token_find(struct store *store, const uint8_t hash[32], struct store_token *token)
{
	sqlite3_stmt *stmt;
	int rc = store_find(store, &stmt,
		"SELECT id, name, role, tenant, expires_at, last_used, hash FROM tokens WHERE hash = ?", "b", hash,
		(size_t)32);
	if (rc)
		return rc;
	*token = (struct store_token){
		.expires_at = sqlite3_column_int64(stmt, 4), .last_used = sqlite3_column_int64(stmt, 5)};
	store_copy_text(stmt, 0, token->id, sizeof token->id);
	store_copy_text(stmt, 1, token->name, sizeof token->name);
	store_copy_text(stmt, 2, token->role, sizeof token->role);
	store_copy_text(stmt, 3, token->tenant, sizeof token->tenant);
	const uint8_t *kept = sqlite3_column_blob(stmt, 6);
	for (size_t i = 0; kept && sqlite3_column_bytes(stmt, 6) == 32 && i < 32; i++)
		token->hash[i] = kept[i];
	store_done(store, stmt);
	return 0;
}

int store_token_used(struct store *store, const char *id, int64_t now)
{
	return store_run(store, "UPDATE tokens SET last_used = ? WHERE id = ?", "is", now, id);
}

int store_token_json(struct store *store, const char *id, const char *tenant, json_t **token)
{
	return store_select_one(
		store, token, TOKEN_COLUMNS "WHERE id = ? AND (? = '' OR tenant = ?)", "sss", id, tenant, tenant);
}

int store_tokens_json(struct store *store, const char *tenant, json_t **tokens)
{
	return store_select(store, tokens,
		TOKEN_COLUMNS "WHERE (? = '' OR tenant = ?) ORDER BY added_at DESC, id LIMIT ?", "ssi", tenant, tenant,
		(int64_t)STORE_ROWS_MAX);
}

int store_token_delete(struct store *store, const char *id, const char *tenant)
{
	if (store_run(store, "DELETE FROM tokens WHERE id = ? AND (? = '' OR tenant = ?)", "sss", id, tenant, tenant) <
		0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

/* ---- tenants ---- */

int store_tenant_add(struct store *store, const char *name, int64_t now)
{
	if (store_run(store, "INSERT INTO tenants (name, added_at) VALUES (?, ?) ON CONFLICT DO NOTHING", "si", name,
		    now) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}

int store_tenant_json(struct store *store, const char *name, json_t **tenant)
{
	return store_select_one(
		store, tenant, "SELECT name, added_at AS addedAt FROM tenants WHERE name = ?", "s", name);
}

int store_tenants_json(struct store *store, const char *tenant, json_t **tenants)
{
	return store_select(store, tenants,
		"SELECT name, added_at AS addedAt FROM tenants WHERE (? = '' OR name = ?) ORDER BY name LIMIT ?", "ssi",
		tenant, tenant, (int64_t)STORE_ROWS_MAX);
}
