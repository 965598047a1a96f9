/* SPDX-License-Identifier: Apache-2.0 */
#include "cbor.h"

#include <assert.h>
#include <string.h>

#include "ota/err.h"

enum {
	MAJOR_UINT = 0,
	MAJOR_NEGATIVE = 1,
	MAJOR_BYTES = 2,
	MAJOR_TEXT = 3,
	MAJOR_ARRAY = 4,
	MAJOR_MAP = 5,
	MAJOR_TAG = 6,
	MAJOR_SIMPLE = 7
};
enum { INFO_INDEFINITE = 31, TAG_BIGNUM = 2, TAG_BIGNUM_NEGATIVE = 3 };
#define CBOR_NULL 0xf6

struct cbor_head {
	unsigned major;
	uint64_t value;
};

void cbor_read(struct cbor_in *in, const uint8_t *data, size_t len)
{
	in->at = data;
	in->end = data + len;
	in->error = 0;
}

void cbor_fail(struct cbor_in *in, int error)
{
	if (!in->error)
		in->error = error;
	in->at = in->end;
}

static size_t bytes_left(const struct cbor_in *in)
{
	return (size_t)(in->end - in->at);
}

/* The argument after the initial byte; a longer form than needed is an error. */
static uint64_t head_argument(struct cbor_in *in, unsigned info)
{
	static const uint64_t least[] = {24, 0x100, 0x10000, 0x100000000};
	uint64_t value = 0;
	size_t size;

	if (info < 24)
		return info;
	if (info > 27) { /* reserved */
		cbor_fail(in, -OTA_E_FORMAT);
		return 0;
	}
	size = (size_t)1 << (info - 24);
	if (bytes_left(in) < size) {
		cbor_fail(in, -OTA_E_FORMAT);
		return 0;
	}
	for (size_t i = 0; i < size; i++)
		value = value << 8 | *in->at++;
	if (value < least[info - 24])
		cbor_fail(in, -OTA_E_FORMAT);
	return value;
}

/* Indefinite lengths, floats, simple values: CBOR that others write, and that has no reading here. */
static bool is_unsupported(uint8_t initial)
{
	unsigned major = initial >> 5, info = initial & 0x1fu;

	if (major == MAJOR_SIMPLE)
		return info < 28 && initial != CBOR_NULL;
	return info == INFO_INDEFINITE && major >= MAJOR_BYTES && major <= MAJOR_MAP;
}

static struct cbor_head head_read(struct cbor_in *in)
{
	struct cbor_head head = {0xff, 0};
	uint8_t initial;

	if (in->error || bytes_left(in) == 0) {
		cbor_fail(in, -OTA_E_FORMAT);
		return head;
	}
	initial = *in->at++;
	if (is_unsupported(initial)) {
		cbor_fail(in, -OTA_E_UNSUPPORTED);
		return head;
	}
	head.value = head_argument(in, initial & 0x1fu);
	if (!in->error)
		head.major = initial >> 5;
	return head;
}

/* The argument of an item of the given major type, or 0 and an error. */
static uint64_t head_of(struct cbor_in *in, unsigned major)
{
	struct cbor_head head = head_read(in);

	if (head.major != major) {
		cbor_fail(in, -OTA_E_FORMAT);
		return 0;
	}
	return head.value;
}

bool cbor_text_is(const struct cbor_in *in)
{
	return !in->error && bytes_left(in) > 0 && *in->at >> 5 == MAJOR_TEXT;
}

int64_t cbor_int(struct cbor_in *in)
{
	struct cbor_head head = head_read(in);
	bool bignum = head.major == MAJOR_TAG && (head.value == TAG_BIGNUM || head.value == TAG_BIGNUM_NEGATIVE);

	if (head.major != MAJOR_UINT && head.major != MAJOR_NEGATIVE) {
		cbor_fail(in, bignum ? -OTA_E_UNSUPPORTED : -OTA_E_FORMAT);
		return 0;
	}
	if (head.value > INT64_MAX) {
		cbor_fail(in, -OTA_E_UNSUPPORTED);
		return 0;
	}
	return head.major == MAJOR_UINT ? (int64_t)head.value : -1 - (int64_t)head.value;
}

uint64_t cbor_uint(struct cbor_in *in, uint64_t max)
{
	uint64_t value = head_of(in, MAJOR_UINT);

	if (value > max) {
		cbor_fail(in, -OTA_E_UNSUPPORTED);
		return 0;
	}
	return value;
}

static struct cbor_bytes string_of(struct cbor_in *in, unsigned major)
{
	uint64_t len = head_of(in, major);
	struct cbor_bytes string = {in->at, 0};

	if (len > bytes_left(in)) {
		cbor_fail(in, -OTA_E_FORMAT);
		return string;
	}
	string.len = (size_t)len;
	in->at += string.len;
	return string;
}

struct cbor_bytes cbor_bytes(struct cbor_in *in)
{
	return string_of(in, MAJOR_BYTES);
}

void cbor_bytes_exact(struct cbor_in *in, uint8_t *out, size_t len)
{
	struct cbor_bytes bytes = cbor_bytes(in);

	if (bytes.len != len) {
		cbor_fail(in, -OTA_E_FORMAT);
		memset(out, 0, len);
		return;
	}
	memcpy(out, bytes.data, len);
}

