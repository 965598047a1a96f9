/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/rollout_spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/artifact.h"
#include "skerryd/selector.h"

#define PER_MINUTE_MAX 1000000
#define SECONDS_MAX    (30 * 86400)
#define MANIFEST_HINT  "see fleet/ROLLOUTS.md, `The description`"

/* An object that is read, and where it stands: "waves[1].rate". */
struct place {
	const json_t *object;
	char path[64];
	struct fleet_error *error;
};

/* ---- members ---- */

static int wrong(const struct place *place, const char *member, const char *remedy, const char *what)
{
	return fleet_fail(
		place->error, remedy, "%s%s%s %s", place->path, *place->path && *member ? "." : "", member, what);
}

/* Nothing but the members in `names` (NULL-terminated): a misspelled one would be a default that nobody asked for. */
static int check_members(const struct place *place, const char *const *names)
{
	const char *key;
	const json_t *value;
	char known[256] = "known here: ";
	size_t at = strlen(known);
	for (size_t i = 0; names[i]; i++)
		at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", names[i]);
	json_object_foreach((json_t *)(uintptr_t)place->object, key, value)
	{
		size_t i = 0;
		char shown[48];
		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		snprintf(shown, sizeof shown, "%.40s", key);
		if (!names[i])
			return wrong(place, shown, known, "is not known");
	}
	return 0;
}

/* The object `member` of `place`; *inner has object NULL when there is none. */
static int enter(const struct place *place, const char *member, struct place *inner)
{
	const json_t *object = json_object_get(place->object, member);
	*inner = (struct place){.object = object, .error = place->error};
	snprintf(inner->path, sizeof inner->path, "%.40s%s%s", place->path, *place->path ? "." : "", member);
	if (object && !json_is_object(object))
		return wrong(place, member, "give {…}", "is not an object");
	return 0;
}

struct range {
	int64_t min, max, otherwise; /* otherwise: when the member is missing */
};

static int read_number(const struct place *place, const char *member, struct range range, int64_t *out)
{
	const json_t *value = json_object_get(place->object, member);
	char what[96];
	*out = range.otherwise;
	if (!value)
		return 0;
	*out = json_integer_value(value);
	if (json_is_integer(value) && *out >= range.min && *out <= range.max)
		return 0;
	snprintf(what, sizeof what, "is not a whole number from %lld to %lld", (long long)range.min,
		(long long)range.max);
	return wrong(place, member, MANIFEST_HINT, what);
}

