/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzers share. A fuzzer is one file: it feeds a parser or a set of rules of the tree, linked as it is, with
 * the bytes that libFuzzer makes up, and says with FUZZ_MUST() what has to hold for every one of them. The sanitizers
 * say the rest.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What a user would miss if it did not hold: anything else is a finding. */
#define FUZZ_MUST(truth)                                                                                               \
	do {                                                                                                           \
		if (!(truth)) {                                                                                        \
			fprintf(stderr, "fuzz: %s:%d: must hold: %s\n", __FILE__, __LINE__, #truth);                   \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* The input, taken from its front; zeroes when it is used up, so that short inputs mean something too. */
struct fuzz_in {
	const uint8_t *at;
	size_t left;
};

static inline void fuzz_bytes(struct fuzz_in *in, void *out, size_t len)
{
	size_t count = len < in->left ? len : in->left;

	memset(out, 0, len);
	if (count > 0)
		memcpy(out, in->at, count);
	in->at += count;
	in->left -= count;
}

static inline uint8_t fuzz_u8(struct fuzz_in *in)
{
	uint8_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

static inline uint32_t fuzz_u32(struct fuzz_in *in)
{
	uint32_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

static inline uint64_t fuzz_u64(struct fuzz_in *in)
{
	uint64_t value;

	fuzz_bytes(in, &value, sizeof(value));
	return value;
}

/* A copy of the rest with nothing readable behind it, to be freed. With `nul`, one NUL more. */
static inline char *fuzz_rest(const struct fuzz_in *in, bool nul)
{
	char *copy = malloc(in->left + (nul || in->left == 0));

	if (!copy)
		abort();
	if (in->left > 0)
		memcpy(copy, in->at, in->left);
	if (nul)
		copy[in->left] = '\0';
	return copy;
}

#endif
