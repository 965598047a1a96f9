/* SPDX-License-Identifier: Apache-2.0 */
#include "core_port.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "agent_log.h"
#include "ota/err.h"
#include "platform.h"

/* ---- what the core asks for: ota/port.h ---- */

static int port_blk_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	struct agent *agent = ctx;

	return agent->ops->blk_read(agent->ctx, lba, buf, count);
}

static int port_blk_write(void *ctx, uint32_t lba, const void *buf, uint32_t count)
{
	struct agent *agent = ctx;

	return agent->ops->blk_write(agent->ctx, lba, buf, count);
}

static int port_blk_flush(void *ctx)
{
	struct agent *agent = ctx;

	return agent->ops->blk_flush(agent->ctx);
}

static int port_fetch(void *ctx, const char *url, uint64_t off, uint64_t total)
{
	struct agent *agent = ctx;

	/* Without its query: that may be a signature which lets anybody fetch. */
	agent_log(AGENT_INFO, "agent: download url=%.*s off=%" PRIu64 " total=%" PRIu64, (int)strcspn(url, "?"), url,
		off, total);
	return https_get(&agent->https, url, off, total);
}

static void port_fetch_stop(void *ctx)
{
	struct agent *agent = ctx;

	https_stop(&agent->https);
}

/* Progress within a step is for the server alone; what changes is also a line in the log. */
static void status_log(const struct ota_status *before, const struct ota_status *now)
{
	static const char *const outcomes[] = {"running", "succeeded", "failed", "rejected"};

	if (before->step == now->step && before->outcome == now->outcome && before->error == now->error &&
		strcmp(before->job_id, now->job_id) == 0)
		return;
	agent_log(AGENT_INFO, "agent: job id=%s step=%s outcome=%s err=%s ms=%" PRIu64, now->job_id,
		ota_step_name(now->step), outcomes[now->outcome], ota_err_name(now->error), platform_now_ms());
	if (now->outcome == OTA_SUCCEEDED)
		agent_log(AGENT_INFO, "agent: confirmed version=%" PRIu32 ".%" PRIu32 ".%" PRIu32 " ms=%" PRIu64,
			now->version[0], now->version[1], now->version[2], platform_now_ms());
}

static void port_status(void *ctx, const struct ota_status *status)
{
	struct agent *agent = ctx;

	status_log(&agent->status, status);
	agent->status = *status;
	jobs_on_status(&agent->jobs, status);
}

static void port_report(void *ctx)
{
	struct agent *agent = ctx;

	agent->report_due = true;
}

static void port_reboot(void *ctx)
{
	agent_reboot(ctx);
}

static uint64_t port_now_ms(void *ctx)
{
	(void)ctx;
	return platform_now_ms();
}

static uint32_t port_random(void *ctx)
{
	(void)ctx;
	return tls_random_below(UINT32_MAX);
}

static void port_log(void *ctx, enum ota_level level, const char *line)
{
	(void)ctx;
	_Static_assert((int)OTA_LOG_ERR == (int)AGENT_ERR && (int)OTA_LOG_DEBUG == (int)AGENT_DEBUG, "levels");
	platform_log((enum agent_level)level, line);
}

const struct ota_port core_port = {
	.blk_read = port_blk_read,
	.blk_write = port_blk_write,
	.blk_flush = port_blk_flush,
	.fetch = port_fetch,
	.fetch_stop = port_fetch_stop,
	.status = port_status,
	.report = port_report,
	.reboot = port_reboot,
	.now_ms = port_now_ms,
	.random = port_random,
	.log = port_log,
};

/* ---- the download's events ---- */

static void fetch_start(void *ctx, uint64_t off)
{
	struct agent *agent = ctx;

	ota_on_fetch_start(agent->config->ota, off);
}

static void fetch_data(void *ctx, const uint8_t *data, size_t len)
{
	struct agent *agent = ctx;

	ota_on_data(agent->config->ota, data, len);
}

static void fetch_end(void *ctx, int error)
{
	struct agent *agent = ctx;

	agent_log(AGENT_INFO, "agent: download.end err=%s", ota_err_name(error));
	ota_on_fetch_end(agent->config->ota, error);
}

const struct https_events core_https_events = {fetch_start, fetch_data, fetch_end};

/* ---- what the jobs ask for ---- */

static int jobs_publish(void *ctx, const char *suffix, const char *json, size_t len)
{
	struct agent *agent = ctx;
	char topic[OTA_JOB_ID_MAX + 24];

	(void)snprintf(topic, sizeof(topic), "jobs/%s", suffix);
	return mqtt_publish(&agent->mqtt, topic, json, len, MQTT_QOS1);
}

/* A job that the core refuses was already answered through port_status(). */
/* The first answer of this start that was signed for us is worth a report. */
static void heard_note(struct agent *agent)
{
	uint64_t seconds;
	bool heard = ota_heard_s(agent->config->ota, &seconds);

	if (heard && !agent->heard) {
		agent_log(AGENT_INFO, "agent: heard keyset=%" PRIu32 " ms=%" PRIu64,
			ota_keyset_version(agent->config->ota), platform_now_ms());
		agent->report_due = true;
	}
	agent->heard = heard;
}

static int jobs_job(void *ctx, const struct ota_job *job)
{
	struct agent *agent = ctx;
	int error = ota_on_job(agent->config->ota, job);

	agent_log(AGENT_INFO, "agent: job.received id=%s version=%" PRIu32 " err=%s", job->id, job->version,
		ota_err_name(error));
	heard_note(agent);
	return error;
}

static void jobs_idle(void *ctx, const struct jobs_idle *idle)
{
	struct agent *agent = ctx;

	/* What is not signed, or not for us, withdraws a job all the same: that only ever leaves things as they are. */
	if (idle->assignment_len > 0)
		(void)!ota_on_idle(
			agent->config->ota, idle->assignment, idle->assignment_len, idle->nonce, idle->nonce_len);
	heard_note(agent);
	(void)ota_on_cancel(agent->config->ota, NULL);
}

static void jobs_acked(void *ctx, const char *id, uint32_t version)
{
	struct agent *agent = ctx;

	ota_on_status_acked(agent->config->ota, id, version);
}

static uint32_t jobs_keyset(void *ctx)
{
	struct agent *agent = ctx;

	return ota_keyset_version(agent->config->ota);
}

const struct jobs_port core_jobs_port = {jobs_publish, jobs_job, jobs_idle, jobs_acked, jobs_keyset};
