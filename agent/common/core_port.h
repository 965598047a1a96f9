/* SPDX-License-Identifier: Apache-2.0 */
/* How the update core, the jobs and the download meet within the agent: the three tables whose ctx is a struct agent. */
#ifndef AGENT_CORE_PORT_H
#define AGENT_CORE_PORT_H

#include "https.h"
#include "jobs.h"
#include "ota/port.h"

extern const struct ota_port core_port;
extern const struct https_events core_https_events;
extern const struct jobs_port core_jobs_port;

#endif
