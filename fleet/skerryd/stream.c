/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skerryd/note.h"
#include "skerryd/rollouts.h"
#include "skerryd/store_rollout.h"

#define CATCH_UP_ROWS  50 /* read for one listener at once: it bounds what is held for it */
#define FLEET_IDLENESS 20 /* a picture that took 1 ms is not made again for 20 */

struct ring_event {
	int64_t n;
	char tenant[33], device[65], rollout[65];
	struct stream_text *text;
};

/* The newest picture of something; older ones are never told. */
struct picture {
	struct picture *next;
	char tenant[33], rollout[65]; /* rollout "": of the tenant's fleet */
	uint64_t serial;
	unsigned listeners; /* of a fleet's */
	bool is_open;       /* of a rollout: it may still change */
	struct stream_text *text;
};

struct stream_hub {
	struct skerryd *server;
	unsigned listeners;
	struct ring_event ring[STREAM_RING];
	size_t first, count;
	int64_t last, floor; /* numbers: of the newest event taken up; all after `floor` are in the ring */
	struct picture *pictures;
	uint64_t serial, logs;
	bool fleet_stale, rollouts_stale;
	int64_t fleet_due_ms, rollouts_due_ms;
};

/* ---- texts ---- */

void stream_text_drop(struct stream_text *text)
{
	if (text && --text->users == 0)
		free(text);
}

static struct stream_text *share(struct stream_text *text)
{
	if (text)
		text->users++;
	return text;
}

static struct stream_text *new_text(size_t len)
{
	struct stream_text *text = malloc(sizeof *text + len + 1);
	if (text)
		*text = (struct stream_text){.users = 1, .len = len};
	return text;
}

/* One server-sent event; n 0: without an id. */
static struct stream_text *make_text(int64_t n, const char *kind, const json_t *data)
{
	char head[80] = "";
	char *body = json_dumps(data, JSON_COMPACT);
	struct stream_text *text = NULL;
	if (!body)
		return NULL;
	if (n)
		snprintf(head, sizeof head, "id: %lld\n", (long long)n);
	snprintf(head + strlen(head), sizeof head - strlen(head), "event: %s\ndata: ", kind);
	text = new_text(strlen(head) + strlen(body) + 2);
	if (text)
		snprintf(text->bytes, text->len + 1, "%s%s\n\n", head, body);
	free(body);
	return text;
}

/* Rows with their numbers as one text; NULL: out of memory. */
static struct stream_text *make_texts(const char *kind, const json_t *rows, bool with_id)
{
	struct stream_text *all = new_text(0);
	size_t index;
	json_t *row;
	json_array_foreach(rows, index, row)
	{
		int64_t n = with_id ? json_integer_value(json_object_get(row, "n")) : 0;
		struct stream_text *one = make_text(n, kind, row);
		struct stream_text *more = one && all ? realloc(all, sizeof *all + all->len + one->len + 1) : NULL;
		if (!more) {
			free(all);
			free(one);
			return NULL;
		}
		all = more;
		memcpy(all->bytes + all->len, one->bytes, one->len + 1);
		all->len += one->len;
		free(one);
	}
	return all;
}

static void copy_member(const json_t *row, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(row, name));
	snprintf(out, size, "%s", text ? text : "");
}

static bool fits(const char *wanted, const char *is)
{
	return !*wanted || strcmp(wanted, is) == 0;
}

/* Of the rollout, or with rollout "" of the tenant's fleet; made if there is none. NULL: out of memory. */
static struct picture *find_picture(struct stream_hub *hub, const char *tenant, const char *rollout)
{
	struct picture *picture = hub->pictures;
	while (picture &&
		(strcmp(picture->rollout, rollout) != 0 || (!*rollout && strcmp(picture->tenant, tenant) != 0)))
		picture = picture->next;
	if (picture || !(picture = calloc(1, sizeof *picture)))
		return picture;
	snprintf(picture->tenant, sizeof picture->tenant, "%s", tenant);
	snprintf(picture->rollout, sizeof picture->rollout, "%s", rollout);
	picture->next = hub->pictures;
	hub->pictures = picture;
	return picture;
}

