/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/file.h"
#include "skerry/symbols.h"

#define ELF_BYTES_MAX (64u << 20)
#define REMEDY        "give --elf FILE, the NAME.elf beside the kernel's NAME.bin that this image was built from"

/* What was met on the way, for the error. */
struct hunt {
	const char *build_id;
	struct symbols *found;
	size_t looked_at;
	char other[300]; /* "PATH has build id …", of the last one */
};

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);
	return len > tail && strcmp(text + len - tail, end) == 0;
}

/* True: this is it. */
static bool try_file(struct hunt *hunt, const char *path, struct fleet_error *error)
{
	struct symbols *symbols;
	hunt->looked_at++;
	if (symbols_open(path, &symbols, error) < 0)
		return false;
	if (strcmp(symbols_build_id(symbols), hunt->build_id) == 0) {
		hunt->found = symbols;
		return true;
	}
	snprintf(hunt->other, sizeof hunt->other, "'%.200s' has build id %s", path, symbols_build_id(symbols));
	symbols_close(symbols);
	return false;
}

/* The files *.elf of a folder; those that are no ELFs are not minded. */
static bool try_folder(struct hunt *hunt, const char *path)
{
	struct fleet_error ignored;
	char file[2048];
	const struct dirent *entry;
	DIR *dir = opendir(path);
	bool found = false;
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		found = ends_with(entry->d_name, ".elf") && try_file(hunt, file, &ignored);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int not_found(const struct hunt *hunt, const char *where, struct fleet_error *error)
{
	if (hunt->looked_at == 1 && *hunt->other)
		return fleet_fail(
			error, REMEDY, "the crashed image has build id %s, but %s", hunt->build_id, hunt->other);
	return fleet_fail(error, REMEDY, "no ELF with build id %s among the %zu looked at in %s", hunt->build_id,
		hunt->looked_at, where);
}

static int find_given(struct hunt *hunt, const struct symbols_search *search, struct fleet_error *error)
{
	struct stat info;
	for (size_t i = 0; i < search->count; i++) {
		const char *path = search->files[i];
		if (stat(path, &info) < 0)
			return fleet_fail_errno(error, REMEDY, "cannot use --elf '%s'", path);
		*error = (struct fleet_error){0};
		if (S_ISDIR(info.st_mode) ? try_folder(hunt, path) : try_file(hunt, path, error))
			return 0;
		if (*error->cause)
			return -1; /* it was named, and is none */
	}
	return not_found(hunt, "what --elf names", error);
}

static int find_known(struct hunt *hunt, const struct home *home, struct fleet_error *error)
{
	const char *variable = getenv("SKERRY_ELFS");
	const char *tree = variable && *variable ? variable : SKERRY_ELFS_DEFAULT;
	struct home_path kept = home_path(home, HOME_ELFS "/%s.elf", hunt->build_id),
			 folder = home_path(home, HOME_ELFS);
	struct fleet_error ignored;
	char where[1600];
	if ((file_exists(kept.text) && try_file(hunt, kept.text, &ignored)) || try_folder(hunt, folder.text) ||
		try_folder(hunt, tree))
		return 0;
	snprintf(where, sizeof where, "'%s' and '%.200s'", folder.text, tree);
	hunt->other[0] = '\0';
	return not_found(hunt, where, error);
}

int symbols_find(
	const struct symbols_search *search, const char *build_id, struct symbols **symbols, struct fleet_error *error)
{
	struct hunt hunt = {.build_id = build_id};
	int rc = search->count ? find_given(&hunt, search, error) : find_known(&hunt, search->home, error);
	*symbols = hunt.found;
	return rc;
}

int symbols_keep(const struct home *home, const char *kernel, struct fleet_error *error)
{
	struct symbols *symbols;
	struct file_bytes bytes;
	struct fleet_error ignored;
	char path[2048];
	if (!ends_with(kernel, ".bin") || strlen(kernel) >= sizeof path)
		return 0;
	snprintf(path, sizeof path, "%.*s.elf", (int)(strlen(kernel) - 4), kernel);
	if (!file_exists(path) || symbols_open(path, &symbols, &ignored) < 0)
		return 0;
	struct home_path kept = home_path(home, HOME_ELFS "/%s.elf", symbols_build_id(symbols));
	symbols_close(symbols);
	if (file_exists(kept.text))
		return 0;
	if (file_make_dirs(home_path(home, HOME_ELFS).text, 0755, error) < 0 ||
		file_read(path, ELF_BYTES_MAX, &bytes, error) < 0)
		return -1;
	int rc = file_write(kept.text, bytes.data, bytes.len, 0644, error);
	file_bytes_free(&bytes);
	return rc;
}
