/* SPDX-License-Identifier: Apache-2.0 */
#include "killable_vfs.h"

#include <sqlite3.h>
#include <string.h>

struct file {
	sqlite3_file base;
	sqlite3_file *real; /* behind this struct */
};

static sqlite3_vfs vfs, *real_vfs;
static sqlite3_io_methods methods;
static uint64_t writes, kill_at;
static bool dead;

void killable_arm(uint64_t n)
{
	kill_at = n ? writes + n : 0;
}

bool killable_is_dead(void)
{
	return dead;
}

void killable_revive(void)
{
	dead = false;
	kill_at = 0;
}

uint64_t killable_writes(void)
{
	return writes;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct file *)(void *)file)->real;
}

/* A file is to be changed. False: too late. */
static bool may_change(void)
{
	if (dead)
		return false;
	writes++;
	if (kill_at && writes >= kill_at)
		dead = true;
	return !dead;
}

static int on_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at)
{
	bool was_dead = dead;
	if (may_change())
		return real_of(file)->pMethods->xWrite(real_of(file), data, len, at);
	if (!was_dead)
		(void)real_of(file)->pMethods->xWrite(real_of(file), data, len / 2, at);
	return SQLITE_IOERR_WRITE;
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return may_change() ? real_of(file)->pMethods->xTruncate(real_of(file), size) : SQLITE_IOERR_TRUNCATE;
}

/* A kill takes nothing from the page cache: what was written is there, synced or not. */
static int on_sync(sqlite3_file *file, int flags)
{
	(void)file;
	(void)flags;
	return may_change() ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int on_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int on_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at)
{
	return real_of(file)->pMethods->xRead(real_of(file), data, len, at);
}

static int on_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int on_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int on_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int on_reserved(sqlite3_file *file, int *out)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int on_control(sqlite3_file *file, int op, void *arg)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int on_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int on_features(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int on_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int on_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int on_shm_unmap(sqlite3_file *file, int remove)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), remove && !dead);
}

static int on_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	struct file *own = (struct file *)(void *)file;
	(void)self;
	own->real = (sqlite3_file *)(void *)(own + 1);
	int rc = real_vfs->xOpen(real_vfs, name, own->real, flags, out_flags);
	own->base.pMethods = rc == SQLITE_OK ? &methods : NULL;
	return rc;
}

static int on_delete(sqlite3_vfs *self, const char *name, int sync)
{
	(void)self;
	return may_change() ? real_vfs->xDelete(real_vfs, name, sync) : SQLITE_IOERR_DELETE;
}

void killable_install(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
	vfs.zName = "killable";
	vfs.xOpen = on_open;
	vfs.xDelete = on_delete;
	methods = (sqlite3_io_methods){.iVersion = 2,
		.xClose = on_close,
		.xRead = on_read,
		.xWrite = on_write,
		.xTruncate = on_truncate,
		.xSync = on_sync,
		.xFileSize = on_size,
		.xLock = on_lock,
		.xUnlock = on_unlock,
		.xCheckReservedLock = on_reserved,
		.xFileControl = on_control,
		.xSectorSize = on_sector,
		.xDeviceCharacteristics = on_features,
		.xShmMap = on_shm_map,
		.xShmLock = on_shm_lock,
		.xShmBarrier = on_shm_barrier,
		.xShmUnmap = on_shm_unmap};
	sqlite3_vfs_register(&vfs, 1);
}
