/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_log.h"
#include "cmd.h"
#include "core_port.h"
#include "job_doc.h"
#include "json_write.h"
#include "ota/err.h"
#include "platform.h"
#include "report.h"

#define REBOOT_TELL_MS        3000 /* for what is still to be told */
#define REBOOT_LEAVE_MS       500  /* for the good-bye */
#define LOGS_BACKLOG_MAX      4    /* lines wait while so many packets do */
#define TELEMETRY_BACKLOG_MAX 12
#define TELEMETRY_PER_POLL    8
#define RETRY_MS              200 /* the queue was full */

/* cert/issued last, and only where certificates are issued: an older broker's list of rights may not have it. */
static const char *const filters[] = {
	"jobs/notify-next",
	"jobs/$next/get/+",
	"jobs/+/update/+",
	"trust/keyset",
	"cmd",
	"app/+",
	"crash/accepted",
	"cert/issued",
	NULL,
};
static const char *const filters_provisioned[] = {
	"jobs/notify-next",
	"jobs/$next/get/+",
	"jobs/+/update/+",
	"trust/keyset",
	"cmd",
	"app/+",
	"crash/accepted",
	NULL,
};

/* ---- presence and report ---- */

static void presence_text(const struct agent *agent, bool online, char *buf, size_t cap)
{
	(void)snprintf(
		buf, cap, "{\"online\":%s,\"boot\":%" PRIu32 "}", online ? "true" : "false", agent->config->boots);
}

static int presence_send(struct agent *agent, bool online)
{
	char buf[64];

	presence_text(agent, online, buf, sizeof(buf));
	return mqtt_publish(&agent->mqtt, "presence", buf, strlen(buf), MQTT_QOS1 | MQTT_RETAIN);
}

static void report_send(struct agent *agent)
{
	char buf[REPORT_MAX];
	int len = report_write(agent, buf);

	/* One that does not fit never will: only a full queue is tried again. */
	if (len < 0)
		agent_log(AGENT_ERR, "agent: report err=%s", ota_err_name(len));
	else if (mqtt_publish(&agent->mqtt, "report", buf, (size_t)len, MQTT_QOS1) != 0)
		return;
	agent->report_due = false;
}

/* ---- the crash record ---- */

static bool crash_last(void *ctx, struct crash_info *info)
{
	struct agent *agent = ctx;

	return agent->ops->crash_last(agent->ctx, info);
}

static int crash_uploaded(void *ctx)
{
	struct agent *agent = ctx;

	return agent->ops->crash_uploaded(agent->ctx);
}

static int crash_publish(void *ctx, const char *json, size_t len)
{
	struct agent *agent = ctx;

	return mqtt_publish(&agent->mqtt, "crash", json, len, MQTT_QOS1);
}

static const struct crash_port crash_port = {crash_last, crash_uploaded, crash_publish};

/* Nothing else has to wait for it. */
static bool crash_has_its_turn(const struct agent *agent)
{
	return !agent->presence_due && !agent->report_due && mqtt_backlog(&agent->mqtt) == 0;
}

/* ---- the certificate ---- */

static uint64_t renew_time_s(void *ctx)
{
	const struct agent *agent = ctx;
	uint64_t signed_s = ota_signed_time_s(agent->config->ota), clock_s = platform_unix_s(NULL);

	return clock_s > signed_s ? clock_s : signed_s;
}

static int renew_publish(void *ctx, const char *json, size_t len)
{
	struct agent *agent = ctx;

	return mqtt_publish(&agent->mqtt, "cert/renew", json, len, MQTT_QOS1);
}

static const struct renew_port renew_port = {renew_time_s, renew_publish};

/* ---- the broker's events ---- */

static void on_up(void *ctx)
{
	struct agent *agent = ctx;
	uint64_t now = platform_now_ms();

	if (agent->boot_ms == 0)
		agent->boot_ms = now;
	agent_log(AGENT_INFO, "agent: mqtt.connected ms=%" PRIu64 " ticks=%" PRIu64 " tls=%s suite=%s", now,
		platform_ticks(), tls_version_name(&agent->mqtt.tls), tls_suite_name(&agent->mqtt.tls));
	agent->presence_due = true;
	agent->report_due = true;
	/* The core first: what it has to say of an earlier job goes out before the next is asked for. */
	ota_on_link(agent->config->ota, true);
	jobs_on_link(&agent->jobs, true);
	agent->ops->app_link(agent->ctx, true);
}

static void on_down(void *ctx, int error)
{
	struct agent *agent = ctx;

	(void)error;
	if (!agent->jobs.up)
		return;
	jobs_on_link(&agent->jobs, false);
	ota_on_link(agent->config->ota, false);
	agent->ops->app_link(agent->ctx, false);
}

