/* SPDX-License-Identifier: Apache-2.0 */
#include "skerryd/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/file.h"
#include "skerryd/artifact.h"
#include "skerryd/copier.h"
#include "skerryd/http.h"
#include "skerryd/note.h"

#define COPY HOME_DATABASE ".backup"

struct part {
	struct tar_entry entry;
	struct home_path path;
	uint64_t begin; /* of its header in the archive */
};

struct backup {
	struct skerryd *server;
	struct copier *copier; /* NULL: its work is done */
	struct part *parts;
	size_t count, open; /* open: the part that fd reads */
	int fd, copy_fd;    /* copy_fd: the database's copy, which has no name any more */
	uint64_t bytes;
	int64_t time;
};

static int add_part(struct backup *backup, const char *name, const struct home_path *path, uint64_t bytes)
{
	struct part *parts = realloc(backup->parts, (backup->count + 1) * sizeof *parts);
	if (!parts)
		return -1;
	backup->parts = parts;
	struct part *part = &parts[backup->count++];
	*part = (struct part){.entry.bytes = bytes, .path = *path, .begin = backup->bytes};
	snprintf(part->entry.name, sizeof part->entry.name, "%s", name);
	backup->bytes += TAR_BLOCK + bytes + tar_padding(bytes);
	return 0;
}

static struct home_path copy_path(const struct skerryd *server)
{
	return home_path(&server->settings.home, COPY);
}

static int add_database(struct backup *backup, struct fleet_error *error)
{
	struct home_path path = copy_path(backup->server);
	struct stat st;
	backup->copy_fd = open(path.text, O_RDONLY | O_CLOEXEC);
	if (backup->copy_fd < 0 || fstat(backup->copy_fd, &st) < 0)
		return fleet_fail_errno(error, NULL, "cannot read '%s'", path.text);
	if (add_part(backup, "fleet.db", &path, (uint64_t)st.st_size) < 0)
		return fleet_fail(error, NULL, "out of memory");
	return 0;
}

/* Of the copy, not of the database, which has gone on. */
static int copied_images(struct skerryd *server, json_t **images, struct fleet_error *error)
{
	struct store *store;
	if (store_open_reader(copy_path(server).text, &store, error) < 0)
		return -1;
	int rc = store_images_json(store, "", images);
	if (rc < 0)
		(void)!fleet_fail(error, NULL, "the copied database failed: %s", store_error(store));
	store_close(store);
	return rc;
}

/* Those that the copy has: an upload that is under way is not there yet. */
static int add_payloads(struct backup *backup, struct fleet_error *error)
{
	const struct skerryd *server = backup->server;
	json_t *images, *image;
	size_t index;
	int rc = 0;
	if (copied_images(backup->server, &images, error) < 0)
		return -1;
	json_array_foreach(images, index, image)
	{
		char name[TAR_NAME_MAX + 1];
		struct stat st;
		const char *digest = json_string_value(json_object_get(image, "digest"));
		struct home_path path = home_path(&server->settings.home, HOME_ARTIFACTS "/%s.fit", digest);
		snprintf(name, sizeof name, "artifacts/%s.fit", digest);
		if (rc == 0 && stat(path.text, &st) == 0)
			rc = add_part(backup, name, &path, (uint64_t)st.st_size);
	}
	json_decref(images);
	return rc < 0 ? fleet_fail(error, NULL, "out of memory") : 0;
}

/* ---- the copy ---- */

static int remove_copy(const struct skerryd *server, struct fleet_error *error)
{
	struct home_path path = copy_path(server);
	return unlink(path.text) < 0 && errno != ENOENT ? fleet_fail_errno(error, NULL, "cannot remove '%s'", path.text)
							: 0;
}

int backup_start(struct skerryd *server, struct fleet_error *error)
{
	server->backups.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (server->backups.event_fd < 0)
		return fleet_fail_errno(error, NULL, "cannot make an eventfd");
	return remove_copy(server, error);
}

void backup_stop(struct skerryd *server)
{
	if (server->backups.event_fd > 0)
		close(server->backups.event_fd);
}

