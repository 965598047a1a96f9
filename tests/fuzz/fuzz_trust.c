/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The range `trust` and what may change it: any two copies on flash, then keysets and assignments, right and wrong ones, failing disks, restarts.
 * A keyset that the roots did not sign is never taken; what was accepted is there after a restart; nothing goes back.
 *
 * The input: for each copy 0: none, 1: noise, else a right head around any numbers and any keyset of ours; then a script of verbs with an argument.
 */
#include "core.h"
#include "fake/fake_image.h"
#include "fake/fake_trust.h"
#include "fuzz.h"
#include "ota/crc32.h"

enum { VERSIONS = 4, SEQUENCES = 4, SECTORS = 64, COPY_SECTORS = 0x20, STEPS_MAX = 12 };
enum verb { KEYSET, FORGED, IDLE, OTHERS, TIME, RESTART, DISK_FAILS, DISK_WELL, SPOIL, VERBS };

static struct fake_keyset keysets[VERSIONS + 1], forged[VERSIONS + 1]; /* by version */
static struct fake_assignment idle[VERSIONS + 1][SEQUENCES + 1], others[VERSIONS + 1];
static const uint8_t nonce[] = "fuzz-1";

static uint8_t disk[SECTORS][512];
static uint64_t now = 1000;
static unsigned calls_left; /* of the disk, until it fails */
static struct ota ota;
static struct ota_config config;

/* What must not be forgotten, while nobody spoils the disk. */
static uint32_t held;
static uint64_t sequence;

static void signed_make(void)
{
	static const unsigned thieves[] = {FAKE_ROOT, FAKE_RELEASE};

	if (keysets[1].len)
		return;
	for (uint32_t v = 1; v <= VERSIONS; v++) {
		fake_keyset_make(&keysets[v], v);
		forged[v] = keysets[v];
		fake_keyset_sign(&forged[v], thieves, 2); /* one root and a release key */
		for (uint64_t s = 1; s <= SEQUENCES; s++) {
			fake_assignment_make(&idle[v][s], NULL, s);
			idle[v][s].says.keyset_version = v;
			idle[v][s].says.issued_s = keysets[v].keyset.issued_s + s;
			idle[v][s].says.expires_s = INT64_MAX;
			memcpy(idle[v][s].says.nonce, nonce, sizeof(nonce));
			idle[v][s].says.nonce_len = sizeof(nonce);
			fake_assignment_sign(&idle[v][s], (const unsigned[]){FAKE_FLEET}, 1);
		}
		others[v] = idle[v][SEQUENCES];
		fake_assignment_sign(&others[v], (const unsigned[]){FAKE_RELEASE}, 1);
	}
}

/* ---- port ---- */

static bool disk_fails(void)
{
	return calls_left == 0 || --calls_left == 0;
}

static int port_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	(void)ctx;
	FUZZ_MUST(lba < SECTORS && count > 0 && count <= SECTORS - lba);
	if (disk_fails())
		return -OTA_E_IO;
	memcpy(buf, disk[lba], (size_t)count * 512);
	return 0;
}

static int port_write(void *ctx, uint32_t lba, const void *buf, uint32_t count)
{
	(void)ctx;
	FUZZ_MUST(lba < SECTORS && count > 0 && count <= SECTORS - lba);
	FUZZ_MUST((lba < COPY_SECTORS) == (lba + count <= COPY_SECTORS));
	if (disk_fails())
		return -OTA_E_IO;
	memcpy(disk[lba], buf, (size_t)count * 512);
	return 0;
}

static int port_flush(void *ctx)
{
	(void)ctx;
	return disk_fails() ? -OTA_E_IO : 0;
}

static uint64_t port_now(void *ctx)
{
	(void)ctx;
	return now;
}

static void port_report(void *ctx)
{
	(void)ctx;
}

