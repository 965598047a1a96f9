/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/err.h"

#include <stddef.h>

struct error_entry {
	int number;
	enum ota_error_class class_;
	const char *name, *text;
};

#define ENTRY(name_, number_, class_name, text_) {(number_), OTA_CLASS_##class_name, "E_" #name_, text_},
static const struct error_entry errors[] = {OTA_ERRORS(ENTRY)};

static const struct error_entry *error_find(int code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].number == code || errors[i].number == -code)
			return &errors[i];
	return NULL;
}

const char *ota_err_name(int code)
{
	const struct error_entry *entry = error_find(code);

	if (code == 0)
		return "OK";
	return entry ? entry->name : "E_?";
}

const char *ota_err_text(int code)
{
	const struct error_entry *entry = error_find(code);

	if (code == 0)
		return "no error";
	return entry ? entry->text : "an error that this version has no name for";
}

enum ota_error_class ota_err_class(int code)
{
	const struct error_entry *entry = error_find(code);

	return entry ? entry->class_ : OTA_CLASS_PERMANENT;
}
