/* SPDX-License-Identifier: Apache-2.0 */
/* The job document (SPEC §8) as the update core wants it. */
#ifndef AGENT_JOB_DOC_H
#define AGENT_JOB_DOC_H

#include "json.h"
#include "ota/err.h"
#include "ota/ota.h"

/* A job with the memory behind its addresses. */
struct job_doc {
	struct ota_job job; /* its id and version are the caller's to fill in */
	char urls[OTA_URLS_MAX][OTA_URL_MAX];
};

/*
 * Read the document `json`, which lies within `text`, a writable message: manifest and assignment are decoded in place, over their own
 * base64url text, after all else was read. *doc points into it. 0, -OTA_E_JSON (shape), -OTA_E_JOB (op, trialSeconds, reset),
 * -OTA_E_URL, -OTA_E_FORMAT (base64url).
 */
__attribute__((warn_unused_result)) int job_doc_parse(const struct json *json, char *text, struct job_doc *doc);

/* Decode a string of base64url in place, likewise. 0 or -OTA_E_FORMAT. */
__attribute__((warn_unused_result)) int job_bytes(
	const struct json *value, char *text, const uint8_t **bytes, size_t *len);

/* Is `id` a job id that may become part of a topic: [A-Za-z0-9_-]{1,64}? */
bool job_id_is_valid(const char *id);

#endif