static void app_message(struct agent *agent, const char *name, const char *payload, size_t len)
{
	struct agent_message message;

	if (strlen(name) >= sizeof(message.name) || len > sizeof(message.data)) {
		agent_log(AGENT_WARN, "agent: app.message err=E_TOO_LONG bytes=%zu", len);
		return;
	}
	memcpy(message.name, name, strlen(name) + 1);
	memcpy(message.data, payload, len);
	message.len = len;
	agent->ops->app_deliver(agent->ctx, &message);
}

/* {"keyset":"<base64url>"} (SPEC §11). */
static int keyset_read(struct agent *agent, char *payload, size_t len)
{
	struct json root, text;
	const uint8_t *envelope;
	size_t envelope_len;
	int error = json_parse(payload, len, &root);

	if (error == 0 && !json_member_of(&root, "keyset", JSON_STRING, &text))
		error = -OTA_E_JSON;
	if (error == 0)
		error = job_bytes(&text, payload, &envelope, &envelope_len);
	return error != 0 ? error : ota_on_keyset(agent->config->ota, envelope, envelope_len);
}

static void keyset_message(struct agent *agent, char *payload, size_t len)
{
	uint32_t before = ota_keyset_version(agent->config->ota), version;

	agent->keyset_error = keyset_read(agent, payload, len);
	version = ota_keyset_version(agent->config->ota);
	agent_log(agent->keyset_error != 0 ? AGENT_WARN : AGENT_INFO, "agent: keyset.received held=%" PRIu32 " err=%s",
		version, ota_err_name(agent->keyset_error));
	agent->report_due = true;
	if (version != before)
		jobs_on_keyset(&agent->jobs);
}

static void on_message(void *ctx, const char *suffix, char *payload, size_t len, bool retained)
{
	struct agent *agent = ctx;

	/* Whoever rings may not have been there when we reported. */
	if (strcmp(suffix, "jobs/notify-next") == 0)
		agent->report_due = true;
	if (strncmp(suffix, "app/", 4) == 0)
		app_message(agent, suffix + 4, payload, len);
	else if (!mqtt_is_up(&agent->mqtt))
		return; /* nothing can be answered yet; on `up` all of it is asked for anew */
	else if (strncmp(suffix, "jobs/", 5) == 0)
		jobs_on_message(&agent->jobs, suffix + 5, payload, len);
	else if (strcmp(suffix, "trust/keyset") == 0)
		keyset_message(agent, payload, len);
	else if (strcmp(suffix, "crash/accepted") == 0)
		crash_on_accepted(&agent->crash, payload, len);
	else if (strcmp(suffix, "cert/issued") == 0)
		renew_on_issued(&agent->renew, payload, len);
	else if (strcmp(suffix, "cmd") == 0 && !retained)
		cmd_run(agent, payload, len);
	else if (strcmp(suffix, "cmd") == 0)
		/* It would come with every connection: a reboot without end. */
		agent_log(AGENT_WARN, "agent: cmd.ignored retained=yes");
}

static const struct mqtt_events mqtt_events = {on_up, on_down, on_message};

/* ---- start ---- */

static void core_config(struct agent *agent)
{
	const struct ota_provision *provision = &agent->identity.provision;
	struct ota_config *core = &agent->config->core;

	memcpy(core->vendor_id, provision->vendor_id, sizeof(core->vendor_id));
	memcpy(core->class_id, provision->class_id, sizeof(core->class_id));
	core->device_id = provision->device_id;
	core->keyset = provision->keyset.data;
	core->keyset_len = provision->keyset.len;
}

static void mqtt_configure(struct agent *agent)
{
	const struct ota_provision *provision = &agent->identity.provision;

	(void)snprintf(agent->base, sizeof(agent->base), "%s/%s", provision->topic_prefix, provision->device_id);
	agent->mqtt_config = (struct mqtt_config){
		.host = provision->broker_host,
		.port = provision->broker_port,
		.client_id = provision->device_id,
		.base = agent->base,
		.filters = agent->identity.own ? filters : filters_provisioned,
		.will_suffix = "presence",
		.tls = &agent->tls,
		.streams = agent->ops->streams,
		.events = &mqtt_events,
		.ctx = agent,
	};
	presence_text(agent, false, agent->mqtt_config.will, sizeof(agent->mqtt_config.will));
	mqtt_init(&agent->mqtt, &agent->mqtt_config);
	renew_init(&agent->renew, &agent->identity, &renew_port, agent);
	agent->connects = true;
}

