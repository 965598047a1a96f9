/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs against a real database, without a broker: what would be published is read from the outbox. Time is real; where a job has to be old, its row
 * is made old.
 */
#include "skerryd/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/file.h"
#include "skerry/keychain.h"
#include "skerryd/devices.h"
#include "skerryd/link.h"
#include "skerryd/note.h"
#include "skerryd/store_priv.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER  "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct fixture {
	char dir[64];
	struct skerryd server;
};

static int set_up(void **state)
{
	struct fleet_error error;
	struct fixture *f = calloc(1, sizeof *f);
	struct skerryd *server = &f->server;
	const struct keychain_plan keys = {.roots = 1, .root_threshold = 1};
	char path[80];
	bool added;
	strcpy(f->dir, "/tmp/skerry-jobs-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(path, sizeof path, "%s/fleet.db", f->dir);
	server->settings.prefix = "p";
	server->settings.artifact_url = "https://10.0.2.2:8443/artifacts";
	server->settings.step_timeout_s = 60;
	server->settings.assignment_lifetime_s = 600;
	server->flood.rate = 50;
	server->flood.burst = 200;
	snprintf(server->settings.home.dir, sizeof server->settings.home.dir, "%s", f->dir);
	outbox_init(&server->outbox, "p");
	*state = f;
	const uint8_t bytes[] = {1, 2, 3};
	const struct store_manifest manifest = {
		.bytes = bytes, .len = sizeof bytes, .understood = true, .version = "2.0.0"};
	if (store_open(path, &server->store, &error) < 0 || keychain_init(&server->settings.home, &keys, &error) < 0 ||
		trust_start(server, &error) < 0 || store_manifest_put(server->store, DIGEST, &manifest, 1, &added) < 0)
		return -1;
	return store_device_put(server->store, "dev", "qemu-virt", 1, &added) < 0 ||
	       store_device_put(server->store, "dev2", "qemu-virt", 1, &added) < 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	outbox_clear(&f->server.outbox);
	bell_free(&f->server.bells);
	trust_stop(&f->server.trust);
	store_close(f->server.store);
	file_remove_tree(f->dir);
	free(f);
	return 0;
}

/* ---- speaking ---- */

static void order(struct fixture *f, const char *device, char id[65])
{
	const struct job_order order = {.device = device, .digest = DIGEST};
	assert_int_equal(jobs_create(&f->server, &order, id), JOBS_DONE);
}

/* The only letter in the outbox, taken out: its topic must be p/`tail`. */
static json_t *answer(struct fixture *f, const char *tail)
{
	const struct outbox_letter *letter = f->server.outbox.first;
	char topic[200];
	snprintf(topic, sizeof topic, "p/%s", tail);
	assert_non_null(letter);
	assert_string_equal(letter->topic, topic);
	assert_null(letter->next);
	json_t *body = json_loads(letter->text, 0, NULL);
	assert_non_null(body);
	outbox_clear(&f->server.outbox);
	return body;
}

static json_t *get(struct fixture *f, const char *device)
{
	char tail[128];
	json_t *body = json_pack("{s:s}", "clientToken", "t1");
	assert_int_equal(jobs_on_get(&f->server, device, body), 0);
	json_decref(body);
	snprintf(tail, sizeof tail, "%s/jobs/$next/get/accepted", device);
	body = answer(f, tail);
	assert_string_equal(json_string_value(json_object_get(body, "clientToken")), "t1");
	return body;
}

/* The answer to an update; `verdict` is accepted or rejected. */
static json_t *update(struct fixture *f, const char *job, const char *text, const char *verdict)
{
	char tail[200];
	json_t *body = json_loads(text, 0, NULL);
	assert_int_equal(jobs_on_update(&f->server, "dev", job, body), 0);
	json_decref(body);
	snprintf(tail, sizeof tail, "dev/jobs/%s/update/%s", job, verdict);
	return answer(f, tail);
}

static json_int_t version_of(const json_t *body)
{
	return json_integer_value(json_object_get(json_object_get(body, "executionState"), "versionNumber"));
}

static void expect_accepted(struct fixture *f, const char *job, const char *text, json_int_t version)
{
	json_t *body = update(f, job, text, "accepted");
	assert_int_equal(version_of(body), version);
	json_decref(body);
}

static void expect_rejected(struct fixture *f, const char *job, const char *text, const char *code)
{
	json_t *body = update(f, job, text, "rejected");
	assert_string_equal(json_string_value(json_object_get(body, "code")), code);
	json_decref(body);
}

static enum job_status status_of(struct fixture *f, const char *id)
{
	struct store_job job;
	assert_int_equal(store_job_get(f->server.store, id, &job), 0);
	store_job_free(&job);
	return job.status;
}

static size_t events_of_kind(struct fixture *f, const char *kind)
{
	json_t *rows;
	const json_t *row;
	size_t index, count = 0;
	assert_int_equal(
		store_events_json(f->server.store, &(struct store_event_query){.limit = STORE_ROWS_MAX}, &rows), 0);
	json_array_foreach(rows, index, row)
	{
		count += strcmp(json_string_value(json_object_get(row, "kind")), kind) == 0;
	}
	json_decref(rows);
	return count;
}

/* ---- tests ---- */

static void life(void **state)
{
	struct fixture *f = *state;
	char id[65];
	json_t *body = get(f, "dev");
	assert_null(json_object_get(body, "execution"));
	json_decref(body);
	order(f, "dev", id);
	body = get(f, "dev");
	const json_t *execution = json_object_get(body, "execution"),
		     *document = json_object_get(execution, "jobDocument");
	assert_string_equal(json_string_value(json_object_get(execution, "jobId")), id);
	assert_string_equal(json_string_value(json_object_get(execution, "status")), "QUEUED");
	assert_int_equal(json_integer_value(json_object_get(execution, "versionNumber")), 1);
	assert_string_equal(json_string_value(json_object_get(document, "op")), "install");
	assert_string_equal(json_string_value(json_object_get(document, "manifest")), "AQID");
	assert_string_equal(json_string_value(json_array_get(json_object_get(document, "urls"), 0)),
		"https://10.0.2.2:8443/artifacts/" DIGEST ".fit");
	assert_null(json_object_get(document, "retry"));
	assert_non_null(json_object_get(document, "assignment"));
	json_decref(body);
	body = get(f, "dev2"); /* another's job is not its own */
	assert_null(json_object_get(body, "execution"));
	json_decref(body);
	expect_accepted(f, id,
		"{\"status\":\"IN_PROGRESS\",\"expectedVersion\":1,\"statusDetails\":{\"step\":\"download\"}}", 2);
	expect_accepted(f, id,
		"{\"status\":\"IN_PROGRESS\",\"expectedVersion\":2,\"statusDetails\":{\"step\":\"download\","
		"\"percent\":5}}",
		3);
	expect_accepted(f, id, "{\"status\":\"SUCCEEDED\",\"expectedVersion\":3}", 4);
	body = get(f, "dev");
	assert_null(json_object_get(body, "execution"));
	json_decref(body);
	assert_int_equal(events_of_kind(f, "job-created"), 1);
	assert_int_equal(events_of_kind(f, "job-progress"), 1); /* one step, however many percents */
	assert_int_equal(events_of_kind(f, "job-ended"), 1);
}

static void lost_answers(void **state)
{
	struct fixture *f = *state;
	char id[65];
	order(f, "dev", id);
	expect_accepted(f, id, "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":1}", 2);
	json_t *body = update(f, id, "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":1}", "rejected");
	assert_string_equal(json_string_value(json_object_get(body, "code")), "VersionMismatch");
	assert_int_equal(version_of(body), 2); /* what the device needs to go on */
	json_decref(body);
	expect_accepted(
		f, id, "{\"status\":\"FAILED\",\"expectedVersion\":2,\"statusDetails\":{\"error\":\"E_IO\"}}", 3);
	expect_accepted(
		f, id, "{\"status\":\"FAILED\",\"expectedVersion\":2,\"statusDetails\":{\"error\":\"E_IO\"}}", 3);
	expect_rejected(f, id, "{\"status\":\"SUCCEEDED\",\"expectedVersion\":3}", "TerminalStateReached");
	assert_int_equal(status_of(f, id), JOB_FAILED);
	assert_int_equal(events_of_kind(f, "job-ended"), 1);
	assert_int_equal(events_of_kind(f, "job-late"), 1);
}

static void refusals(void **state)
{
	struct fixture *f = *state;
	char id[65], second[65], other[65];
	order(f, "dev", id);
	order(f, "dev2", other);
	expect_rejected(f, "no-such", "{\"status\":\"FAILED\"}", "ResourceNotFound");
	expect_rejected(f, other, "{\"status\":\"FAILED\"}", "ResourceNotFound");
	expect_rejected(f, id, "{", "InvalidJson");
	expect_rejected(f, id, "{\"status\":\"DONE\"}", "InvalidRequest");
	expect_rejected(f, id, "{\"status\":\"CANCELED\",\"expectedVersion\":1}", "InvalidStateTransition");
	expect_rejected(f, id, "{\"status\":\"QUEUED\"}", "InvalidStateTransition");
	assert_int_equal(status_of(f, id), JOB_QUEUED);
	assert_int_equal(status_of(f, other), JOB_QUEUED);
	const struct job_order again = {.device = "dev", .digest = DIGEST}, nobody = {.device = "x", .digest = DIGEST},
			       nothing = {.device = "dev", .digest = OTHER};
	assert_int_equal(jobs_create(&f->server, &again, second), JOBS_BUSY);
	assert_string_equal(second, id);
	assert_int_equal(jobs_create(&f->server, &nobody, second), JOBS_NO_DEVICE);
	assert_int_equal(jobs_create(&f->server, &nothing, second), JOBS_NO_IMAGE);
}

static void canceled(void **state)
{
	struct fixture *f = *state;
	char id[65];
	order(f, "dev", id);
	bell_stop(&f->server.bells, "dev");
	assert_int_equal(jobs_cancel(&f->server, id), JOBS_DONE);
	assert_string_equal(bell_due(&f->server.bells, note_now_ms()), "dev"); /* it is told */
	assert_int_equal(jobs_cancel(&f->server, id), JOBS_ENDED);
	assert_int_equal(jobs_cancel(&f->server, "no-such"), JOBS_NONE);
	expect_rejected(f, id, "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":1}", "TerminalStateReached");
	assert_int_equal(status_of(f, id), JOB_CANCELED);
}

static void make_old(struct fixture *f, const char *id, int64_t seconds)
{
	struct store_job job;
	assert_int_equal(store_job_get(f->server.store, id, &job), 0);
	job.updated_at -= seconds;
	assert_int_equal(store_job_put(f->server.store, &job), 0);
	store_job_free(&job);
}

static void timed_out(void **state)
{
	struct fixture *f = *state;
	char id[65];
	order(f, "dev", id);
	f->server.broker_since = note_now() - 1000;
	make_old(f, id, 500);
	jobs_tick(&f->server);
	assert_int_equal(status_of(f, id), JOB_QUEUED); /* a device may be away as long as it likes */
	expect_accepted(f, id, "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":1}", 2);
	make_old(f, id, 30);
	jobs_tick(&f->server);
	assert_int_equal(status_of(f, id), JOB_IN_PROGRESS);
	make_old(f, id, 500);
	f->server.broker_since = note_now() - 10; /* the broker has just come back: the device could not speak */
	jobs_tick(&f->server);
	assert_int_equal(status_of(f, id), JOB_IN_PROGRESS);
	f->server.broker_since = 0;
	jobs_tick(&f->server);
	assert_int_equal(status_of(f, id), JOB_IN_PROGRESS);
	f->server.broker_since = note_now() - 1000;
	jobs_tick(&f->server);
	assert_int_equal(status_of(f, id), JOB_TIMED_OUT);
	expect_rejected(f, id, "{\"status\":\"SUCCEEDED\",\"expectedVersion\":2}", "TerminalStateReached");
	assert_int_equal(events_of_kind(f, "job-late"), 1);
}

static void truth(void **state)
{
	struct fixture *f = *state;
	char id[65];
	json_t *device;
	struct store_report report = {.digest = DIGEST};
	json_t *body = json_object();
	order(f, "dev", id);
	expect_accepted(f, id, "{\"status\":\"SUCCEEDED\",\"expectedVersion\":1}", 2);
	assert_int_equal(devices_on_report(&f->server, "dev", body, &report), 0);
	assert_int_equal(events_of_kind(f, "mismatch"), 0);
	report.digest = OTHER;
	assert_int_equal(devices_on_report(&f->server, "dev", body, &report), 0);
	assert_int_equal(devices_on_report(&f->server, "dev", body, &report), 0);
	assert_int_equal(events_of_kind(f, "mismatch"), 1); /* once, not with each report */
	assert_int_equal(devices_json(&f->server, "dev", &device), 0);
	const json_t *mismatch = json_object_get(device, "mismatch");
	assert_string_equal(json_string_value(json_object_get(mismatch, "jobId")), id);
	assert_string_equal(json_string_value(json_object_get(mismatch, "reported")), OTHER);
	json_decref(device);
	report.digest = DIGEST;
	assert_int_equal(devices_on_report(&f->server, "dev", body, &report), 0);
	assert_int_equal(devices_json(&f->server, "dev", &device), 0);
	assert_null(json_object_get(device, "mismatch"));
	json_decref(device);
	json_decref(body);
}

static void presence(void **state)
{
	struct fixture *f = *state;
	struct store_device device;
	struct message_presence online = {.online = true, .boot = 7}, stale = {.online = false, .boot = 6},
				gone = {.online = false, .boot = 7};
	char id[65];
	order(f, "dev", id);
	bell_stop(&f->server.bells, "dev");
	f->server.round = 1;
	assert_int_equal(devices_on_presence(&f->server, "dev", &online, false), 0);
	assert_string_equal(bell_due(&f->server.bells, note_now_ms()), "dev"); /* its job waits */
	assert_int_equal(devices_on_presence(&f->server, "dev", &stale, false), 0);
	assert_int_equal(store_device_get(f->server.store, "dev", &device), 0);
	assert_true(device.online); /* the will of the start before came late */
	assert_int_equal(devices_on_presence(&f->server, "dev", &gone, false), 0);
	assert_int_equal(store_device_get(f->server.store, "dev", &device), 0);
	assert_false(device.online);
	assert_int_equal(devices_on_presence(&f->server, "dev", &online, false), 0);
	f->server.round = 2; /* a new connection to the broker, which does not know the device */
	devices_settle_presence(&f->server);
	assert_int_equal(store_device_get(f->server.store, "dev", &device), 0);
	assert_false(device.online);
}

static void repeated_lines(void **state)
{
	struct fixture *f = *state;
	json_t *body = json_loads("{\"first\":0,\"lines\":[\"a\",\"b\"]}", 0, NULL), *rows;
	struct message_log log;
	struct message_presence boot = {.online = true, .boot = 1};
	assert_true(message_log(body, &log));
	assert_int_equal(devices_on_presence(&f->server, "dev", &boot, false), 0);
	assert_int_equal(devices_on_log(&f->server, "dev", &log), 0);
	assert_int_equal(devices_on_log(&f->server, "dev", &log), 0); /* sent again */
	log.first = 1;
	assert_int_equal(devices_on_log(&f->server, "dev", &log), 0); /* overlaps by one */
	assert_int_equal(store_logs_json(f->server.store, "dev", 0, &rows), 0);
	assert_int_equal(json_array_size(rows), 3);
	json_decref(rows);
	boot.boot = 2; /* counts anew */
	log.first = 0;
	assert_int_equal(devices_on_presence(&f->server, "dev", &boot, false), 0);
	assert_int_equal(devices_on_log(&f->server, "dev", &log), 0);
	assert_int_equal(store_logs_json(f->server.store, "dev", 0, &rows), 0);
	assert_int_equal(json_array_size(rows), 5);
	json_decref(rows);
	json_decref(body);
}

/* ---- the doorbell and the throttle: plain clocks ---- */

static void doorbell(void **state)
{
	struct bells bells = {0};
	(void)state;
	bell_start(&bells, "a", 1000);
	assert_string_equal(bell_due(&bells, 1000), "a");
	assert_null(bell_due(&bells, 2999));
	assert_string_equal(bell_due(&bells, 3000), "a");
	assert_null(bell_due(&bells, 6999));
	int64_t now = 7000, rings = 0;
	for (; now < 7000 + 3600000; now += 1000)
		rings += bell_due(&bells, now) != NULL;
	assert_in_range(rings, 12, 25); /* slows down to one in five minutes, never stops */
	bell_start(&bells, "a", now);   /* something new: at once again */
	assert_string_equal(bell_due(&bells, now), "a");
	bell_start(&bells, "b", now);
	bell_stop(&bells, "a");
	assert_string_equal(bell_due(&bells, now + 10000), "b");
	assert_null(bell_due(&bells, now + 10000));
	bell_free(&bells);
}

/* The order of their times, also when some in between stop. */
static void many_bells(void **state)
{
	enum { COUNT = 5000 };
	struct bells bells = {0};
	char name[16];
	int rang = 0;
	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "d%d", i * 7919 % COUNT);
		bell_start(&bells, name, 1000 + i * 7919 % COUNT);
	}
	for (int i = 0; i < COUNT; i += 2) {
		snprintf(name, sizeof name, "d%d", i);
		bell_stop(&bells, name);
		bell_stop(&bells, name);
	}
	bell_start(&bells, "d4999", 999); /* the last one again, and first now */
	assert_string_equal(bell_due(&bells, 999), "d4999");
	bell_stop(&bells, "d4999");
	for (int64_t now = 1000; now < 1000 + COUNT - 1; now++) {
		const char *device = bell_due(&bells, now);
		snprintf(name, sizeof name, "d%d", (int)now - 1000);
		if (now % 2 == 0) {
			assert_null(device);
			continue;
		}
		assert_string_equal(device, name);
		bell_stop(&bells, name);
		rang++;
	}
	assert_int_equal(rang, COUNT / 2 - 1);
	bell_free(&bells);
}

