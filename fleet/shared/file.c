/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static int read_fd(int fd, const char *path, size_t max, struct file_bytes *out, struct fleet_error *error)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return fleet_fail_errno(error, NULL, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return fleet_fail(error, "name a plain file", "'%s' is not a plain file", path);
	if ((uint64_t)st.st_size > max)
		return fleet_fail(error, "check that it is the right file",
			"'%s' has %lld bytes, more than the %zu that are allowed", path, (long long)st.st_size, max);
	size_t len = (size_t)st.st_size, done = 0;
	uint8_t *data = malloc(len + 1);
	if (!data)
		return fleet_fail(error, NULL, "out of memory while reading '%s'", path);
	while (done < len) {
		ssize_t got = read(fd, data + done, len - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			fleet_fail(error, "try again", "'%s' became shorter or unreadable while it was read", path);
			free(data);
			return -1;
		}
		done += (size_t)got;
	}
	data[len] = 0;
	*out = (struct file_bytes){.data = data, .len = len};
	return 0;
}

int file_read(const char *path, size_t max, struct file_bytes *out, struct fleet_error *error)
{
	*out = (struct file_bytes){0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fleet_fail_errno(error, NULL, "cannot open '%s'", path);
	int rc = read_fd(fd, path, max, out, error);
	close(fd);
	return rc;
}

void file_bytes_free(struct file_bytes *bytes)
{
	if (bytes->data)
		explicit_bzero(bytes->data, bytes->len);
	free(bytes->data);
	*bytes = (struct file_bytes){0};
}

void file_draft_drop(struct file_draft *draft)
{
	if (draft->fd >= 0) {
		close(draft->fd);
		unlink(draft->temp);
	}
	free(draft->path);
	free(draft->temp);
	*draft = (struct file_draft){.fd = -1};
}

int file_draft_open(struct file_draft *draft, const char *path, mode_t mode, struct fleet_error *error)
{
	*draft = (struct file_draft){.fd = -1, .path = strdup(path)};
	if (!draft->path || asprintf(&draft->temp, "%s.XXXXXX", path) < 0) {
		draft->temp = NULL;
		file_draft_drop(draft);
		return fleet_fail(error, NULL, "out of memory");
	}
	draft->fd = mkostemp(draft->temp, O_CLOEXEC);
	if (draft->fd >= 0 && fchmod(draft->fd, mode) == 0)
		return 0;
	fleet_fail_errno(error, NULL, "cannot make '%s'", path);
	file_draft_drop(draft);
	return -1;
}

int file_draft_write(struct file_draft *draft, uint64_t off, const void *data, size_t len, struct fleet_error *error)
{
	const uint8_t *bytes = data;
	size_t done = 0;
	assert(draft->fd >= 0);
	while (done < len) {
		ssize_t put = pwrite(draft->fd, bytes + done, len - done, (off_t)(off + done));
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return fleet_fail_errno(error, NULL, "cannot write '%s'", draft->path);
		done += (size_t)put;
	}
	return 0;
}

/* The rename is durable only once its folder is synced. */
static int sync_folder_of(const char *path)
{
	char *copy = strdup(path);
	if (!copy)
		return -1;
	char *slash = strrchr(copy, '/');
	const char *folder = ".";
	if (slash == copy)
		folder = "/";
	else if (slash) {
		*slash = 0;
		folder = copy;
	}
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

int file_draft_commit(struct file_draft *draft, struct fleet_error *error)
{
	assert(draft->fd >= 0);
	if (fsync(draft->fd) < 0 || rename(draft->temp, draft->path) < 0 || sync_folder_of(draft->path) < 0) {
		fleet_fail_errno(error, NULL, "cannot write '%s'", draft->path);
		file_draft_drop(draft);
		return -1;
	}
	close(draft->fd);
	draft->fd = -1;
	file_draft_drop(draft);
	return 0;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, struct fleet_error *error)
{
	struct file_draft draft;
	if (file_draft_open(&draft, path, mode, error) < 0)
		return -1;
	if (file_draft_write(&draft, 0, data, len, error) < 0) {
		file_draft_drop(&draft);
		return -1;
	}
	return file_draft_commit(&draft, error);
}

int file_make_dirs(const char *path, mode_t mode, struct fleet_error *error)
{
	char *copy = strdup(path);
	if (!copy)
		return fleet_fail(error, NULL, "out of memory");
	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(copy, mode); /* a failure shows in the last one */
		*slash = '/';
	}
	int rc = mkdir(copy, mode);
	free(copy);
	struct stat st;
	if (rc < 0 && errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return rc < 0 ? fleet_fail_errno(error, NULL, "cannot make the folder '%s'", path) : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	remove(path);
	return 0;
}

void file_remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
