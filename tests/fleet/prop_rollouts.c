/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skerryd's rollouts against a real database, over random fleets and histories in simulated time: what devices say goes through jobs.c and devices.c,
 * what operators do through rollouts.c, and at random writes to the files the process is killed, or goes on although the disk failed. After each group the promises of
 * fleet/ROLLOUTS.md are checked in the database, and that what is in memory is what is there.
 *
 * Usage: prop_rollouts [fleets [seed]]         prints `fleets: N run, … M failed`
 *        prop_rollouts --every-write [kills [seed]]    histories, each killed at its 1st, 2nd, 3rd … write; prints `writes: N kills …, M failed`.
 *                                              Without a number: 1000 with SKERRY_TEST_LONG, else KILLS_SAMPLED at some writes of new histories.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "killable_vfs.h"
#include "prop_description.h"
#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/devices.h"
#include "skerryd/jobs.h"
#include "skerryd/rollouts_priv.h"
#include "skerryd/store_priv.h"

enum {
	DEVICES_MAX = 12,
	TURNS_MAX = 3000,
	FLEETS_DEFAULT = 100,
	KILLS_SAMPLED = 60,
	KILLS_PER_HISTORY = 6,
	KILLS_LONG = 1000 /* SKERRY_TEST_LONG */,
	MINUTE = 60 * 1000
};

#define NEW    "aa112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BEFORE "bb112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum nature { GOOD, BAD, REFUSES, HANGS, FLAKY, FICKLE, NATURES };

struct device {
	char id[16];
	enum nature nature;
	bool online, on_server_online, runs_new, untold, fickle_done;
	bool holds, can_hold; /* its job waits for a release; its agent knows how to */
	char job[65];         /* that it has taken */
	char end[16];         /* how it ended, still to be told */
	int boot;
};

struct world {
	struct skerryd server;
	char dir[64], path[80], rollout[33];
	struct device devices[DEVICES_MAX];
	uint32_t device_count, retries, operator_retries;
	uint64_t random;
	bool kills, quiet_kill;
	const char *problem;
	struct rollout_description description;
	/* Before the group. */
	enum rollout_state state_before;
	int64_t jobs_before;
	bool checked;
	int changes;
	struct rollout rollout_before;
};

static const struct principal ann = {.role = ROLE_ADMIN, .name = "ann"}, bob = {.role = ROLE_ADMIN, .name = "bob"};

static uint32_t draw(struct world *w, uint32_t below)
{
	return prop_draw(&w->random, below);
}

static void must(struct world *w, bool truth, const char *what)
{
	if (!truth && !w->problem)
		w->problem = what;
}

/* ---- the process ---- */

/* An empty database, made once: its tables are the same for all. */
static struct file_bytes empty;

static bool make_empty(void)
{
	char dir[] = "/tmp/skerry-rollouts-XXXXXX", path[80];
	struct store *store;
	struct fleet_error error;
	if (!mkdtemp(dir))
		return false;
	snprintf(path, sizeof path, "%s/fleet.db", dir);
	bool good = store_open(path, &store, &error) == 0;
	if (good)
		store_close(store);
	good = good && file_read(path, 1 << 24, &empty, &error) == 0;
	file_remove_tree(dir);
	return good;
}

static bool copy_empty(const char *path)
{
	FILE *file = fopen(path, "wb");
	bool good = file && fwrite(empty.data, 1, empty.len, file) == empty.len;
	return file && fclose(file) == 0 && good;
}

static bool boot(struct world *w)
{
	struct fleet_error error;
	struct skerryd *server = &w->server;
	if (store_open(w->path, &server->store, &error) < 0 || rollouts_start(server) < 0) {
		must(w, killable_is_dead(), "a database that cannot be opened again");
		return false;
	}
	return true;
}

static void end_process(struct world *w)
{
	outbox_clear(&w->server.outbox);
	bell_free(&w->server.bells);
	w->server.bells = (struct bells){0};
	rollouts_stop(&w->server);
	w->checked = false;
	store_close(w->server.store);
	w->server.store = NULL;
}

static uint64_t killed, failed_writes, releases;

/* It was killed: what it remembered is gone, and those who got no answer say it again. */
static void restart(struct world *w)
{
	do {
		killed++;
		end_process(w);
		killable_revive();
	} while (!boot(w) && !w->problem);
	for (uint32_t d = 0; d < w->device_count; d++)
		w->devices[d].untold = true;
}