/* ---- many messages in one group ---- */

static void put_presence(struct inbox *inbox, const char *device)
{
	static const char body[] = "{\"online\":true,\"boot\":3}";
	char topic[64];
	snprintf(topic, sizeof topic, "p/%s/presence", device);
	inbox_put(inbox,
		&(struct inbox_letter){.kind = INBOX_MESSAGE, .topic = topic, .payload = body, .len = sizeof body - 1});
}

static bool is_online(const struct fixture *f, const char *device)
{
	struct store_device row;
	assert_int_equal(store_device_get(f->server.store, device, &row), 0);
	return row.online;
}

/* One whose row the database refuses takes nobody with it. */
static void batch(void **state)
{
	struct fixture *f = *state;
	struct fleet_error error;
	struct inbox *inbox;
	bool added;
	assert_int_equal(store_device_put(f->server.store, "dev3", "qemu-virt", 1, &added), 0);
	assert_int_equal(inbox_open(&inbox, &error), 0);
	assert_int_equal(store_run(f->server.store,
				 "CREATE TRIGGER refuse BEFORE UPDATE OF online ON devices WHEN old.id = 'dev2'"
				 " BEGIN SELECT raise(ABORT, 'no'); END",
				 ""),
		0);
	put_presence(inbox, "dev");
	put_presence(inbox, "dev2");
	put_presence(inbox, "dev3");
	link_take_all(&f->server, inbox);
	assert_true(is_online(f, "dev"));
	assert_false(is_online(f, "dev2"));
	assert_true(is_online(f, "dev3"));
	assert_null(inbox_take(inbox));
	inbox_free(inbox);
}