void cbor_text(struct cbor_in *in, char *out, size_t cap)
{
	struct cbor_bytes text = string_of(in, MAJOR_TEXT);

	out[0] = '\0';
	if (text.len >= cap) {
		cbor_fail(in, -OTA_E_UNSUPPORTED);
		return;
	}
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
			cbor_fail(in, text.data[i] < 0x80 ? -OTA_E_FORMAT : -OTA_E_UNSUPPORTED);
			return;
		}
	memcpy(out, text.data, text.len);
	out[text.len] = '\0';
}

/* A count larger than the bytes that are left is a lie: every element takes at least one. */
static size_t count_of(struct cbor_in *in, unsigned major)
{
	uint64_t count = head_of(in, major);

	if (count > bytes_left(in)) {
		cbor_fail(in, -OTA_E_FORMAT);
		return 0;
	}
	return (size_t)count;
}

size_t cbor_array(struct cbor_in *in)
{
	return count_of(in, MAJOR_ARRAY);
}

size_t cbor_map(struct cbor_in *in)
{
	return count_of(in, MAJOR_MAP);
}

int64_t cbor_key(struct cbor_in *in, struct cbor_keys *keys)
{
	int64_t key = cbor_int(in);
	/* Bytewise order of the encodings: 0, 1, 2 …, then -1, -2, … */
	uint64_t rank = key >= 0 ? (uint64_t)key : ((uint64_t)1 << 63) + (uint64_t)(-1 - key);

	if (keys->any && rank <= keys->last) {
		cbor_fail(in, -OTA_E_FORMAT);
		return 0;
	}
	keys->any = true;
	keys->last = rank;
	return key;
}

bool cbor_null_is(struct cbor_in *in)
{
	if (in->error || bytes_left(in) == 0 || *in->at != CBOR_NULL)
		return false;
	in->at++;
	return true;
}

void cbor_null(struct cbor_in *in)
{
	if (!cbor_null_is(in))
		cbor_fail(in, -OTA_E_FORMAT);
}

bool cbor_tag_is(struct cbor_in *in, uint64_t tag)
{
	struct cbor_in ahead = *in;

	if (head_of(&ahead, MAJOR_TAG) != tag || ahead.error)
		return false;
	*in = ahead;
	return true;
}

void cbor_expect(struct cbor_in *in, int64_t value, int error)
{
	if (cbor_int(in) != value)
		cbor_fail(in, error);
}

void cbor_read_wrapped(struct cbor_in *inner, struct cbor_in *outer)
{
	struct cbor_bytes content = cbor_bytes(outer);

	cbor_read(inner, content.data, content.len);
	inner->error = outer->error;
}

int cbor_finish(const struct cbor_in *in)
{
	if (in->error)
		return in->error;
	return bytes_left(in) == 0 ? 0 : -OTA_E_FORMAT;
}

void cbor_finish_wrapped(const struct cbor_in *inner, struct cbor_in *outer)
{
	int error = cbor_finish(inner);

	if (error)
		cbor_fail(outer, error);
}

void cbor_put_raw(struct cbor_out *out, const void *data, size_t len)
{
	if (out->buf && len > out->cap - out->len)
		out->overflow = true;
	if (out->overflow)
		return;
	if (out->buf && len > 0)
		memcpy(out->buf + out->len, data, len);
	out->len += len;
}

static void head_put(struct cbor_out *out, unsigned major, uint64_t value)
{
	unsigned info = value < 24            ? (unsigned)value
			: value <= 0xff       ? 24
			: value <= 0xffff     ? 25
			: value <= 0xffffffff ? 26
					      : 27;
	size_t size = info < 24 ? 0 : (size_t)1 << (info - 24);
	uint8_t head[9];

	head[0] = (uint8_t)(major << 5 | info);
	for (size_t i = 0; i < size; i++)
		head[1 + i] = (uint8_t)(value >> 8 * (size - 1 - i));
	cbor_put_raw(out, head, 1 + size);
}

void cbor_put_int(struct cbor_out *out, int64_t value)
{
	if (value >= 0)
		head_put(out, MAJOR_UINT, (uint64_t)value);
	else
		head_put(out, MAJOR_NEGATIVE, (uint64_t)(-1 - value));
}

void cbor_put_uint(struct cbor_out *out, uint64_t value)
{
	head_put(out, MAJOR_UINT, value);
}

void cbor_put_bytes(struct cbor_out *out, const void *data, size_t len)
{
	head_put(out, MAJOR_BYTES, len);
	cbor_put_raw(out, data, len);
}

void cbor_put_text(struct cbor_out *out, const char *text)
{
	head_put(out, MAJOR_TEXT, strlen(text));
	cbor_put_raw(out, text, strlen(text));
}

void cbor_put_array(struct cbor_out *out, size_t count)
{
	head_put(out, MAJOR_ARRAY, count);
}

void cbor_put_map(struct cbor_out *out, size_t count)
{
	head_put(out, MAJOR_MAP, count);
}

void cbor_put_tag(struct cbor_out *out, uint64_t tag)
{
	head_put(out, MAJOR_TAG, tag);
}

void cbor_put_null(struct cbor_out *out)
{
	const uint8_t null = CBOR_NULL;

	cbor_put_raw(out, &null, 1);
}

void cbor_put_wrapped(struct cbor_out *out, void (*put)(struct cbor_out *out, const void *arg), const void *arg)
{
	struct cbor_out count = {NULL, 0, 0, false};

	put(&count, arg);
	head_put(out, MAJOR_BYTES, count.len);
	put(out, arg);
}
