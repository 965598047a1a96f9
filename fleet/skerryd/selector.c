/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/selector.h"

#include <jansson.h>
#include <string.h>

#define NAME_ALPHABET  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-"
#define VALUE_ALPHABET NAME_ALPHABET ":+@"
#define REMEDY         "a selector is NAME=VALUE, NAME!=VALUE, NAME in (A B), NAME or !NAME, joined by commas"

static const char *const built_in[] = {
	[SELECTOR_ID] = "id",
	[SELECTOR_BOARD] = "board",
	[SELECTOR_APP] = "app",
	[SELECTOR_VERSION] = "version",
	[SELECTOR_DIGEST] = "digest",
	[SELECTOR_ONLINE] = "online",
	[SELECTOR_STATE] = "state",
	[SELECTOR_HEALTH] = "health",
	[SELECTOR_MODE] = "mode",
	[SELECTOR_TENANT] = "tenant",
	[SELECTOR_GROUP] = "group",
	[SELECTOR_CHANNEL] = "channel",
	[SELECTOR_SLOT] = "slot",
	[SELECTOR_SERIAL] = "serial",
	[SELECTOR_MAC] = "mac",
};

struct reader {
	const char *begin, *at;
	struct selector *selector;
	size_t used; /* of selector->text */
	struct fleet_error *error;
};

static int fail(const struct reader *reader, const char *what)
{
	size_t spot = (size_t)(reader->at - reader->begin);
	if (!*reader->at)
		return fleet_fail(reader->error, REMEDY, "the selector ends where %s is expected", what);
	return fleet_fail(reader->error, REMEDY, "the selector is wrong at character %zu, '%.20s': %s is expected",
		spot + 1, reader->at, what);
}

static void skip_spaces(struct reader *reader)
{
	reader->at += strspn(reader->at, " ");
}

/* Text of `len` bytes as a string of the selector's own; where it is. */
static uint16_t keep(struct reader *reader, const char *text, size_t len)
{
	size_t where = reader->used;
	memcpy(reader->selector->text + where, text, len);
	reader->selector->text[where + len] = 0;
	reader->used += len + 1;
	return (uint16_t)where;
}

static enum selector_field field_of(const char *name)
{
	for (size_t i = SELECTOR_ID; i < sizeof built_in / sizeof *built_in; i++)
		if (strcmp(built_in[i], name) == 0)
			return (enum selector_field)i;
	return SELECTOR_ATTRIBUTE;
}

static int read_name(struct reader *reader, struct selector_term *term)
{
	size_t len = strspn(reader->at, NAME_ALPHABET);
	if (len == 0)
		return fail(reader, "a name");
	if (len > SELECTOR_NAME_BYTES_MAX)
		return fail(reader, "a name of at most 64 characters");
	term->name = keep(reader, reader->at, len);
	term->field = field_of(reader->selector->text + term->name);
	reader->at += len;
	return 0;
}

/* After the opening quote: what stands within, unescaped. */
static int read_quoted(struct reader *reader, uint16_t *where)
{
	char text[SELECTOR_TEXT_MAX] = "";
	size_t len = 0;
	for (reader->at++; *reader->at != '"'; reader->at++) {
		if (*reader->at == '\\')
			reader->at++;
		if (!*reader->at)
			return fail(reader, "a closing quote");
		if ((unsigned char)*reader->at < 0x20)
			return fail(reader, "a printable character");
		text[len++] = *reader->at;
	}
	reader->at++;
	*where = keep(reader, text, len);
	return 0;
}

static int read_value(struct reader *reader, struct selector_term *term)
{
	struct selector *selector = reader->selector;
	uint16_t where;
	if (selector->value_count == SELECTOR_VALUES_MAX)
		return fail(reader, "an end, after 64 values,");
	if (*reader->at == '"') {
		if (read_quoted(reader, &where) < 0)
			return -1;
	} else {
		size_t len = strspn(reader->at, VALUE_ALPHABET);
		if (len == 0)
			return fail(reader, "a value");
		where = keep(reader, reader->at, len);
		reader->at += len;
	}
	selector->values[selector->value_count++] = where;
	term->count++;
	return 0;
}

