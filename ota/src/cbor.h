/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of CBOR (RFC 8949) that the specification's formats use, in deterministic encoding only (§4.2.1): definite
 * lengths, shortest heads, map keys ascending in bytewise order. Anything else is an error, so that one meaning has
 * exactly one encoding. Integers that fit int64_t, byte strings, printable ASCII text, arrays, maps, tags and null.
 * -OTA_E_UNSUPPORTED is what others may write but has no reading here: indefinite lengths, floats, simple values, bignums,
 * integers beyond int64_t, text beyond ASCII. Everything else that is wrong is -OTA_E_FORMAT.
 *
 * Both directions keep the first error and turn every later call into a no-op that yields zeroes, so callers check once,
 * at the end; nothing that a reader yields may be acted upon before that check.
 */
#ifndef OTA_CBOR_H
#define OTA_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cbor_in {
	const uint8_t *at, *end;
	int error; /* 0, -OTA_E_FORMAT, -OTA_E_UNSUPPORTED, or what cbor_fail() was given */
};

struct cbor_bytes {
	const uint8_t *data;
	size_t len;
};

/* The keys of one map, while it is read. */
struct cbor_keys {
	bool any;
	uint64_t last;
};

void cbor_read(struct cbor_in *in, const uint8_t *data, size_t len);
void cbor_read_wrapped(struct cbor_in *inner, struct cbor_in *outer); /* the content of a byte string .cbor */
void cbor_fail(struct cbor_in *in, int error);

int64_t cbor_int(struct cbor_in *in);
uint64_t cbor_uint(struct cbor_in *in, uint64_t max); /* above max: -OTA_E_UNSUPPORTED */
struct cbor_bytes cbor_bytes(struct cbor_in *in);
void cbor_bytes_exact(struct cbor_in *in, uint8_t *out, size_t len);
void cbor_text(struct cbor_in *in, char *out, size_t cap); /* NUL-terminated; longer than cap - 1: -OTA_E_UNSUPPORTED */
size_t cbor_array(struct cbor_in *in); /* the number of elements, at most the number of bytes left */
size_t cbor_map(struct cbor_in *in);   /* likewise, of pairs */
int64_t cbor_key(struct cbor_in *in, struct cbor_keys *keys);
bool cbor_text_is(const struct cbor_in *in); /* a text is next */
void cbor_null(struct cbor_in *in);
bool cbor_null_is(struct cbor_in *in);              /* consumes a null iff it is there */
bool cbor_tag_is(struct cbor_in *in, uint64_t tag); /* consumes the tag iff it is there */

/* Exactly this integer, or `error`. */
void cbor_expect(struct cbor_in *in, int64_t value, int error);

/* The first error; otherwise -OTA_E_FORMAT if bytes are left over; otherwise 0. */
int cbor_finish(const struct cbor_in *in);
/* The same for an inner item; its error goes to the outer one. */
void cbor_finish_wrapped(const struct cbor_in *inner, struct cbor_in *outer);

struct cbor_out {
	uint8_t *buf; /* NULL: only count */
	size_t cap, len;
	bool overflow;
};

void cbor_put_int(struct cbor_out *out, int64_t value);
void cbor_put_uint(struct cbor_out *out, uint64_t value);
void cbor_put_bytes(struct cbor_out *out, const void *data, size_t len);
void cbor_put_text(struct cbor_out *out, const char *text);
void cbor_put_array(struct cbor_out *out, size_t count);
void cbor_put_map(struct cbor_out *out, size_t count);
void cbor_put_tag(struct cbor_out *out, uint64_t tag);
void cbor_put_null(struct cbor_out *out);
void cbor_put_raw(struct cbor_out *out, const void *data, size_t len); /* already encoded */

/* A byte string whose content `put(out, arg)` encodes; called twice, first to count. */
void cbor_put_wrapped(struct cbor_out *out, void (*put)(struct cbor_out *out, const void *arg), const void *arg);

#endif