/* The disk failed. Either that was the end of the process; or it goes on, and what was undone must not stay in its memory. */
static void recover(struct world *w)
{
	if (!w->kills || draw(w, 2)) {
		restart(w);
		return;
	}
	failed_writes++;
	killable_revive();
	for (uint32_t d = 0; d < w->device_count; d++)
		w->devices[d].untold = true;
}

/* One number from the database. */
static int64_t number(struct world *w, const char *sql, const char *text)
{
	sqlite3_stmt *stmt;
	int64_t value;
	if (store_find(w->server.store, &stmt, sql, "s", text) != 0) {
		must(w, killable_is_dead(), "a question that the database does not answer");
		return 0;
	}
	value = sqlite3_column_int64(stmt, 0);
	store_done(w->server.store, stmt);
	return value;
}

/* ---- the promises ---- */

static void check_memory(struct world *w, const struct open_rollout *there)
{
	const struct open_rollout *here = rollout_find(&w->server, w->rollout);
	if (!here)
		return;
	must(w, here->row.state == there->row.state && here->row.version_number == there->row.version_number,
		"a state in memory that is not in the database");
	for (uint32_t i = 0; i < there->description->spec.wave_count; i++) {
		const struct rollout_wave *a = &here->rollout.waves[i], *b = &there->rollout.waves[i];
		must(w, memcmp(a->count, b->count, sizeof a->count) == 0 && a->offline == b->offline,
			"counts in memory that are not in the database");
		must(w,
			a->state == b->state && a->satisfied_ms == b->satisfied_ms &&
				memcmp(&a->bucket, &b->bucket, sizeof a->bucket) == 0 &&
				memcmp(a->forgiven, b->forgiven, sizeof a->forgiven) == 0,
			"a wave in memory that is not in the database");
	}
}

static void check_waves(struct world *w, const struct open_rollout *r)
{
	for (uint32_t i = 0; i < r->description->spec.wave_count; i++) {
		const struct rollout_wave *wave = &r->rollout.waves[i];
		must(w, rollout_in_flight(wave) <= r->description->spec.waves[i].max_in_flight, "too many in flight");
		must(w, wave->state != WAVE_WAITING || wave->bucket.starts == 0, "a start before the gate");
		must(w, i == 0 || wave->state == WAVE_WAITING || r->rollout.waves[i - 1].state == WAVE_PASSED,
			"a wave that is open before its time");
	}
}

/* What the database says of the rollout ?1, in one question: a statement costs more than its answer. */
enum { STARTED, QUEUED, NOBODYS, WITHOUT_JOB, FALSE_SUCCESS, MOST_TRIES, ANSWERS };

/* A job that was made and taken back in one group, by a stop that came of the same event, was no start; nor is a try begun that was taken back. */
#define BEGUN "(started_at IS NOT NULL OR status <> 'CANCELED')"

static const char questions[] =
	"SELECT (SELECT count(*) FROM jobs WHERE rollout = ?1 AND " BEGUN "),"
	" (SELECT count(*) FROM jobs WHERE rollout = ?1 AND status = 'QUEUED'),"
	" (SELECT count(*) FROM jobs j WHERE j.rollout = ?1 AND j.status IN ('QUEUED', 'IN_PROGRESS') AND NOT EXISTS"
	"  (SELECT 1 FROM rollout_targets t WHERE t.rollout = j.rollout AND t.device = j.device AND t.job = j.id)),"
	" (SELECT count(*) FROM rollout_targets t WHERE t.rollout = ?1 AND t.state = 'offered' AND NOT EXISTS"
	"  (SELECT 1 FROM jobs j WHERE j.id = t.job AND j.status = 'QUEUED')),"
	" (SELECT count(*) FROM rollout_targets t JOIN devices d ON d.id = t.device WHERE t.rollout = ?1"
	"  AND t.state = 'succeeded' AND d.digest <> '" NEW "'),"
	" (SELECT max(tries) FROM (SELECT count(*) AS tries FROM jobs WHERE digest = '" NEW "' AND " BEGUN
	"  GROUP BY device))";

static bool ask_all(struct world *w, int64_t answers[ANSWERS])
{
	sqlite3_stmt *stmt;
	if (store_find(w->server.store, &stmt, questions, "s", w->rollout) != 0) {
		must(w, killable_is_dead(), "questions that the database does not answer");
		return false;
	}
	for (int i = 0; i < ANSWERS; i++)
		answers[i] = sqlite3_column_int64(stmt, i);
	store_done(w->server.store, stmt);
	return true;
}

