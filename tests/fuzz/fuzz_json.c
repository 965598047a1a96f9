/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's JSON, beside another implementation of the same standard: what one takes the other takes, but for the limits
 * that each of them names, and both read the same out of it. And what the agent writes, others can read.
 */
#include "fuzz.h"
#include "json.h"
#include "json_write.h"
#include "oracle.h"
#include "ota/err.h"

static void value_check(const struct json *ours, const struct oracle *theirs);

/* Text that means itself, as the names have that the agent looks for. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text == '\\')
			return false;
	return true;
}

static void string_check(const struct json *ours, const struct oracle *theirs)
{
	static char text[1 << 16];
	int len = json_string(ours, text, sizeof(text));
	size_t their_len;
	const char *their_text = oracle_text(theirs, &their_len);

	FUZZ_MUST(their_text && len >= 0 && (size_t)len == their_len && memcmp(text, their_text, their_len) == 0);
	FUZZ_MUST(text[len] == '\0' && strlen(text) == (size_t)len);
	if (is_plain(text))
		FUZZ_MUST(json_string_is(ours, text) && !json_string_is(ours, "another text"));
	if (len > 0)
		FUZZ_MUST(json_string(ours, text, (size_t)len) == -OTA_E_TOO_LONG);
}

static void number_check(const struct json *ours, const struct oracle *theirs)
{
	uint64_t number;

	FUZZ_MUST(oracle_type(theirs) == ORACLE_INTEGER || oracle_type(theirs) == ORACLE_REAL);
	if (json_u64(ours, INT64_MAX, &number))
		FUZZ_MUST(oracle_type(theirs) == ORACLE_INTEGER && (uint64_t)oracle_integer(theirs) == number);
	else if (oracle_type(theirs) == ORACLE_INTEGER && oracle_integer(theirs) > 0)
		FUZZ_MUST(oracle_integer(theirs) > (int64_t)999999999999999999);
}

static void array_check(const struct json *ours, const struct oracle *theirs)
{
	struct json item;
	size_t count = 0;

	FUZZ_MUST(oracle_type(theirs) == ORACLE_ARRAY);
	for (; count < 64 && json_item(ours, count, &item); count++)
		value_check(&item, oracle_item(theirs, count));
	FUZZ_MUST(count == 64 || count == oracle_count(theirs));
}

static void object_check(const struct json *ours, const struct oracle *theirs)
{
	struct json found;

	FUZZ_MUST(oracle_type(theirs) == ORACLE_OBJECT && oracle_count(theirs) <= JSON_MEMBERS_MAX);
	for (size_t i = 0; i < oracle_count(theirs); i++) {
		const char *name;
		const struct oracle *member = oracle_member_at(theirs, i, &name);

		if (!is_plain(name))
			continue;
		FUZZ_MUST(json_member(ours, name, &found));
		value_check(&found, member);
	}
	FUZZ_MUST(json_member(ours, "another name", &found) == (oracle_member(theirs, "another name") != NULL));
}

static void value_check(const struct json *ours, const struct oracle *theirs)
{
	FUZZ_MUST(theirs);
	switch (ours->type) {
	case JSON_OBJECT:
		object_check(ours, theirs);
		break;
	case JSON_ARRAY:
		array_check(ours, theirs);
		break;
	case JSON_STRING:
		string_check(ours, theirs);
		break;
	case JSON_NUMBER:
		number_check(ours, theirs);
		break;
	case JSON_TRUE:
		FUZZ_MUST(oracle_type(theirs) == ORACLE_TRUE);
		break;
	case JSON_FALSE:
		FUZZ_MUST(oracle_type(theirs) == ORACLE_FALSE);
		break;
	case JSON_NULL:
		FUZZ_MUST(oracle_type(theirs) == ORACLE_NULL);
		break;
	}
}

/* Levels and members within what ours allows? */
static bool within_limits(const struct oracle *value, unsigned int depth)
{
	bool is_object = oracle_type(value) == ORACLE_OBJECT, is_array = oracle_type(value) == ORACLE_ARRAY;
	const char *name;

	if (!is_object && !is_array)
		return true;
	if (depth == 0 || (is_object && oracle_count(value) > JSON_MEMBERS_MAX))
		return false;
	for (size_t i = 0; i < oracle_count(value); i++)
		if (!within_limits(is_object ? oracle_member_at(value, i, &name) : oracle_item(value, i), depth - 1))
			return false;
	return true;
}

static void read_check(const char *text, size_t len)
{
	bool overflow;
	struct oracle *theirs = oracle_read(text, len, &overflow);
	struct json ours;
	int error = json_parse(text, len, &ours);

	FUZZ_MUST(error == 0 || error == -OTA_E_JSON);
	if (error == 0 && theirs)
		value_check(&ours, theirs);
	else if (error == 0)
		FUZZ_MUST(overflow);
	else if (theirs)
		FUZZ_MUST(!within_limits(theirs, JSON_DEPTH_MAX));
	oracle_free(theirs);
}

/* Any bytes as a string among others, into a buffer that may be too small. */
static void write_check(const char *text, size_t len)
{
	size_t cap = 24 + (len > 0 ? (uint8_t)text[0] * 16u : 0);
	char *string = strndup(text, len), *buf = malloc(cap);
	struct json_out out;
	bool overflow;
	int written;

	if (!string || !buf)
		abort();
	json_begin(&out, buf, cap);
	json_put_u64(&out, "n", len);
	json_open(&out, "a", '[');
	json_put_string(&out, NULL, string);
	json_put_string(&out, NULL, "");
	json_close(&out, ']');
	written = json_end(&out);
	if (written >= 0) {
		struct oracle *back = oracle_read(buf, (size_t)written, &overflow);

		FUZZ_MUST((size_t)written < cap && buf[written] == '\0');
		FUZZ_MUST(back && oracle_count(oracle_member(back, "a")) == 2);
		oracle_free(back);
	} else {
		FUZZ_MUST(written == -OTA_E_TOO_LONG && cap < 48 + 6 * strlen(string));
	}
	free(string);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	read_check((const char *)data, len);
	write_check((const char *)data, len);
	return 0;
}
