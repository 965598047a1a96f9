/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <string.h>

#include "agent_log.h"
#include "json.h"
#include "json_write.h"
#include "ota/err.h"

#define CMD_ID_MAX 65
#define REPLY_MAX  512

static int cmd_reboot(struct agent *agent, const struct json *root)
{
	(void)root;
	agent_reboot(agent);
	return 0;
}

static int cmd_identify(struct agent *agent, const struct json *root)
{
	(void)root;
	agent->ops->identify(agent->ctx);
	return 0;
}

static int cmd_log_level(struct agent *agent, const struct json *root)
{
	static const char *const names[] = {"err", "warn", "info", "debug"};
	struct json level;

	if (!json_member(root, "level", &level))
		return -OTA_E_JSON;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (json_string_is(&level, names[i])) {
			agent->ops->log_level(agent->ctx, (enum agent_level)i);
			return 0;
		}
	}
	return -OTA_E_ARG;
}

static int cmd_cancel(struct agent *agent, const struct json *root)
{
	struct ota_status status;

	(void)root;
	ota_status_get(agent->config->ota, &status);
	if (status.outcome != OTA_RUNNING || status.step == OTA_STEP_IDLE)
		return -OTA_E_JOB;
	return ota_on_cancel(agent->config->ota, status.job_id);
}

static const struct {
	const char *name;
	int (*run)(struct agent *agent, const struct json *root);
} commands[] = {
	{"reboot", cmd_reboot},
	{"identify", cmd_identify},
	{"log-level", cmd_log_level},
	{"cancel", cmd_cancel},
};

static int dispatch(struct agent *agent, const struct json *root)
{
	struct json name;

	if (!json_member_of(root, "cmd", JSON_STRING, &name))
		return -OTA_E_JSON;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (json_string_is(&name, commands[i].name))
			return commands[i].run(agent, root);
	return -OTA_E_UNSUPPORTED;
}

static void reply(struct agent *agent, const char *id, int error)
{
	char buf[REPLY_MAX];
	struct json_out out;
	int len;

	json_begin(&out, buf, sizeof(buf));
	json_put_string(&out, "id", id);
	json_put_bool(&out, "ok", error == 0);
	if (error != 0)
		json_put_string(&out, "error", ota_err_name(error));
	len = json_end(&out);
	/* Not sent: the operator's tool times out and says so. */
	if (len < 0 || mqtt_publish(&agent->mqtt, "cmd/reply", buf, (size_t)len, MQTT_QOS1) != 0)
		agent_log(AGENT_WARN, "agent: cmd.reply.lost id=%s", id);
}

void cmd_run(struct agent *agent, const char *payload, size_t len)
{
	struct json root, value;
	char id[CMD_ID_MAX];
	int error;

	if (json_parse(payload, len, &root) != 0 || !json_member(&root, "id", &value) ||
		json_string(&value, id, sizeof(id)) < 0) {
		agent_log(AGENT_WARN, "agent: cmd err=E_JSON bytes=%zu", len);
		return;
	}
	error = dispatch(agent, &root);
	agent_log(AGENT_INFO, "agent: cmd id=%s err=%s", id, ota_err_name(error));
	reply(agent, id, error);
}
