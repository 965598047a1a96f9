/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads as files: server/artifacts/<digest>.fit, and manifests that say what they are. */
#ifndef SKERRYD_ARTIFACT_H
#define SKERRYD_ARTIFACT_H

#include <stdbool.h>

#include "shared/home.h"
#include "skerryd/store.h"

/* 64 lower-case hex digits. */
bool artifact_is_digest(const char *text);
bool artifact_exists(const struct home *home, const char *digest);
/* A device that is fetching it goes on with what it has open. */
void artifact_remove(const struct home *home, const char *digest);
/* Remove what an upload left behind that a crash cut short. */
void artifact_sweep(const struct home *home);

/*
 * Read manifest->bytes[len] and fill in the rest. NULL, or the sentence that says why it is no manifest for `digest`. Signatures are the device's to
 * check: skerryd holds no release keys.
 */
const char *artifact_read_manifest(struct store_manifest *manifest, const char *digest);

#endif