static void core_start(struct agent *agent)
{
	int error;

	core_config(agent);
	ota_init(agent->config->ota, &agent->config->core, &core_port, agent);
	error = ota_start(agent->config->ota);
	/* Updates still work, see ota.h. */
	if (error != 0)
		agent_log(AGENT_WARN, "agent: start err=%s", ota_err_name(error));
}

static int claim_start(struct agent *agent)
{
	struct claim *claim = malloc(sizeof(*claim));
	int error;

	if (!claim)
		return -OTA_E_MEMORY;
	error = claim_init(claim, &agent->identity, &agent->tls, agent->ops->streams);
	if (error != 0) {
		free(claim);
		return error;
	}
	agent_log(AGENT_INFO, "agent: claim url=%s", agent->identity.provision.claim_url);
	agent->claim = claim;
	return 0;
}

static void claim_end(struct agent *agent)
{
	if (agent->claim)
		claim_stop(agent->claim);
	free(agent->claim);
	agent->claim = NULL;
}

/* Trust, and the identity or the way to one. */
static int identity_start(struct agent *agent)
{
	const struct identity_map map = {agent->config->provision, agent->config->identity};
	int error = identity_load(&agent->identity, &core_port, agent, &map);

	if (error != 0)
		return error;
	platform_time_floor(agent->identity.provision.time_floor_s);
	error = tls_context_init(&agent->tls, &agent->identity.provision);
	if (error == 0 && identity_is_to_claim(&agent->identity, platform_unix_s(NULL))) {
		error = claim_start(agent);
		if (error != 0)
			tls_context_free(&agent->tls);
	}
	if (error != 0)
		identity_free(&agent->identity);
	return error;
}

int agent_init(struct agent *agent, struct agent_config *config, const struct agent_ops *ops, void *ctx)
{
	int error;

	memset(agent, 0, sizeof(*agent));
	agent->config = config;
	agent->ops = ops;
	agent->ctx = ctx;
	error = identity_start(agent);
	if (error != 0)
		return error;
	https_init(&agent->https, &agent->tls, ops->streams, &core_https_events, agent);
	jobs_init(&agent->jobs, &core_jobs_port, agent);
	crash_init(&agent->crash, &crash_port, agent);
	/* The core does not need an identity to look after slots and starts. */
	core_start(agent);
	if (!agent->claim)
		mqtt_configure(agent);
	return 0;
}

void agent_free(struct agent *agent)
{
	claim_end(agent);
	renew_free(&agent->renew);
	https_stop(&agent->https);
	mqtt_stop(&agent->mqtt);
	tls_context_free(&agent->tls);
	identity_free(&agent->identity);
}

/* ---- the loop ---- */

void agent_network(struct agent *agent, bool up)
{
	agent->network = up;
}

void agent_reboot(struct agent *agent)
{
	if (agent->reboot_ms == 0)
		agent->reboot_ms = platform_now_ms() + REBOOT_TELL_MS;
}

static void health_poll(struct agent *agent)
{
	bool well = agent->ops->app_is_well(agent->ctx);

	if (well != agent->well)
		ota_on_health(agent->config->ota, well);
	agent->well = well;
}

static void telemetry_poll(struct agent *agent)
{
	struct agent_message message;
	char suffix[AGENT_NAME_MAX + 16];

	for (int i = 0; i < TELEMETRY_PER_POLL && mqtt_backlog(&agent->mqtt) < TELEMETRY_BACKLOG_MAX; i++) {
		if (!agent->ops->app_take(agent->ctx, &message))
			return;
		(void)snprintf(suffix, sizeof(suffix), "telemetry/%s", message.name);
		if (mqtt_publish(&agent->mqtt, suffix, (const char *)message.data, message.len, 0) != 0)
			return; /* lost: at most once is what was promised */
	}
}

static void logs_poll(struct agent *agent)
{
	const struct logs_source source = {agent->ops->log_read, agent->ctx};
	char buf[LOGS_MESSAGE_MAX];
	size_t len;

	if (mqtt_backlog(&agent->mqtt) >= LOGS_BACKLOG_MAX)
		return;
	if (agent->reboot_ms != 0)
		logs_hurry(&agent->logs);
	len = logs_take(&agent->logs, &source, buf);
	if (len > 0)
		(void)!mqtt_publish(&agent->mqtt, "log", buf, len, 0);
}

/* What is told besides jobs, once the broker is reached. */
static void tell(struct agent *agent)
{
	if (agent->presence_due)
		agent->presence_due = presence_send(agent, true) != 0;
	if (agent->report_due)
		report_send(agent);
	renew_poll(&agent->renew);
	telemetry_poll(agent);
	logs_poll(agent);
	if (crash_has_its_turn(agent))
		crash_poll(&agent->crash);
}

