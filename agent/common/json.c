/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <string.h>

#include "ota/err.h"

/* What is left to read. */
struct scan {
	const char *at, *end;
};

static bool scan_value(struct scan *scan, unsigned int depth, struct json *value);

static bool at_char(const struct scan *scan, char c)
{
	return scan->at < scan->end && *scan->at == c;
}

static bool take(struct scan *scan, char c)
{
	if (!at_char(scan, c))
		return false;
	scan->at++;
	return true;
}

static void skip_blanks(struct scan *scan)
{
	while (at_char(scan, ' ') || at_char(scan, '\t') || at_char(scan, '\n') || at_char(scan, '\r'))
		scan->at++;
}

size_t json_utf8_len(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	/* Bounds of the second byte: no overlong forms, no surrogates, nothing above U+10FFFF (RFC 3629 §4). */
	uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
	uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
	size_t need = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (need == 0 || need > len || (need > 1 && (p[1] < low || p[1] > high)))
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four hex digits; the code unit or -1. */
static int32_t take_unit(struct scan *scan)
{
	int32_t unit = 0;

	if (scan->end - scan->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(*scan->at++);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

/* After `\u`: the code point, of one unit or a pair; -1 for lone surrogates and NUL. */
static int32_t take_unicode(struct scan *scan)
{
	int32_t high = take_unit(scan), low;

	if (high < 0xd800 || high > 0xdfff)
		return high > 0 ? high : -1;
	if (high > 0xdbff || !take(scan, '\\') || !take(scan, 'u'))
		return -1;
	low = take_unit(scan);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* After the backslash. */
static int32_t take_escape(struct scan *scan)
{
	static const char names[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c;

	if (scan->at == scan->end)
		return -1;
	c = *scan->at++;
	if (c == 'u')
		return take_unicode(scan);
	found = c == '\0' ? NULL : strchr(names, c);
	return found ? codes[found - names] : -1;
}

/* One character inside a string as UTF-8 in out[4]; its length, 0 if malformed. */
static size_t take_char(struct scan *scan, char out[4])
{
	size_t len = json_utf8_len(scan->at, (size_t)(scan->end - scan->at));
	int32_t code;

	if (len == 0 || (uint8_t)*scan->at < 0x20)
		return 0;
	if (*scan->at != '\\') {
		memcpy(out, scan->at, len);
		scan->at += len;
		return len;
	}
	scan->at++;
	code = take_escape(scan);
	if (code < 0)
		return 0;
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)((0xf00 >> len & 0xff) | code);
	return len;
}

/* After the opening quote. */
static bool scan_string(struct scan *scan, struct json *value)
{
	char decoded[4];

	value->text = scan->at;
	value->type = JSON_STRING;
	while (scan->at < scan->end && *scan->at != '"')
		if (take_char(scan, decoded) == 0)
			return false;
	value->len = (size_t)(scan->at - value->text);
	return take(scan, '"');
}

static bool take_digits(struct scan *scan)
{
	const char *begin = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return scan->at > begin;
}

static bool scan_number(struct scan *scan, struct json *value)
{
	value->text = scan->at;
	value->type = JSON_NUMBER;
	(void)take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return false;
	if (take(scan, '.') && !take_digits(scan))
		return false;
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '+'))
			(void)take(scan, '-');
		if (!take_digits(scan))
			return false;
	}
	value->len = (size_t)(scan->at - value->text);
	return true;
}

static bool scan_word(struct scan *scan, const char *word, enum json_type type, struct json *value)
{
	size_t len = strlen(word);

	if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
		return false;
	*value = (struct json){scan->at, len, type};
	scan->at += len;
	return true;
}

/* Name and value of a member; the scan stands on the name's quote or before. */
static bool scan_member(struct scan *scan, unsigned int depth, struct json *name, struct json *value)
{
	skip_blanks(scan);
	if (!take(scan, '"') || !scan_string(scan, name))
		return false;
	skip_blanks(scan);
	return take(scan, ':') && scan_value(scan, depth, value);
}

/* Names may be written in different ways: compare what they mean. */
static bool names_equal(const struct json *a, const struct json *b)
{
	struct scan scan_a = {a->text, a->text + a->len}, scan_b = {b->text, b->text + b->len};
	char char_a[4], char_b[4];

	while (scan_a.at < scan_a.end && scan_b.at < scan_b.end) {
		size_t len = take_char(&scan_a, char_a);

		if (take_char(&scan_b, char_b) != len || memcmp(char_a, char_b, len) != 0)
			return false;
	}
	return scan_a.at == scan_a.end && scan_b.at == scan_b.end;
}

/* After the opening brace; the names seen are kept only as long as this object is read. */
static bool scan_object(struct scan *scan, unsigned int depth)
{
	struct json names[JSON_MEMBERS_MAX], value;
	size_t count = 0;

	skip_blanks(scan);
	if (take(scan, '}'))
		return true;
	do {
		if (count == JSON_MEMBERS_MAX || !scan_member(scan, depth, &names[count], &value))
			return false;
		for (size_t i = 0; i < count; i++)
			if (names_equal(&names[i], &names[count]))
				return false;
		count++;
		skip_blanks(scan);
	} while (take(scan, ','));
	return take(scan, '}');
}

static bool scan_array(struct scan *scan, unsigned int depth)
{
	struct json value;

	skip_blanks(scan);
	if (take(scan, ']'))
		return true;
	do {
		if (!scan_value(scan, depth, &value))
			return false;
		skip_blanks(scan);
	} while (take(scan, ','));
	return take(scan, ']');
}

static bool scan_container(struct scan *scan, unsigned int depth, struct json *value)
{
	bool is_object = *scan->at == '{';

	value->text = scan->at++;
	value->type = is_object ? JSON_OBJECT : JSON_ARRAY;
	if (depth == 0 || !(is_object ? scan_object(scan, depth - 1) : scan_array(scan, depth - 1)))
		return false;
	value->len = (size_t)(scan->at - value->text);
	return true;
}

/* `depth`: levels that are still allowed below. */
static bool scan_value(struct scan *scan, unsigned int depth, struct json *value)
{
	skip_blanks(scan);
	if (at_char(scan, '{') || at_char(scan, '['))
		return scan_container(scan, depth, value);
	if (take(scan, '"'))
		return scan_string(scan, value);
	if (at_char(scan, 't'))
		return scan_word(scan, "true", JSON_TRUE, value);
	if (at_char(scan, 'f'))
		return scan_word(scan, "false", JSON_FALSE, value);
	if (at_char(scan, 'n'))
		return scan_word(scan, "null", JSON_NULL, value);
	return scan_number(scan, value);
}

int json_parse(const char *text, size_t len, struct json *root)
{
	struct scan scan = {text, text + len};

	if (!scan_value(&scan, JSON_DEPTH_MAX, root))
		return -OTA_E_JSON;
	skip_blanks(&scan);
	return scan.at == scan.end ? 0 : -OTA_E_JSON;
}

/* The text was checked: what is scanned here is known to be well-formed, which also bounds the recursion. */
bool json_member(const struct json *object, const char *name, struct json *value)
{
	struct scan scan = {object->text + 1, object->text + object->len};
	struct json found;

	if (object->type != JSON_OBJECT)
		return false;
	do {
		if (!scan_member(&scan, JSON_DEPTH_MAX, &found, value))
			return false;
		if (json_string_is(&found, name))
			return true;
		skip_blanks(&scan);
	} while (take(&scan, ','));
	return false;
}

bool json_member_of(const struct json *object, const char *name, enum json_type type, struct json *value)
{
	return json_member(object, name, value) && value->type == type;
}

bool json_item(const struct json *array, size_t index, struct json *value)
{
	struct scan scan = {array->text + 1, array->text + array->len};

	if (array->type != JSON_ARRAY)
		return false;
	skip_blanks(&scan);
	if (at_char(&scan, ']'))
		return false;
	do {
		if (!scan_value(&scan, JSON_DEPTH_MAX, value))
			return false;
		if (index-- == 0)
			return true;
		skip_blanks(&scan);
	} while (take(&scan, ','));
	return false;
}

int json_string(const struct json *value, char *buf, size_t cap)
{
	struct scan scan = {value->text, value->text + value->len};
	size_t len = 0;

	if (value->type != JSON_STRING)
		return -OTA_E_JSON;
	while (scan.at < scan.end) {
		char decoded[4];
		size_t count = take_char(&scan, decoded);

		if (len + count >= cap)
			return -OTA_E_TOO_LONG;
		memcpy(buf + len, decoded, count);
		len += count;
	}
	buf[len] = '\0';
	return (int)len;
}

bool json_string_is(const struct json *value, const char *text)
{
	const struct json other = {text, strlen(text), JSON_STRING};

	return value->type == JSON_STRING && names_equal(value, &other);
}

bool json_u64(const struct json *value, uint64_t max, uint64_t *number)
{
	uint64_t result = 0;

	if (value->type != JSON_NUMBER || value->len > 19)
		return false;
	for (size_t i = 0; i < value->len; i++) {
		if (value->text[i] < '0' || value->text[i] > '9')
			return false;
		result = result * 10 + (uint64_t)(value->text[i] - '0');
	}
	*number = result;
	return result <= max;
}
