/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backup, as `skerryd --restore` reads it from whoever hands one over, into a home on a file system in memory.
 *
 * First byte of the input, bits: 1, the checksums of the headers that follow are made right; 2, and a payload is named by its digest; 4, a sound
 * database stands in front; 8, of which one byte is another (three bytes follow: where, which); 16, the end is put behind. Then the archive.
 *
 * What was there before is there after a refusal. What is accepted is what a plain reader finds in the archive, whole. Nothing else is ever written, in
 * the home or beside it.
 */
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "fuzz.h"
#include "ota/verify.h"
#include "shared/file.h"
#include "shared/text.h"
#include "skerryd/artifact.h"
#include "skerryd/backup.h"

enum { SUMS = 1, NAMES = 2, DATABASE = 4, DAMAGE = 8, END = 16 };
#define ARCHIVE_MAX   (1 << 20)
#define FILE_MAX      (1 << 20)
#define PAYLOAD_CHARS (10 + 64 + 4) /* artifacts/DIGEST.fit */
#define SIZE_OFF      124
#define SUM_OFF       148

static char root[64];
static struct home home;
static struct file_bytes before, fresh; /* databases: the home's own, and one to restore */
static uint8_t *archive;
static size_t archive_len;

static void must(int rc)
{
	if (rc == 0)
		return;
	perror("fuzz_restore");
	abort();
}

/* ---- the home ---- */

static struct file_bytes database_make(const char *mark)
{
	struct home_path path = home_path(&home, "made.db");
	struct fleet_error error;
	struct file_bytes bytes;
	struct store *store;
	bool added;

	must(store_open(path.text, &store, &error));
	must(store_device_put(store, mark, "board", 1, &added));
	store_close(store);
	must(file_read(path.text, FILE_MAX, &bytes, &error));
	must(unlink(path.text));
	return bytes;
}

static void root_remove(void)
{
	file_remove_tree(root);
}

static void home_reset(void)
{
	struct fleet_error error;

	file_remove_tree(home_path(&home, "server").text);
	must(file_make_dirs(home_path(&home, HOME_ARTIFACTS).text, 0700, &error));
	must(file_write(home_path(&home, HOME_DATABASE).text, before.data, before.len, 0600, &error));
}

static void set_up(void)
{
	struct fleet_error error;

	if (archive)
		return;
	strcpy(root, access("/dev/shm", W_OK) == 0 ? "/dev/shm/skerry-fuzz-XXXXXX" : "/tmp/skerry-fuzz-XXXXXX");
	must(mkdtemp(root) ? 0 : -1);
	must(atexit(root_remove));
	(void)snprintf(home.dir, sizeof(home.dir), "%s/a/home", root);
	must(file_make_dirs(home.dir, 0700, &error));
	before = database_make("before");
	fresh = database_make("fresh");
	archive = malloc(ARCHIVE_MAX);
	must(archive ? 0 : -1);
	home_reset();
}

/* ---- a plain reader: POSIX.1-1988, ustar ---- */

struct member {
	const uint8_t *header, *content;
	char name[101];
	uint64_t bytes;
};

