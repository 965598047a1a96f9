/* SPDX-License-Identifier: Apache-2.0 */
/* The description of a rollout: defaults, bounds, errors that name the member; and maintenance windows over the days on which clocks change. */
#include "skerryd/rollout_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct rollout_description description;
static struct fleet_error error;

static int parse(const char *text)
{
	json_error_t where;
	json_t *json = json_loads(text, 0, &where);
	if (!json)
		fail_msg("%s: %s", text, where.text);
	int rc = rollout_spec_parse(json, &description, &error);
	json_decref(json);
	return rc;
}

/* ---- the description ---- */

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"image\":\"" DIGEST "\",\"waves\":[{}]}"), 0);
	const struct rollout_wave_spec *wave = &description.spec.waves[0];
	const struct rollout_stop *stop = &description.spec.stops[0];
	assert_int_equal(description.spec.wave_count, 1);
	assert_int_equal(wave->max_in_flight, 100);
	assert_int_equal(wave->success_percent, 95);
	assert_int_equal(wave->min_finished, ROLLOUT_ALL);
	assert_int_equal(wave->soak_ms, 0);
	assert_int_equal(wave->rate.per_minute, 0);
	assert_int_equal(description.members[0].order, ORDER_RANDOM);
	assert_int_equal(description.spec.stop_count, 1);
	assert_int_equal(stop->percent, 10);
	assert_int_equal(stop->min, 2);
	assert_int_equal(stop->action, ACTION_PAUSE);
	assert_int_equal(stop->scope, SCOPE_ROLLOUT);
	assert_true(stop->on & 1u << TARGET_FAILED && stop->on & 1u << TARGET_SKIPPED);
	assert_int_equal(description.timeout_ms, 1800000);
	assert_int_equal(description.retries, 1);
	assert_int_equal(description.retry_delay_ms, 300000);
	assert_int_equal(description.offline, OFFLINE_WAIT);
	assert_int_equal(description.approvals, 0);
	assert_false(description.spec.continuous);
	assert_true(window_is_always(&description.download) && window_is_always(&description.flash));
}

static const char full[] =
	"{\"name\":\"sensor 2.1\",\"image\":\"" DIGEST "\",\"selector\":\"board=qemu-virt,site!=lab\",\"waves\":[{"
	"\"name\":\"canary\",\"selector\":\"ring=canary\",\"count\":5,"
	"\"order\":\"attribute:age\",\"maxInFlight\":2,\"rate\":{\"perMinute\":10},\"advance\":{\"successPercent\":100,"
	"\"minFinished\":3,\"soakS\":600}},{\"name\":\"tenth\",\"percent\":10,\"order\":\"id\",\"rate\":{\"perMinute\":"
	"20,"
	"\"factorPercent\":150,\"every\":50,\"on\":\"succeeded\",\"maxPerMinute\":500}},{\"name\":\"rest\"}],\"stop\":["
	"{\"on\":"
	"\"timed-out\",\"percent\":0,\"min\":1,\"of\":\"wave\",\"action\":\"rollback\"},{\"on\":\"offline\",\"action\":"
	"\"abort\"}],"
	"\"device\":{\"timeoutS\":60,\"retries\":0,\"retryDelayS\":0,\"trialS\":30},\"offline\":{\"policy\":"
	"\"deadline\",\"afterS\":"
	"7200},\"windows\":{\"download\":\"*/15 1-3,22 * * 1-5\",\"flash\":\"0 2 * * "
	"*/120\"},\"members\":\"continuous\","
	"\"approvals\":2}";

/* What is kept is read again after a restart: it must say the same. */
static void round_trip(void **state)
{
	(void)state;
	assert_int_equal(parse(full), 0);
	struct rollout_description *first = malloc(sizeof *first);
	*first = description;
	json_t *json = rollout_spec_json(first);
	assert_non_null(json);
	assert_int_equal(rollout_spec_parse(json, &description, &error), 0);
	assert_memory_equal(first, &description, sizeof description);
	json_decref(json);
	assert_int_equal(first->spec.waves[1].rate.every, 50);
	assert_true(first->spec.waves[1].rate.on_succeeded);
	assert_string_equal(first->members[0].attribute, "age");
	assert_int_equal(first->spec.stops[0].on, 1u << TARGET_TIMED_OUT);
	assert_int_equal(first->offline_after_ms, 7200000);
	free(first);
}

