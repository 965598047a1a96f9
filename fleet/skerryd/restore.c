/* SPDX-License-Identifier: Apache-2.0 */
/* A backup back into a home. The database is put in place last, by one rename: before it, all is as it was but for payloads, which are named by what they are. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ota/verify.h"
#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/artifact.h"
#include "skerryd/backup.h"

#define NEW   HOME_DATABASE ".restored"
#define OLD   HOME_DATABASE ".before-restore"
#define BLOCK 65536

struct restore {
	const struct home *home;
	const char *path;
	int fd;
	uint64_t off;
	bool has_database;
	struct fleet_error *error;
};

static int damaged(const struct restore *restore, const char *why)
{
	return fleet_fail(restore->error, "use another backup; one that is whole was made by `skerry backup`",
		"'%s' is no backup, or a damaged one: %s", restore->path, why);
}

static int read_exactly(struct restore *restore, void *out, size_t len)
{
	if (pread(restore->fd, out, len, (off_t)restore->off) != (ssize_t)len)
		return damaged(restore, "it ends too early");
	restore->off += len;
	return 0;
}

/* The entry's content into the draft; its digest as hex. */
static int copy_content(
	struct restore *restore, const struct tar_entry *entry, struct file_draft *draft, char hex[TEXT_DIGEST_HEX])
{
	static uint8_t block[BLOCK];
	struct ota_sha256 sha;
	uint8_t digest[32];
	ota_sha256_begin(&sha);
	for (uint64_t done = 0; done < entry->bytes;) {
		size_t len = entry->bytes - done < BLOCK ? (size_t)(entry->bytes - done) : BLOCK;
		if (read_exactly(restore, block, len) < 0 ||
			file_draft_write(draft, done, block, len, restore->error) < 0)
			return -1;
		ota_sha256_add(&sha, block, len);
		done += len;
	}
	restore->off += tar_padding(entry->bytes);
	ota_sha256_end(&sha, digest);
	text_hex(digest, sizeof digest, hex);
	return 0;
}

/* A payload's name is its digest: what does not fit is not taken. */
static bool is_payload(const char *name, char digest[65])
{
	size_t len = strlen(name);
	if (strncmp(name, "artifacts/", 10) != 0 || len != 10 + 64 + 4 || strcmp(name + 74, ".fit") != 0)
		return false;
	snprintf(digest, 65, "%.64s", name + 10);
	return artifact_is_digest(digest);
}

static int take_entry(struct restore *restore, const struct tar_entry *entry)
{
	struct file_draft draft = {.fd = -1};
	char hex[TEXT_DIGEST_HEX], digest[65];
	bool is_database = strcmp(entry->name, "fleet.db") == 0;
	if (!is_database && !is_payload(entry->name, digest))
		return damaged(restore, "it holds a file that no backup has");
	struct home_path path =
		is_database ? home_path(restore->home, NEW) : home_path(restore->home, "server/%s", entry->name);
	int rc = file_draft_open(&draft, path.text, is_database ? 0600 : 0644, restore->error);
	if (rc == 0)
		rc = copy_content(restore, entry, &draft, hex);
	if (rc == 0 && !is_database && strcmp(hex, digest) != 0)
		rc = damaged(restore, "a payload is not what its name says");
	if (rc == 0)
		rc = file_draft_commit(&draft, restore->error);
	file_draft_drop(&draft);
	restore->has_database |= is_database;
	return rc;
}

static int take_all(struct restore *restore)
{
	uint8_t header[TAR_BLOCK];
	struct tar_entry entry;
	bool end = false;
	while (!end) {
		if (read_exactly(restore, header, sizeof header) < 0)
			return -1;
		if (!tar_read_header(header, &entry, &end))
			return damaged(restore, "a header is broken");
		if (!end && take_entry(restore, &entry) < 0)
			return -1;
	}
	return restore->has_database ? 0 : damaged(restore, "it has no database");
}

/* It opens as ours (an older one is brought up to date; nothing is not made one), and every page of it is sound. */
static int check_database(struct restore *restore)
{
	struct fleet_error why;
	struct store *store;
	if (store_open_made(home_path(restore->home, NEW).text, &store, &why) < 0)
		return fleet_fail(restore->error, why.remedy, "'%s' cannot be restored: %s", restore->path, why.cause);
	int rc = store_is_sound(store);
	store_close(store);
	return rc == 0 ? 0 : damaged(restore, "its database is not sound");
}

/* The old one's log must be in it before another takes its name: else it would be played into that one. */
static int put_old_away(struct restore *restore)
{
	struct fleet_error ignored;
	struct store *store;
	struct home_path path = home_path(restore->home, HOME_DATABASE), old = home_path(restore->home, OLD);
	if (!file_exists(path.text))
		return 0;
	if (store_open(path.text, &store, &ignored) == 0)
		store_close(store);
	unlink(home_path(restore->home, HOME_DATABASE "-wal").text);
	unlink(home_path(restore->home, HOME_DATABASE "-shm").text);
	unlink(old.text);
	if (link(path.text, old.text) == 0)
		return 0;
	return fleet_fail_errno(restore->error, NULL, "cannot keep the old database as '%s'", old.text);
}

int backup_restore(const struct home *home, const char *path, struct fleet_error *error)
{
	struct restore restore = {.home = home, .path = path, .error = error};
	struct home_path fresh = home_path(home, NEW);
	restore.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (restore.fd < 0)
		return fleet_fail_errno(error, NULL, "cannot open '%s'", path);
	int rc = take_all(&restore);
	close(restore.fd);
	if (rc == 0)
		rc = check_database(&restore);
	if (rc == 0)
		rc = put_old_away(&restore);
	if (rc == 0 && rename(fresh.text, home_path(home, HOME_DATABASE).text) < 0)
		rc = fleet_fail_errno(error, NULL, "cannot put '%s' in place", fresh.text);
	if (rc < 0)
		unlink(fresh.text);
	return rc;
}