static int read_u32(const struct place *place, const char *member, struct range range, uint32_t *out)
{
	int64_t value;
	if (read_number(place, member, range, &value) < 0)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

/* Seconds, kept as milliseconds. */
static int read_seconds(const struct place *place, const char *member, struct range range, int64_t *out_ms)
{
	if (read_number(place, member, range, out_ms) < 0)
		return -1;
	*out_ms *= 1000;
	return 0;
}

/* One of `words`: its index; the first when the member is missing. -1: none of them. */
static int read_word(const struct place *place, const char *member, const char *const *words)
{
	const json_t *value = json_object_get(place->object, member);
	const char *text = json_string_value(value);
	char known[128] = "give one of: ";
	size_t at = strlen(known);
	if (!value)
		return 0;
	for (int i = 0; words[i]; i++) {
		if (text && strcmp(text, words[i]) == 0)
			return i;
		at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", words[i]);
	}
	return wrong(place, member, known, "is none of the words that are known");
}

static int read_selector(const struct place *place, char out[ROLLOUT_SELECTOR_MAX + 1])
{
	const json_t *value = json_object_get(place->object, "selector");
	const char *text = json_string_value(value);
	struct selector selector;
	struct fleet_error why;
	char what[FLEET_CAUSE_BYTES];
	out[0] = 0;
	if (!value)
		return 0;
	if (!text || json_string_length(value) > ROLLOUT_SELECTOR_MAX || strlen(text) != json_string_length(value))
		return wrong(
			place, "selector", "write it as name=value,name!=value", "is not a text of at most 512 bytes");
	snprintf(out, ROLLOUT_SELECTOR_MAX + 1, "%s", text);
	if (!*text || selector_parse(text, &selector, &why) == 0)
		return 0;
	snprintf(what, sizeof what, "is no selector: %.600s", why.cause);
	return wrong(place, "selector", why.remedy, what);
}

static int read_name(const struct place *place, const char *otherwise, char *out, size_t size)
{
	const json_t *value = json_object_get(place->object, "name");
	const char *text = value ? json_string_value(value) : otherwise;
	bool good = text && *text && strlen(text) < size && (!value || strlen(text) == json_string_length(value));
	for (size_t i = 0; good && text[i]; i++)
		good = (unsigned char)text[i] >= ' ' && text[i] != 0x7f;
	if (!good)
		return wrong(place, "name", "give a short text of one line", "is empty, too long, or not a text");
	snprintf(out, size, "%s", text);
	return 0;
}

/* ---- waves ---- */

static int read_rate(const struct place *wave, struct rate_spec *rate)
{
	static const char *const names[] = {"perMinute", "factorPercent", "every", "on", "maxPerMinute", NULL};
	static const char *const words[] = {"started", "succeeded", NULL};
	struct place place;
	if (enter(wave, "rate", &place) < 0)
		return -1;
	*rate = (struct rate_spec){.factor_percent = 100};
	if (!place.object)
		return 0;
	int on = read_word(&place, "on", words);
	if (on < 0 || check_members(&place, names) < 0 ||
		read_u32(&place, "perMinute", (struct range){1, PER_MINUTE_MAX, 0}, &rate->per_minute) < 0 ||
		read_u32(&place, "factorPercent", (struct range){100, 1000, 100}, &rate->factor_percent) < 0 ||
		read_u32(&place, "every", (struct range){1, PER_MINUTE_MAX, 0}, &rate->every) < 0 ||
		read_u32(&place, "maxPerMinute", (struct range){1, PER_MINUTE_MAX, 0}, &rate->max_per_minute) < 0)
		return -1;
	rate->on_succeeded = on == 1;
	if (!rate->per_minute)
		return wrong(&place, "perMinute", "give it, or leave `rate` out", "is missing");
	if (rate->factor_percent > 100 && !rate->every)
		return wrong(&place, "every", "say after how many devices the factor applies", "is missing");
	if (rate->max_per_minute && rate->max_per_minute < rate->per_minute)
		return wrong(&place, "maxPerMinute", "raise it to perMinute at least", "is below perMinute");
	return 0;
}

static int read_advance(const struct place *wave, struct rollout_wave_spec *spec)
{
	static const char *const names[] = {"successPercent", "minFinished", "soakS", NULL};
	struct place place;
	if (enter(wave, "advance", &place) < 0 || check_members(&place, names) < 0)
		return -1;
	if (read_u32(&place, "successPercent", (struct range){0, 100, 95}, &spec->success_percent) < 0 ||
		read_u32(&place, "minFinished", (struct range){0, UINT32_MAX - 1, ROLLOUT_ALL}, &spec->min_finished) <
			0)
		return -1;
	return read_seconds(&place, "soakS", (struct range){0, SECONDS_MAX, 0}, &spec->soak_ms);
}

static int read_order(const struct place *wave, struct rollout_members *members)
{
	const json_t *value = json_object_get(wave->object, "order");
	const char *text = value ? json_string_value(value) : "random";
	members->attribute[0] = 0;
	if (text && strcmp(text, "random") == 0)
		members->order = ORDER_RANDOM;
	else if (text && strcmp(text, "id") == 0)
		members->order = ORDER_ID;
	else if (text && strncmp(text, "attribute:", 10) == 0 && text_is_id(text + 10)) {
		members->order = ORDER_ATTRIBUTE;
		snprintf(members->attribute, sizeof members->attribute, "%s", text + 10);
	} else {
		return wrong(wave, "order", "give random, id or attribute:NAME", "is no order");
	}
	return 0;
}

static int read_wave(const struct place *place, struct rollout_members *members, struct rollout_wave_spec *spec)
{
	static const char *const names[] = {
		"name", "selector", "count", "percent", "order", "maxInFlight", "rate", "advance", NULL};
	char otherwise[16];
	snprintf(otherwise, sizeof otherwise, "%.12s", place->path + strcspn(place->path, "["));
	if (check_members(place, names) < 0 || read_name(place, otherwise, members->name, sizeof members->name) < 0 ||
		read_selector(place, members->selector) < 0 || read_order(place, members) < 0)
		return -1;
	if (read_u32(place, "count", (struct range){1, 10000000, 0}, &members->count) < 0 ||
		read_u32(place, "percent", (struct range){1, 100, 0}, &members->percent) < 0 ||
		read_u32(place, "maxInFlight", (struct range){1, 10000000, 100}, &spec->max_in_flight) < 0)
		return -1;
	if (members->count && members->percent)
		return wrong(place, "percent", "give one of them", "does not go with `count`");
	return read_rate(place, &spec->rate) < 0 ? -1 : read_advance(place, spec);
}

static int read_waves(const struct place *place, struct rollout_description *description)
{
	const json_t *waves = json_object_get(place->object, "waves");
	size_t count = json_array_size(waves);
	if (!json_is_array(waves) || count < 1 || count > ROLLOUT_WAVES_MAX)
		return wrong(
			place, "waves", "give [{…}, …], the waves in their order", "is not a list of 1 to 32 waves");
	description->spec.wave_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		struct place wave = {.object = json_array_get(waves, i), .error = place->error};
		snprintf(wave.path, sizeof wave.path, "waves[%zu]", i);
		if (!json_is_object(wave.object))
			return wrong(&wave, "", "give {…}", "is not an object");
		if (read_wave(&wave, &description->members[i], &description->spec.waves[i]) < 0)
			return -1;
	}
	return 0;
}

