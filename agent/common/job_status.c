/* SPDX-License-Identifier: Apache-2.0 */
#include "job_status.h"

#include "ota/err.h"

static const char *outcome_name(enum ota_outcome outcome)
{
	switch (outcome) {
	case OTA_SUCCEEDED:
		return "SUCCEEDED";
	case OTA_FAILED:
		return "FAILED";
	case OTA_REJECTED:
		return "REJECTED";
	default:
		return "IN_PROGRESS";
	}
}

static const char *reason_name(const struct ota_status *status)
{
	if (status->rolled_back)
		return "rolled-back";
	return status->outcome == OTA_REJECTED ? "refused" : "failed";
}

static void put_details(struct json_out *out, const struct ota_status *status)
{
	json_put_string(out, "step", ota_step_name(status->step));
	if (status->total > 0) {
		json_put_u64(out, "percent", status->bytes * 100 / status->total);
		json_put_u64(out, "bytes", status->bytes);
		json_put_u64(out, "total", status->total);
		json_put_u64(out, "netBytes", status->net_bytes);
		json_put_version(out, "version", status->version);
		json_put_hex(out, "digest", status->digest, sizeof(status->digest));
	}
	if (status->slot != OTA_SLOT_NONE)
		json_put_string(out, "slot", status->slot == OTA_SLOT_A ? "a" : "b");
	if (status->error != 0)
		json_put_string(out, "error", ota_err_name(status->error));
	if (status->outcome == OTA_FAILED || status->outcome == OTA_REJECTED)
		json_put_string(out, "reason", reason_name(status));
	if (status->cause != OTA_CAUSE_NONE)
		json_put_string(out, "cause", ota_cause_name(status->cause));
}

int job_status_write(
	const struct ota_status *status, uint32_t expected_version, const char *token, char *buf, size_t cap)
{
	struct json_out out;

	json_begin(&out, buf, cap);
	json_put_string(&out, "status", outcome_name(status->outcome));
	json_put_u64(&out, "expectedVersion", expected_version);
	/* AWS IoT answers with the new version only when asked to. */
	json_put_bool(&out, "includeJobExecutionState", true);
	json_open(&out, "statusDetails", '{');
	put_details(&out, status);
	json_close(&out, '}');
	json_put_string(&out, "clientToken", token);
	return json_end(&out);
}
