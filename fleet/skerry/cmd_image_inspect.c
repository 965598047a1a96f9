/* SPDX-License-Identifier: Apache-2.0 */
/* `skerry image inspect`: everything that an image or a manifest says, and whether its signature holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"
#include "skerry/commands.h"
#include "skerry/fit_verify.h"
#include "skerry/release.h"

static json_t *hex_json(const uint8_t *data, size_t len)
{
	char hex[2 * 64 + 1];
	text_hex(data, len, hex);
	return json_string(hex);
}

static json_t *version_json(const uint32_t version[3])
{
	return json_sprintf("%u.%u.%u", version[0], version[1], version[2]);
}

static json_t *describe_fit(const struct file_bytes *bytes, const struct fit_info *info)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:I, s:I, s:o, s:o, s:s}", "kind", "image", "app", info->app,
		"board", info->board, "version", version_json(info->version), "counter", (json_int_t)info->counter,
		"digest", hex_json(info->digest, 32), "bytes", (json_int_t)bytes->len, "kernelBytes",
		(json_int_t)info->kernel_bytes, "load", json_sprintf("0x%x", info->load), "entry",
		json_sprintf("0x%x", info->entry), "signedBy", info->key);
}

static const char *trust_text(enum release_trust trust)
{
	if (trust == RELEASE_TRUSTED)
		return "valid";
	return trust == RELEASE_NOT_OURS ? "not by this fleet's release keys" : "not checked: no keyset here";
}

static json_t *describe_release(const struct release *release, enum release_trust trust)
{
	const struct ota_manifest *m = &release->manifest;
	json_t *out = json_pack("{s:s, s:s, s:o, s:I, s:o, s:I, s:s, s:o, s:o, s:I, s:I}", "kind", "manifest", "app",
		m->name, "version", version_json(m->version), "counter", (json_int_t)m->counter, "digest",
		hex_json(m->digest, 32), "bytes", (json_int_t)m->image_bytes, "uri", m->uri, "vendorId",
		hex_json(m->vendor_id, 16), "classId", hex_json(m->class_id, 16), "chunkBytes",
		(json_int_t)m->chunk_bytes, "chunks", (json_int_t)m->chunk_count);
	json_t *kids = json_array();
	for (size_t i = 0; i < release->envelope.signature_count; i++)
		json_array_append_new(kids, release->envelope.signatures[i].has_kid
						    ? hex_json(release->envelope.signatures[i].kid, 8)
						    : json_null());
	json_object_set_new(out, "signatures", kids);
	json_object_set_new(out, "signature", json_string(trust_text(trust)));
	if (m->device_id[0])
		json_object_set_new(out, "device", json_string(m->device_id));
	if (m->has_precursor)
		json_object_set_new(out, "precursor", hex_json(m->precursor, 32));
	return out;
}

static void print(const struct cli *cli, json_t *description)
{
	const char *key;
	json_t *value;
	if (cli->json) {
		cli_print_json(description, false);
	} else {
		json_object_foreach(description, key, value)
		{
			char text[256];
			cli_member_text(description, key, text, sizeof text);
			if (!json_is_array(value))
				printf("%-12s %s\n", key, text);
			for (size_t i = 0; i < json_array_size(value); i++)
				printf("%-12s key %s\n", key,
					json_is_string(json_array_get(value, i))
						? json_string_value(json_array_get(value, i))
						: "?");
		}
	}
	json_decref(description);
}

static bool is_fit(const char *path)
{
	uint8_t magic[4] = {0};
	FILE *file = fopen(path, "rb");
	bool fit = file && fread(magic, 1, 4, file) == 4 && memcmp(magic, "\xd0\x0d\xfe\xed", 4) == 0;
	if (file)
		fclose(file);
	return fit;
}

static const char *fit_trust_text(enum fit_trust trust)
{
	if (trust == FIT_TRUSTED)
		return "valid";
	return trust == FIT_NOT_OURS ? "not by this fleet's boot key" : "not checked: no boot key here";
}

static int inspect_fit(const struct cli *cli, const char *path, struct fleet_error *error)
{
	struct file_bytes bytes;
	struct fit_info info;
	if (file_read(path, FIT_BYTES_MAX, &bytes, error) < 0)
		return -1;
	int rc = fit_read(path, &bytes, &info, error);
	if (rc == 0) {
		enum fit_trust trust = fit_verify(&bytes, home_path(&cli->home, HOME_BOOT_CERT).text);
		json_t *description = describe_fit(&bytes, &info);
		json_object_set_new(description, "signature", json_string(fit_trust_text(trust)));
		print(cli, description);
		if (trust == FIT_NOT_OURS)
			rc = fleet_fail(error, "do not deliver it; build the image again",
				"'%s' is not signed by the boot key of '%s', or was changed", path, cli->home.dir);
	}
	file_bytes_free(&bytes);
	return rc;
}

/* The payload beside the manifest, where there is one, must be the one that it names. */
static int check_payload(const char *path, const struct release *release, struct fleet_error *error)
{
	struct file_bytes bytes;
	struct fit_info info;
	char *payload = release_payload_path(path, release);
	int rc = 0;
	if (payload && file_exists(payload)) {
		rc = file_read(payload, FIT_BYTES_MAX, &bytes, error);
		if (rc == 0) {
			rc = fit_read(payload, &bytes, &info, error);
			if (rc == 0 && memcmp(info.digest, release->manifest.digest, 32) != 0)
				rc = fleet_fail(error, "sign it again, or restore the right file",
					"'%s' is not the image that '%s' names", payload, path);
			file_bytes_free(&bytes);
		}
	}
	free(payload);
	return rc;
}

static int inspect_release(const struct cli *cli, const char *path, struct fleet_error *error)
{
	struct release release;
	if (release_load(path, &release, error) < 0)
		return -1;
	enum release_trust trust = release_verify(&release, &cli->home);
	print(cli, describe_release(&release, trust));
	int rc = check_payload(path, &release, error);
	if (rc == 0 && trust == RELEASE_NOT_OURS)
		rc = fleet_fail(error, "do not deliver it; sign the image with `skerry image sign`",
			"'%s' is not signed by the release keys of '%s' that count", path, cli->home.dir);
	release_free(&release);
	return rc;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const struct option_spec specs[] = {{0}};
	struct cli_words words = {.min = 1, .max = 1};
	struct fleet_error error;
	if (!cli_options(cli, specs, argc, argv, &words))
		return cli->exit_code;
	const char *path = words.items[0];
	if (home_locate(&cli->home, cli->home_option, &error) < 0)
		return cli_fail(&error); /* it need not exist: only its key is looked for */
	int rc = is_fit(path) ? inspect_fit(cli, path, &error) : inspect_release(cli, path, &error);
	return rc < 0 ? cli_fail(&error) : EXIT_OK;
}

const struct command command_image_inspect = {
	.name = "image inspect",
	.arguments = "FILE",
	.summary = "what an image (.fit) or its manifest (.suit) says, checked",
	.details =
		"Of an image the kernel's hash is checked; of a manifest the signatures, by the home's newest keyset, "
		"and the image beside it.\n"
		"Exit code 1 when something does not hold.",
	.run = run,
};
