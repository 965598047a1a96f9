/* SPDX-License-Identifier: Apache-2.0 */
#include <libfdt.h>
#include <stdbool.h>
#include <string.h>

#include "fdt_priv.h"

#define DEPTH_MAX 8

static bool is_named(const void *fdt, int offset, const char *name)
{
	const char *own = fdt_get_name(fdt, offset, NULL);

	return own && strcmp(own, name) == 0;
}

static bool is_memory(const void *fdt, int offset)
{
	const char *type = fdt_stringlist_get(fdt, offset, "device_type", 0, NULL);

	return type && strcmp(type, "memory") == 0;
}

static bool is_timer(const void *fdt, int offset)
{
	return fdt_stringlist_search(fdt, offset, "compatible", "arm,armv8-timer") >= 0;
}

/* A child of the root. */
static void root_note(struct fdt_tree *tree, int offset)
{
	if (is_named(tree->fdt, offset, "chosen"))
		tree->chosen = offset;
	else if (is_named(tree->fdt, offset, "reserved-memory"))
		tree->reserved = offset;
	else if (tree->timer < 0 && is_timer(tree->fdt, offset))
		tree->timer = offset;
	else if (tree->memory_count < FDT_MEMORY_MAX && is_memory(tree->fdt, offset))
		tree->memory[tree->memory_count++] = offset;
}

static void node_note(struct fdt_tree *tree, int offset, int parent)
{
	if (parent == 0)
		root_note(tree, offset);
	else if (parent == tree->chosen && is_named(tree->fdt, offset, "skerry"))
		tree->skerry = offset;
	driver_match(tree->fdt, offset, parent);
}

/* The walk keeps the way down to the current node; nodes deeper than any real tree's are left out. */
void fdt_scan(struct fdt_tree *tree)
{
	int path[DEPTH_MAX + 1] = {0}, depth = 0;

	tree->chosen = tree->skerry = tree->reserved = tree->timer = -1;
	for (int offset = fdt_next_node(tree->fdt, 0, &depth); offset >= 0 && depth > 0;
		offset = fdt_next_node(tree->fdt, offset, &depth)) {
		if (depth > DEPTH_MAX)
			continue;
		path[depth] = offset;
		node_note(tree, offset, path[depth - 1]);
	}
}