static void check_jobs(struct world *w, const struct open_rollout *r)
{
	int64_t found[ANSWERS];
	bool runs = r->row.state == ROLLOUT_RUNNING || r->row.state == ROLLOUT_REVERTING;
	bool ran = w->state_before == ROLLOUT_RUNNING || w->state_before == ROLLOUT_REVERTING;
	if (!ask_all(w, found))
		return;
	must(w, found[STARTED] <= w->jobs_before || runs || ran, "a start in a rollout that does not run");
	must(w, runs || found[QUEUED] == 0, "a queued job after the stop");
	must(w, found[NOBODYS] == 0, "an open job that no device of the rollout has");
	must(w, found[WITHOUT_JOB] == 0, "an offered device without a queued job");
	must(w, found[FALSE_SUCCESS] == 0, "success of a device that does not run the image");
	must(w, found[MOST_TRIES] <= 1 + w->retries + w->operator_retries, "more tries than allowed");
	w->jobs_before = found[STARTED];
}

/* Neither in the database nor in memory. */
static bool is_as_before(struct world *w)
{
	const struct open_rollout *here = rollout_find(&w->server, w->rollout);
	int changes = sqlite3_total_changes(w->server.store->db);
	bool same = w->checked && w->changes == changes && here &&
		    memcmp(&w->rollout_before, &here->rollout, sizeof here->rollout) == 0;
	w->checked = here;
	w->changes = changes;
	if (here)
		w->rollout_before = here->rollout;
	return same;
}

static void check(struct world *w)
{
	struct open_rollout *r;
	if (!*w->rollout || w->problem || killable_is_dead() || is_as_before(w))
		return;
	if (rollout_load(&w->server, w->rollout, &r) != 0) {
		must(w, killable_is_dead(), "a rollout that cannot be read");
		return;
	}
	check_memory(w, r);
	check_waves(w, r);
	check_jobs(w, r);
	w->state_before = r->row.state;
	rollout_free(r);
}

/* ---- groups ---- */

/* End the group; false: nothing of it happened, or nobody knows. */
static bool end_group(struct world *w, int rc)
{
	bool kept = false;
	if (rc < 0)
		skerryd_rollback(&w->server);
	else
		kept = skerryd_commit(&w->server) == 0;
	if (killable_is_dead())
		recover(w);
	else
		must(w, kept, "a group that fails although nobody was killed");
	check(w);
	return kept;
}

static bool begin(struct world *w)
{
	if (w->kills && !killable_is_dead() && draw(w, 60) == 0)
		killable_arm(1 + draw(w, 12));
	if (skerryd_begin(&w->server, STORE_KEPT_ON_KILL) == 0)
		return true;
	recover(w);
	check(w);
	return false;
}

/* ---- devices ---- */

static bool say_presence(struct world *w, struct device *device)
{
	const struct message_presence presence = {.online = device->online, .boot = device->boot};
	if (!begin(w) || !end_group(w, devices_on_presence(&w->server, device->id, &presence, false)))
		return false;
	device->on_server_online = device->online;
	return true;
}

static bool say_report(struct world *w, struct device *device)
{
	struct store_report report = {.digest = device->runs_new ? NEW : BEFORE, .mode = "normal"};
	if (!begin(w))
		return false;
	json_t *body = json_pack("{s:b}", "holds", device->can_hold);
	int rc = devices_on_report(&w->server, device->id, body, &report);
	json_decref(body);
	return end_group(w, rc);
}

static bool say_update(struct world *w, struct device *device, const char *status, const char *step)
{
	if (!begin(w))
		return false;
	json_t *body = json_pack("{s:s, s:{s:s}}", "status", status, "statusDetails", "step", step);
	int rc = jobs_on_update(&w->server, device->id, device->job, body);
	json_decref(body);
	return end_group(w, rc);
}

/* What is said of its reset, if it asks now: only in its window, and while the rollout runs. */
static bool read_word(struct world *w, const struct store_job *job, const char **word)
{
	const struct open_rollout *r = NULL;
	int64_t at_ms = 0;
	if (rollouts_reset_word(&w->server, job, word) < 0) {
		must(w, killable_is_dead(), "a question that is not answered");
		return false;
	}
	if (!*word || strcmp(*word, "now") != 0)
		return true;
	r = rollout_find(&w->server, w->rollout);
	must(w, r && r->rollout.state == ROLLOUT_RUNNING, "a release in a rollout that does not run");
	must(w, r && rollout_window_flash(&w->server, r, job->device, &at_ms) == 0 && at_ms <= w->server.now_ms,
		"a release outside of the window");
	return true;
}

