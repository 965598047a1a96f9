/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of the rollout engine (fleet/ROLLOUTS.md) over random fleets and random histories in simulated time: devices that succeed, fail,
 * refuse, hang, go offline, come back, change their mind; operators who pause, resume, abort, roll back, retry; a server that is killed in the
 * middle of what it does. After each transaction the promises are checked against what really happened, by counting it anew.
 *
 * Usage: prop_rollout [fleets [seed]]. Prints `fleets: N run, M failed`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rollout/rollout.h"

enum { DEVICES_MAX = 60, TURNS_MAX = 20000, FLEETS_DEFAULT = 20000, MINUTE = 60 * 1000 };

/* What a device will do with the image. */
enum nature { GOOD, BAD, REFUSES, HANGS, FLAKY, FICKLE, NATURES };
enum job { NO_JOB, QUEUED, TAKEN };

struct device {
	enum nature nature;
	bool online, runs_new, confirmed_new, runs_before;
	enum job job;
	bool job_back;
	bool holds;      /* waits for its release */
	int64_t acts_ms; /* when it does something next */
	bool fickle_done;
};

/* What skerryd would keep: rolled back to its copy when the server is killed within a transaction. */
struct kept {
	struct rollout rollout;
	struct target targets[DEVICES_MAX];
	uint32_t wave[DEVICES_MAX];
	int64_t started_ms[DEVICES_MAX], not_before_ms[DEVICES_MAX];
	struct device devices[DEVICES_MAX];
	uint32_t joined, starts[DEVICES_MAX], allowed[DEVICES_MAX], wave_starts[ROLLOUT_WAVES_MAX];
	int64_t opened_ms[ROLLOUT_WAVES_MAX];
};

struct world {
	struct rollout_spec spec;
	struct kept now, before;
	uint32_t device_count;
	int64_t ms, timeout_ms, retry_delay_ms;
	uint32_t tries, operator_acts;
	bool windows; /* reset only when released */
	uint64_t random;
	int64_t unsatisfied_ms[ROLLOUT_WAVES_MAX]; /* when a wave's gate was last seen shut, or opened */
	bool redeliver;                            /* messages that the killed server had not taken come again */
	const char *problem;
};

static uint64_t releases;

static uint32_t draw(struct world *w, uint32_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return below ? (uint32_t)((w->random >> 11) % below) : 0;
}

static void must(struct world *w, bool truth, const char *what)
{
	if (!truth && !w->problem)
		w->problem = what;
}

/* ---- a fleet ---- */

static void draw_wave(struct world *w, struct rollout_wave_spec *wave)
{
	wave->max_in_flight = 1 + draw(w, 8);
	wave->success_percent = draw(w, 3) ? draw(w, 101) : 100;
	wave->min_finished = draw(w, 2) ? ROLLOUT_ALL : draw(w, 6);
	wave->soak_ms = draw(w, 3) * MINUTE;
	if (draw(w, 2))
		wave->rate = (struct rate_spec){.per_minute = 1 + draw(w, 200),
			.factor_percent = draw(w, 2) ? 100 + draw(w, 200) : 100,
			.every = 1 + draw(w, 5),
			.on_succeeded = draw(w, 2),
			.max_per_minute = draw(w, 2) ? 500 : 0};
}

static void draw_stop(struct world *w, struct rollout_stop *stop)
{
	stop->on = (1u << TARGET_FAILED << draw(w, 4)) | (draw(w, 2) ? 1u << TARGET_FAILED : 0);
	stop->percent = draw(w, 60);
	stop->min = 1 + draw(w, 4);
	stop->scope = draw(w, 2) ? SCOPE_WAVE : SCOPE_ROLLOUT;
	stop->action = (enum rollout_action)(1 + draw(w, 3));
}

static void join(struct world *w, uint32_t d)
{
	w->now.targets[d] = target_new(w->tries);
	w->now.allowed[d] = w->tries;
	rollout_count(&w->now.rollout, w->now.wave[d], NULL, &w->now.targets[d]);
}

