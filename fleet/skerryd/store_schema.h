/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database's tables. What was once on main is never changed, only added to: a new version of the schema is a further upgrade, and every
 * database goes through all that it lacks (SQL that both SQLite and PostgreSQL understand but for the PRAGMAs and the words STRICT, AUTOINCREMENT).
 */
#ifndef SKERRYD_STORE_SCHEMA_H
#define SKERRYD_STORE_SCHEMA_H

extern const char store_schema[];          /* version 1 */
extern const char *const store_upgrades[]; /* the first makes version 2 */
extern const int store_schema_version;

#endif
