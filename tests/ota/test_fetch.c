/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads from servers and over networks that do not do what they should: each ends in success after retries or in
 * a named error, never off the confirmed image, and never in a hang (the fake clock would run out).
 */
#include "device.h"

#include "core.h"

static const uint64_t HOUR_MS = 3600 * 1000;

static void assert_arrives(uint64_t ms)
{
	fake_host_run(&host, ms);
	assert_true(host.reboot);
	assert_true(fake_host_settle(&host, 2));
	assert_int_equal(host.last_terminal.outcome, OTA_SUCCEEDED);
	assert_runs(&v2, OTA_SLOT_B);
}

/* No end, no reset; v1 runs on and the status says why it waits. */
static void assert_waits(int error, uint64_t ms)
{
	fake_host_run(&host, ms);
	assert_false(host.reboot);
	assert_int_equal(host.terminals, 0);
	assert_int_equal(host.status.outcome, OTA_RUNNING);
	assert_int_equal(host.status.error, error);
	assert_int_equal(host.status.step, OTA_STEP_DOWNLOAD);
}

static void server_without_ranges_is_used_from_the_start(void **state)
{
	unsigned writes;

	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = 21000};
	device_offer(&v2);
	fake_host_run(&host, 20);
	assert_int_equal(host.fetches, 1);
	writes = (unsigned)host.flash.ops;
	host.servers[0].kind = SERVER_IGNORES_RANGE;
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	assert_int_equal(host.body_bytes, 21000 + v2.image.bytes);
	/* The five chunks that are in the slot are not written again: a write and a note for each of the other five, and what arming takes. */
	assert_in_range(host.flash.ops - writes, 5 * 2, 5 * 2 + 25);
	assert_arrives(0);
}

static void connection_that_breaks_within_every_chunk_gets_there(void **state)
{
	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = 3000};
	device_offer(&v2);
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	assert_int_equal(host.body_bytes, v2.image.bytes); /* nothing twice */
	assert_int_equal(host.fetches, (v2.image.bytes + 2999) / 3000);
	assert_arrives(0);
}

static void body_that_ends_early_is_fetched_on(void **state)
{
	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_TRUNCATES, .limit = 10000};
	device_offer(&v2);
	fake_host_run(&host, 20);
	assert_int_equal(host.status.error, -OTA_E_TRUNCATED);
	assert_arrives(HOUR_MS);
}

static void missing_file_is_asked_for_again_and_again(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_REFUSES;
	device_offer(&v2);
	assert_waits(-OTA_E_HTTP_STATUS, 10 * HOUR_MS);
	/* Windows up to 5 minutes, on average half of that: about 240 in ten hours; neither a storm nor a silence. */
	assert_in_range(host.fetches, 150, 400);
	host.servers[0].kind = SERVER_GOOD;
	assert_arrives(HOUR_MS);
}

static void waits_are_spread_over_the_whole_window(void **state)
{
	uint64_t waits[200], sum = 0, last;
	unsigned low = 0;

	(void)state;
	host.servers[0].kind = SERVER_REFUSES;
	device_offer(&v2);
	fake_host_run(&host, HOUR_MS); /* the window is at its cap by now */
	for (size_t i = 0; i < COUNT(waits); i++) {
		unsigned fetches = host.fetches;

		last = host.now;
		while (host.fetches == fetches)
			fake_host_run(&host, 1000);
		waits[i] = host.now - last;
		sum += waits[i];
		assert_true(waits[i] <= RETRY_CAP_MS + 2000);
		low += waits[i] < RETRY_CAP_MS / 4;
	}
	assert_in_range(sum / COUNT(waits), RETRY_CAP_MS * 2 / 5, RETRY_CAP_MS * 3 / 5);
	assert_in_range(low, COUNT(waits) / 8, COUNT(waits) * 3 / 8);
}

static void trickling_server_is_left(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_TRICKLES;
	device_offer(&v2);
	assert_waits(-OTA_E_SLOW, 60 * 1000);
	assert_true(host.stops >= 1);
	host.servers[0].kind = SERVER_GOOD;
	assert_arrives(HOUR_MS);
}

/* 1,050 bytes a second are little, but enough. */
static void slow_but_steady_server_is_borne(void **state)
{
	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_TRICKLES, .limit = 1050};
	device_offer(&v2);
	fake_host_run(&host, RATE_WINDOW_MS + 5000);
	assert_int_equal(host.fetches, 1);
	assert_arrives(HOUR_MS);
	assert_int_equal(host.fetches, 1);
}

static void silent_server_is_left_for_the_other(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	host.server_count = 2;
	device_offer(&v2);
	fake_host_run(&host, RATE_WINDOW_MS + 1);
	assert_int_equal(host.status.error, -OTA_E_TIMEOUT);
	assert_arrives(10 * 1000);
	assert_int_equal(host.servers[1].asked, 1);
}