/* ---- stops ---- */

#define BIT(state) (1u << (state))

static int read_stop(const struct place *place, struct rollout_stop *stop)
{
	static const char *const names[] = {"on", "percent", "min", "of", "action", NULL};
	static const char *const kinds[] = {"any", "failed", "timed-out", "rejected", "offline", NULL};
	static const uint32_t bits[] = {
		BIT(TARGET_FAILED) | BIT(TARGET_TIMED_OUT) | BIT(TARGET_REJECTED) | BIT(TARGET_SKIPPED),
		BIT(TARGET_FAILED), BIT(TARGET_TIMED_OUT), BIT(TARGET_REJECTED), BIT(TARGET_SKIPPED)};
	static const char *const scopes[] = {"rollout", "wave", NULL};
	static const char *const actions[] = {"pause", "abort", "rollback", NULL};
	if (!json_is_object(place->object))
		return wrong(place, "", "give {…}", "is not an object");
	int on = read_word(place, "on", kinds), of = read_word(place, "of", scopes),
	    action = read_word(place, "action", actions);
	if (on < 0 || of < 0 || action < 0 || check_members(place, names) < 0 ||
		read_u32(place, "percent", (struct range){0, 100, 10}, &stop->percent) < 0 ||
		read_u32(place, "min", (struct range){1, 10000000, 2}, &stop->min) < 0)
		return -1;
	stop->on = bits[on];
	stop->scope = of == 1 ? SCOPE_WAVE : SCOPE_ROLLOUT;
	stop->action = (enum rollout_action)(ACTION_PAUSE + action);
	return 0;
}

static int read_stops(const struct place *place, struct rollout_spec *spec)
{
	const json_t *stops = json_object_get(place->object, "stop");
	size_t count = json_array_size(stops);
	if (!stops) {
		struct place empty = {.object = json_object(), .error = place->error};
		int rc = read_stop(&empty, &spec->stops[0]);
		json_decref((json_t *)(uintptr_t)empty.object);
		spec->stop_count = 1;
		return rc;
	}
	if (!json_is_array(stops) || count > ROLLOUT_STOPS_MAX)
		return wrong(place, "stop", "give [{…}, …], or [] for none", "is not a list of at most 8 criteria");
	spec->stop_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		struct place stop = {.object = json_array_get(stops, i), .error = place->error};
		snprintf(stop.path, sizeof stop.path, "stop[%zu]", i);
		if (read_stop(&stop, &spec->stops[i]) < 0)
			return -1;
	}
	return 0;
}

/* ---- the rest ---- */