static void port_log(void *ctx, enum ota_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static const struct ota_port port = {.blk_read = port_read,
	.blk_write = port_write,
	.blk_flush = port_flush,
	.now_ms = port_now,
	.report = port_report,
	.log = port_log};

/* ---- the disk ---- */

static void le_put(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

/* SPEC §11: a head whose CRCs are right, and numbers of anybody's. */
static void copy_make(struct fuzz_in *in, unsigned copy)
{
	uint8_t *head = disk[copy * COPY_SECTORS];
	const struct fake_keyset *keyset = &keysets[1 + fuzz_u8(in) % VERSIONS];
	uint32_t len = fuzz_u8(in) == 0xff ? fuzz_u32(in) : (uint32_t)keyset->len;

	memset(head, 0, 512);
	memcpy(head, "SKTR", 4);
	le_put(head + 4, 1, 4);
	/* No commit writes two different copies with one seq. */
	le_put(head + 8, fuzz_u64(in) << 1 | copy, 8);
	le_put(head + 16, len, 4);
	memcpy(head + 512, keyset->envelope, keyset->len);
	le_put(head + 20, len <= OTA_KEYSET_BYTES_MAX ? ota_crc32(head + 512, len) : 0, 4);
	le_put(head + 24, fuzz_u8(in) % 8, 8);
	le_put(head + 32, fuzz_u64(in), 8);
	ota_sha256(keysets[1].envelope, keysets[1].len, head + 72);
	le_put(head + 508, ota_crc32(head, 508), 4);
}

static void disk_make(struct fuzz_in *in)
{
	memset(disk, 0, sizeof(disk));
	for (unsigned copy = 0; copy < 2; copy++) {
		uint8_t kind = fuzz_u8(in);

		if (kind == 1)
			fuzz_bytes(in, disk[copy * COPY_SECTORS], 512);
		else if (kind > 1)
			copy_make(in, copy);
	}
}

/* ---- the script ---- */

/* Whoever is trusted is of ours; what was accepted is there. */
static void trust_check(void)
{
	uint32_t version = ota_keyset_version(&ota);

	FUZZ_MUST(version <= VERSIONS);
	FUZZ_MUST(version == 0 || memcmp(&ota.trust.keyset, &keysets[version].keyset, sizeof(ota.trust.keyset)) == 0);
	FUZZ_MUST(version == 0 || version >= held);
	FUZZ_MUST(version != held || held == 0 || ota.trust.says.sequence >= sequence);
	if (version == 0)
		return;
	held = version;
	sequence = ota.trust.says.sequence;
}

static void restart(void)
{
	ota_init(&ota, &config, &port, NULL);
	ota.has_slots = true;
	FUZZ_MUST(trust_load(&ota) == 0 || ota_keyset_version(&ota) == 0);
}

static void keyset_give(uint32_t version)
{
	uint32_t before = ota_keyset_version(&ota);
	int error = ota_on_keyset(&ota, keysets[version].envelope, keysets[version].len);

	FUZZ_MUST(error || ota_keyset_version(&ota) >= version);
	FUZZ_MUST(error || before == 0 || version <= before || version == before + 1);
}

static void forged_give(uint32_t version)
{
	uint32_t before = ota_keyset_version(&ota);

	FUZZ_MUST(ota_on_keyset(&ota, forged[version].envelope, forged[version].len) != 0 ||
		  version <= ota_keyset_version(&ota));
	FUZZ_MUST(before == 0 || ota_keyset_version(&ota) == before);
}

static void idle_give(uint8_t argument)
{
	uint64_t before = ota.trust.says.sequence, given = 1 + (argument >> 2) % SEQUENCES;
	uint32_t version = ota_keyset_version(&ota);
	const struct fake_assignment *assignment = &idle[1 + (argument & 3)][given];
	int error = ota_on_idle(&ota, assignment->envelope, assignment->len, nonce, sizeof(nonce));

	if (error)
		return;
	FUZZ_MUST(assignment->says.keyset_version == ota_keyset_version(&ota) && ota.trust.says.sequence == given);
	/* While nobody is trusted, what is remembered of before is not what the disk will say: that is trust_check()'s. */
	FUZZ_MUST(version == 0 || given >= before);
}

static void step(struct fuzz_in *in)
{
	uint8_t verb = fuzz_u8(in) % VERBS, argument = fuzz_u8(in);
	const struct fake_assignment *other = &others[1 + (argument & 3)];

	switch (verb) {
	case KEYSET:
		keyset_give(1 + (argument & 3));
		break;
	case FORGED:
		forged_give(1 + (argument & 3));
		break;
	case IDLE:
		idle_give(argument);
		break;
	case OTHERS:
		FUZZ_MUST(ota_on_idle(&ota, other->envelope, other->len, nonce, sizeof(nonce)) != 0);
		break;
	case TIME:
		now += (uint64_t)argument * 600 * 1000;
		break;
	case RESTART:
		restart();
		break;
	case DISK_FAILS:
		calls_left = 1u + argument % 32;
		break;
	case DISK_WELL:
		calls_left = UINT32_MAX;
		break;
	case SPOIL:
		/* One copy at a time, and only while the other is whole: restart() makes them alike. */
		calls_left = UINT32_MAX;
		restart();
		disk[(argument & 1) * COPY_SECTORS][argument >> 1] ^= 0x10;
		restart();
		break;
	}
	trust_check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fuzz_in in = {data, len};

	signed_make();
	memcpy(config.class_id, fake_class_id, 16);
	config.device_id = FAKE_DEVICE_ID;
	config.keyset = keysets[1].envelope;
	config.keyset_len = keysets[1].len;
	config.trust = (struct ota_range){0, SECTORS};
	now = 1000;
	calls_left = UINT32_MAX;
	held = 0;
	sequence = 0;
	disk_make(&in);
	restart();
	trust_check();
	for (int i = 0; i < STEPS_MAX && in.left > 0; i++)
		step(&in);
	/* With a disk that is well, somebody is trusted again. */
	calls_left = UINT32_MAX;
	restart();
	FUZZ_MUST(ota_keyset_version(&ota) > 0);
	trust_check();
	return 0;
}