/* After "in": "(a b c)". */
static int read_list(struct reader *reader, struct selector_term *term)
{
	skip_spaces(reader);
	if (*reader->at != '(')
		return fail(reader, "'('");
	reader->at++;
	for (;;) {
		skip_spaces(reader);
		if (*reader->at == ')' && term->count)
			break;
		if (read_value(reader, term) < 0)
			return -1;
		if (*reader->at && !strchr(" )", *reader->at))
			return fail(reader, "a space or ')'");
	}
	reader->at++;
	return 0;
}

/* What follows a name. */
static int read_test(struct reader *reader, struct selector_term *term)
{
	skip_spaces(reader);
	size_t sign = *reader->at == '=' ? 1 : strncmp(reader->at, "!=", 2) == 0 ? 2 : 0;
	if (sign) {
		term->test = sign == 1 ? SELECTOR_IN : SELECTOR_NOT_IN;
		reader->at += sign;
		skip_spaces(reader);
		return read_value(reader, term);
	}
	if (strncmp(reader->at, "in", 2) == 0 && strspn(reader->at + 2, " (")) {
		term->test = SELECTOR_IN;
		reader->at += 2;
		return read_list(reader, term);
	}
	term->test = SELECTOR_HAS;
	return 0;
}

/* What a built-in name may be compared with. */
static int check_values(struct reader *reader, const struct selector_term *term)
{
	const struct selector *selector = reader->selector;
	for (size_t i = 0; i < term->count; i++) {
		const char *value = selector_value(selector, term, i);
		if (term->field == SELECTOR_ONLINE && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return fleet_fail(reader->error, "write online=true or online=false",
				"the selector compares online with '%.64s'", value);
		size_t digits = strspn(value, "0123456789abcdef");
		if (term->field == SELECTOR_DIGEST && (value[digits] || digits < 8 || digits > 64))
			return fleet_fail(reader->error, "give its first 8 digits or more, in lower case",
				"the selector compares digest with '%.64s', which is none", value);
	}
	if (term->field == SELECTOR_GROUP && term->count == 0)
		return fleet_fail(reader->error, "write group=NAME", "the selector names no group");
	return 0;
}

static int read_term(struct reader *reader)
{
	struct selector *selector = reader->selector;
	if (selector->term_count == SELECTOR_TERMS_MAX)
		return fail(reader, "an end, after 16 terms,");
	struct selector_term *term = &selector->terms[selector->term_count];
	*term = (struct selector_term){.first = (uint16_t)selector->value_count};
	bool is_denied = *reader->at == '!';
	reader->at += is_denied;
	if (read_name(reader, term) < 0)
		return -1;
	if (is_denied)
		term->test = SELECTOR_HAS_NOT;
	else if (read_test(reader, term) < 0)
		return -1;
	if (check_values(reader, term) < 0)
		return -1;
	selector->term_count++;
	skip_spaces(reader);
	return 0;
}

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);
	json_decref(string);
	return string != NULL;
}

int selector_parse(const char *text, struct selector *selector, struct fleet_error *error)
{
	struct reader reader = {.begin = text, .at = text, .selector = selector, .error = error};
	*selector = (struct selector){0};
	if (strlen(text) > SELECTOR_TEXT_MAX)
		return fleet_fail(
			error, "make a group of it", "the selector has more than %d bytes", SELECTOR_TEXT_MAX);
	if (!is_utf8(text))
		return fleet_fail(error, REMEDY, "the selector is not UTF-8");
	skip_spaces(&reader);
	if (!*reader.at)
		return 0;
	for (;;) {
		skip_spaces(&reader);
		if (read_term(&reader) < 0)
			return -1;
		if (!*reader.at)
			return 0;
		if (*reader.at != ',')
			return fail(&reader, "a comma");
		reader.at++;
	}
}

const char *selector_name(const struct selector *selector, const struct selector_term *term)
{
	return selector->text + term->name;
}

const char *selector_value(const struct selector *selector, const struct selector_term *term, size_t i)
{
	return selector->text + selector->values[term->first + i];
}

bool selector_uses(const struct selector *selector, enum selector_field field)
{
	for (size_t i = 0; i < selector->term_count; i++)
		if (selector->terms[i].field == field)
			return true;
	return false;
}

bool selector_is_attribute(const char *name)
{
	size_t len = strspn(name, NAME_ALPHABET);
	return len > 0 && len <= SELECTOR_NAME_BYTES_MAX && !name[len] && field_of(name) == SELECTOR_ATTRIBUTE;
}