static void draw_fleet(struct world *w)
{
	uint32_t bad_percent = draw(w, 60);

	w->device_count = 1 + draw(w, DEVICES_MAX);
	w->now.joined = w->device_count - (draw(w, 3) ? 0 : draw(w, w->device_count));
	w->spec.wave_count = 1 + draw(w, 5);
	w->spec.stop_count = draw(w, 4);
	w->spec.continuous = false;
	for (uint32_t i = 0; i < w->spec.wave_count; i++)
		draw_wave(w, &w->spec.waves[i]);
	for (uint32_t i = 0; i < w->spec.stop_count; i++)
		draw_stop(w, &w->spec.stops[i]);
	w->tries = 1 + draw(w, 3);
	w->timeout_ms = (1 + draw(w, 30)) * (int64_t)MINUTE;
	w->retry_delay_ms = draw(w, 10) * (int64_t)MINUTE;
	w->windows = draw(w, 3) == 0;
	rollout_init(&w->now.rollout, &w->spec);
	for (uint32_t d = 0; d < w->device_count; d++) {
		struct device *device = &w->now.devices[d];

		device->nature = draw(w, 100) < bad_percent ? (enum nature)draw(w, NATURES) : GOOD;
		device->online = draw(w, 10) > 0;
		device->runs_before = true;
		w->now.wave[d] = draw(w, w->spec.wave_count);
		if (d < w->now.joined)
			join(w, d);
	}
}

/* ---- transactions ---- */

static void begin(struct world *w)
{
	w->before = w->now;
}

/* The server is killed: what it had not committed is gone, what it only remembered too. */
static void kill_server(struct world *w)
{
	struct device devices[DEVICES_MAX];

	w->redeliver = true;
	/* What a device runs does not depend on what the server remembers; it says it again. */
	memcpy(devices, w->now.devices, sizeof devices);
	w->now = w->before;
	for (uint32_t d = 0; d < w->device_count; d++) {
		w->now.devices[d].runs_new = devices[d].runs_new;
		w->now.devices[d].confirmed_new = devices[d].confirmed_new;
		w->now.devices[d].runs_before = devices[d].runs_before;
	}
	for (uint32_t i = 0; i < w->spec.wave_count; i++)
		w->now.rollout.waves[i].nobody_until_ms = 0;
}

static void event(struct world *w, uint32_t d, enum target_event what)
{
	struct target before = w->now.targets[d], *target = &w->now.targets[d];
	struct device *device = &w->now.devices[d];

	if (d >= w->now.joined)
		return;
	if (target_step(target, what) == JOB_WITHDRAW && device->job == QUEUED)
		device->job = NO_JOB;
	/* A job that was taken back was no try, one that an operator gives is one more. */
	if (target->tries_left > before.tries_left)
		w->now.allowed[d] += target->tries_left - before.tries_left;
	if (target->state == before.state)
		return;
	if (target->state == TARGET_PENDING && what != EVENT_PAUSE)
		w->now.not_before_ms[d] = w->ms + w->retry_delay_ms;
	if (target->state == TARGET_SUCCEEDED)
		must(w, device->confirmed_new, "success of a device that does not run the image");
	rollout_count(&w->now.rollout, w->now.wave[d], &before, target);
}

static void event_all(struct world *w, enum target_event what)
{
	for (uint32_t d = 0; d < w->now.joined; d++)
		event(w, d, what);
}

static void stop(struct world *w, enum rollout_action action)
{
	static const enum target_event events[] = {
		[ACTION_PAUSE] = EVENT_PAUSE, [ACTION_ABORT] = EVENT_ABORT, [ACTION_ROLLBACK] = EVENT_ROLLBACK};

	rollout_stop(&w->now.rollout, action);
	event_all(w, events[action]);
}

