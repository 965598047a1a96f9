/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/images */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shared/text.h"
#include "skerryd/artifact.h"
#include "skerryd/http_api.h"
#include "skerryd/note.h"

/* ---- listing ---- */

/* Manifests name boards by class-id, a hash; the names are those of the registry. */
static void name_board(json_t *image, const json_t *boards)
{
	const char *vendor = json_string_value(json_object_get(image, "vendorId"));
	const char *class = json_string_value(json_object_get(image, "classId"));
	uint8_t vendor_id[16], class_id[16], id[16];
	size_t index;
	const json_t *row;
	bool known = vendor && class && text_unhex(vendor, vendor_id, 16) && text_unhex(class, class_id, 16);
	json_array_foreach(boards, index, row)
	{
		const char *board = json_string_value(json_object_get(row, "board"));
		if (!known)
			break;
		text_class_id(vendor_id, board, id);
		if (memcmp(id, class_id, 16) == 0)
			json_object_set_new(image, "board", json_string(board));
	}
	json_object_del(image, "vendorId");
	json_object_del(image, "classId");
}

static int get_images(struct http_request *request)
{
	json_t *rows, *boards, *image;
	size_t index;
	if (store_images_json(request->server->store, request->who.tenant, &rows) < 0)
		return http_reply_store(request);
	if (store_boards_json(request->server->store, &boards) < 0) {
		json_decref(rows);
		return http_reply_store(request);
	}
	json_array_foreach(rows, index, image)
	{
		name_board(image, boards);
	}
	json_decref(boards);
	return http_reply_rows(request, "images", rows);
}

/* ---- uploads ---- */

static bool check_digest(struct http_request *request, int *rc)
{
	if (artifact_is_digest(request->id))
		return true;
	*rc = http_reply_error(request, MHD_HTTP_BAD_REQUEST, "name it by its SHA-256, 64 lower-case hex digits",
		"'%s' is not a digest", request->id);
	return false;
}

static int reply_stored(struct http_request *request, bool added)
{
	return http_reply_json(
		request, added ? MHD_HTTP_CREATED : MHD_HTTP_OK, json_pack("{s:s}", "digest", request->id));
}

static int image_event(struct http_request *request, const char *what)
{
	char text[200];
	snprintf(text, sizeof text, "%s of the image %.12s… arrived", what, request->id);
	return skerryd_event(request->server, &(struct store_event){.kind = "image-added", .text = text});
}

/* The end of an upload's group: the tenant has the image, and the act is written down. */
static int end_upload(struct http_request *request, int rc, const char *part, bool added)
{
	int reply;
	const char *tenant = rc == 0 ? http_tenant(request, &reply) : NULL;
	if (rc == 0 && !tenant) {
		skerryd_abandon(request->server);
		return reply;
	}
	if (rc == 0)
		rc = store_image_share(request->server->store, tenant, request->id);
	const struct http_act act = {.action = "image.upload",
		.what = "image",
		.details = json_pack("{s:s, s:s*}", "part", part, "tenant", tenant)};
	return http_end_act(request, rc, &act, &reply) ? reply : reply_stored(request, added);
}

/* The file is there under its name; now the database. */
static int register_payload(struct http_request *request, bool added)
{
	struct skerryd *server = request->server;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = store_payload_put(server->store, request->id, (int64_t)request->draft_bytes, note_now());
	if (rc == 0 && added)
		rc = image_event(request, "the payload");
	return end_upload(request, rc, "payload", added);
}

static int put_payload(struct http_request *request)
{
	struct fleet_error error;
	uint8_t digest[32];
	char hex[TEXT_DIGEST_HEX];
	int rc;
	if (!check_digest(request, &rc))
		return rc;
	ota_sha256_end(&request->sha, digest);
	text_hex(digest, sizeof digest, hex);
	if (strcmp(hex, request->id) != 0)
		return http_reply_error(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "send the right file",
			"the %llu bytes that arrived have the digest %s", (unsigned long long)request->draft_bytes,
			hex);
	bool added = !artifact_exists(&request->server->settings.home, request->id);
	/* Also over one that is there: the bytes are right, and those on the disk may have rotted. */
	errno = 0;
	if (file_draft_commit(&request->draft, &error) < 0)
		return http_reply_problem(request, http_file_status(errno), &error);
	return register_payload(request, added);
}

static int store_manifest(struct http_request *request, const struct store_manifest *manifest)
{
	struct skerryd *server = request->server;
	bool added;
	if (skerryd_begin(server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	int rc = store_manifest_put(server->store, request->id, manifest, note_now(), &added);
	if (rc == 0 && added)
		rc = image_event(request, "the manifest");
	return end_upload(request, rc, "manifest", added);
}

static int put_manifest(struct http_request *request)
{
	struct store_manifest manifest = {.bytes = request->body, .len = request->body_len};
	const char *force = http_query(request, "force");
	int rc;
	if (!check_digest(request, &rc))
		return rc;
	if (!manifest.len)
		return http_reply_error(
			request, MHD_HTTP_BAD_REQUEST, "send the manifest's bytes", "the body is empty");
	const char *wrong = artifact_read_manifest(&manifest, request->id);
	if (wrong && !(force && strcmp(force, "1") == 0))
		return http_reply_error(request, MHD_HTTP_UNPROCESSABLE_CONTENT, "sign the image again", "%s", wrong);
	return store_manifest(request, &manifest);
}

/* ---- retention ---- */

static int remove_unused(struct http_request *request, bool *gone)
{
	struct store *store = request->server->store;
	char why[80];
	int reply;
	*gone = false;
	int rc = store_image_use(store, request->who.tenant, request->id, why);
	if (rc == 0) {
		skerryd_abandon(request->server);
		return http_reply_error(request, MHD_HTTP_CONFLICT, "end that first", "the image %.12s… is in use: %s",
			request->id, why);
	}
	if (rc == STORE_NONE)
		rc = store_image_remove(store, request->who.tenant, request->id, gone);
	if (http_end_act(request, rc, &(struct http_act){.action = "image.remove", .what = "image"}, &reply))
		return reply;
	return reply_stored(request, false);
}

static int delete_image(struct http_request *request)
{
	bool gone;
	int rc;
	if (!check_digest(request, &rc))
		return rc;
	if (skerryd_begin(request->server, STORE_KEPT_ON_POWER_CUT) < 0)
		return http_reply_store(request);
	rc = remove_unused(request, &gone);
	if (gone)
		artifact_remove(&request->server->settings.home, request->id);
	return rc;
}

const struct http_route http_image_routes[] = {
	{"GET", "/api/v1/images", HTTP_BODY_NONE, get_images, ROLE_VIEWER},
	{"PUT", "/api/v1/images/*/payload", HTTP_BODY_PAYLOAD, put_payload, ROLE_OPERATOR},
	{"PUT", "/api/v1/images/*/manifest", HTTP_BODY_MANIFEST, put_manifest, ROLE_OPERATOR},
	{"DELETE", "/api/v1/images/*", HTTP_BODY_NONE, delete_image, ROLE_OPERATOR},
	{0},
};
