/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a failure reaches the operator: the cause (which input, what went wrong) and the remedy (what to do now). A call that can fail takes a
 * struct fleet_error, fills it in once where the cause is known, and returns -1; callers only pass it on.
 */
#ifndef SHARED_ERROR_H
#define SHARED_ERROR_H

#define FLEET_CAUSE_BYTES  768
#define FLEET_REMEDY_BYTES 384

struct fleet_error {
	char cause[FLEET_CAUSE_BYTES];
	char remedy[FLEET_REMEDY_BYTES]; /* "" = none that is known */
};

/* Set cause (printf) and remedy (NULL: none). Always returns -1, so that a function can end with it. */
int fleet_fail(struct fleet_error *error, const char *remedy, const char *cause, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": <errno's text>", and a remedy that fits errno when `remedy` is NULL. Reads errno. */
int fleet_fail_errno(struct fleet_error *error, const char *remedy, const char *cause, ...)
	__attribute__((format(printf, 3, 4)));

#endif
