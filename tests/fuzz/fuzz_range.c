/* SPDX-License-Identifier: Apache-2.0 */
/* skerryd's Range header: eight bytes of resource size, then the header's text. */
#include "fuzz.h"
#include "skerryd/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	uint64_t size = fuzz_u64(&in), first = 0, last = 0;
	char *text = fuzz_rest(&in, true);
	enum range_kind kind = range_parse(text, size, &first, &last);

	FUZZ_MUST(kind == RANGE_WHOLE || kind == RANGE_PART || kind == RANGE_UNSATISFIABLE);
	if (kind == RANGE_PART)
		FUZZ_MUST(first <= last && last < size);
	if (kind != RANGE_WHOLE)
		FUZZ_MUST(strncasecmp(text, "bytes=", 6) == 0 && !strchr(text, ','));
	/* What a browser of ranges would send for the same part means the same part. */
	if (kind == RANGE_PART) {
		char again[64];
		uint64_t first_again, last_again;

		(void)snprintf(
			again, sizeof(again), "bytes=%llu-%llu", (unsigned long long)first, (unsigned long long)last);
		FUZZ_MUST(range_parse(again, size, &first_again, &last_again) == RANGE_PART);
		FUZZ_MUST(first_again == first && last_again == last);
	}
	free(text);
	return 0;
}