/* Somebody of the wave who can start now; DEVICES_MAX: nobody, then *until is when to look again. */
static uint32_t pick(struct world *w, uint32_t wave, enum target_state state, int64_t *until)
{
	*until = ROLLOUT_NEVER;
	for (uint32_t d = 0; d < w->now.joined; d++) {
		if (w->now.wave[d] != wave || w->now.targets[d].state != state)
			continue;
		if (!w->now.devices[d].online)
			continue;
		if (w->now.not_before_ms[d] <= w->ms)
			return d;
		if (*until > w->now.not_before_ms[d])
			*until = w->now.not_before_ms[d];
	}
	return DEVICES_MAX;
}

static void start(struct world *w, uint32_t wave)
{
	struct rollout_wave *state = &w->now.rollout.waves[wave];
	int64_t until;
	uint32_t d = pick(w, wave, TARGET_PENDING, &until);

	if (d == DEVICES_MAX) {
		state->nobody_until_ms = until;
		return;
	}
	must(w, w->now.rollout.state == ROLLOUT_RUNNING, "a start in a rollout that does not run");
	must(w, state->state != WAVE_WAITING, "a start in a wave that is not open");
	must(w, wave == 0 || w->now.rollout.waves[wave - 1].state == WAVE_PASSED, "a start before the gate");
	must(w, w->now.devices[d].job == NO_JOB || w->now.devices[d].job == TAKEN, "a device with two queued jobs");
	event(w, d, EVENT_START);
	must(w, w->now.targets[d].state == TARGET_OFFERED, "a start that is none");
	rollout_started(&w->now.rollout, &w->spec, wave, w->ms);
	w->now.starts[d]++;
	w->now.wave_starts[wave]++;
	w->now.devices[d].job = QUEUED;
	w->now.devices[d].job_back = false;
	w->now.devices[d].acts_ms = w->ms + draw(w, MINUTE);
	w->now.started_ms[d] = w->ms;
}

static void revert(struct world *w, uint32_t wave)
{
	int64_t until;
	uint32_t d = pick(w, wave, TARGET_REVERT, &until);

	if (d == DEVICES_MAX) {
		w->now.rollout.waves[wave].nobody_until_ms = until;
		return;
	}
	must(w, w->now.rollout.state == ROLLOUT_REVERTING, "a way back in a rollout that is not rolled back");
	event(w, d, EVENT_REVERT_START);
	w->now.devices[d].job = QUEUED;
	w->now.devices[d].job_back = true;
	w->now.devices[d].acts_ms = w->ms + draw(w, MINUTE);
	w->now.started_ms[d] = w->ms;
}

static bool gate_was_satisfied(const struct world *w, uint32_t wave)
{
	uint32_t good = 0, done = 0, open = 0;

	for (uint32_t d = 0; d < w->now.joined; d++) {
		if (w->now.wave[d] != wave)
			continue;
		good += w->now.targets[d].state == TARGET_SUCCEEDED;
		done += target_state_is_finished(w->now.targets[d].state);
		open += !target_state_is_final(w->now.targets[d].state);
	}
	uint32_t need = w->spec.waves[wave].min_finished;
	return done >= (need < done + open ? need : done + open) &&
	       good * 100 >= w->spec.waves[wave].success_percent * done;
}

/* One that nobody finished has nothing to soak. */
static bool has_ended(const struct world *w, uint32_t wave)
{
	for (uint32_t d = 0; d < w->now.joined; d++)
		if (w->now.wave[d] == wave && target_state_is_finished(w->now.targets[d].state))
			return true;
	return false;
}

