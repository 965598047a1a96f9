/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device without an identity gets one (SPEC §13): it makes its key, which never leaves it, and asks the server of its
 * provisioning, with the enrolment token, to certify it; again and again, with growing pauses. What it gets is on flash before
 * it counts. The key is on flash before it is first sent: an answer that was lost, or a power cut, costs the token no second use.
 */
#ifndef AGENT_CLAIM_H
#define AGENT_CLAIM_H

#include "backoff.h"
#include "https.h"
#include "identity.h"

#define CLAIM_ANSWER_MAX 4096

struct claim {
	struct identity *identity;
	struct https https;
	struct backoff backoff;
	uint64_t deadline_ms; /* of the next attempt, while none is under way */
	bool asking, done;
	size_t len;
	char answer[CLAIM_ANSWER_MAX];
};

/*
 * Begin for an identity without certificate, which is to outlive *claim, as is `tls`. 0; -OTA_E_ENTROPY, -OTA_E_IO,
 * -OTA_E_READBACK, -OTA_E_PROVISION (no place on flash), -OTA_E_MEMORY: no key.
 */
__attribute__((warn_unused_result)) int claim_init(struct claim *claim, struct identity *identity,
	const struct tls_context *tls, const struct stream_ops *streams);

/* While there is a network. */
void claim_poll(struct claim *claim);
uint64_t claim_deadline_ms(const struct claim *claim);

/* The identity has its certificate now. */
bool claim_is_done(const struct claim *claim);

/* Drop what is under way. */
void claim_stop(struct claim *claim);

#endif