int backup_fd(const struct skerryd *server)
{
	return server->backups.event_fd;
}

void backup_run(struct skerryd *server)
{
	eventfd_t count;
	if (eventfd_read(server->backups.event_fd, &count) == 0)
		http_wake(server->http, CHANGED_BACKUP);
}

bool backup_is_busy(const struct skerryd *server)
{
	return server->backups.is_busy;
}

int backup_open(struct skerryd *server, struct backup **out, struct fleet_error *error)
{
	struct backup *backup = calloc(1, sizeof *backup);
	if (!backup)
		return fleet_fail(error, NULL, "out of memory");
	backup->fd = backup->copy_fd = -1;
	backup->time = note_now();
	backup->server = server;
	if (remove_copy(server, error) < 0 ||
		copier_start(home_path(&server->settings.home, HOME_DATABASE).text, copy_path(server).text,
			server->backups.event_fd, &backup->copier, error) < 0) {
		free(backup);
		return -1;
	}
	server->backups.is_busy = true;
	*out = backup;
	return 0;
}

bool backup_is_copying(const struct backup *backup)
{
	return backup->copier && !copier_is_done(backup->copier);
}

/* Ends the thread; the file has a name no more. The next backup may begin. */
static void end_copy(struct backup *backup)
{
	if (!backup->copier)
		return;
	copier_free(backup->copier);
	backup->copier = NULL;
	unlink(copy_path(backup->server).text);
	backup->server->backups.is_busy = false;
	http_wake(backup->server->http, CHANGED_BACKUP);
}

int backup_finish(struct backup *backup, bool *is_full, struct fleet_error *error)
{
	int rc = copier_result(backup->copier, is_full, error);
	if (rc == 0)
		rc = add_database(backup, error);
	if (rc == 0)
		rc = add_payloads(backup, error);
	end_copy(backup);
	backup->bytes += TAR_END;
	return rc;
}

uint64_t backup_bytes(const struct backup *backup)
{
	return backup->bytes;
}

/* The part that byte `off` of the archive belongs to; NULL: it is behind the last. */
static struct part *part_at(struct backup *backup, uint64_t off)
{
	for (size_t i = 0; i < backup->count; i++) {
		const struct part *part = &backup->parts[i];
		if (off < part->begin + TAR_BLOCK + part->entry.bytes + tar_padding(part->entry.bytes))
			return &backup->parts[i];
	}
	return NULL;
}

static int content_fd(struct backup *backup, size_t index)
{
	if (index == 0)
		return backup->copy_fd;
	if (backup->fd >= 0 && backup->open == index)
		return backup->fd;
	if (backup->fd >= 0)
		close(backup->fd);
	backup->fd = open(backup->parts[index].path.text, O_RDONLY | O_CLOEXEC);
	backup->open = index;
	return backup->fd;
}

static size_t at_most(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

long backup_read(struct backup *backup, uint64_t off, char *out, size_t max)
{
	struct part *part = part_at(backup, off);
	uint8_t header[TAR_BLOCK];
	size_t len;
	if (!part) {
		len = at_most(backup->bytes - off, max);
		memset(out, 0, len);
		return (long)len;
	}
	uint64_t within = off - part->begin;
	if (within < TAR_BLOCK) {
		tar_write_header(&part->entry, backup->time, header);
		len = at_most(TAR_BLOCK - within, max);
		memcpy(out, header + within, len);
		return (long)len;
	}
	within -= TAR_BLOCK;
	if (within >= part->entry.bytes) {
		len = at_most(part->entry.bytes + tar_padding(part->entry.bytes) - within, max);
		memset(out, 0, len);
		return (long)len;
	}
	ssize_t got = pread(content_fd(backup, (size_t)(part - backup->parts)), out,
		at_most(part->entry.bytes - within, max), (off_t)within);
	return got > 0 ? (long)got : -1;
}

void backup_close(struct backup *backup)
{
	if (!backup)
		return;
	end_copy(backup);
	if (backup->fd >= 0)
		close(backup->fd);
	if (backup->copy_fd >= 0)
		close(backup->copy_fd);
	free(backup->parts);
	free(backup);
}