/* ---- events ---- */

static void drop_oldest(struct stream_hub *hub)
{
	struct ring_event *event = &hub->ring[hub->first];
	hub->floor = event->n;
	stream_text_drop(event->text);
	hub->first = (hub->first + 1) % STREAM_RING;
	hub->count--;
}

static void take_event(struct stream_hub *hub, const json_t *row)
{
	if (hub->count == STREAM_RING)
		drop_oldest(hub);
	struct ring_event *event = &hub->ring[(hub->first + hub->count) % STREAM_RING];
	event->n = hub->last = json_integer_value(json_object_get(row, "n"));
	copy_member(row, "tenant", event->tenant, sizeof event->tenant);
	copy_member(row, "device", event->device, sizeof event->device);
	copy_member(row, "rollout", event->rollout, sizeof event->rollout);
	event->text = make_text(event->n, "event", row);
	hub->count++;
	/* Also of one that was not open at the last look, nor will be at the next: it began and ended between them. */
	struct picture *picture = *event->rollout ? find_picture(hub, event->tenant, event->rollout) : NULL;
	if (picture)
		picture->is_open = hub->rollouts_stale = true;
}

static void take_events(struct stream_hub *hub)
{
	json_t *rows, *row;
	size_t index, count;
	do {
		struct store_event_query query = {.since = hub->last, .limit = STORE_ROWS_MAX};
		if (store_events_json(hub->server->store, &query, &rows) < 0)
			return; /* the next change tries again */
		count = json_array_size(rows);
		json_array_foreach(rows, index, row)
		{
			take_event(hub, row);
		}
		json_decref(rows);
	} while (count == STORE_ROWS_MAX);
}

/* The ring's next for the listener, NULL: none that it wants. */
static struct stream_text *next_in_ring(struct stream_hub *hub, struct stream_listener *listener)
{
	size_t low = 0, high = hub->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (hub->ring[(hub->first + middle) % STREAM_RING].n > listener->event)
			high = middle;
		else
			low = middle + 1;
	}
	for (; low < hub->count; low++) {
		const struct ring_event *event = &hub->ring[(hub->first + low) % STREAM_RING];
		listener->event = event->n;
		if (fits(listener->tenant, event->tenant) && fits(listener->device, event->device) &&
			fits(listener->rollout, event->rollout))
			return share(event->text);
	}
	return NULL;
}

/* From the database, what was before the ring. */
static struct stream_text *catch_up(struct stream_hub *hub, struct stream_listener *listener, bool *lost)
{
	struct store_event_query query = {.device = *listener->device ? listener->device : NULL,
		.tenant = listener->tenant,
		.rollout = listener->rollout,
		.since = listener->event,
		.limit = CATCH_UP_ROWS};
	json_t *rows;
	*lost = store_events_json(hub->server->store, &query, &rows) < 0;
	if (*lost)
		return NULL;
	size_t count = json_array_size(rows);
	struct stream_text *text = make_texts("event", rows, true);
	if (count)
		listener->event = json_integer_value(json_object_get(json_array_get(rows, count - 1), "n"));
	if (count < CATCH_UP_ROWS && listener->event < hub->last)
		listener->event = hub->last;
	json_decref(rows);
	*lost = !text;
	if (text && text->len == 0) {
		stream_text_drop(text);
		return NULL;
	}
	return text;
}

static struct stream_text *next_event(struct stream_hub *hub, struct stream_listener *listener, bool *lost)
{
	struct stream_text *text = NULL;
	if (listener->event >= hub->floor)
		text = next_in_ring(hub, listener);
	else
		text = catch_up(hub, listener, lost);
	return text;
}

/* ---- pictures ---- */

