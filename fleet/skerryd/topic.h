/* SPDX-License-Identifier: Apache-2.0 */
/* Topics of the device contract (SPEC §8): who speaks, about what. The broker's ACL guarantees that the device in the topic is the one that published. */
#ifndef SKERRYD_TOPIC_H
#define SKERRYD_TOPIC_H

#include <stdbool.h>

#define TOPIC_MAX 320

enum topic_kind {
	TOPIC_JOB_GET = 1,
	TOPIC_JOB_UPDATE,
	TOPIC_REPORT,
	TOPIC_PRESENCE,
	TOPIC_LOG,
	TOPIC_CMD_REPLY,
	TOPIC_CRASH,
	TOPIC_TELEMETRY,
	TOPIC_CERT_RENEW
};

#define TOPIC_KINDS 9 /* the largest */

struct topic {
	enum topic_kind kind;
	char device[65];
	char job[65];  /* of JOB_UPDATE */
	char name[33]; /* of TELEMETRY */
};

/* Take `text` apart. False: not of the contract, or with an id that is none. */
bool topic_parse(const char *prefix, const char *text, struct topic *topic);

/* "report" …; "other": of none. */
const char *topic_kind_name(enum topic_kind kind);

/* The filters to subscribe to, without prefix: "+/report" … */
#define TOPIC_FILTERS 9
extern const char *const topic_filters[TOPIC_FILTERS];

#endif
