/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/artifact.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ota/manifest.h"
#include "ota/verify.h"
#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/note.h"

bool artifact_is_digest(const char *text)
{
	return strspn(text, "0123456789abcdef") == 64 && text[64] == 0;
}

bool artifact_exists(const struct home *home, const char *digest)
{
	return file_exists(home_path(home, HOME_ARTIFACTS "/%s.fit", digest).text);
}

void artifact_remove(const struct home *home, const char *digest)
{
	struct home_path path = home_path(home, HOME_ARTIFACTS "/%s.fit", digest);
	if (unlink(path.text) < 0 && errno != ENOENT)
		note("artifact: kept file=%s reason=\"%s\"", path.text, strerror(errno));
}

/* "<digest>.fit.XXXXXX": a draft (shared/file.c). */
static bool is_draft(const char *name)
{
	return strlen(name) == 64 + 4 + 7 && strspn(name, "0123456789abcdef") == 64 &&
	       strncmp(name + 64, ".fit.", 5) == 0;
}

void artifact_sweep(const struct home *home)
{
	DIR *dir = opendir(home_path(home, HOME_ARTIFACTS).text);
	const struct dirent *entry;
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (is_draft(entry->d_name) && unlink(home_path(home, HOME_ARTIFACTS "/%s", entry->d_name).text) == 0)
			note("artifact: draft-removed file=%s", entry->d_name);
	closedir(dir);
}

static void fill_in(struct store_manifest *manifest, const struct ota_manifest *parsed)
{
	snprintf(manifest->app, sizeof manifest->app, "%s", parsed->name);
	snprintf(manifest->version, sizeof manifest->version, "%u.%u.%u", parsed->version[0], parsed->version[1],
		parsed->version[2]);
	manifest->counter = parsed->counter;
	manifest->image_bytes = parsed->image_bytes;
	memcpy(manifest->vendor_id, parsed->vendor_id, sizeof manifest->vendor_id);
	memcpy(manifest->class_id, parsed->class_id, sizeof manifest->class_id);
	manifest->understood = true;
}

const char *artifact_read_manifest(struct store_manifest *manifest, const char *digest)
{
	struct ota_envelope envelope;
	struct ota_manifest parsed;
	uint8_t hash[32], wanted[32];
	if (ota_envelope_open(manifest->bytes, manifest->len, &envelope) != 0)
		return "the bytes are no SUIT envelope of the form that ota/SPEC.md asks for";
	ota_sha256(envelope.manifest_bstr, envelope.manifest_bstr_len, hash);
	if (memcmp(hash, envelope.digest, sizeof hash) != 0)
		return "the envelope's digest is not that of its manifest";
	if (ota_manifest_parse(envelope.manifest, envelope.manifest_len, &parsed) != 0)
		return "the manifest is not of the form that ota/SPEC.md asks for";
	if (!text_unhex(digest, wanted, sizeof wanted) || memcmp(parsed.digest, wanted, sizeof wanted) != 0)
		return "the manifest is for another payload";
	fill_in(manifest, &parsed);
	return NULL;
}