static void answer_from_another_place_is_refused(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_LIES_RANGE;
	device_offer(&v2);
	assert_waits(-OTA_E_HTTP_RANGE, 1000);
	host.servers[0].kind = SERVER_GOOD;
	assert_arrives(HOUR_MS);
}

static void endless_body_is_cut_off_at_the_size_of_the_image(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_ENDLESS;
	device_offer(&v2);
	fake_host_run(&host, 1000);
	assert_true(host.reboot);
	assert_int_equal(host.stops, 1);
	assert_in_range(host.body_bytes, v2.image.bytes, v2.image.bytes + 1500);
	assert_arrives(0);
}

static void wrong_byte_never_reaches_the_slot(void **state)
{
	uint8_t before[FAKE_SLOT_SECTORS][512];

	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_FLIPS, .flip_off = 3};
	memcpy(before, host.flash.now[FAKE_SLOT_B], sizeof(before));
	device_offer(&v2);
	fake_host_run(&host, HOUR_MS);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(host.last_terminal.error, -OTA_E_DIGEST);
	assert_int_equal(host.servers[0].asked, WRONG_MAX_PER_URL);
	assert_memory_equal(host.flash.now[FAKE_SLOT_B], before, sizeof(before));
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_runs(&v1, OTA_SLOT_A);
	assert_int_equal(
		fake_boot_record(&host.boot).failed[0].cause, OTA_CAUSE_NONE); /* the image did nothing wrong */
}

static void wrong_byte_of_one_server_is_mended_by_another(void **state)
{
	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_FLIPS, .flip_off = 30000};
	host.server_count = 2;
	device_offer(&v2);
	assert_arrives(HOUR_MS);
	assert_int_equal(host.servers[0].asked, 1);
	assert_int_equal(host.servers[1].asked, 1);
}

static void wrong_bytes_count_over_power_cuts(void **state)
{
	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_FLIPS, .flip_off = 5000};
	for (int life = 0; life < 2; life++) {
		device_offer(&v2);
		fake_host_run(&host, 10);
		assert_int_equal(host.terminals, 0);
	}
	device_offer(&v2);
	fake_host_run(&host, 10);
	assert_int_equal(host.terminals, 1);
	assert_int_equal(host.last_terminal.error, -OTA_E_DIGEST);
}

static void download_that_takes_days_is_given_up(void **state)
{
	(void)state;
	host.servers[0].kind = SERVER_REFUSES;
	device_offer(&v2);
	fake_host_run(&host, 25 * HOUR_MS);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(host.last_terminal.error, -OTA_E_DEADLINE);
}

static void download_waits_for_the_first_connection_only(void **state)
{
	(void)state;
	device_offer(&v2);
	/* A new start with the job in the journal: not before the broker was reached. */
	assert_true(fake_host_begin(&host));
	ota_on_health(host.ota, true);
	fake_host_run(&host, HOUR_MS);
	assert_int_equal(host.fetches, 0);
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = 12000};
	ota_on_link(host.ota, true);
	fake_host_run(&host, 10);
	assert_int_equal(host.fetches, 1);
	/* The broker goes; the artifact server is another machine. */
	ota_on_link(host.ota, false);
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
}

static void events_of_a_fetch_that_was_dropped_are_ignored(void **state)
{
	const uint8_t junk[100] = {0};

	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	device_offer(&v2);
	fake_host_run(&host, 10);
	assert_int_equal(ota_on_cancel(host.ota, "job-1"), 0);
	ota_on_fetch_start(host.ota, 0);
	ota_on_data(host.ota, junk, sizeof(junk));
	ota_on_fetch_end(host.ota, 0);
	fake_host_run(&host, 10);
	assert_int_equal(host.last_terminal.error, -OTA_E_CANCELLED);
	assert_int_equal(host.last_terminal.net_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(server_without_ranges_is_used_from_the_start),
		DEVICE_TEST(connection_that_breaks_within_every_chunk_gets_there),
		DEVICE_TEST(body_that_ends_early_is_fetched_on),
		DEVICE_TEST(missing_file_is_asked_for_again_and_again),
		DEVICE_TEST(waits_are_spread_over_the_whole_window),
		DEVICE_TEST(trickling_server_is_left),
		DEVICE_TEST(slow_but_steady_server_is_borne),
		DEVICE_TEST(silent_server_is_left_for_the_other),
		DEVICE_TEST(answer_from_another_place_is_refused),
		DEVICE_TEST(endless_body_is_cut_off_at_the_size_of_the_image),
		DEVICE_TEST(wrong_byte_never_reaches_the_slot),
		DEVICE_TEST(wrong_byte_of_one_server_is_mended_by_another),
		DEVICE_TEST(wrong_bytes_count_over_power_cuts),
		DEVICE_TEST(download_that_takes_days_is_given_up),
		DEVICE_TEST(download_waits_for_the_first_connection_only),
		DEVICE_TEST(events_of_a_fetch_that_was_dropped_are_ignored),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