static void pass(struct world *w, uint32_t wave)
{
	/* After a resume the gate forgives; before one it can be counted from outside. */
	if (w->operator_acts == 0) {
		must(w, gate_was_satisfied(w, wave), "a gate passed that is not satisfied");
		must(w, !has_ended(w, wave) || w->ms - w->unsatisfied_ms[wave] >= w->spec.waves[wave].soak_ms,
			"a gate passed before its soak was over");
	}
	rollout_pass(&w->now.rollout, &w->spec, wave, w->ms);
	if (wave + 1 < w->spec.wave_count)
		w->now.opened_ms[wave + 1] = w->unsatisfied_ms[wave + 1] = w->ms;
}

/* ---- promises ---- */

static void check_counts(struct world *w)
{
	for (uint32_t i = 0; i < w->spec.wave_count; i++) {
		uint32_t count[TARGET_STATES] = {0};

		for (uint32_t d = 0; d < w->now.joined; d++)
			if (w->now.wave[d] == i)
				count[w->now.targets[d].state]++;
		must(w, memcmp(count, w->now.rollout.waves[i].count, sizeof count) == 0, "a count that is wrong");
		must(w, rollout_in_flight(&w->now.rollout.waves[i]) <= w->spec.waves[i].max_in_flight,
			"too many in flight");
	}
}

static void check_stops(struct world *w)
{
	if (w->now.rollout.state != ROLLOUT_RUNNING || w->operator_acts > 0)
		return;
	for (uint32_t s = 0; s < w->spec.stop_count; s++) {
		const struct rollout_stop *criterion = &w->spec.stops[s];
		uint32_t bad[ROLLOUT_WAVES_MAX + 1] = {0}, ended[ROLLOUT_WAVES_MAX + 1] = {0};

		for (uint32_t d = 0; d < w->now.joined; d++) {
			const struct target *target = &w->now.targets[d];
			uint32_t bucket = criterion->scope == SCOPE_WAVE ? w->now.wave[d] : ROLLOUT_WAVES_MAX;
			bool counts = target_state_is_finished(target->state) || target->offline;

			ended[bucket] += counts;
			bad[bucket] += counts && (criterion->on & (1u << target->state)) != 0;
		}
		for (uint32_t b = 0; b <= ROLLOUT_WAVES_MAX; b++)
			must(w, bad[b] < criterion->min || 100 * bad[b] < criterion->percent * ended[b],
				"a rollout that runs on although a criterion is met");
	}
}

static void look_at_gates(struct world *w)
{
	for (uint32_t i = 0; i < w->spec.wave_count; i++)
		if (!gate_was_satisfied(w, i))
			w->unsatisfied_ms[i] = w->ms;
}

static void check_starts(struct world *w)
{
	for (uint32_t d = 0; d < w->now.joined; d++)
		must(w, w->now.starts[d] <= w->now.allowed[d], "more tries than allowed");
	for (uint32_t i = 0; i < w->spec.wave_count; i++) {
		const struct rate_spec *rate = &w->spec.waves[i].rate;
		uint64_t most = (uint64_t)rate->per_minute * (uint64_t)(w->ms - w->now.opened_ms[i]) / MINUTE +
				(rate->per_minute > 60 ? rate->per_minute / 60 + 1 : 1);

		if (rate->per_minute && rate->factor_percent <= 100)
			must(w, w->now.wave_starts[i] <= most, "faster than the rate");
	}
}

/* ---- the server's turn: everything that is due, in one transaction ---- */

static bool carry_out(struct world *w, const struct decision *decision)
{
	switch (decision->kind) {
	case DECIDE_STOP:
		stop(w, w->spec.stops[decision->stop].action);
		return true;
	case DECIDE_STALLED:
		stop(w, ACTION_PAUSE);
		return true;
	case DECIDE_PASS:
		pass(w, decision->wave);
		return true;
	case DECIDE_START:
		start(w, decision->wave);
		return true;
	case DECIDE_REVERT:
		revert(w, decision->wave);
		return true;
	case DECIDE_END:
		w->now.rollout.state = decision->state;
		return true;
	case DECIDE_WAIT:
		return false;
	}
	return false;
}