static int read_device(const struct place *outer, struct rollout_description *description)
{
	static const char *const names[] = {"timeoutS", "retries", "retryDelayS", "trialS", NULL};
	struct place place;
	if (enter(outer, "device", &place) < 0 || check_members(&place, names) < 0 ||
		read_seconds(&place, "timeoutS", (struct range){10, SECONDS_MAX, 1800}, &description->timeout_ms) < 0 ||
		read_u32(&place, "retries", (struct range){0, 100, 1}, &description->retries) < 0 ||
		read_seconds(&place, "retryDelayS", (struct range){0, SECONDS_MAX, 300}, &description->retry_delay_ms) <
			0)
		return -1;
	return read_u32(&place, "trialS", (struct range){10, 3600, 0}, &description->trial_s);
}

static int read_offline(const struct place *outer, struct rollout_description *description)
{
	static const char *const names[] = {"policy", "afterS", NULL};
	static const char *const words[] = {"wait", "skip", "deadline", NULL};
	struct place place;
	if (enter(outer, "offline", &place) < 0 || check_members(&place, names) < 0)
		return -1;
	int policy = read_word(&place, "policy", words);
	if (policy < 0 ||
		read_seconds(&place, "afterS", (struct range){1, 365 * 86400, 0}, &description->offline_after_ms) < 0)
		return -1;
	description->offline = (enum rollout_offline)(OFFLINE_WAIT + policy);
	if ((description->offline == OFFLINE_DEADLINE) != (description->offline_after_ms > 0))
		return wrong(
			&place, "afterS", "give both or none", "goes with the policy `deadline`, and that with it");
	return 0;
}

static int read_window(const struct place *place, const char *member, struct window *window)
{
	const json_t *value = json_object_get(place->object, member);
	const char *text = value ? json_string_value(value) : "* * * * *";
	if (text && window_parse(text, window))
		return 0;
	return wrong(place, member,
		"give \"MINUTE HOUR DAY MONTH WEEKDAY/LENGTH\", as in \"0 2 * * */120\": from 2 to 4 o'clock",
		"is no window");
}

static int read_windows(const struct place *outer, struct rollout_description *description)
{
	static const char *const names[] = {"download", "flash", NULL};
	struct place place;
	if (enter(outer, "windows", &place) < 0 || check_members(&place, names) < 0 ||
		read_window(&place, "download", &description->download) < 0)
		return -1;
	return read_window(&place, "flash", &description->flash);
}

static int read_image(const struct place *place, char digest[65])
{
	const char *text = json_string_value(json_object_get(place->object, "image"));
	if (!text || !artifact_is_digest(text))
		return wrong(place, "image", "give the digest of its payload, as `skerry image list` shows it",
			"is not 64 lower-case hex digits");
	snprintf(digest, 65, "%s", text);
	return 0;
}

int rollout_spec_parse(const json_t *json, struct rollout_description *description, struct fleet_error *error)
{
	static const char *const names[] = {"name", "image", "selector", "waves", "stop", "device", "offline",
		"windows", "members", "approvals", NULL};
	static const char *const members[] = {"snapshot", "continuous", NULL};
	const struct place place = {.object = json, .error = error};
	char otherwise[32];
	memset(description, 0, sizeof *description);
	if (!json_is_object(json))
		return fleet_fail(error, MANIFEST_HINT, "the description is no JSON object");
	if (check_members(&place, names) < 0 || read_image(&place, description->digest) < 0)
		return -1;
	snprintf(otherwise, sizeof otherwise, "%.12s", description->digest);
	int joining = read_word(&place, "members", members);
	if (joining < 0 || read_name(&place, otherwise, description->name, sizeof description->name) < 0 ||
		read_selector(&place, description->selector) < 0 || read_waves(&place, description) < 0 ||
		read_stops(&place, &description->spec) < 0 || read_device(&place, description) < 0 ||
		read_offline(&place, description) < 0 || read_windows(&place, description) < 0)
		return -1;
	description->spec.continuous = joining == 1;
	return read_u32(&place, "approvals", (struct range){0, 10, 0}, &description->approvals);
}

/* ---- back ---- */

static json_t *rate_json(const struct rate_spec *rate)
{
	json_t *json = json_pack("{s:I, s:I, s:s}", "perMinute", (json_int_t)rate->per_minute, "factorPercent",
		(json_int_t)rate->factor_percent, "on", rate->on_succeeded ? "succeeded" : "started");
	if (rate->every)
		json_object_set_new(json, "every", json_integer(rate->every));
	if (rate->max_per_minute)
		json_object_set_new(json, "maxPerMinute", json_integer(rate->max_per_minute));
	return json;
}

