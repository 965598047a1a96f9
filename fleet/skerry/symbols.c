/* SPDX-License-Identifier: Apache-2.0 */
#include "skerry/symbols.h"

#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

#include "shared/text.h"

struct symbols {
	Dwfl *dwfl;
	Dwfl_Module *module;
	char *path;
	char build_id[SYMBOLS_ID_MAX];
};

static const Dwfl_Callbacks callbacks = {
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static int load(struct symbols *symbols, struct fleet_error *error)
{
	const unsigned char *bits;
	GElf_Addr at;
	symbols->dwfl = dwfl_begin(&callbacks);
	if (!symbols->dwfl)
		return fleet_fail(error, NULL, "out of memory");
	symbols->module = dwfl_report_offline(symbols->dwfl, "image", symbols->path, -1);
	if (!symbols->module || dwfl_report_end(symbols->dwfl, NULL, NULL) != 0)
		return fleet_fail(error, "give the image's ELF, NAME.elf beside the kernel's NAME.bin",
			"cannot read '%s' as an ELF: %s", symbols->path, dwfl_errmsg(-1));
	int len = dwfl_module_build_id(symbols->module, &bits, &at);
	if (len <= 0 || (size_t)len > (SYMBOLS_ID_MAX - 1) / 2)
		return fleet_fail(error, "link it with --build-id", "'%s' has no build id; nothing tells what it is",
			symbols->path);
	text_hex(bits, (size_t)len, symbols->build_id);
	return 0;
}

int symbols_open(const char *path, struct symbols **out, struct fleet_error *error)
{
	struct symbols *symbols = calloc(1, sizeof *symbols);
	if (symbols)
		symbols->path = strdup(path);
	if (!symbols || !symbols->path) {
		free(symbols);
		return fleet_fail(error, NULL, "out of memory");
	}
	if (load(symbols, error) < 0) {
		symbols_close(symbols);
		return -1;
	}
	*out = symbols;
	return 0;
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	if (symbols->dwfl)
		dwfl_end(symbols->dwfl);
	free(symbols->path);
	free(symbols);
}

const char *symbols_path(const struct symbols *symbols)
{
	return symbols->path;
}

const char *symbols_build_id(const struct symbols *symbols)
{
	return symbols->build_id;
}

void symbols_look_up(const struct symbols *symbols, uint64_t address, struct symbols_place *place)
{
	GElf_Off offset = 0;
	GElf_Sym symbol;
	*place = (struct symbols_place){0};
	/* Only inside the image: outside, the library would name the nearest. */
	if (dwfl_addrmodule(symbols->dwfl, address) != symbols->module)
		return;
	place->function = dwfl_module_addrinfo(symbols->module, address, &offset, &symbol, NULL, NULL, NULL);
	place->offset = offset;
	Dwfl_Line *line = dwfl_module_getsrc(symbols->module, address);
	if (line)
		place->file = dwfl_lineinfo(line, NULL, &place->line, NULL, NULL, NULL);
}
