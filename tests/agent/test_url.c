/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"
#include "url.h"

static void takes_addresses_apart(void **state)
{
	static const struct {
		const char *text, *host, *path;
		uint16_t port;
	} rows[] = {
		{"https://a/", "a", "/", 443},
		{"https://host.example:8443/dir/x.fit?v=1&w=%20", "host.example", "/dir/x.fit?v=1&w=%20", 8443},
		{"https://10.0.2.2:65535/x", "10.0.2.2", "/x", 65535},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct url url;

		assert_int_equal(url_parse(rows[i].text, &url), 0);
		assert_string_equal(url.host, rows[i].host);
		assert_string_equal(url.path, rows[i].path);
		assert_int_equal(url.port, rows[i].port);
	}
}

static void refuses_what_could_be_misread(void **state)
{
	static const char *const bad[] = {
		"",
		"http://a/",
		"https:/a/",
		"https://",
		"https:///",
		"https://a",
		"https://:1/",
		"https://a:/",
		"https://a:0/",
		"https://a:65536/",
		"https://a:99999999/",
		"https://a:1x/",
		"https://u@a/",
		"https://u:p@a/",
		"https://[::1]/",
		"https://a/ b",
		"https://a/\r\nHost: b",
		"https://a/\x01",
		"https://a/#f",
		"https://a/\xc3\xa9",
		"https://a b/",
		"HTTPS://a/",
		"//a/",
	};
	char longest[OTA_URL_MAX + 1];
	struct url url;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (url_parse(bad[i], &url) != -OTA_E_URL)
			fail_msg("accepted: %s", bad[i]);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "https://a/", 10);
	longest[OTA_URL_MAX - 1] = '\0';
	assert_int_equal(url_parse(longest, &url), 0);
	longest[OTA_URL_MAX - 1] = 'a';
	longest[OTA_URL_MAX] = '\0';
	assert_int_equal(url_parse(longest, &url), -OTA_E_URL);
}

static void redirects_stay_https(void **state)
{
	static const char *const bad[] = {"", "http://b/", "//b/x", "x.fit", "../x", "ftp://b/", "https://b", "/a\nb"};
	struct url url;

	(void)state;
	assert_int_equal(url_parse("https://a:444/x", &url), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(url_redirect(&url, bad[i]), -OTA_E_HTTP_REDIRECT);
	assert_int_equal(url_redirect(&url, "/y?z"), 0);
	assert_string_equal(url.host, "a");
	assert_int_equal(url.port, 444);
	assert_string_equal(url.path, "/y?z");
	assert_int_equal(url_redirect(&url, "https://b/w"), 0);
	assert_string_equal(url.host, "b");
	assert_int_equal(url.port, 443);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_addresses_apart),
		cmocka_unit_test(refuses_what_could_be_misread),
		cmocka_unit_test(redirects_stay_https),
	};

	return cmocka_run_group_tests_name("agent/url", tests, NULL, NULL);
}
