/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about devices share: the columns of a row as the API names them. */
#ifndef SKERRYD_STORE_DEVICE_H
#define SKERRYD_STORE_DEVICE_H

#define DEVICE_SUMMARY                                                                                                 \
	"SELECT id, tenant, board, state, online AS online_bool, last_seen AS lastSeen, app, version, digest, slot,"   \
	" mode, health, last_error AS lastError, attributes AS attributes_json, keyset, keyset_error AS keysetError,"  \
	" cert_expires AS certExpires, nullif(malformed, 0) AS malformed, added_at AS addedAt, serial, mac"

#endif