static void serve(struct world *w)
{
	struct decision decision;
	int turns = 0;

	do {
		decision = rollout_decide(&w->now.rollout, &w->spec, w->ms);
		must(w, ++turns < 10 * DEVICES_MAX, "a server that never waits");
	} while (!w->problem && carry_out(w, &decision));
}

static void commit(struct world *w)
{
	if (draw(w, 50) == 0) {
		kill_server(w);
		return;
	}
	look_at_gates(w);
	check_counts(w);
	check_stops(w);
	check_starts(w);
}

/* ---- the devices' turns ---- */

/* What it reports when it is asked or something changed: the truth. */
static void report(struct world *w, uint32_t d)
{
	const struct device *device = &w->now.devices[d];

	if (device->confirmed_new)
		event(w, d, EVENT_RUNS);
	else if (device->runs_before && device->job != TAKEN)
		event(w, d, EVENT_RUNS_BEFORE);
}

static void redeliver(struct world *w)
{
	for (uint32_t d = 0; d < w->now.joined && w->redeliver; d++)
		report(w, d);
	w->redeliver = false;
}

static void run_image(struct world *w, uint32_t d, bool new)
{
	w->now.devices[d].runs_new = w->now.devices[d].confirmed_new = new;
	w->now.devices[d].runs_before = !new;
}

static void finish_job(struct world *w, uint32_t d)
{
	struct device *device = &w->now.devices[d];
	enum nature nature = device->nature;

	if (nature == FLAKY)
		nature = draw(w, 2) ? GOOD : BAD;
	device->job = NO_JOB;
	if (device->job_back) {
		if (nature == BAD) {
			event(w, d, EVENT_JOB_FAILED);
			return;
		}
		run_image(w, d, false);
		report(w, d);
		return;
	}
	if (nature == GOOD || nature == FICKLE) {
		run_image(w, d, true);
		report(w, d);
	} else if (nature == REFUSES) {
		event(w, d, EVENT_JOB_REJECTED);
	} else {
		event(w, d, EVENT_JOB_FAILED);
	}
}

static void act(struct world *w, uint32_t d)
{
	struct device *device = &w->now.devices[d];

	device->acts_ms = w->ms + draw(w, 5 * MINUTE);
	if (draw(w, 20) == 0) {
		device->online = !device->online;
		w->now.rollout.waves[w->now.wave[d]].nobody_until_ms = 0;
	}
	if (!device->online) {
		if (draw(w, 30) == 0)
			event(w, d, EVENT_SKIP_OFFLINE);
		return;
	}
	if (device->job == QUEUED) {
		device->job = TAKEN;
		device->holds = w->windows && !device->job_back && draw(w, 4);
		event(w, d, EVENT_TAKEN);
	} else if (device->job == TAKEN && device->holds) {
		event(w, d, EVENT_HELD);
	} else if (device->job == TAKEN && device->nature != HANGS) {
		finish_job(w, d);
	} else if (device->nature == FICKLE && device->confirmed_new && !device->fickle_done) {
		device->fickle_done = true; /* flashed by hand, say */
		run_image(w, d, false);
		report(w, d);
	} else {
		report(w, d);
	}
}

/* A window opens: those that hold go on, and their time begins anew. One that was given up meanwhile lost its job. */
static void release(struct world *w)
{
	uint32_t released = 0;

	for (uint32_t d = 0; d < w->now.joined; d++) {
		if (w->now.targets[d].stopped)
			must(w, w->now.targets[d].state != TARGET_HELD,
				"a device that holds in a rollout that was stopped");
		if (w->now.rollout.state != ROLLOUT_RUNNING || w->now.targets[d].state != TARGET_HELD)
			continue;
		event(w, d, EVENT_RELEASE);
		must(w, w->now.targets[d].state == TARGET_ACTIVE, "a release that is none");
		w->now.devices[d].holds = false;
		w->now.started_ms[d] = w->ms;
		released++;
	}
	releases += released;
}

