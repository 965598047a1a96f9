/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "json_write.h"
#include "ota/bootrec.h"
#include "platform.h"

static void put_slot(struct json_out *out, const char *name, const struct ota_bootrec_slot *slot)
{
	json_open(out, name, '{');
	json_put_string(out, "state", ota_slot_state_name(slot->state));
	if (slot->state != OTA_SLOT_EMPTY) {
		json_put_hex(out, "digest", slot->image.digest, sizeof(slot->image.digest));
		json_put_version(out, "version", slot->image.version);
	}
	json_close(out, '}');
}

/* What the panicking image said itself; else what the boot loader found. */
static const char *last_cause(const struct agent *agent, const struct ota_bootrec *record)
{
	enum ota_cause crash = agent->config->core.crash_cause;

	return ota_cause_name(crash != OTA_CAUSE_NONE ? crash : record->last_cause);
}

static void put_running(struct json_out *out, const struct agent *agent)
{
	const struct agent_config *config = agent->config;

	json_put_string(out, "device", agent->identity.provision.device_id);
	json_put_string(out, "board", agent->identity.provision.board);
	json_put_string(out, "app", config->app);
	json_put_version(out, "version", config->core.running.version);
	json_put_hex(out, "digest", config->core.running.digest, sizeof(config->core.running.digest));
	if (config->core.running_slot != OTA_SLOT_NONE)
		json_put_string(out, "slot", config->core.running_slot == OTA_SLOT_A ? "a" : "b");
	json_put_string(out, "mode", ota_boot_mode_name(config->core.boot_mode));
	json_put_u64(out, "counter", config->core.running.counter);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* From a device tree that others wrote: what the server would refuse must not cost the whole report. */
static void put_board_text(struct json_out *out, const char *name, const char *text)
{
	if (*text && is_printable(text))
		json_put_string(out, name, text);
}

static void put_board(struct json_out *out, const struct agent *agent)
{
	struct agent_board board = {0};

	agent->ops->board(agent->ctx, &board);
	put_board_text(out, "serial", board.serial);
	put_board_text(out, "mac", board.mac);
}

static void put_trust(struct json_out *out, const struct agent *agent)
{
	uint64_t heard_s;

	json_put_u64(out, "keyset", ota_keyset_version(agent->config->ota));
	if (agent->keyset_error != 0)
		json_put_string(out, "keysetError", ota_err_name(agent->keyset_error));
	if (ota_heard_s(agent->config->ota, &heard_s))
		json_put_u64(out, "heardS", heard_s);
}

int report_write(const struct agent *agent, char *buf)
{
	const struct ota_bootrec *record = ota_record(agent->config->ota);
	struct agent_memory memory = {0};
	struct json_out out;

	agent->ops->memory(agent->ctx, &memory);
	json_begin(&out, buf, REPORT_MAX);
	put_running(&out, agent);
	put_board(&out, agent);
	json_put_u64(&out, "minCounter", record->min_counter);
	json_open(&out, "slots", '{');
	put_slot(&out, "a", &record->slot[OTA_SLOT_A]);
	put_slot(&out, "b", &record->slot[OTA_SLOT_B]);
	json_close(&out, '}');
	put_trust(&out, agent);
	json_put_string(&out, "cause", last_cause(agent, record));
	json_put_u64(&out, "boots", agent->config->boots);
	json_put_u64(&out, "uptimeMs", platform_now_ms());
	json_put_u64(&out, "bootMs", agent->boot_ms);
	json_put_u64(&out, "heapPeak", memory.heap_peak);
	json_put_u64(&out, "heapBytes", memory.heap_bytes);
	json_put_u64(&out, "stackPeak", memory.stack_peak);
	json_put_string(&out, "buildId", agent->config->build_id);
	json_put_string(&out, "agent", agent->config->kind);
	json_put_bool(&out, "holds", true);
	return json_end(&out);
}