/* The job that it would be given; "" none. */
static void ask(struct world *w, struct device *device)
{
	const char *word;
	struct store_job job;
	if (!begin(w) || !end_group(w, rollouts_on_get(&w->server, device->id)))
		return;
	if (store_job_next(w->server.store, device->id, &job) != 0)
		return;
	if (read_word(w, &job, &word)) {
		memcpy(device->job, job.id, sizeof device->job);
		snprintf(device->end, sizeof device->end, "%s", "IN_PROGRESS");
		device->holds = device->can_hold && word;
	}
	store_job_free(&job);
}

static bool job_is_for_new(struct world *w, const char *id)
{
	struct store_job job;
	bool is_new = false;
	if (store_job_get(w->server.store, id, &job) == 0) {
		is_new = strcmp(job.digest, NEW) == 0;
		store_job_free(&job);
	}
	return is_new;
}

/* It says that it holds, now and then, and asks. A job that was withdrawn it forgets. */
static void hold(struct world *w, struct device *device)
{
	const char *word;
	struct store_job job;
	if (draw(w, 3) && !say_update(w, device, "IN_PROGRESS", draw(w, 10) ? "hold" : "download"))
		return;
	if (!begin(w) || !end_group(w, rollouts_on_get(&w->server, device->id)))
		return;
	if (store_job_next(w->server.store, device->id, &job) != 0) {
		device->job[0] = 0;
		return;
	}
	if (strcmp(job.id, device->job) != 0)
		device->job[0] = 0;
	else if (read_word(w, &job, &word) && word && strcmp(word, "now") == 0) {
		device->holds = false;
		releases++;
	}
	store_job_free(&job);
}

/* The device carries its job to an end. */
static void work(struct world *w, struct device *device)
{
	enum nature nature = device->nature;
	bool is_new = job_is_for_new(w, device->job);
	if (nature == FLAKY)
		nature = draw(w, 2) ? GOOD : BAD;
	if (nature == HANGS)
		return;
	if (nature == GOOD || nature == FICKLE || (!is_new && nature == REFUSES)) {
		device->runs_new = is_new;
		device->untold = true;
	}
	snprintf(device->end, sizeof device->end, "%s",
		nature == BAD                 ? "FAILED"
		: nature == REFUSES && is_new ? "REJECTED"
					      : "SUCCEEDED");
}

static void tell(struct world *w, struct device *device)
{
	bool begun = strcmp(device->end, "IN_PROGRESS") == 0;
	struct store_job job;
	/* Lost with a broker that died: it goes on all the same, and its report is the first that is heard of it. */
	bool lost = begun && draw(w, 8) == 0;
	if (!lost && !say_update(w, device, device->end, "download"))
		return;
	device->end[0] = 0;
	/* Refused: it is over, there is nothing more to tell. */
	if (store_job_get(w->server.store, device->job, &job) != 0)
		return;
	if (!begun || !job_is_open(job.status))
		device->job[0] = 0;
	store_job_free(&job);
}

static void act(struct world *w, struct device *device, bool calm)
{
	if (draw(w, calm ? 4 : 25) == 0 && (!calm || !device->online)) {
		device->online = !device->online;
		device->boot += device->online;
	}
	if (device->online != device->on_server_online && !say_presence(w, device))
		return;
	if (!device->online)
		return;
	if (device->untold) {
		device->untold = !say_report(w, device);
	} else if (*device->end) {
		tell(w, device);
	} else if (*device->job && device->holds) {
		hold(w, device);
	} else if (*device->job) {
		work(w, device);
		if (device->nature == HANGS && draw(w, 5) == 0)
			device->job[0] = 0; /* reset, and it knows nothing of it */
	} else if (device->nature == FICKLE && device->runs_new && !device->fickle_done) {
		device->fickle_done = true; /* flashed by hand, say */
		device->runs_new = false;
		device->untold = true;
	} else {
		ask(w, device);
	}
}

/* ---- operators ---- */

static void do_verb(struct world *w, enum rollouts_verb verb)
{
	struct fleet_error error;
	if (!begin(w))
		return;
	enum rollouts_outcome outcome = rollouts_do(&w->server, &ann, verb, w->rollout, &error);
	if (outcome == ROLLOUTS_DONE || outcome == ROLLOUTS_FAILED) {
		/* Before it is known whether it holds: one try too many is allowed, not one too few. */
		w->operator_retries += verb == VERB_RETRY;
		end_group(w, outcome == ROLLOUTS_FAILED ? -1 : 0);
	} else {
		skerryd_abandon(&w->server);
	}
}

