/* SPDX-License-Identifier: Apache-2.0 */
#include "job_doc.h"

#include <string.h>

#include "base64url.h"
#include "url.h"

enum { TRIAL_S_MIN = 10, TRIAL_S_MAX = 3600 };

bool job_id_is_valid(const char *id)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strlen(id);

	return len > 0 && len < OTA_JOB_ID_MAX && strspn(id, alphabet) == len;
}

static int urls_parse(const struct json *json, struct job_doc *doc)
{
	struct json urls, item;
	struct url checked;

	if (!json_member_of(json, "urls", JSON_ARRAY, &urls))
		return -OTA_E_JSON;
	for (size_t i = 0; json_item(&urls, i, &item); i++) {
		if (i == OTA_URLS_MAX || json_string(&item, doc->urls[i], OTA_URL_MAX) < 0 ||
			url_parse(doc->urls[i], &checked) != 0)
			return -OTA_E_URL;
		doc->job.urls[i] = doc->urls[i];
		doc->job.url_count = i + 1;
	}
	return doc->job.url_count > 0 ? 0 : -OTA_E_URL;
}

static int reset_parse(const struct json *value, struct job_doc *doc)
{
	if (value->type != JSON_STRING)
		return -OTA_E_JSON;
	if (json_string_is(value, "hold"))
		doc->job.reset = OTA_RESET_HOLD;
	else if (json_string_is(value, "now"))
		doc->job.reset = OTA_RESET_NOW;
	else
		return -OTA_E_JOB;
	return 0;
}

static int options_parse(const struct json *json, struct job_doc *doc)
{
	struct json value;
	uint64_t trial_s;

	if (json_member(json, "retry", &value)) {
		if (value.type != JSON_TRUE && value.type != JSON_FALSE)
			return -OTA_E_JSON;
		doc->job.retry = value.type == JSON_TRUE;
	}
	if (json_member(json, "trialSeconds", &value)) {
		if (!json_u64(&value, TRIAL_S_MAX, &trial_s) || trial_s < TRIAL_S_MIN)
			return -OTA_E_JOB;
		doc->job.trial_s = (uint32_t)trial_s;
	}
	return json_member(json, "reset", &value) ? reset_parse(&value, doc) : 0;
}

int job_bytes(const struct json *value, char *text, const uint8_t **bytes, size_t *len)
{
	uint8_t *decoded = (uint8_t *)text + (value->text - text);
	int count = base64url_decode(value->text, value->len, decoded, value->len);

	if (count < 0)
		return count;
	*bytes = decoded;
	*len = (size_t)count;
	return 0;
}

int job_doc_parse(const struct json *json, char *text, struct job_doc *doc)
{
	struct json op, manifest, assignment;
	bool assigned = json_member(json, "assignment", &assignment);
	int error;

	memset(doc, 0, sizeof(*doc));
	if (assigned && assignment.type != JSON_STRING)
		return -OTA_E_JSON;
	if (!json_member_of(json, "op", JSON_STRING, &op) || !json_member_of(json, "manifest", JSON_STRING, &manifest))
		return -OTA_E_JSON;
	if (!json_string_is(&op, "install"))
		return -OTA_E_JOB;
	error = urls_parse(json, doc);
	if (error == 0)
		error = options_parse(json, doc);
	if (error != 0)
		return error;
	error = job_bytes(&manifest, text, &doc->job.manifest, &doc->job.manifest_len);
	/* One without is the core's to refuse, by the name that says what is missing. */
	if (error == 0 && assigned)
		error = job_bytes(&assignment, text, &doc->job.assignment, &doc->job.assignment_len);
	return error;
}
