/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzzers of keyset and assignment share: envelopes around any body, and what must hold of any envelope that could be opened. */
#ifndef TESTS_FUZZ_SIGNED_BODY_H
#define TESTS_FUZZ_SIGNED_BODY_H

#include "fuzz.h"
#include "ota/signed.h"

#define SIGNED_BODY_MAX 8192

/* body[len] in an envelope with its right digest and `count` signatures that nobody made. The envelope's length. */
size_t signed_body_wrap(
	enum ota_signed_kind kind, const struct fuzz_in *body, size_t count, uint8_t out[SIGNED_BODY_MAX]);

/* Written again, it is the same; its parts lie in it. */
void signed_body_check(const struct ota_signed *parts, const uint8_t *envelope, size_t len);

#endif