static void operate(struct world *w)
{
	if (w->state_before == ROLLOUT_PAUSED && draw(w, 3))
		do_verb(w, VERB_RESUME);
	else if (draw(w, 20) == 0)
		do_verb(w, VERB_RETRY);
	else if (draw(w, 60) == 0)
		do_verb(w, VERB_PAUSE);
	else if (draw(w, 150) == 0)
		do_verb(w, draw(w, 2) ? VERB_ABORT : VERB_ROLLBACK);
}

/* ---- a fleet ---- */

static bool add_image(struct world *w, const char *digest)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct store_manifest manifest = {
		.bytes = bytes, .len = sizeof bytes, .understood = true, .app = "sensor", .version = "2.0.0"};
	bool added;
	text_vendor_id("example.com", manifest.vendor_id);
	text_class_id(manifest.vendor_id, "qemu-virt", manifest.class_id);
	return store_manifest_put(w->server.store, digest, &manifest, 1, &added) == 0;
}

static bool set_up(struct world *w)
{
	bool added, good = true;
	uint32_t bad_percent = draw(w, 60);
	w->server.settings.prefix = "p";
	w->server.settings.artifact_url = "https://10.0.2.2:8443/artifacts";
	w->server.settings.downloads_max = draw(w, 4); /* 0: no bound */
	w->server.now_ms = 1700000000000;
	outbox_init(&w->server.outbox, "p");
	snprintf(w->path, sizeof w->path, "%s/fleet.db", w->dir);
	if (!copy_empty(w->path) || !boot(w) || store_begin(w->server.store, STORE_KEPT_ON_KILL) < 0)
		return false;
	good = add_image(w, NEW) && (draw(w, 4) == 0 || add_image(w, BEFORE));
	w->device_count = 1 + draw(w, DEVICES_MAX);
	for (uint32_t d = 0; good && d < w->device_count; d++) {
		struct device *device = &w->devices[d];
		snprintf(device->id, sizeof device->id, "dev-%u", d);
		device->nature = draw(w, 100) < bad_percent ? (enum nature)draw(w, NATURES) : GOOD;
		device->online = draw(w, 10) > 0;
		device->untold = true;
		device->runs_new = draw(w, 30) == 0;
		device->can_hold = draw(w, 5) > 0;
		good = store_device_put(w->server.store, device->id, "qemu-virt", 1, &added) == 0;
	}
	return good && store_commit(w->server.store) == 0;
}

static bool make_rollout(struct world *w)
{
	struct fleet_error error;
	json_t *json = prop_description(&w->random, NEW, &w->retries);
	bool good = rollout_spec_parse(json, &w->description, &error) == 0;
	json_decref(json);
	if (!good || skerryd_begin(&w->server, STORE_KEPT_ON_KILL) < 0)
		return false;
	if (rollouts_create(&w->server, &bob, &w->description, w->rollout, &error) == ROLLOUTS_DONE)
		return skerryd_commit(&w->server) == 0;
	skerryd_rollback(&w->server);
	return false;
}

/* ---- a history ---- */

static void turn(struct world *w, int n)
{
	bool calm = n > TURNS_MAX / 3;
	w->server.now_ms += draw(w, 2) ? 0 : draw(w, calm ? 60 * 1000 : 20 * 1000);
	act(w, &w->devices[draw(w, w->device_count)], calm);
	if (w->kills && draw(w, 60) == 0)
		killable_arm(1 + draw(w, 12));
	rollouts_turn(&w->server);
	if (killable_is_dead())
		recover(w);
	check(w);
	if (draw(w, calm ? 3 : 12) == 0)
		operate(w);
}

static void check_end(struct world *w)
{
	must(w, rollout_state_is_over(w->state_before), "a rollout that does not end");
	must(w,
		number(w,
			"SELECT count(*) FROM rollout_targets WHERE rollout = ? AND state IN ('pending', 'offered', "
			"'active', 'held', 'revert', "
			"'reverting')",
			w->rollout) == 0,
		"a device without a final state");
	must(w, number(w, "SELECT count(*) FROM jobs WHERE rollout = ? AND status = 'QUEUED'", w->rollout) == 0,
		"a queued job of a rollout that is over");
}

