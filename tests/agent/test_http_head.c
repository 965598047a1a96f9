/* SPDX-License-Identifier: Apache-2.0 */
#include "http_head.h"
#include "test.h"

#define OK206  "HTTP/1.1 206 Partial Content\r\n"
#define RANGE  "Content-Range: bytes 100-999/1000\r\n"
#define LENGTH "Content-Length: 900\r\n"
#define END    "\r\n"

/* The result of an answer to "bytes=100-" of 1000. */
static int answer(const char *text, uint64_t *off, uint64_t *len)
{
	size_t size = strlen(text), head_len = http_head_len(text, size);
	char *copy;
	struct http_head head;
	int error;

	assert_int_equal(head_len, size);
	copy = exact_copy(text, size);
	error = http_head_parse(copy, size, &head);
	free(copy);
	return error != 0 ? error : http_head_check(&head, 100, 1000, off, len);
}

static void accepts_honest_answers(void **state)
{
	static const struct {
		const char *text;
		uint64_t off;
	} rows[] = {
		{OK206 RANGE LENGTH END, 100},
		{"HTTP/1.1 206\r\n" RANGE LENGTH END, 100},
		{OK206 "content-range:bytes 100-999/1000 \t\r\nCONTENT-LENGTH:\t900\r\n" END, 100},
		{OK206 RANGE LENGTH "Server: x y: z\r\nX-Empty:\r\nContent-Encoding: identity\r\n" END, 100},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n" END, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t off = 7, len = 7;

		if (answer(rows[i].text, &off, &len) != 0)
			fail_msg("refused: %s", rows[i].text);
		assert_int_equal(off, rows[i].off);
		assert_int_equal(len, 1000 - off);
	}
}

static void names_what_is_wrong(void **state)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n" END, OTA_E_HTTP_FORMAT},
		{"HTTP/1.1 20 OK\r\n" END, OTA_E_HTTP_FORMAT},
		{"HTTP/1.1 2000 OK\r\n" END, OTA_E_HTTP_FORMAT},
		{"HTTP/1.1 099 OK\r\n" END, OTA_E_HTTP_FORMAT},
		{"HTTP/1.1  200 OK\r\n" END, OTA_E_HTTP_FORMAT},
		{"ICY 200 OK\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE "Content-Length: 900\nX: y\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE LENGTH " folded: yes\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE LENGTH "No colon\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE "Content-Length : 900\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE LENGTH LENGTH END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE "Content-Length: 900, 900\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE "Content-Length: -900\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE "Content-Length: +900\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE "Content-Length: 0x384\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE "Content-Length:\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE "Content-Length: 18446744073709552516\r\n" END, OTA_E_HTTP_FORMAT},
		{OK206 RANGE RANGE LENGTH END, OTA_E_HTTP_FORMAT},
		{OK206 "Content-Range: bytes 100-999\r\n" LENGTH END, OTA_E_HTTP_FORMAT},
		{OK206 "Content-Range: bytes 999-100/1000\r\n" LENGTH END, OTA_E_HTTP_FORMAT},
		{OK206 "Content-Range: bytes 100-1000/1000\r\n" LENGTH END, OTA_E_HTTP_FORMAT},
		{OK206 "Content-Range: items 100-999/1000\r\n" LENGTH END, OTA_E_HTTP_FORMAT},
		{OK206 "Content-Range: bytes 100-999/1000x\r\n" LENGTH END, OTA_E_HTTP_FORMAT},
		{OK206 "Content-Range: bytes 0-999/1000\r\nContent-Length: 1000\r\n" END, OTA_E_HTTP_RANGE},
		{OK206 "Content-Range: bytes 100-998/1000\r\nContent-Length: 899\r\n" END, OTA_E_HTTP_RANGE},
		{OK206 "Content-Range: bytes 100-1999/2000\r\nContent-Length: 1900\r\n" END, OTA_E_HTTP_RANGE},
		{OK206 LENGTH END, OTA_E_HTTP_RANGE},
		{OK206 "Content-Range: bytes */1000\r\n" LENGTH END, OTA_E_HTTP_RANGE},
		{OK206 RANGE "Content-Length: 901\r\n" END, OTA_E_HTTP_LENGTH},
		{OK206 RANGE END, OTA_E_HTTP_LENGTH},
		{OK206 RANGE LENGTH "Transfer-Encoding: chunked\r\n" END, OTA_E_HTTP_LENGTH},
		{OK206 RANGE LENGTH "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n" END,
			OTA_E_HTTP_LENGTH},
		{OK206 RANGE LENGTH "Content-Encoding: gzip\r\n" END, OTA_E_HTTP_FORMAT},
		{"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n" END, OTA_E_HTTP_LENGTH},
		{"HTTP/1.1 200 OK\r\n" END, OTA_E_HTTP_LENGTH},
		{"HTTP/1.1 204 No Content\r\n" END, OTA_E_HTTP_STATUS},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n" END, OTA_E_HTTP_STATUS},
		{"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */50\r\n" END, OTA_E_HTTP_STATUS},
		{"HTTP/1.1 500 \r\n" END, OTA_E_HTTP_STATUS},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t off, len;
		int error = answer(rows[i].text, &off, &len);

		if (error != -rows[i].error)
			fail_msg(
				"%s instead of %s: %s", ota_err_name(error), ota_err_name(rows[i].error), rows[i].text);
	}
}

static void refuses_nul_in_a_line(void **state)
{
	static const char text[] = OK206 RANGE LENGTH "X: a\0b\r\n" END;
	struct http_head head;

	(void)state;
	assert_int_equal(http_head_parse(text, sizeof(text) - 1, &head), -OTA_E_HTTP_FORMAT);
}

static void waits_for_the_whole_head(void **state)
{
	static const char text[] = OK206 RANGE LENGTH END "body";
	size_t whole = sizeof(text) - 1 - 4;

	(void)state;
	for (size_t len = 0; len < whole; len++)
		assert_int_equal(http_head_len(text, len), 0);
	assert_int_equal(http_head_len(text, sizeof(text) - 1), whole);
}

static void keeps_location_within_bounds(void **state)
{
	char text[OTA_URL_MAX + 64] = "HTTP/1.1 302 Found\r\nLocation: https://a/";
	size_t begin = strlen(text) - strlen("https://a/");
	struct http_head head;

	(void)state;
	memset(text + strlen(text), 'x', begin + OTA_URL_MAX - 1 - strlen(text));
	memcpy(text + begin + OTA_URL_MAX - 1, "\r\n\r\n", 5);
	assert_int_equal(http_head_parse(text, strlen(text), &head), 0);
	assert_true(http_head_is_redirect(&head));
	assert_int_equal(strlen(head.location), OTA_URL_MAX - 1);
	memcpy(text + begin + OTA_URL_MAX - 1, "x\r\n\r\n", 6);
	assert_int_equal(http_head_parse(text, strlen(text), &head), -OTA_E_HTTP_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_honest_answers),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(refuses_nul_in_a_line),
		cmocka_unit_test(waits_for_the_whole_head),
		cmocka_unit_test(keeps_location_within_bounds),
	};

	return cmocka_run_group_tests_name("agent/http_head", tests, NULL, NULL);
}
