/* SPDX-License-Identifier: Apache-2.0 */
/* Where webhooks may lead, and how long they wait. */
#include "skerryd/webhook.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "skerryd/address.h"

static void addresses(void **state)
{
	static const struct {
		const char *text;
		bool is_public, is_loopback;
	} rows[] = {
		{"1.1.1.1", true, false},
		{"93.184.216.34", true, false},
		{"172.15.255.255", true, false},
		{"172.32.0.0", true, false},
		{"100.63.255.255", true, false},
		{"223.255.255.255", true, false},
		{"0.0.0.0", false, false},
		{"10.0.0.1", false, false},
		{"100.64.0.1", false, false},
		{"127.0.0.1", false, true},
		{"127.255.255.254", false, true},
		{"169.254.169.254", false, false},
		{"172.16.0.1", false, false},
		{"172.31.255.255", false, false},
		{"192.168.1.1", false, false},
		{"198.18.0.1", false, false},
		{"203.0.113.1", false, false},
		{"224.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"2606:4700::1111", true, false},
		{"2001:4860:4860::8888", true, false},
		{"::", false, false},
		{"::1", false, true},
		{"::2", false, false},
		{"::127.0.0.1", false, false},
		{"::ffff:127.0.0.1", false, false},
		{"::ffff:10.0.0.1", false, false},
		{"::ffff:1.1.1.1", true, false},
		{"64:ff9b::a00:1", false, false},
		{"64:ff9b::101:101", true, false},
		{"2002:a00:1::1", false, false},
		{"2001:db8::1", false, false},
		{"fc00::1", false, false},
		{"fd12::1", false, false},
		{"fe80::1", false, false},
		{"ff02::1", false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sockaddr_storage any = {0};
		struct sockaddr_in *in4 = (struct sockaddr_in *)&any;
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&any;
		if (strchr(rows[i].text, ':')) {
			in6->sin6_family = AF_INET6;
			assert_int_equal(inet_pton(AF_INET6, rows[i].text, &in6->sin6_addr), 1);
		} else {
			in4->sin_family = AF_INET;
			assert_int_equal(inet_pton(AF_INET, rows[i].text, &in4->sin_addr), 1);
		}
		if (address_is_public((struct sockaddr *)&any) != rows[i].is_public ||
			address_is_loopback((struct sockaddr *)&any) != rows[i].is_loopback)
			fail_msg("%s", rows[i].text);
	}
	struct sockaddr other = {.sa_family = AF_UNIX};
	assert_false(address_is_public(&other));
	assert_false(address_is_loopback(&other));
}

static void urls(void **state)
{
	static const struct {
		const char *url;
		bool is_good, is_good_if_private;
	} rows[] = {
		{"https://example.com/hook?x=1", true, true},
		{"https://example.com:8443/", true, true},
		{"https://10.0.0.1/", true, true}, /* looked at when it is connected to, as names are */
		{"https://localhost/", false, true},
		{"https://127.0.0.1:1/", false, true},
		{"http://127.0.0.1:1/", false, true},
		{"http://[::1]:1/", false, true},
		{"http://LOCALHOST/", false, true},
		{"http://example.com/", false, false},
		{"http://10.0.0.1/", false, false},
		{"ftp://example.com/", false, false},
		{"file:///etc/passwd", false, false},
		{"gopher://127.0.0.1:1/", false, false},
		{"https://user:word@example.com/", false, false},
		{"https://user@example.com/", false, false},
		{"https://", false, false},
		{"https://exa mple.com/", false, false},
		{"https://example.com/\r\nX: y", false, false},
		{"example.com", false, false},
		{"", false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!*webhook_url_fault(rows[i].url, false) != rows[i].is_good ||
			!*webhook_url_fault(rows[i].url, true) != rows[i].is_good_if_private)
			fail_msg("%s: '%s' '%s'", rows[i].url, webhook_url_fault(rows[i].url, false),
				webhook_url_fault(rows[i].url, true));
	char url[700];
	memset(url, 'a', sizeof url);
	memcpy(url, "https://", 8);
	url[501] = 0;
	assert_string_not_equal(webhook_url_fault(url, false), "");
}

/* They grow to about an hour, and never two are sure to be the same. */
static void pauses(void **state)
{
	(void)state;
	assert_in_range(webhook_pause_s(0, 0), 1, 3);
	for (int64_t tries = 0; tries < 100; tries++) {
		for (uint32_t random = 0; random < 2000; random += 7) {
			int64_t least = tries < 11 ? (2 << tries) * 8 / 10 - 1 : 2800;
			int64_t most = tries < 11 ? (2 << tries) * 12 / 10 + 1 : 4400;
			assert_in_range(
				webhook_pause_s(tries, random), least > 2800 ? 2800 : least, most > 4400 ? 4400 : most);
		}
	}
	assert_int_not_equal(webhook_pause_s(8, 1), webhook_pause_s(8, 300));
	assert_true(webhook_pause_s(50, UINT32_MAX) >= 2800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(urls), cmocka_unit_test(pauses)};
	return cmocka_run_group_tests_name("fleet/webhook", tests, NULL, NULL);
}
