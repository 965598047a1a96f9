/* SPDX-License-Identifier: Apache-2.0 */
#include "renew.h"

#include <mbedtls/platform_util.h>
#include <stdlib.h>
#include <string.h>

#include "agent_log.h"
#include "base64url.h"
#include "certificate.h"
#include "job_doc.h"
#include "json_write.h"
#include "ota/err.h"
#include "platform.h"
#include "tls.h"

#define LOOK_MS      3600000
#define PAUSE_MS     60000
#define PAUSE_MAX_MS 21600000

void renew_init(struct renew *renew, const struct identity *identity, const struct renew_port *port, void *ctx)
{
	const struct credential *own = identity->own;

	memset(renew, 0, sizeof(*renew));
	renew->identity = identity;
	renew->port = port;
	renew->ctx = ctx;
	renew->pause_ms = PAUSE_MS;
	/* One that was provisioned is the operator's to replace. */
	if (own && own->cert_len > 0 &&
		certificate_times((struct ota_bytes){own->cert, own->cert_len}, &renew->from_s, &renew->to_s) != 0)
		renew->to_s = 0;
}

static bool is_due(const struct renew *renew)
{
	uint64_t now_s = renew->port->time_s(renew->ctx);

	return now_s >= renew->to_s || renew->to_s - now_s < (renew->to_s - renew->from_s) / 3;
}

static int ask(struct renew *renew)
{
	const struct credential *own = renew->identity->own;
	uint8_t request[CERTIFICATE_REQUEST_MAX];
	char text[CERTIFICATE_REQUEST_MAX * 4 / 3 + 4], json[sizeof(text) + 16];
	struct json_out out;
	int len = certificate_request(
		(struct ota_bytes){own->key, own->key_len}, own->device_id, request, sizeof(request));

	if (len < 0)
		return len;
	base64url_encode(request, (size_t)len, text);
	json_begin(&out, json, sizeof(json));
	json_put_string(&out, "csr", text);
	len = json_end(&out);
	return len < 0 ? len : renew->port->publish(renew->ctx, json, (size_t)len);
}

void renew_poll(struct renew *renew)
{
	uint64_t now = platform_now_ms();
	int error;

	if (renew->to_s == 0 || renew->next || now < renew->deadline_ms)
		return;
	renew->deadline_ms = now + LOOK_MS;
	if (!is_due(renew))
		return;
	error = ask(renew);
	agent_log(AGENT_INFO, "agent: cert.renew err=%s", ota_err_name(error));
	renew->deadline_ms = now + renew->pause_ms / 2 + tls_random_below(renew->pause_ms);
	if (renew->pause_ms < PAUSE_MAX_MS)
		renew->pause_ms *= 2;
}

uint64_t renew_deadline_ms(const struct renew *renew)
{
	return renew->to_s == 0 || renew->next ? UINT64_MAX : renew->deadline_ms;
}

/* {"certificate":"<base64url>"} */
static int issued_read(struct renew *renew, char *payload, size_t len, struct credential *next)
{
	const struct credential *own = renew->identity->own;
	struct json root, cert;
	struct ota_bytes der;
	uint64_t from_s, to_s;
	int error = json_parse(payload, len, &root);

	if (error == 0 && !json_member_of(&root, "certificate", JSON_STRING, &cert))
		error = -OTA_E_JSON;
	if (error == 0)
		error = job_bytes(&cert, payload, &der.data, &der.len);
	if (error != 0)
		return error;
	*next = *own;
	if (der.len > sizeof(next->cert))
		return -OTA_E_TOO_LONG;
	error = certificate_check(der, (struct ota_bytes){own->key, own->key_len}, next->device_id);
	if (error == 0)
		error = certificate_times(der, &from_s, &to_s);
	if (error == 0 && (strcmp(next->device_id, own->device_id) != 0 || to_s <= renew->to_s))
		error = -OTA_E_FORMAT;
	if (error != 0)
		return error;
	memcpy(next->cert, der.data, der.len);
	next->cert_len = der.len;
	return 0;
}

void renew_on_issued(struct renew *renew, char *payload, size_t len)
{
	struct credential *next;
	int error;

	if (renew->to_s == 0 || renew->next)
		return;
	next = malloc(sizeof(*next));
	error = next ? issued_read(renew, payload, len, next) : -OTA_E_MEMORY;
	agent_log(error != 0 ? AGENT_WARN : AGENT_INFO, "agent: cert.issued err=%s", ota_err_name(error));
	renew->next = next;
	if (error != 0)
		renew_free(renew);
}

void renew_free(struct renew *renew)
{
	if (renew->next)
		mbedtls_platform_zeroize(renew->next, sizeof(*renew->next));
	free(renew->next);
	renew->next = NULL;
}
