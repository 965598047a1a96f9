/* SPDX-License-Identifier: Apache-2.0 */
/* Does a FIT's configuration signature hold? The same bytes as U-Boot hashes, for the operator's eyes only: the boot loader decides. */
#ifndef SKERRY_FIT_VERIFY_H
#define SKERRY_FIT_VERIFY_H

#include "shared/file.h"

enum fit_trust { FIT_TRUSTED = 1, FIT_NOT_OURS, FIT_NO_KEY };

/*
 * Check `fit`, which fit_read() accepted, by the public key in `certificate` (PEM file). NOT_OURS: another key, or something that is signed was changed.
 * NO_KEY: there is no such certificate.
 */
enum fit_trust fit_verify(const struct file_bytes *fit, const char *certificate);

#endif
