/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ota/verify.h"
#include "shared/text.h"
#include "skerry/release.h"

/* ---- the image ---- */

static int put(struct client *client, const char *path, const struct file_bytes *bytes, struct fleet_error *error)
{
	json_t *answer = NULL;
	const struct client_request request = {.method = "PUT", .path = path, .bytes = bytes};
	int rc = client_call(client, &request, &answer, error);
	json_decref(answer);
	return rc;
}

static int upload_payload(struct client *client, const char *suit, const struct release *release, const char *digest,
	struct fleet_error *error)
{
	char path[160];
	struct file_bytes payload;
	char *file = release_payload_path(suit, release);
	int rc = file ? file_read(file, FIT_BYTES_MAX, &payload, error) : fleet_fail(error, NULL, "out of memory");
	free(file);
	if (rc < 0)
		return -1;
	snprintf(path, sizeof path, "/api/v1/images/%s/payload", digest);
	rc = put(client, path, &payload, error);
	file_bytes_free(&payload);
	return rc;
}

static int upload(struct client *client, const char *suit, char digest[TEXT_DIGEST_HEX], struct fleet_error *error)
{
	char path[160];
	struct release release;
	if (release_load(suit, &release, error) < 0)
		return -1;
	text_hex(release.manifest.digest, 32, digest);
	int rc = client_has_artifact(client, digest, error);
	if (rc == 0)
		rc = upload_payload(client, suit, &release, digest, error);
	snprintf(path, sizeof path, "/api/v1/images/%s/manifest", digest);
	if (rc >= 0)
		rc = put(client, path, &release.bytes, error);
	release_free(&release);
	return rc < 0 ? -1 : 0;
}

/* The one image that the channels of this name lead to. */
static int find_channel(
	struct client *client, const char *name, char digest[TEXT_DIGEST_HEX], struct fleet_error *error)
{
	json_t *answer;
	const json_t *row;
	size_t index;
	int found = 0;
	if (client_get(client, "/api/v1/channels", &answer, error) < 0)
		return -1;
	json_array_foreach(json_object_get(answer, "channels"), index, row)
	{
		const char *its = json_string_value(json_object_get(row, "name")),
			   *leads_to = json_string_value(json_object_get(row, "digest"));
		if (!its || !leads_to || strcmp(its, name) != 0 || strcmp(leads_to, digest) == 0)
			continue;
		snprintf(digest, TEXT_DIGEST_HEX, "%s", leads_to);
		found++;
	}
	json_decref(answer);
	if (found == 1)
		return 0;
	return fleet_fail(error, "name the image by its digest, as `skerry image list` shows it",
		found ? "the channels '%s' lead to several images" : "'%s' is no digest, no IMG.suit and no channel",
		name);
}

static int find_image(struct client *client, const char *image, char digest[TEXT_DIGEST_HEX], struct fleet_error *error)
{
	size_t len = strlen(image);
	digest[0] = 0;
	if (len == 64 && strspn(image, "0123456789abcdef") == 64) {
		memcpy(digest, image, 65);
		return 0;
	}
	if (len > 5 && strcmp(image + len - 5, ".suit") == 0)
		return upload(client, image, digest, error);
	return find_channel(client, image, digest, error);
}

/* ---- the waves ---- */

static json_t *make_wave(const struct describe *describe, const char *name, uint64_t success)
{
	json_t *wave = json_pack("{s:s}", "name", name), *advance = json_object();
	if (success)
		json_object_set_new(advance, "successPercent", json_integer((json_int_t)success));
	if (describe->soak_s)
		json_object_set_new(advance, "soakS", json_integer((json_int_t)describe->soak_s));
	json_object_set_new(wave, "advance", advance);
	if (describe->in_flight)
		json_object_set_new(wave, "maxInFlight", json_integer((json_int_t)describe->in_flight));
	if (describe->per_minute)
		json_object_set_new(wave, "rate", json_pack("{s:I}", "perMinute", (json_int_t)describe->per_minute));
	return wave;
}

static json_t *make_waves(const struct describe *describe, struct fleet_error *error)
{
	json_t *waves = json_array();
	if (describe->canary) {
		json_t *wave = make_wave(describe, "canary", 100);
		json_object_set_new(wave, "count", json_integer((json_int_t)describe->canary));
		json_array_append_new(waves, wave);
	}
	for (size_t i = 0; i < describe->percent_count; i++) {
		uint64_t percent;
		char name[16];
		if (!text_u64_parse(describe->percents[i], 100, &percent) || percent == 0) {
			(void)!fleet_fail(error, "give a whole number from 1 to 100", "--percent '%s' is none",
				describe->percents[i]);
			json_decref(waves);
			return NULL;
		}
		snprintf(name, sizeof name, "%u %%", (unsigned)percent);
		json_t *wave = make_wave(describe, name, describe->success);
		json_object_set_new(wave, "percent", json_integer((json_int_t)percent));
		json_array_append_new(waves, wave);
	}
	json_array_append_new(waves, make_wave(describe, "rest", describe->success));
	return waves;
}

static json_t *from_options(const struct describe *describe, struct fleet_error *error)
{
	json_t *waves = make_waves(describe, error);
	json_t *json = waves ? json_pack("{s:o}", "waves", waves) : NULL;
	if (json && describe->action)
		json_object_set_new(json, "stop", json_pack("[{s:s}]", "action", describe->action));
	if (json && describe->trial_s)
		json_object_set_new(json, "device", json_pack("{s:I}", "trialS", (json_int_t)describe->trial_s));
	return json;
}

static json_t *from_file(const char *file, struct fleet_error *error)
{
	json_error_t where;
	json_t *json = json_load_file(file, JSON_REJECT_DUPLICATES, &where);
	if (json_is_object(json))
		return json;
	(void)!fleet_fail(error, "see fleet/ROLLOUTS.md, `The description`", "'%s' is no JSON object%s%s", file,
		json ? "" : ": ", json ? "" : where.text);
	json_decref(json);
	return NULL;
}

json_t *describe_read(const struct describe *describe, struct client *client, struct fleet_error *error)
{
	char digest[TEXT_DIGEST_HEX];
	json_t *json = describe->file ? from_file(describe->file, error) : from_options(describe, error);
	if (!json)
		return NULL;
	const char *image = describe->image ? describe->image : json_string_value(json_object_get(json, "image"));
	int rc = image ? find_image(client, image, digest, error)
		       : fleet_fail(error, "give --image, or `image` in the file", "the image is not named");
	if (rc < 0) {
		json_decref(json);
		return NULL;
	}
	json_object_set_new(json, "image", json_string(digest));
	if (describe->name)
		json_object_set_new(json, "name", json_string(describe->name));
	if (describe->selector)
		json_object_set_new(json, "selector", json_string(describe->selector));
	if (describe->approvals)
		json_object_set_new(json, "approvals", json_integer((json_int_t)describe->approvals));
	return json;
}
