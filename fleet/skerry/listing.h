/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share that only print what the server answers (fleet/API.md). All settle the home and return an exit code. */
#ifndef SKERRY_LISTING_H
#define SKERRY_LISTING_H

#include "skerry/cli.h"
#include "skerry/client.h"

/* The home settled and a client for its server, which is not reached for yet. EXIT_OK: client_close() it; else EXIT_ERROR with the error printed. */
int listing_client(struct cli *cli, struct client *client);

/* A table of rows: GET `path` answers {member: [rows]}, in pages if it says so with `next`. With --json the rows as an array. */
struct listing {
	const char *path, *member;
	const struct cli_column *columns; /* ends with a zeroed one */
	const char *empty;                /* said when there are none */
	bool paged;                       /* the server takes limit and cursor */
	void (*prepare)(json_t *rows);    /* changes the rows before they are printed; NULL: nothing to change */
};
int listing_print(struct cli *cli, const struct listing *listing);

/* Call `method` on `path` and print the object that comes: member by member, or as JSON. */
int listing_show(struct cli *cli, const char *method, const char *path);
/* The same with a body, whose reference is taken. */
int listing_send(struct cli *cli, const char *method, const char *path, json_t *body);
/* Adds `name`=`text`, escaped, to the query of path[size]; text NULL: nothing. */
void listing_add_query(char *path, size_t size, const char *name, const char *text);

/*
 * Rows that go on coming: GET `path`since=N&wait=S, {member: [rows]}, each with its number "n", until there are no more; with `follow` for ever.
 * Each row goes to `print`, or with --json on a line of its own. `path` ends with '?' or '&'.
 */
struct listing_stream {
	const char *path, *member;
	bool follow;
	void (*print)(const json_t *row);
};
int listing_stream(struct cli *cli, const struct listing_stream *stream);

#endif