/* Of `count` messages at `now_ms` so many are taken. */
static unsigned taken(struct flood *flood, const char *device, unsigned count, int64_t now_ms)
{
	unsigned took = 0;
	for (unsigned i = 0; i < count; i++)
		took += flood_check(flood, device, now_ms) == FLOOD_TAKE;
	return took;
}

static void flooded(void **state)
{
	static struct flood flood = {.rate = 50, .burst = 200};
	char name[16];
	unsigned took = 0;
	(void)state;
	assert_int_equal(taken(&flood, "evil", 200, 5000), 200);
	assert_int_equal(flood_check(&flood, "evil", 5000), FLOOD_DROP_AND_TELL);
	assert_int_equal(flood_check(&flood, "evil", 5010), FLOOD_DROP);
	assert_int_equal(taken(&flood, "good", 1, 5010), 1);
	assert_int_equal(taken(&flood, "evil", 1000, 6000), 50);
	assert_int_equal(taken(&flood, "evil", 1000, 100000), 200);
	assert_int_equal(flood_check(&flood, "evil", 100001), FLOOD_DROP);
	assert_int_equal(taken(&flood, "evil", 200, 5000 + FLOOD_PAUSE_MS), 200);
	assert_int_equal(flood_check(&flood, "evil", 5001 + FLOOD_PAUSE_MS), FLOOD_DROP_AND_TELL);
	/* Ten thousand others do not make it forgotten. */
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof name, "dev-%d", i);
		assert_int_equal(taken(&flood, name, 1, 9000000 + i), 1);
		took += taken(&flood, "evil", 1, 9000000 + i);
	}
	assert_in_range(took, 500, 200 + 500);
}

static void throttled(void **state)
{
	struct throttle throttle = {0};
	char name[16];
	unsigned passed = 0;
	(void)state;
	assert_true(throttle_pass(&throttle, 'm', "a", 5000));
	assert_false(throttle_pass(&throttle, 'm', "a", 5001));
	assert_true(throttle_pass(&throttle, 'u', "a", 5002));
	assert_false(throttle_pass(&throttle, 'm', "a", 64999));
	assert_true(throttle_pass(&throttle, 'm', "a", 65000));
	for (int i = 0; i < 1000; i++) { /* a flood of names within one second */
		snprintf(name, sizeof name, "n%d", i);
		passed += throttle_pass(&throttle, 'm', name, 100000);
	}
	assert_in_range(passed, 1, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lost_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(canceled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(timed_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(truth, set_up, tear_down),
		cmocka_unit_test_setup_teardown(presence, set_up, tear_down),
		cmocka_unit_test_setup_teardown(repeated_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(batch, set_up, tear_down),
		cmocka_unit_test(doorbell),
		cmocka_unit_test(many_bells),
		cmocka_unit_test(flooded),
		cmocka_unit_test(throttled),
	};
	return cmocka_run_group_tests_name("fleet/jobs", tests, NULL, NULL);
}
