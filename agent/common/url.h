/* SPDX-License-Identifier: Apache-2.0 */
/* https addresses: `https://host[:port]/path[?query]`, nothing else (no user, no fragment, no IPv6 literal). */
#ifndef AGENT_URL_H
#define AGENT_URL_H

#include <stdint.h>

#include "ota/ota.h"

struct url {
	char host[OTA_URL_MAX];
	uint16_t port;          /* 443 if not given */
	char path[OTA_URL_MAX]; /* with the query; begins with '/' */
};

/* Take `text` (NUL-terminated) apart. 0 or -OTA_E_URL; then *url is not to be used. */
__attribute__((warn_unused_result)) int url_parse(const char *text, struct url *url);

/* A redirect from `url` to `location`, an https address or an absolute path on the same host: *url becomes it. 0 or -OTA_E_HTTP_REDIRECT. */
__attribute__((warn_unused_result)) int url_redirect(struct url *url, const char *location);

#endif
