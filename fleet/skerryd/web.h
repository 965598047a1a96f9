/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard's files, made from fleet/web/ by the build. */
#ifndef SKERRYD_WEB_H
#define SKERRYD_WEB_H

#include <stddef.h>
#include <stdint.h>

struct web_asset {
	const char *name;     /* "app-<hash of it>.js"; "": the page */
	const char *type;     /* media type */
	const char *tag;      /* entity tag, quoted */
	const char *encoding; /* "gzip"; NULL: as it is */
	const uint8_t *bytes;
	size_t len;
};
/* Terminated by a zeroed one; the first is the page. */
extern const struct web_asset web_assets[];

#endif
