/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs contract: any messages of a server, in any order, between statuses of the core and lost connections. The input
 * is a script of lines: a verb and what it needs. `{T}` in a message becomes the token of the request that waits, because
 * an answer without it is not looked at.
 *
 *   u, d            broker reached, lost
 *   t<n>            n seconds pass
 *   s<outcome><id>  the core's status (outcome 0..3)
 *   m<suffix> <payload>
 */
#include "fuzz.h"
#include "job_doc.h"
#include "jobs.h"
#include "oracle.h"
#include "platform.h"
#include "tls.h"

enum { SESSION = 0x1234, STEPS_MAX = 64 };

static uint64_t now_ms;
static struct jobs jobs;
static bool job_is_busy;

uint64_t platform_now_ms(void)
{
	return now_ms;
}

void platform_log(enum agent_level level, const char *line)
{
	(void)level;
	(void)line;
}

uint32_t tls_random_below(uint32_t bound)
{
	return bound / 2;
}

/* ---- the port ---- */

static int on_publish(void *ctx, const char *suffix, const char *json, size_t len)
{
	bool overflow;
	struct oracle *body = oracle_read(json, len, &overflow);

	(void)ctx;
	FUZZ_MUST(body && oracle_text(oracle_member(body, "clientToken"), NULL));
	FUZZ_MUST(!strpbrk(suffix, "+#"));
	oracle_free(body);
	return 0;
}

static int on_job(void *ctx, const struct ota_job *job)
{
	(void)ctx;
	FUZZ_MUST(job_id_is_valid(job->id) && job->url_count >= 1);
	return job_is_busy ? -OTA_E_BUSY : 0;
}

static void on_idle(void *ctx, const struct jobs_idle *idle)
{
	(void)ctx;
	FUZZ_MUST(idle->nonce_len > 0 && (idle->assignment_len == 0 || idle->assignment));
}

static uint32_t on_keyset(void *ctx)
{
	(void)ctx;
	return 1;
}

static void on_acked(void *ctx, const char *id, uint32_t version)
{
	(void)ctx;
	(void)version;
	FUZZ_MUST(strlen(id) < OTA_JOB_ID_MAX);
}

static const struct jobs_port port = {on_publish, on_job, on_idle, on_acked, on_keyset};

/* ---- the script ---- */

static void status_give(const char *argument)
{
	struct ota_status status = {.total = 1000, .bytes = 10, .slot = 1};

	status.outcome = (enum ota_outcome)(argument[0] & 3);
	status.step = (enum ota_step)(argument[0] & 7);
	if (argument[0] && job_id_is_valid(argument + 1))
		memcpy(status.job_id, argument + 1, strlen(argument + 1) + 1);
	/* The core reports jobs that were handed to it, whose names were checked. */
	if (status.job_id[0])
		jobs_on_status(&jobs, &status);
}

/* `payload` with the tokens put in, exactly as long as its allocation. */
static char *tokens_put(const char *payload, const char *suffix, size_t *len)
{
	const struct jobs_request *request = strstr(suffix, "get") ? &jobs.get : &jobs.update;
	size_t cap = strlen(payload) * 8 + 64, used = 0;
	char *buf = malloc(cap), *exact;

	if (!buf)
		abort();
	while (*payload) {
		if (strncmp(payload, "{T}", 3) == 0) {
			used += (size_t)snprintf(buf + used, cap - used, "%08x-%u", SESSION, request->token);
			payload += 3;
		} else {
			buf[used++] = *payload++;
		}
	}
	exact = malloc(used > 0 ? used : 1);
	if (!exact)
		abort();
	memcpy(exact, buf, used);
	free(buf);
	*len = used;
	return exact;
}

static void message_give(char *line)
{
	char *blank = strchr(line, ' '), *payload;
	size_t len;

	if (!blank || blank == line)
		return;
	*blank = '\0';
	payload = tokens_put(blank + 1, line, &len);
	if (len > 0)
		jobs_on_message(&jobs, line, payload, len);
	free(payload);
}

static void step(char *line)
{
	switch (line[0]) {
	case 'u':
	case 'd':
		jobs_on_link(&jobs, line[0] == 'u');
		break;
	case 'b':
		job_is_busy = !job_is_busy;
		break;
	case 't':
		now_ms += strtoul(line + 1, NULL, 10) % 1000 * 1000;
		break;
	case 's':
		status_give(line + 1);
		break;
	case 'm':
		message_give(line + 1);
		break;
	}
	jobs_poll(&jobs);
	/* Up, there is always a timer: a broker that says nothing must not silence the device for ever. */
	FUZZ_MUST(!jobs.up || jobs_deadline_ms(&jobs) <= now_ms + 3600 * 1000);
	FUZZ_MUST(memchr(jobs.known_id, '\0', sizeof(jobs.known_id)));
	FUZZ_MUST(memchr(jobs.status.job_id, '\0', sizeof(jobs.status.job_id)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	char *text = fuzz_rest(&in, true), *rest = text, *line;

	now_ms = 1000;
	job_is_busy = false;
	jobs_init(&jobs, &port, NULL);
	jobs.session = SESSION;
	for (int i = 0; i < STEPS_MAX && (line = strsep(&rest, "\n")); i++)
		step(line);
	free(text);
	return 0;
}
