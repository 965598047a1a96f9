/* SPDX-License-Identifier: Apache-2.0 */
#include "oracle.h"

#include <jansson.h>
#include <string.h>

static json_t *json_of(const struct oracle *value)
{
	return (json_t *)(uintptr_t)value;
}

static struct oracle *oracle_of(json_t *json)
{
	return (struct oracle *)json;
}

struct oracle *oracle_read(const char *text, size_t len, bool *overflow)
{
	json_error_t error = {.text = ""};
	json_t *json;

	*overflow = false;
	if (len > 0 && memchr(text, '\0', len)) /* jansson takes it for the end */
		return NULL;
	json = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	*overflow = !json && json_error_code(&error) == json_error_numeric_overflow;
	return oracle_of(json);
}

void oracle_free(struct oracle *value)
{
	json_decref(json_of(value));
}

enum oracle_type oracle_type(const struct oracle *value)
{
	static const enum oracle_type types[] = {
		[JSON_OBJECT] = ORACLE_OBJECT,
		[JSON_ARRAY] = ORACLE_ARRAY,
		[JSON_STRING] = ORACLE_STRING,
		[JSON_INTEGER] = ORACLE_INTEGER,
		[JSON_REAL] = ORACLE_REAL,
		[JSON_TRUE] = ORACLE_TRUE,
		[JSON_FALSE] = ORACLE_FALSE,
		[JSON_NULL] = ORACLE_NULL,
	};

	return types[json_typeof(json_of(value))];
}

size_t oracle_count(const struct oracle *value)
{
	return json_is_object(json_of(value)) ? json_object_size(json_of(value)) : json_array_size(json_of(value));
}

const struct oracle *oracle_item(const struct oracle *array, size_t index)
{
	return oracle_of(json_array_get(json_of(array), index));
}

const struct oracle *oracle_member_at(const struct oracle *object, size_t index, const char **name)
{
	void *at = json_object_iter(json_of(object));

	while (index-- > 0)
		at = json_object_iter_next(json_of(object), at);
	*name = json_object_iter_key(at);
	return oracle_of(json_object_iter_value(at));
}

const struct oracle *oracle_member(const struct oracle *object, const char *name)
{
	return oracle_of(json_object_get(json_of(object), name));
}

const char *oracle_text(const struct oracle *string, size_t *len)
{
	if (len)
		*len = json_string_length(json_of(string));
	return json_string_value(json_of(string));
}

int64_t oracle_integer(const struct oracle *value)
{
	return json_integer_value(json_of(value));
}

bool oracle_equal(const struct oracle *a, const struct oracle *b)
{
	return json_equal(json_of(a), json_of(b));
}
