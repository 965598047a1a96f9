/* SPDX-License-Identifier: Apache-2.0 */
/* The job document; its base64url beside the operator's side of the same format. */
#include "fuzz.h"
#include "job_doc.h"
#include "shared/text.h"
#include "url.h"

/* The manifest of the document as skerryd would decode it. */
static void manifest_check(const struct job_doc *doc, const char *encoded, size_t len)
{
	char *text = strndup(encoded, len);
	uint8_t *bytes = malloc(len + 1);

	if (!text || !bytes)
		abort();
	FUZZ_MUST(text_unbase64url(text, bytes, len) == (long)doc->job.manifest_len);
	FUZZ_MUST(memcmp(bytes, doc->job.manifest, doc->job.manifest_len) == 0);
	free(text);
	free(bytes);
}

static void urls_check(const struct ota_job *job)
{
	struct url url;

	FUZZ_MUST(job->url_count >= 1 && job->url_count <= OTA_URLS_MAX);
	for (size_t i = 0; i < job->url_count; i++) {
		FUZZ_MUST(strlen(job->urls[i]) < OTA_URL_MAX && strncmp(job->urls[i], "https://", 8) == 0);
		FUZZ_MUST(url_parse(job->urls[i], &url) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	char *text = fuzz_rest(&in, false);
	struct json root, manifest;
	struct job_doc doc;
	int error;

	if (json_parse(text, len, &root) == 0) {
		error = job_doc_parse(&root, text, &doc);
		FUZZ_MUST(error == 0 || error == -OTA_E_JSON || error == -OTA_E_JOB || error == -OTA_E_URL ||
			  error == -OTA_E_FORMAT);
		if (error == 0) {
			/* The text was decoded in place: its copy still has the encoded form. */
			FUZZ_MUST(json_parse((const char *)data, len, &root) == 0);
			FUZZ_MUST(json_member(&root, "manifest", &manifest));
			urls_check(&doc.job);
			manifest_check(&doc, manifest.text, manifest.len);
			FUZZ_MUST(doc.job.trial_s == 0 || (doc.job.trial_s >= 10 && doc.job.trial_s <= 3600));
			FUZZ_MUST(doc.job.reset <= OTA_RESET_NOW);
		}
	}
	free(text);
	return 0;
}
