/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which devices: terms joined by ',', all of which must hold. `name=value`, `name!=value`, `name in (a b)`, `name`, `!name`; a value with anything but
 * letters, digits and "._:/+@-" stands in double quotes (\" and \\ within). Names are a device's attributes, and the built-in ones of enum selector_field.
 * Pure; what it means in the database is store_selector.c's.
 */
#ifndef SKERRYD_SELECTOR_H
#define SKERRYD_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"

#define SELECTOR_TEXT_MAX       1024
#define SELECTOR_TERMS_MAX      16
#define SELECTOR_VALUES_MAX     64 /* of all terms */
#define SELECTOR_NAME_BYTES_MAX 64

enum selector_field {
	SELECTOR_ATTRIBUTE = 1,
	SELECTOR_ID,
	SELECTOR_BOARD,
	SELECTOR_APP,
	SELECTOR_VERSION,
	SELECTOR_DIGEST, /* of what runs: the first 8 digits or more */
	SELECTOR_ONLINE, /* true or false; `online`, `!online` */
	SELECTOR_STATE,  /* active, revoked, retired */
	SELECTOR_HEALTH, /* good, trial, safe, failed: see API.md */
	SELECTOR_MODE,   /* normal, trial, safe */
	SELECTOR_TENANT,
	SELECTOR_GROUP,   /* matches the group's selector */
	SELECTOR_CHANNEL, /* runs what the channel of its app and board names */
	SELECTOR_SLOT,
	SELECTOR_SERIAL, /* of the board */
	SELECTOR_MAC,    /* "52:54:00:12:34:56" */
};

enum selector_test { SELECTOR_IN = 1, SELECTOR_NOT_IN, SELECTOR_HAS, SELECTOR_HAS_NOT };

struct selector_term {
	enum selector_field field;
	enum selector_test test;
	uint16_t name;         /* where in text[] */
	uint16_t first, count; /* its values, in values[]; HAS, HAS_NOT: none */
};

/* Holds its own text: may be copied. */
struct selector {
	size_t term_count, value_count;
	struct selector_term terms[SELECTOR_TERMS_MAX];
	uint16_t values[SELECTOR_VALUES_MAX]; /* where in text[] */
	char text[SELECTOR_TEXT_MAX + SELECTOR_TERMS_MAX + SELECTOR_VALUES_MAX +
		  2]; /* NUL-terminated names and values */
};

/* "" selects all. 0, or -1: *error names the spot. */
int selector_parse(const char *text, struct selector *selector, struct fleet_error *error)
	__attribute__((warn_unused_result));

const char *selector_name(const struct selector *selector, const struct selector_term *term);
/* i < term->count */
const char *selector_value(const struct selector *selector, const struct selector_term *term, size_t i);
bool selector_uses(const struct selector *selector, enum selector_field field);

/* What an attribute may be called: [A-Za-z0-9._/-]{1,64}, and no name that is built in. */
bool selector_is_attribute(const char *name);

#endif
