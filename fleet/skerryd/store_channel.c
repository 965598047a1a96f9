/* SPDX-License-Identifier: Apache-2.0 */
/* Channels. */
#include "skerryd/store_priv.h"

int store_channels_json(struct store *store, const char *tenant, json_t **channels)
{
	return store_select(store, channels,
		"SELECT c.tenant AS tenant, c.app AS app, c.board AS board, c.name AS name, c.digest AS digest,"
		" i.version AS version, c.set_at AS setAt FROM channels c JOIN images i ON i.digest = c.digest"
		" WHERE ? = '' OR c.tenant = ? ORDER BY 1, 2, 3, 4",
		"ss", tenant, tenant);
}

int store_channel_put(struct store *store, const struct store_channel *channel, const char *digest, int64_t now)
{
	return store_run(store,
		"INSERT INTO channels (tenant, app, board, name, digest, set_at) VALUES (?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (tenant, app, board, name) DO UPDATE SET digest = excluded.digest, set_at = "
		"excluded.set_at",
		"sssssi", channel->tenant, channel->app, channel->board, channel->name, digest, now);
}

int store_channel_remove(struct store *store, const struct store_channel *channel)
{
	if (store_run(store, "DELETE FROM channels WHERE tenant = ? AND app = ? AND board = ? AND name = ?", "ssss",
		    channel->tenant, channel->app, channel->board, channel->name) < 0)
		return -1;
	return store_has_changed(store) ? 0 : STORE_NONE;
}