static void history(struct world *w, uint64_t seed)
{
	w->random = seed * 0x9e3779b97f4a7c15u | 1;
	strcpy(w->dir, "/tmp/skerry-rollouts-XXXXXX");
	if (!mkdtemp(w->dir) || !set_up(w) || !make_rollout(w)) {
		must(w, false, "a fleet that cannot be made");
		return;
	}
	if (w->quiet_kill)
		return;
	for (int n = 0; n < TURNS_MAX && !w->problem && !rollout_state_is_over(w->state_before); n++) {
		if (w->state_before == ROLLOUT_DRAFT)
			do_verb(w, VERB_START);
		turn(w, n);
	}
	check_end(w);
}

static void clean(struct world *w)
{
	end_process(w);
	file_remove_tree(w->dir);
}

static bool run(uint64_t seed, uint64_t kill_at, bool kills, uint64_t *writes)
{
	struct world *w = calloc(1, sizeof *w);
	uint64_t first;
	if (!w)
		return false;
	w->kills = kills;
	killable_revive();
	first = killable_writes();
	/* The fleet itself is made in peace: what is asked is how its rollout goes on. */
	if (kill_at) {
		w->quiet_kill = true;
		history(w, seed);
		w->quiet_kill = false;
		first = killable_writes();
		killable_arm(kill_at);
		for (int n = 0; n < TURNS_MAX && !w->problem && !rollout_state_is_over(w->state_before); n++) {
			if (w->state_before == ROLLOUT_DRAFT)
				do_verb(w, VERB_START);
			turn(w, n);
		}
		check_end(w);
	} else {
		history(w, seed);
	}
	*writes = killable_writes() - first;
	bool good = !w->problem;
	if (!good)
		printf("FAILED seed %llu kill %llu: %s\n", (unsigned long long)seed, (unsigned long long)kill_at,
			w->problem);
	clean(w);
	free(w);
	return good;
}

/* Whole histories, each killed at each of its writes in turn, until there were `least` kills. */
static int every_write(uint64_t least, uint64_t seed)
{
	uint64_t kills = 0, failed = 0, histories = 0;
	for (; kills < least; seed++, histories++) {
		uint64_t writes = UINT64_MAX;
		for (uint64_t at = 1; at <= writes; at++, kills++)
			failed += !run(seed, at, false, &writes);
	}
	printf("writes: %llu kills in %llu histories, %llu failed\n", (unsigned long long)kills,
		(unsigned long long)histories, (unsigned long long)failed);
	return failed ? 1 : 0;
}

/* Other histories in each run, each killed at one write of each sixth of it. */
static int some_writes(uint64_t seed)
{
	uint64_t failed = 0, writes = 0, ignored;
	for (uint64_t n = 0; n < KILLS_SAMPLED; n++) {
		uint64_t history = seed + n / KILLS_PER_HISTORY, part = n % KILLS_PER_HISTORY;
		if (part == 0)
			failed += !run(history, UINT32_MAX, false, &writes);
		uint64_t drawn = (history * 0x9e3779b97f4a7c15u + part * 0xbf58476d1ce4e5b9u) >> 32;
		failed +=
			!run(history, 1 + (writes * part + drawn % (writes + 1)) / KILLS_PER_HISTORY, false, &ignored);
	}
	printf("writes: %d kills in %d histories, %llu failed\n", KILLS_SAMPLED, KILLS_SAMPLED / KILLS_PER_HISTORY,
		(unsigned long long)failed);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool every = argc > 1 && strcmp(argv[1], "--every-write") == 0;
	uint64_t fleets = argc > 1 && !every ? strtoull(argv[1], NULL, 0) : FLEETS_DEFAULT, failed = 0, writes;
	bool some = every && argc == 2 && !getenv("SKERRY_TEST_LONG");
	uint64_t seed = argc > 2 + every ? strtoull(argv[2 + every], NULL, 0) : some ? (uint64_t)time(NULL) : 20261123;
	killable_install();
	if (!make_empty())
		return 1;
	printf("seed: %llu\n", (unsigned long long)seed);
	if (some)
		return some_writes(seed);
	if (every)
		return every_write(argc > 2 ? strtoull(argv[2], NULL, 0) : KILLS_LONG, seed);
	for (uint64_t i = 0; i < fleets; i++)
		failed += !run(seed + i, 0, true, &writes);
	printf("fleets: %llu run, %llu killed at a write, %llu writes failed, %llu resets released; %llu failed\n",
		(unsigned long long)fleets, (unsigned long long)killed, (unsigned long long)failed_writes,
		(unsigned long long)releases, (unsigned long long)failed);
	return failed ? 1 : 0;
}
