/* SPDX-License-Identifier: Apache-2.0 */
/* What really runs, for T/report (SPEC §8). */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include "agent.h"

#define REPORT_MAX 1664

/* Into buf[REPORT_MAX]. Length or -OTA_E_TOO_LONG. */
__attribute__((warn_unused_result)) int report_write(const struct agent *agent, char *buf);

#endif
