/* SPDX-License-Identifier: Apache-2.0 */
/* A job's status as the body of T/jobs/<id>/update (SPEC §8). */
#ifndef AGENT_JOB_STATUS_H
#define AGENT_JOB_STATUS_H

#include "json_write.h"
#include "ota/ota.h"

/* Into buf[cap]; `expected_version` is the server's version of the job as last heard. Length or -OTA_E_TOO_LONG. */
__attribute__((warn_unused_result)) int job_status_write(
	const struct ota_status *status, uint32_t expected_version, const char *token, char *buf, size_t cap);

#endif