/* The member at *off, and *off behind it. False: the end, or nothing whole. */
static bool member_next(size_t *off, struct member *member)
{
	static const uint8_t zeros[TAR_BLOCK];
	uint64_t bytes = 0;

	if (archive_len < *off || archive_len - *off < TAR_BLOCK || memcmp(archive + *off, zeros, TAR_BLOCK) == 0)
		return false;
	member->header = archive + *off;
	member->content = member->header + TAR_BLOCK;
	for (size_t i = 0; i < 12 && member->header[SIZE_OFF + i] >= '0' && member->header[SIZE_OFF + i] <= '7'; i++)
		bytes = bytes << 3 | (member->header[SIZE_OFF + i] & 7);
	memcpy(member->name, member->header, 100);
	member->name[100] = '\0';
	member->bytes = bytes;
	*off += TAR_BLOCK;
	if (bytes > archive_len - *off)
		return false;
	*off += (size_t)((bytes + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK);
	return true;
}

static void digest_of(const uint8_t *data, size_t len, char hex[TEXT_DIGEST_HEX])
{
	uint8_t digest[32];

	ota_sha256(data, len, digest);
	text_hex(digest, sizeof(digest), hex);
}

/* ---- the archive ---- */

static void archive_put(const void *data, size_t len)
{
	FUZZ_MUST(len <= ARCHIVE_MAX - archive_len);
	memcpy(archive + archive_len, data, len);
	archive_len += len;
}

static void database_put(uint8_t flags, struct fuzz_in *in)
{
	struct tar_entry entry = {.name = "fleet.db", .bytes = fresh.len};
	uint8_t header[TAR_BLOCK], where[2] = {0}, what = 0;
	size_t begin;

	tar_write_header(&entry, 0, header);
	archive_put(header, sizeof(header));
	begin = archive_len;
	archive_put(fresh.data, fresh.len);
	if (flags & DAMAGE) {
		fuzz_bytes(in, where, sizeof(where));
		what = fuzz_u8(in);
		archive[begin + (size_t)(where[0] << 8 | where[1]) % fresh.len] ^= what;
	}
	memset(archive + archive_len, 0, tar_padding(fresh.len));
	archive_len += tar_padding(fresh.len);
}

static void header_mend(const struct member *member, uint8_t flags)
{
	uint8_t *header = archive + (member->header - archive);
	char text[TEXT_DIGEST_HEX];
	unsigned sum = 0;

	if ((flags & NAMES) && strncmp(member->name, "artifacts/", 10) == 0 && strlen(member->name) == PAYLOAD_CHARS) {
		digest_of(member->content, (size_t)member->bytes, text);
		memcpy(header + 10, text, 64);
	}
	memset(header + SUM_OFF, ' ', 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += header[i];
	(void)snprintf(text, sizeof(text), "%06o", sum & 0777777);
	memcpy(header + SUM_OFF, text, 7);
}

static void archive_make(struct fuzz_in *in)
{
	static const uint8_t zeros[TAR_END];
	uint8_t flags = fuzz_u8(in);
	struct member member;
	size_t off;

	archive_len = 0;
	if (flags & DATABASE)
		database_put(flags, in);
	off = archive_len;
	archive_put(in->at, in->left);
	if (flags & END)
		archive_put(zeros, sizeof(zeros));
	while ((flags & SUMS) && member_next(&off, &member))
		header_mend(&member, flags);
}

/* ---- what must hold ---- */

static bool has_changed; /* something is in the home that was not */

/* Every file under root[] has one of these names, and a payload's says what is in it. */
static int file_check(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	const char *name = path + strlen(home.dir) + 1;
	struct fleet_error error;
	struct file_bytes bytes;
	char hex[TEXT_DIGEST_HEX];

	(void)st;
	(void)ftw;
	if (kind == FTW_D || strcmp(path + strlen(root), "/archive.tar") == 0)
		return 0;
	FUZZ_MUST(kind == FTW_F && strncmp(path, home.dir, strlen(home.dir)) == 0);
	if (strcmp(name, HOME_DATABASE) == 0)
		return 0;
	has_changed = true;
	if (strcmp(name, HOME_DATABASE ".before-restore") == 0)
		return 0;
	FUZZ_MUST(strncmp(name, "server/artifacts/", 17) == 0 && strlen(name) == 7 + PAYLOAD_CHARS);
	must(file_read(path, FILE_MAX, &bytes, &error));
	digest_of(bytes.data, bytes.len, hex);
	FUZZ_MUST(strncmp(name + 17, hex, 64) == 0 && strcmp(name + 17 + 64, ".fit") == 0);
	file_bytes_free(&bytes);
	return 0;
}

static bool file_is(const char *name, const uint8_t *data, size_t len)
{
	struct fleet_error error;
	struct file_bytes bytes;
	bool same;

	must(file_read(home_path(&home, "%s", name).text, FILE_MAX, &bytes, &error));
	same = bytes.len == len && memcmp(bytes.data, data, len) == 0;
	file_bytes_free(&bytes);
	return same;
}

/* All that a plain reader finds is there; the database is the last that it finds. */
static void accepted_check(void)
{
	struct member member, database = {0};
	size_t off = 0;
	char path[PAYLOAD_CHARS + 8];

	while (member_next(&off, &member)) {
		if (strcmp(member.name, "fleet.db") == 0) {
			database = member;
			continue;
		}
		FUZZ_MUST(strlen(member.name) == PAYLOAD_CHARS);
		(void)snprintf(path, sizeof(path), "server/%s", member.name);
		FUZZ_MUST(file_is(path, member.content, (size_t)member.bytes));
	}
	/* The reader stopped at the end, not at what it could not read. */
	FUZZ_MUST(off + TAR_BLOCK <= archive_len);
	FUZZ_MUST(database.content && file_is(HOME_DATABASE, database.content, (size_t)database.bytes));
	FUZZ_MUST(file_is(HOME_DATABASE ".before-restore", before.data, before.len));
}

/* What is read of a header says so when it is written again. */
static void header_check(const uint8_t *data, size_t len)
{
	struct tar_entry entry, again;
	uint8_t header[TAR_BLOCK];
	bool end;

	if (len < TAR_BLOCK || !tar_read_header(data, &entry, &end) || end)
		return;
	FUZZ_MUST(memchr(entry.name, '\0', sizeof(entry.name)) && entry.name[0] != '\0');
	FUZZ_MUST(entry.name[0] != '/' && !strstr(entry.name, "../") && strcmp(entry.name, "..") != 0);
	tar_write_header(&entry, 0, header);
	FUZZ_MUST(tar_read_header(header, &again, &end) && !end);
	FUZZ_MUST(strcmp(again.name, entry.name) == 0 && again.bytes == entry.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};
	struct fleet_error error = {0};
	char path[sizeof(root) + 16];
	int rc;

	set_up();
	(void)snprintf(path, sizeof(path), "%s/archive.tar", root);
	archive_make(&in);
	header_check(archive, archive_len);
	must(file_write(path, archive, archive_len, 0600, &error));
	rc = backup_restore(&home, path, &error);
	has_changed = false;
	must(nftw(root, file_check, 16, FTW_PHYS));
	if (rc == 0) {
		accepted_check();
	} else {
		FUZZ_MUST(error.cause[0] != '\0');
		FUZZ_MUST(file_is(HOME_DATABASE, before.data, before.len));
		FUZZ_MUST(!file_exists(home_path(&home, HOME_DATABASE ".before-restore").text));
	}
	if (rc == 0 || has_changed)
		home_reset();
	return 0;
}