static void time_out(struct world *w, uint32_t d)
{
	struct target *target = &w->now.targets[d];
	bool under_way =
		target->state == TARGET_OFFERED || target->state == TARGET_ACTIVE || target->state == TARGET_REVERTING;

	if (d >= w->now.joined || !under_way || w->ms - w->now.started_ms[d] < w->timeout_ms)
		return;
	w->now.devices[d].job = NO_JOB; /* ended for the server */
	event(w, d, EVENT_TIMEOUT);
}

/* ---- operators ---- */

static void operate(struct world *w)
{
	enum rollout_state state = w->now.rollout.state;
	uint32_t d = draw(w, w->now.joined ? w->now.joined : 1);

	if (state == ROLLOUT_PAUSED && draw(w, 4)) {
		w->operator_acts++;
		rollout_resume(&w->now.rollout, &w->spec);
	} else if (state == ROLLOUT_RUNNING || state == ROLLOUT_PAUSED) {
		if (draw(w, 400) == 0)
			stop(w, (enum rollout_action)(1 + draw(w, 3)));
		else if (draw(w, 40) == 0 && w->now.joined)
			event(w, d, EVENT_RETRY);
		else if (w->now.joined < w->device_count && draw(w, 10) == 0)
			join(w, w->now.joined++);
	}
}

/* ---- a history ---- */

static bool over(const struct world *w)
{
	return rollout_state_is_over(w->now.rollout.state);
}

static void check_end(struct world *w)
{
	must(w, over(w), "a rollout that does not end");
	for (uint32_t d = 0; d < w->now.joined && !w->problem; d++) {
		must(w, target_state_is_final(w->now.targets[d].state), "a device without a final state");
		must(w, w->now.targets[d].state != TARGET_SUCCEEDED || w->now.devices[d].confirmed_new,
			"a success that does not run");
		must(w, w->now.rollout.state != ROLLOUT_REVERTED || w->now.targets[d].state != TARGET_SUCCEEDED,
			"a device that was not brought back");
	}
}

static void run(struct world *w)
{
	draw_fleet(w);
	rollout_pass(&w->now.rollout, &w->spec, ROLLOUT_ALL, w->ms);
	for (int turn = 0; turn < TURNS_MAX && !over(w) && !w->problem; turn++) {
		uint32_t d = draw(w, w->device_count);

		w->ms += draw(w, 2) ? 0 : draw(w, 20 * 1000);
		begin(w);
		redeliver(w);
		if (w->now.devices[d].acts_ms <= w->ms)
			act(w, d);
		for (uint32_t i = 0; i < w->now.joined; i++)
			time_out(w, i);
		if (w->windows && draw(w, 50) == 0)
			release(w);
		if (draw(w, 8) == 0)
			operate(w);
		serve(w);
		commit(w);
		/* Towards the end everybody comes back. */
		if (turn > TURNS_MAX / 2)
			w->now.devices[d].online = true;
	}
	if (!w->problem)
		check_end(w);
}

int main(int argc, char **argv)
{
	uint64_t fleets = argc > 1 ? strtoull(argv[1], NULL, 0) : FLEETS_DEFAULT, failed = 0;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 20261123;
	static struct world world;

	printf("seed: %llu\n", (unsigned long long)seed);
	for (uint64_t i = 0; i < fleets; i++) {
		memset(&world, 0, sizeof world);
		world.random = (seed + i) * 0x9e3779b97f4a7c15u | 1;
		run(&world);
		if (!world.problem)
			continue;
		if (failed++ < 10)
			printf("FAILED prop_rollout 1 %llu: %s\n", (unsigned long long)(seed + i), world.problem);
	}
	printf("fleets: %llu run, %llu resets released, %llu failed\n", (unsigned long long)fleets,
		(unsigned long long)releases, (unsigned long long)failed);
	return failed ? 1 : 0;
}
