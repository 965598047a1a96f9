/* SPDX-License-Identifier: Apache-2.0 */
/* The update manifest (SPEC §4) from the operator's side: made and signed from a FIT, and read back. The bytes are ota_format's. */
#ifndef SKERRY_RELEASE_H
#define SKERRY_RELEASE_H

#include "ota/manifest.h"
#include "shared/file.h"
#include "shared/home.h"
#include "shared/signers.h"
#include "skerry/fit.h"

struct release_plan {
	const char *fit;             /* file */
	struct signers *signers;     /* who signs: those of the role that are at hand … */
	const struct ota_role *role; /* … or all of them, when NULL */
	const char *vendor;          /* domain */
	const char *device;          /* only for this one, or NULL */
	const char *out;             /* file to make */
};
/* Make plan->out, whole or not at all. *info: what the FIT says. 0 or -1. */
int release_sign(const struct release_plan *plan, struct fit_info *info, struct fleet_error *error)
	__attribute__((warn_unused_result));

/* A .suit file, opened. */
struct release {
	struct file_bytes bytes; /* owned: the pointers of the others go into it */
	struct ota_envelope envelope;
	struct ota_manifest manifest;
};
/* Read and take apart; the signature is not looked at. Free with release_free(), on success only. 0 or -1. */
int release_load(const char *path, struct release *release, struct fleet_error *error)
	__attribute__((warn_unused_result));
void release_free(struct release *release);

enum release_trust { RELEASE_TRUSTED, RELEASE_NOT_OURS, RELEASE_NO_KEY };
/* Is it signed by a threshold of the release keys of the home's newest keyset? RELEASE_NO_KEY: the home has none. */
enum release_trust release_verify(const struct release *release, const struct home *home);

/* The payload's file: the manifest's uri, a file name, in the folder of the manifest `path`. A new string; NULL: out of memory. */
char *release_payload_path(const char *path, const struct release *release);

#endif
