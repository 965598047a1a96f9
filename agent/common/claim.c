/* SPDX-License-Identifier: Apache-2.0 */
#include "claim.h"

#include <inttypes.h>
#include <string.h>

#include "agent_log.h"
#include "base64url.h"
#include "certificate.h"
#include "job_doc.h"
#include "json_write.h"
#include "ota/err.h"
#include "platform.h"

#define PAUSE_MS     2000
#define PAUSE_MAX_MS 300000

static int key_ready(struct identity *identity)
{
	struct credential fresh;
	int error;

	if (identity->own)
		return 0;
	error = certificate_key_make(&fresh);
	return error != 0 ? error : identity_put(identity, &fresh);
}

static void on_start(void *ctx, uint64_t off)
{
	struct claim *claim = ctx;

	(void)off;
	claim->len = 0;
}

static void on_data(void *ctx, const uint8_t *data, size_t len)
{
	struct claim *claim = ctx;

	/* https_post() was told how much there is room for. */
	memcpy(claim->answer + claim->len, data, len);
	claim->len += len;
}

/* {"device":ID,"certificate":"<base64url>"}: the certificate must be ours in every respect before it is kept. */
static int answer_take(struct claim *claim)
{
	struct identity *identity = claim->identity;
	struct json root, device, cert;
	struct credential next = *identity->own;
	struct ota_bytes der;
	int error = json_parse(claim->answer, claim->len, &root);

	if (error == 0 && (!json_member_of(&root, "device", JSON_STRING, &device) ||
				  !json_member_of(&root, "certificate", JSON_STRING, &cert)))
		error = -OTA_E_JSON;
	if (error == 0)
		error = job_bytes(&cert, claim->answer, &der.data, &der.len);
	if (error != 0)
		return error;
	if (der.len > sizeof(next.cert))
		return -OTA_E_TOO_LONG;
	error = certificate_check(der, (struct ota_bytes){next.key, next.key_len}, next.device_id);
	if (error == 0 && !json_string_is(&device, next.device_id))
		error = -OTA_E_FORMAT;
	if (error != 0)
		return error;
	memcpy(next.cert, der.data, der.len);
	next.cert_len = der.len;
	return identity_put(identity, &next);
}

static void on_end(void *ctx, int error)
{
	struct claim *claim = ctx;

	if (error == 0)
		error = answer_take(claim);
	claim->asking = false;
	claim->done = error == 0;
	if (claim->done) {
		agent_log(AGENT_INFO, "agent: claim.done device=%s ms=%" PRIu64, claim->identity->provision.device_id,
			platform_now_ms());
		return;
	}
	claim->deadline_ms = platform_now_ms() + backoff_next_ms(&claim->backoff);
	agent_log(AGENT_WARN, "agent: claim.failed err=%s: %s", ota_err_name(error), ota_err_text(error));
}

static const struct https_events events = {on_start, on_data, on_end};

int claim_init(
	struct claim *claim, struct identity *identity, const struct tls_context *tls, const struct stream_ops *streams)
{
	memset(claim, 0, sizeof(*claim));
	claim->identity = identity;
	claim->backoff = (struct backoff){.base_ms = PAUSE_MS, .max_ms = PAUSE_MAX_MS};
	https_init(&claim->https, tls, streams, &events, claim);
	return key_ready(identity);
}

/* The answer's buffer is free until the answer comes. */
static int ask(struct claim *claim)
{
	const struct ota_provision *provision = &claim->identity->provision;
	const struct credential *own = claim->identity->own;
	uint8_t request[CERTIFICATE_REQUEST_MAX];
	char text[CERTIFICATE_REQUEST_MAX * 4 / 3 + 4];
	struct json_out out;
	int len = certificate_request((struct ota_bytes){own->key, own->key_len}, "claim", request, sizeof(request));

	if (len < 0)
		return len;
	base64url_encode(request, (size_t)len, text);
	json_begin(&out, claim->answer, sizeof(claim->answer));
	json_put_string(&out, "token", provision->claim_token);
	json_put_string(&out, "board", provision->board);
	json_put_string(&out, "csr", text);
	len = json_end(&out);
	if (len < 0)
		return len;
	return https_post(&claim->https, provision->claim_url, (struct https_body){claim->answer, (size_t)len},
		sizeof(claim->answer));
}

void claim_poll(struct claim *claim)
{
	int error;

	if (!claim->asking && !claim->done && platform_now_ms() >= claim->deadline_ms) {
		claim->asking = true;
		error = ask(claim);
		if (error != 0)
			on_end(claim, error);
	}
	https_poll(&claim->https);
}

uint64_t claim_deadline_ms(const struct claim *claim)
{
	if (claim->asking)
		return https_deadline_ms(&claim->https);
	return claim->done ? 0 : claim->deadline_ms;
}

bool claim_is_done(const struct claim *claim)
{
	return claim->done;
}

void claim_stop(struct claim *claim)
{
	https_stop(&claim->https);
}
