/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include <stdbool.h>
#include <string.h>

#include "ota/err.h"

static bool is_host_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
}

/* Visible ASCII: what may stand in a request line without changing its shape. A fragment is for browsers. */
static bool path_is_valid(const char *path)
{
	if (*path != '/')
		return false;
	for (; *path; path++)
		if (*path <= ' ' || *path > '~' || *path == '#')
			return false;
	return true;
}

static const char *port_parse(const char *text, uint16_t *port)
{
	uint32_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9' && p - text < 5; p++)
		value = value * 10 + (uint32_t)(*p - '0');
	if (p == text || value == 0 || value > UINT16_MAX)
		return NULL;
	*port = (uint16_t)value;
	return p;
}

int url_parse(const char *text, struct url *url)
{
	static const char scheme[] = "https://";
	size_t len;

	if (strlen(text) >= OTA_URL_MAX || strncmp(text, scheme, sizeof(scheme) - 1) != 0)
		return -OTA_E_URL;
	text += sizeof(scheme) - 1;
	for (len = 0; is_host_char(text[len]); len++)
		url->host[len] = text[len];
	url->host[len] = '\0';
	url->port = 443;
	text += len;
	if (*text == ':')
		text = port_parse(text + 1, &url->port);
	if (len == 0 || !text || !path_is_valid(text))
		return -OTA_E_URL;
	memcpy(url->path, text, strlen(text) + 1);
	return 0;
}

int url_redirect(struct url *url, const char *location)
{
	struct url target;

	if (location[0] == '/' && location[1] != '/') {
		if (strlen(location) >= OTA_URL_MAX || !path_is_valid(location))
			return -OTA_E_HTTP_REDIRECT;
		memcpy(url->path, location, strlen(location) + 1);
		return 0;
	}
	if (url_parse(location, &target) != 0)
		return -OTA_E_HTTP_REDIRECT;
	*url = target;
	return 0;
}