static json_t *advance_json(const struct rollout_wave_spec *spec)
{
	json_t *json = json_pack("{s:I, s:I}", "successPercent", (json_int_t)spec->success_percent, "soakS",
		(json_int_t)(spec->soak_ms / 1000));
	if (spec->min_finished != ROLLOUT_ALL)
		json_object_set_new(json, "minFinished", json_integer(spec->min_finished));
	return json;
}

static json_t *wave_json(const struct rollout_members *members, const struct rollout_wave_spec *spec)
{
	char order[80];
	snprintf(order, sizeof order, "%s%s",
		members->order == ORDER_RANDOM ? "random"
		: members->order == ORDER_ID   ? "id"
					       : "attribute:",
		members->attribute);
	json_t *json = json_pack("{s:s, s:s, s:I, s:o}", "name", members->name, "order", order, "maxInFlight",
		(json_int_t)spec->max_in_flight, "advance", advance_json(spec));
	if (*members->selector)
		json_object_set_new(json, "selector", json_string(members->selector));
	if (members->count)
		json_object_set_new(json, "count", json_integer(members->count));
	if (members->percent)
		json_object_set_new(json, "percent", json_integer(members->percent));
	if (spec->rate.per_minute)
		json_object_set_new(json, "rate", rate_json(&spec->rate));
	return json;
}

static const char *on_word(uint32_t on)
{
	switch (on) {
	case BIT(TARGET_FAILED):
		return "failed";
	case BIT(TARGET_TIMED_OUT):
		return "timed-out";
	case BIT(TARGET_REJECTED):
		return "rejected";
	case BIT(TARGET_SKIPPED):
		return "offline";
	default:
		return "any";
	}
}

static json_t *stop_json(const struct rollout_stop *stop)
{
	static const char *const actions[] = {
		[ACTION_PAUSE] = "pause", [ACTION_ABORT] = "abort", [ACTION_ROLLBACK] = "rollback"};
	return json_pack("{s:s, s:I, s:I, s:s, s:s}", "on", on_word(stop->on), "percent", (json_int_t)stop->percent,
		"min", (json_int_t)stop->min, "of", stop->scope == SCOPE_WAVE ? "wave" : "rollout", "action",
		actions[stop->action]);
}

static json_t *device_json(const struct rollout_description *description)
{
	json_t *json = json_pack("{s:I, s:I, s:I}", "timeoutS", (json_int_t)(description->timeout_ms / 1000), "retries",
		(json_int_t)description->retries, "retryDelayS", (json_int_t)(description->retry_delay_ms / 1000));
	if (description->trial_s)
		json_object_set_new(json, "trialS", json_integer(description->trial_s));
	return json;
}

static json_t *offline_json(const struct rollout_description *description)
{
	static const char *const words[] = {
		[OFFLINE_WAIT] = "wait", [OFFLINE_SKIP] = "skip", [OFFLINE_DEADLINE] = "deadline"};
	json_t *json = json_pack("{s:s}", "policy", words[description->offline]);
	if (description->offline == OFFLINE_DEADLINE)
		json_object_set_new(json, "afterS", json_integer(description->offline_after_ms / 1000));
	return json;
}

json_t *rollout_spec_json(const struct rollout_description *description)
{
	const struct rollout_spec *spec = &description->spec;
	json_t *waves = json_array(), *stops = json_array();
	for (uint32_t w = 0; w < spec->wave_count; w++)
		json_array_append_new(waves, wave_json(&description->members[w], &spec->waves[w]));
	for (uint32_t s = 0; s < spec->stop_count; s++)
		json_array_append_new(stops, stop_json(&spec->stops[s]));
	json_t *json = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:{s:s, s:s}, s:s, s:I}", "name", description->name,
		"image", description->digest, "waves", waves, "stop", stops, "device", device_json(description),
		"offline", offline_json(description), "windows", "download", description->download.text, "flash",
		description->flash.text, "members", spec->continuous ? "continuous" : "snapshot", "approvals",
		(json_int_t)description->approvals);
	if (json && *description->selector)
		json_object_set_new(json, "selector", json_string(description->selector));
	return json;
}
