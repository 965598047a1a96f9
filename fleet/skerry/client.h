/* SPDX-License-Identifier: Apache-2.0 */
/* The CLI's side of skerryd's REST API. HTTPS, verified by the home's CA, bearer token. */
#ifndef SKERRY_CLIENT_H
#define SKERRY_CLIENT_H

#include <curl/curl.h>
#include <jansson.h>

#include "shared/file.h"
#include "shared/home.h"

#define CLIENT_UNREACHABLE (-2) /* nobody answers: trying later may help */

struct client {
	CURL *curl;
	char url[300]; /* of the server */
	char ca[HOME_PATH_MAX + 256];
	char home[HOME_PATH_MAX]; /* for remedies */
	struct curl_slist *headers;
	long status; /* HTTP status of the last answer */
};

/* 0 or -1. Close with client_close(), on success only. Does not connect yet. */
int client_open(struct client *client, const struct home *home, struct fleet_error *error)
	__attribute__((warn_unused_result));
void client_close(struct client *client);

struct client_request {
	const char *method;
	const char *path;               /* "/api/v1/…", already escaped */
	const json_t *json;             /* the body: JSON … */
	const struct file_bytes *bytes; /* … or bytes; both NULL: none */
};

/*
 * Make the request, all of which is borrowed. On success *answer is a new reference, NULL when the server sent no body. 0; -1: the server refused, *error is
 * what it said; CLIENT_UNREACHABLE.
 */
int client_call(struct client *client, const struct client_request *request, json_t **answer, struct fleet_error *error)
	__attribute__((warn_unused_result));
/* The same, a GET of `path`. */
int client_get(struct client *client, const char *path, json_t **answer, struct fleet_error *error)
	__attribute__((warn_unused_result));

/* GET `path` into the file, which is there whole or not at all. */
int client_download(struct client *client, const char *path, const char *file, uint64_t *bytes,
	struct fleet_error *error) __attribute__((warn_unused_result));

/* Is the payload with this digest (hex) on the server? 1, 0, or an error as above. */
int client_has_artifact(struct client *client, const char *digest, struct fleet_error *error)
	__attribute__((warn_unused_result));

#endif