/* Takes the text; one that says the same as before is not told again. */
static void put_picture(struct stream_hub *hub, struct picture *picture, struct stream_text *text)
{
	const struct stream_text *old = picture->text;
	if (!text || (old && old->len == text->len && memcmp(old->bytes, text->bytes, text->len) == 0)) {
		stream_text_drop(text);
		return;
	}
	stream_text_drop(picture->text);
	picture->text = text;
	picture->serial = ++hub->serial;
}

static void take_fleet(struct stream_hub *hub, struct picture *picture)
{
	json_t *fleet;
	if (store_fleet_json(hub->server->store, picture->tenant, &fleet) != 0)
		return;
	put_picture(hub, picture, make_text(0, "fleet", fleet));
	json_decref(fleet);
}

static void take_fleets(struct stream_hub *hub, int64_t now_ms)
{
	for (struct picture *picture = hub->pictures; picture; picture = picture->next)
		if (!*picture->rollout && picture->listeners)
			take_fleet(hub, picture);
	int64_t cost = note_now_ms() - now_ms;
	hub->fleet_due_ms =
		now_ms + (cost * FLEET_IDLENESS > STREAM_FLEET_MS ? cost * FLEET_IDLENESS : STREAM_FLEET_MS);
	hub->fleet_stale = false;
}

static void take_rollout(struct stream_hub *hub, const char *id)
{
	const struct principal all = {.role = ROLE_VIEWER};
	char tenant[33];
	json_t *rollout;
	if (rollouts_json(hub->server, &all, id, &rollout) != 0)
		return;
	json_object_del(rollout, "spec");
	copy_member(rollout, "tenant", tenant, sizeof tenant);
	struct picture *picture = find_picture(hub, tenant, id);
	if (picture) {
		picture->is_open = !json_object_get(rollout, "endedAt");
		put_picture(hub, picture, make_text(0, "rollout", rollout));
	}
	json_decref(rollout);
}

/* Those that run, and once more those that ended since. */
static void take_rollouts(struct stream_hub *hub, int64_t now_ms)
{
	json_t *rows, *row;
	size_t index;
	hub->rollouts_due_ms = now_ms + STREAM_ROLLOUT_MS;
	if (store_rollouts_open(hub->server->store, NULL, &rows) < 0)
		return;
	for (struct picture *picture = hub->pictures; picture; picture = picture->next)
		if (*picture->rollout && picture->is_open)
			take_rollout(hub, picture->rollout);
	json_array_foreach(rows, index, row)
	{
		const char *id = json_string_value(json_object_get(row, "id"));
		const struct picture *picture = hub->pictures;
		while (picture && strcmp(picture->rollout, id) != 0)
			picture = picture->next;
		if (!picture || !picture->is_open)
			take_rollout(hub, id);
	}
	json_decref(rows);
	hub->rollouts_stale = false;
}

/* The oldest picture that the listener has not seen: so each gets its turn. */
static struct stream_text *next_picture(const struct stream_hub *hub, struct stream_listener *listener)
{
	const struct picture *found = NULL;
	for (const struct picture *picture = hub->pictures; picture; picture = picture->next) {
		bool wanted = *picture->rollout ? fits(listener->tenant, picture->tenant) &&
							  fits(listener->rollout, picture->rollout)
						: strcmp(listener->tenant, picture->tenant) == 0;
		if (wanted && picture->serial > listener->picture && (!found || picture->serial < found->serial))
			found = picture;
	}
	listener->picture = found ? found->serial : hub->serial;
	return found ? share(found->text) : NULL;
}

static void forget(struct stream_hub *hub)
{
	while (hub->count)
		drop_oldest(hub);
	while (hub->pictures) {
		struct picture *picture = hub->pictures;
		hub->pictures = picture->next;
		stream_text_drop(picture->text);
		free(picture);
	}
}

/* ---- log lines ---- */

