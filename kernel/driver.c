/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes of the device tree have drivers, and their probes in table order. */
#include "kernel/driver.h"

#include <libfdt.h>
#include <stdbool.h>
#include <string.h>

#include "fdt_priv.h"
#include "kernel/dev.h"
#include "kernel/log.h"

#define MATCHES_MAX 64

struct match {
	size_t driver;
	int offset, bus;
};

static struct match matches[MATCHES_MAX];
static size_t matches_count;

static bool node_enabled(const void *fdt, int offset)
{
	const char *status = fdt_stringlist_get(fdt, offset, "status", 0, NULL);

	return !status || strcmp(status, "okay") == 0 || strcmp(status, "ok") == 0;
}

/* `compatible` is a list, best match first. */
void driver_match(const void *fdt, int offset, int bus)
{
	int len;
	const char *list = fdt_getprop(fdt, offset, "compatible", &len);

	if (!list || len <= 0 || list[len - 1] != '\0' || !node_enabled(fdt, offset))
		return;
	for (size_t at = 0; at < (size_t)len; at += strlen(list + at) + 1) {
		for (size_t i = 0; i < drivers_count; i++) {
			if (strcmp(list + at, drivers[i].compatible) != 0)
				continue;
			if (matches_count == MATCHES_MAX)
				log_line(LOG_WARN, "driver: too many devices, ignored %s", drivers[i].compatible);
			else
				matches[matches_count++] = (struct match){i, offset, bus};
			return;
		}
	}
}

static void match_probe(const void *fdt, const struct match *match)
{
	struct driver_node node = {.fdt = fdt, .offset = match->offset, .bus = match->bus, .irqc_cells = 3};
	int rc = drivers[match->driver].probe(&node);

	if (rc && rc != -DEV_E_NODEV)
		log_line(LOG_WARN, "driver: probe failed node=%s compatible=%s error=%d",
			fdt_get_name(fdt, node.offset, NULL), drivers[match->driver].compatible, rc);
}

void driver_probe_all(const void *fdt)
{
	for (size_t i = 0; i < drivers_count; i++)
		for (size_t m = 0; m < matches_count; m++)
			if (matches[m].driver == i)
				match_probe(fdt, &matches[m]);
}