/* First what is to be told, then good-bye; neither may hold the reset up for long. */
static void reboot_poll(struct agent *agent)
{
	uint64_t now = platform_now_ms();
	bool told = !mqtt_is_up(&agent->mqtt) || (jobs_is_settled(&agent->jobs) && mqtt_backlog(&agent->mqtt) == 0);

	if (agent->reboot_ms == 0 || (now < agent->reboot_ms && !told))
		return;
	if (!agent->leaving && mqtt_is_up(&agent->mqtt)) {
		agent->leaving = true;
		agent->reboot_ms = now + REBOOT_LEAVE_MS;
		if (presence_send(agent, false) == 0)
			return;
	}
	agent_log(AGENT_INFO, "agent: reboot ms=%" PRIu64, now);
	https_stop(&agent->https);
	mqtt_stop(&agent->mqtt);
	agent->ops->reboot(agent->ctx);
}

/* What was claimed counts from now on. A download that the last start left may be on the connection: it begins anew. */
static void claim_poll_all(struct agent *agent)
{
	int error;

	claim_poll(agent->claim);
	if (!claim_is_done(agent->claim))
		return;
	claim_end(agent);
	https_stop(&agent->https);
	tls_context_free(&agent->tls);
	error = tls_context_init(&agent->tls, &agent->identity.provision);
	if (error == 0)
		mqtt_configure(agent);
	else
		/* It is on flash: the next start has a better moment. */
		agent_reboot(agent);
}

/* A renewed certificate is put in place between two downloads: connections hold on to the one before. */
static void renew_apply(struct agent *agent)
{
	int error;

	if (!agent->renew.next || agent->https.phase != HTTPS_IDLE || agent->leaving)
		return;
	mqtt_stop(&agent->mqtt);
	on_down(agent, 0);
	tls_context_free(&agent->tls);
	error = identity_put(&agent->identity, agent->renew.next);
	agent_log(error != 0 ? AGENT_WARN : AGENT_INFO, "agent: cert.renewed err=%s", ota_err_name(error));
	renew_free(&agent->renew);
	error = tls_context_init(&agent->tls, &agent->identity.provision);
	if (error == 0)
		mqtt_configure(agent);
	else
		agent_reboot(agent);
	agent->connects = error == 0;
}

void agent_poll(struct agent *agent)
{
	if (platform_now_ms() >= ota_deadline_ms(agent->config->ota))
		ota_tick(agent->config->ota);
	health_poll(agent);
	if (agent->network && agent->claim)
		claim_poll_all(agent);
	renew_apply(agent);
	if (agent->network) {
		if (agent->connects)
			mqtt_poll(&agent->mqtt);
		https_poll(&agent->https);
	}
	jobs_poll(&agent->jobs);
	if (mqtt_is_up(&agent->mqtt) && !agent->leaving)
		tell(agent);
	reboot_poll(agent);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Of the way to the broker. */
static uint64_t link_deadline_ms(const struct agent *agent)
{
	if (agent->claim)
		return claim_deadline_ms(agent->claim);
	return agent->connects ? mqtt_deadline_ms(&agent->mqtt) : UINT64_MAX;
}

uint64_t agent_deadline_ms(const struct agent *agent)
{
	uint64_t deadline = earlier(ota_deadline_ms(agent->config->ota), jobs_deadline_ms(&agent->jobs));

	if (agent->network)
		deadline = earlier(deadline, earlier(link_deadline_ms(agent), https_deadline_ms(&agent->https)));
	/* While too many packets wait, the network wakes us; a timer that has passed would let nobody else run. */
	if (mqtt_is_up(&agent->mqtt) && mqtt_backlog(&agent->mqtt) < LOGS_BACKLOG_MAX)
		deadline = earlier(deadline, logs_deadline_ms(&agent->logs));
	/* Nothing wakes us when its turn comes: we look. */
	if (mqtt_is_up(&agent->mqtt) && crash_deadline_ms(&agent->crash) != UINT64_MAX)
		deadline = earlier(deadline, later(crash_deadline_ms(&agent->crash), platform_now_ms() + RETRY_MS));
	if (mqtt_is_up(&agent->mqtt))
		deadline = earlier(deadline, renew_deadline_ms(&agent->renew));
	if (agent->connects && (agent->report_due || agent->presence_due))
		deadline = earlier(deadline, platform_now_ms() + RETRY_MS);
	if (agent->reboot_ms != 0)
		deadline = earlier(deadline, agent->reboot_ms);
	return deadline;
}