static struct stream_text *next_lines(
	struct stream_hub *hub, struct stream_listener *listener, int64_t now_ms, bool *lost)
{
	json_t *rows;
	if (!*listener->device || listener->logs == hub->logs || now_ms < listener->line_due_ms)
		return NULL;
	uint64_t seen = hub->logs;
	*lost = store_logs_json(hub->server->store, listener->device, listener->line, &rows) < 0;
	if (*lost)
		return NULL;
	size_t count = json_array_size(rows);
	struct stream_text *text = count ? make_texts("log", rows, false) : NULL;
	if (count)
		listener->line = json_integer_value(json_object_get(json_array_get(rows, count - 1), "n"));
	if (count < STORE_ROWS_MAX)
		listener->logs = seen;
	listener->line_due_ms = now_ms + STREAM_LOG_MS;
	json_decref(rows);
	return text;
}

/* ---- listeners ---- */

int stream_join(struct stream_hub *hub, struct stream_listener *listener, int64_t since)
{
	struct store *store = hub->server->store;
	if (hub->listeners == 0) {
		forget(hub);
		if (store_event_last(store, &hub->last) < 0)
			return -1;
		hub->floor = hub->last;
	}
	struct picture *fleet = find_picture(hub, listener->tenant, "");
	if (!fleet || (*listener->device && store_log_last(store, listener->device, &listener->line) < 0))
		return -1;
	hub->rollouts_stale |= hub->listeners == 0;
	if (fleet->listeners++ == 0)
		take_fleet(hub, fleet);
	hub->listeners++;
	listener->event = since < 0 ? hub->last : since;
	listener->logs = hub->logs;
	return 0;
}

void stream_leave(struct stream_hub *hub, const struct stream_listener *listener)
{
	struct picture *fleet = find_picture(hub, listener->tenant, "");
	if (fleet)
		fleet->listeners--;
	if (--hub->listeners == 0)
		forget(hub);
}

void stream_update(struct stream_hub *hub, unsigned changed, int64_t now_ms)
{
	if (hub->listeners == 0)
		return;
	hub->fleet_stale |= (changed & (CHANGED_EVENT | CHANGED_DEVICE)) != 0;
	hub->rollouts_stale |= (changed & CHANGED_ROLLOUT) != 0;
	if (changed & CHANGED_LOG)
		hub->logs++;
	if (changed & CHANGED_EVENT)
		take_events(hub);
	if (hub->fleet_stale && now_ms >= hub->fleet_due_ms)
		take_fleets(hub, now_ms);
	if (hub->rollouts_stale && now_ms >= hub->rollouts_due_ms)
		take_rollouts(hub, now_ms);
}

int64_t stream_due_ms(const struct stream_hub *hub)
{
	int64_t due = INT64_MAX;
	if (hub->listeners && hub->fleet_stale)
		due = hub->fleet_due_ms;
	if (hub->listeners && hub->rollouts_stale && hub->rollouts_due_ms < due)
		due = hub->rollouts_due_ms;
	return due;
}

struct stream_text *stream_next(struct stream_hub *hub, struct stream_listener *listener, int64_t now_ms, bool *lost)
{
	*lost = false;
	struct stream_text *text = next_event(hub, listener, lost);
	if (!text && !*lost)
		text = next_picture(hub, listener);
	if (!text && !*lost)
		text = next_lines(hub, listener, now_ms, lost);
	if (!text && !*lost && now_ms >= listener->beat_due_ms && (text = new_text(3)))
		memcpy(text->bytes, ":\n\n", 4);
	if (text)
		listener->beat_due_ms = now_ms + STREAM_BEAT_MS;
	return text;
}

struct stream_hub *stream_hub_new(struct skerryd *server)
{
	struct stream_hub *hub = calloc(1, sizeof *hub);
	if (hub)
		hub->server = server;
	return hub;
}

void stream_hub_free(struct stream_hub *hub)
{
	if (hub)
		forget(hub);
	free(hub);
}
