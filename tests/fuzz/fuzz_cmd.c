/* SPDX-License-Identifier: Apache-2.0 */
/* Commands from the operator: each does what it says or is refused by name, and the answer is JSON with the same id. */
#include "agent_log.h"
#include "cmd.h"
#include "fuzz.h"
#include "oracle.h"

static unsigned int done, replies;
static struct oracle *command;

/* What cmd.c calls; the rest of the agent is not linked. */

void platform_log(enum agent_level level, const char *line)
{
	(void)level;
	FUZZ_MUST(strlen(line) < AGENT_LINE_MAX);
}

void agent_reboot(struct agent *agent)
{
	(void)agent;
	FUZZ_MUST(!command || strcmp(oracle_text(oracle_member(command, "cmd"), NULL), "reboot") == 0);
	done++;
}

int mqtt_publish(struct mqtt *mqtt, const char *suffix, const char *payload, size_t len, unsigned int flags)
{
	bool overflow;
	struct oracle *body = oracle_read(payload, len, &overflow);

	(void)mqtt;
	(void)flags;
	FUZZ_MUST(strcmp(suffix, "cmd/reply") == 0 && body);
	/* No command: a number in it is beyond the other reader. */
	FUZZ_MUST(!command || oracle_equal(oracle_member(body, "id"), oracle_member(command, "id")));
	FUZZ_MUST(oracle_type(oracle_member(body, "ok")) == (done == 1 ? ORACLE_TRUE : ORACLE_FALSE));
	oracle_free(body);
	replies++;
	return 0;
}

void ota_status_get(const struct ota *ota, struct ota_status *status)
{
	(void)ota;
	*status = (struct ota_status){.job_id = "job-1", .step = OTA_STEP_DOWNLOAD};
}

int ota_on_cancel(struct ota *ota, const char *id)
{
	(void)ota;
	FUZZ_MUST(strcmp(id, "job-1") == 0);
	done++;
	return 0;
}

static void on_identify(void *ctx)
{
	(void)ctx;
	done++;
}

static void on_log_level(void *ctx, enum agent_level level)
{
	(void)ctx;
	FUZZ_MUST(level <= AGENT_DEBUG);
	done++;
}

static const struct agent_ops ops = {.identify = on_identify, .log_level = on_log_level};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct agent_config config;
	static struct agent agent = {.config = &config, .ops = &ops};
	struct fuzz_in in = {data, len};
	bool overflow;
	char *text;

	if (len == 0)
		return 0; /* the broker's empty messages are not handed on */
	text = fuzz_rest(&in, false);
	done = replies = 0;
	command = oracle_read(text, len, &overflow);
	cmd_run(&agent, text, len);
	FUZZ_MUST(done <= replies && replies <= 1);
	oracle_free(command);
	free(text);
	return 0;
}