/* The description with one change is refused; the error names the member and a remedy. */
static void refused(const char *from, const char *to, const char *member)
{
	char text[2048];
	const char *at = strstr(full, from);
	assert_non_null(at);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - full), full, to, at + strlen(from));
	if (parse(text) == 0)
		fail_msg("%s is taken", to);
	if (strncmp(error.cause, member, strlen(member)) != 0 || !*error.remedy)
		fail_msg("%s: '%s', remedy '%s'", to, error.cause, error.remedy);
}

static void errors(void **state)
{
	(void)state;
	refused("\"image\"", "\"img\"", "img is not known");
	refused(DIGEST, "0011", "image ");
	refused("\"count\":5", "\"count\":5,\"percent\":5", "waves[0].percent");
	refused("\"count\":5", "\"count\":0", "waves[0].count");
	refused("\"count\":5", "\"count\":2.5", "waves[0].count");
	refused("\"count\":5", "\"cuont\":5", "waves[0].cuont");
	refused("\"ring=canary\"", "\"ring==\"", "waves[0].selector");
	refused("\"attribute:age\"", "\"oldest\"", "waves[0].order");
	refused("\"maxInFlight\":2", "\"maxInFlight\":0", "waves[0].maxInFlight");
	refused("{\"perMinute\":10}", "{}", "waves[0].rate.perMinute");
	refused("{\"perMinute\":10}", "10", "waves[0].rate is not an object");
	refused("\"successPercent\":100", "\"successPercent\":101", "waves[0].advance.successPercent");
	refused("\"every\":50,", "", "waves[1].rate.every");
	refused("\"maxPerMinute\":500", "\"maxPerMinute\":5", "waves[1].rate.maxPerMinute");
	refused("\"on\":\"succeeded\"", "\"on\":\"success\"", "waves[1].rate.on");
	refused("\"timed-out\"", "\"timeout\"", "stop[0].on");
	refused("\"action\":\"abort\"", "\"action\":\"explode\"", "stop[1].action");
	refused("\"trialS\":30", "\"trialS\":5", "device.trialS");
	refused("\"deadline\"", "\"skip\"", "offline.afterS");
	refused("0 2 * * */120", "0 24 * * *", "windows.flash");
	refused("\"continuous\"", "\"all\"", "members");
	refused("\"approvals\":2", "\"approvals\":-1", "approvals");
	refused("\"sensor 2.1\"", "\"\"", "name");
}

/* ---- windows ---- */

/* "2026-03-29T01:30" in UTC. */
static int64_t utc(const char *text)
{
	struct tm tm = {0};
	assert_non_null(strptime(text, "%Y-%m-%dT%H:%M", &tm));
	return timegm(&tm);
}

static void next(const char *window_text, const char *zone_name, const char *now, const char *expected)
{
	struct window window;
	struct zone *zone = malloc(sizeof *zone);
	assert_true(window_parse(window_text, &window));
	assert_true(zone_load(zone_name, zone));
	int64_t at = window_next(&window, zone, utc(now));
	if (at != utc(expected)) {
		time_t got = (time_t)at;
		char text[32];
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M", gmtime(&got));
		fail_msg("%s in %s after %s: %s, not %s", window_text, zone_name, now, text, expected);
	}
	free(zone);
}

static void plain_windows(void **state)
{
	struct window window;
	(void)state;
	next("0 2 * * */120", "UTC", "2026-05-05T01:59", "2026-05-05T02:00");
	next("0 2 * * */120", "UTC", "2026-05-05T03:59", "2026-05-05T03:59");
	next("0 2 * * */120", "UTC", "2026-05-05T04:00", "2026-05-06T02:00");
	next("0 23 * * */120", "UTC", "2026-05-05T00:30", "2026-05-05T00:30"); /* over midnight */
	next("0 2 * * */120", "+05:30", "2026-05-05T10:00", "2026-05-05T20:30");
	next("0 2 * * */120", "-03:00", "2026-05-05T05:30", "2026-05-05T05:30");
	next("30 4 * * 0/10", "UTC", "2026-05-05T00:00", "2026-05-10T04:30"); /* Tuesday → Sunday */
	next("30 4 * * 7/10", "UTC", "2026-05-05T00:00", "2026-05-10T04:30");
	next("0 0 29 2 */10", "UTC", "2026-05-05T00:00", "2028-02-29T00:00");
	next("0 0 1 * 1/10", "UTC", "2026-05-05T00:00", "2026-05-11T00:00"); /* either is enough, as in cron */
	assert_true(window_parse("0 0 30 2 *", &window));
	struct zone *zone = calloc(1, sizeof *zone);
	assert_int_equal(window_next(&window, zone, utc("2026-05-05T00:00")), WINDOW_NEVER);
	free(zone);
	for (const char *const *bad = (const char *const[]){"", "* * * *", "* * * * * *", "60 * * * *", "* * 0 * *",
		     "* * * 13 *", "* * * * 8", "5-3 * * * *", "*/0 * * * *", "* * * * */0", "* * * * */10081",
		     "a * * * *", "1,, * * * *", NULL};
		*bad; bad++)
		if (window_parse(*bad, &window))
			fail_msg("'%s' is taken", *bad);
}

