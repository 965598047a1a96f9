/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP answer, and where it sends us. */
#include "fuzz.h"
#include "http_head.h"
#include "ota/err.h"
#include "url.h"

static bool is_visible(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

/* What becomes a request line must not be able to change its shape. */
static void redirect_check(const struct http_head *head)
{
	struct url url = {.host = "host", .port = 443, .path = "/"};

	if (!head->location[0] || url_redirect(&url, head->location) != 0)
		return;
	FUZZ_MUST(url.host[0] != '\0' && is_visible(url.host) && !strpbrk(url.host, "/@:#?"));
	FUZZ_MUST(url.path[0] == '/' && is_visible(url.path) && url.port != 0);
}

static void check(const struct http_head *head, uint64_t off, uint64_t total)
{
	uint64_t body_off, body_len;

	if (off > total || http_head_check(head, off, total, &body_off, &body_len) != 0)
		return;
	FUZZ_MUST(body_off == off || body_off == 0);
	FUZZ_MUST(body_off + body_len == total && head->length == body_len && !head->is_encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	size_t len_head = http_head_len((const char *)data, len);
	struct http_head head;
	char *text;
	int error;

	if (len_head == 0)
		return 0;
	FUZZ_MUST(len_head <= len);
	in.left = len_head;
	text = fuzz_rest(&in, false);
	error = http_head_parse(text, len_head, &head);
	FUZZ_MUST(error == 0 || error == -OTA_E_HTTP_FORMAT || error == -OTA_E_HTTP_TOO_LONG);
	if (error == 0) {
		FUZZ_MUST(head.status >= 100 && head.status <= 599);
		FUZZ_MUST(!head.has_range || (head.first <= head.last && head.last < head.total));
		FUZZ_MUST(memchr(head.location, '\0', sizeof(head.location)));
		redirect_check(&head);
		check(&head, 0, head.length);
		check(&head, head.first, head.total);
		check(&head, 4096, 100000);
	}
	free(text);
	return 0;
}
