/* SPDX-License-Identifier: Apache-2.0 */
#include "rollouts_rig.h"

const struct principal ann = {.role = ROLE_ADMIN, .name = "ann"}, bob = {.role = ROLE_ADMIN, .name = "bob"},
		       stranger = {.role = ROLE_ADMIN, .name = "eve", .tenant = "other"};

/* ---- a fleet of five ---- */

void group(struct fixture *f)
{
	assert_int_equal(skerryd_begin(&f->server, STORE_KEPT_ON_KILL), 0);
}

void commit(struct fixture *f)
{
	assert_int_equal(skerryd_commit(&f->server), 0);
}

void add_image(struct fixture *f, const char *digest)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct store_manifest manifest = {
		.bytes = bytes, .len = sizeof bytes, .understood = true, .app = "sensor", .version = "2.0.0"};
	bool added;
	text_vendor_id("example.com", manifest.vendor_id);
	text_class_id(manifest.vendor_id, "qemu-virt", manifest.class_id);
	assert_int_equal(store_manifest_put(f->server.store, digest, &manifest, 1, &added), 0);
}

void online(struct fixture *f, const char *id, bool is_online)
{
	const struct message_presence presence = {.online = is_online, .boot = 1};
	group(f);
	assert_int_equal(devices_on_presence(&f->server, id, &presence, false), 0);
	commit(f);
}

void report(struct fixture *f, const char *id, const char *digest)
{
	struct store_report report = {.digest = digest, .mode = "normal"};
	json_t *body = json_object();
	group(f);
	assert_int_equal(devices_on_report(&f->server, id, body, &report), 0);
	commit(f);
	json_decref(body);
}

void add_device(struct fixture *f, const char *id, const char *attributes)
{
	bool added;
	group(f);
	assert_int_equal(store_device_put(f->server.store, id, "qemu-virt", 1, &added), 0);
	assert_int_equal(
		store_run(f->server.store, "UPDATE devices SET attributes = ? WHERE id = ?", "ss", attributes, id), 0);
	commit(f);
	online(f, id, true);
	report(f, id, BEFORE);
}

int rig_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct skerryd *server = &f->server;
	char path[80], id[16], attributes[64];
	bool added;
	*state = f;
	strcpy(f->dir, "/tmp/skerry-rollouts-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(path, sizeof path, "%s/fleet.db", f->dir);
	server->settings.prefix = "p";
	server->settings.artifact_url = "https://10.0.2.2:8443/artifacts";
	server->now_ms = START;
	outbox_init(&server->outbox, "p");
	if (store_open(path, &server->store, &f->error) < 0 || rollouts_start(server) < 0)
		return -1;
	group(f);
	add_image(f, NEW);
	add_image(f, BEFORE);
	assert_int_equal(store_device_put(server->store, "other", "rpi-4", 1, &added), 0);
	commit(f);
	for (int i = 1; i <= 5; i++) {
		snprintf(id, sizeof id, "d%d", i);
		snprintf(attributes, sizeof attributes, "{\"age\":\"%d\",\"timezone\":\"+01:00\"}", 9 - i);
		add_device(f, id, attributes);
	}
	return 0;
}

int rig_down(void **state)
{
	struct fixture *f = *state;
	outbox_clear(&f->server.outbox);
	bell_free(&f->server.bells);
	rollouts_stop(&f->server);
	store_close(f->server.store);
	file_remove_tree(f->dir);
	free(f);
	return 0;
}

/* ---- what people and devices do ---- */

void create_for(struct fixture *f, const char *image, const char *members)
{
	char text[1024];
	struct rollout_description *description = malloc(sizeof *description);
	snprintf(text, sizeof text, "{\"image\":\"%s\",%s}", image, members);
	json_t *json = json_loads(text, 0, NULL);
	assert_non_null(json);
	if (rollout_spec_parse(json, description, &f->error) < 0)
		fail_msg("%s", f->error.cause);
	json_decref(json);
	group(f);
	if (rollouts_create(&f->server, &ann, description, f->rollout, &f->error) != ROLLOUTS_DONE)
		fail_msg("%s", f->error.cause);
	commit(f);
	free(description);
}

void create(struct fixture *f, const char *members)
{
	create_for(f, NEW, members);
}

enum rollouts_outcome act(struct fixture *f, const struct principal *who, enum rollouts_verb verb)
{
	group(f);
	enum rollouts_outcome outcome = rollouts_do(&f->server, who, verb, f->rollout, &f->error);
	if (outcome == ROLLOUTS_DONE)
		commit(f);
	else
		skerryd_abandon(&f->server);
	return outcome;
}

void start(struct fixture *f, const char *members)
{
	create(f, members);
	if (act(f, &ann, VERB_START) != ROLLOUTS_DONE)
		fail_msg("%s", f->error.cause);
}

void pass_s(struct fixture *f, int64_t seconds)
{
	for (int64_t i = 0; i < 4; i++) {
		f->server.now_ms += seconds * 250;
		rollouts_turn(&f->server);
	}
}

json_t *job_of(struct fixture *f, const char *id, char job_id[65])
{
	struct store_job job;
	if (store_job_next(f->server.store, id, &job) != 0)
		return NULL;
	json_t *document = json_loads(job.document, 0, NULL);
	memcpy(job_id, job.id, sizeof job.id);
	assert_string_equal(job.rollout, f->rollout);
	store_job_free(&job);
	return document;
}

void update_step(struct fixture *f, const char *id, const char *status, const char *step)
{
	char job[65];
	json_t *document = job_of(f, id, job),
	       *body = json_pack("{s:s, s:{s:s*}}", "status", status, "statusDetails", "step", step);
	assert_non_null(document);
	group(f);
	assert_int_equal(jobs_on_update(&f->server, id, job, body), 0);
	commit(f);
	json_decref(body);
	json_decref(document);
}

void update(struct fixture *f, const char *id, const char *status)
{
	update_step(f, id, status, NULL);
}

void succeed(struct fixture *f, const char *id, const char *digest)
{
	update(f, id, "IN_PROGRESS");
	report(f, id, digest);
	update(f, id, "SUCCEEDED");
}

void expect_target(struct fixture *f, const char *id, enum target_state state)
{
	struct store_target target;
	if (store_target_get(f->server.store, f->rollout, id, &target) != 0)
		fail_msg("%s is not in the rollout", id);
	if (target.target.state != state)
		fail_msg("%s is %s, not %s", id, target_state_name(target.target.state), target_state_name(state));
}

void expect_state(struct fixture *f, const char *state)
{
	json_t *json;
	assert_int_equal(rollouts_json(&f->server, &ann, f->rollout, &json), 0);
	assert_string_equal(json_string_value(json_object_get(json, "state")), state);
	json_decref(json);
}

size_t in_state(struct fixture *f, enum target_state state)
{
	json_t *rows;
	assert_int_equal(store_targets_in(f->server.store, f->rollout, state, 100, &rows), 0);
	size_t count = json_array_size(rows);
	json_decref(rows);
	return count;
}

void expect_job(struct fixture *f, const char *id, enum job_status status)
{
	struct store_job job;
	assert_int_equal(store_job_get(f->server.store, id, &job), 0);
	if (job.status != status)
		fail_msg("the job is %s, not %s", job_status_name(job.status), job_status_name(status));
	store_job_free(&job);
}