/* Berlin: 2026-03-29 02:00 → 03:00 (01:00 UTC), 2026-10-25 03:00 → 02:00 (01:00 UTC). */
static void clock_changes(void **state)
{
	(void)state;
	next("0 2 * * */60", "Europe/Berlin", "2026-03-28T12:00",
		"2026-03-29T01:00"); /* 02:00 does not exist: when it is 3 */
	next("30 2 * * */60", "Europe/Berlin", "2026-03-29T00:30", "2026-03-29T01:00");
	next("30 2 * * */60", "Europe/Berlin", "2026-03-29T02:00", "2026-03-30T00:30"); /* once is enough */
	next("30 1 * * */60", "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T00:30");
	next("30 3 * * */60", "Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:30");
	next("30 2 * * */30", "Europe/Berlin", "2026-10-24T12:00", "2026-10-25T00:30"); /* the first 02:30 */
	next("30 2 * * */30", "Europe/Berlin", "2026-10-25T01:00", "2026-10-26T01:30"); /* not the second */
	next("0 3 * * */30", "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T02:00");
	/* New York, 2026-03-08 07:00 UTC and 2026-11-01 06:00 UTC. */
	next("30 2 * * */60", "America/New_York", "2026-03-08T06:00", "2026-03-08T07:00");
	next("30 1 * * */30", "America/New_York", "2026-11-01T00:00", "2026-11-01T05:30");
	next("30 1 * * */30", "America/New_York", "2026-11-01T06:00", "2026-11-02T06:30");
	/* Half an hour, in the south: Lord Howe, 2026-10-04 02:00 +10:30 → 02:30 +11:00 (2026-10-03 15:30 UTC). */
	next("15 2 * * */30", "Australia/Lord_Howe", "2026-10-03T15:00", "2026-10-03T15:30");
	/* Beyond the list of changes in the file: by the rule. */
	next("0 2 * * */60", "Europe/Berlin", "2050-07-01T12:00", "2050-07-02T00:00");
	next("30 2 * * */60", "Europe/Berlin", "2050-03-26T12:00", "2050-03-27T01:00");
	next("0 2 * * */60", "Asia/Kolkata", "2050-07-01T12:00", "2050-07-01T20:30");
}

static void zones(void **state)
{
	struct zone *zone = malloc(sizeof *zone);
	(void)state;
	for (const char *const *bad = (const char *const[]){"", "Nowhere/At_All", "../../../etc/passwd",
		     "/etc/localtime", "Europe", "+2:00", "+24:00", "+02:60", "utc+2", NULL};
		*bad; bad++)
		if (zone_load(*bad, zone))
			fail_msg("'%s' is taken", *bad);
	assert_true(zone_load("Etc/UTC", zone));
	const uint8_t cut[] = "TZif2";
	assert_false(zone_parse(cut, sizeof cut, zone));
	free(zone);
}

/* A file whose bytes are anything: no access beyond its end. */
static void broken_zones(void **state)
{
	FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
	uint8_t data[8192];
	struct zone *zone = malloc(sizeof *zone);
	uint64_t random = 20261123;
	(void)state;
	assert_non_null(file);
	size_t len = fread(data, 1, sizeof data, file);
	fclose(file);
	assert_true(zone_parse(data, len, zone));
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut + 1);
		memcpy(copy, data, cut);
		assert_false(zone_parse(copy, cut, zone));
		free(copy);
	}
	for (int i = 0; i < 20000; i++) {
		int64_t since;
		int32_t before;
		uint8_t *copy = malloc(len);
		memcpy(copy, data, len);
		for (int n = 0; n < 4; n++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			copy[(random >> 33) % (n < 2 ? 64 : len)] = (uint8_t)(random >> 20);
		}
		if (zone_parse(copy, len, zone))
			(void)zone_offset(zone, 1700000000, &since, &before);
		free(copy);
	}
	free(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(errors),
		cmocka_unit_test(plain_windows),
		cmocka_unit_test(clock_changes),
		cmocka_unit_test(zones),
		cmocka_unit_test(broken_zones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
