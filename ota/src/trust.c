/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the device believes, and what it was last told (SPEC §11): range `trust`, two copies, each a head sector and the keyset's envelope.
 *
 * A commit writes a copy whole, head and envelope in one go, flushes and reads it back, before it touches the other: the head has the CRC of
 * the envelope, so that any mixture of old and new is no copy at all, and the other one is still whole. Sequence and signed time stand in the
 * same sector as the keyset that they belong to, so a newer keyset never comes with the numbers of an older one.
 */
#include <inttypes.h>
#include <string.h>

#include "core.h"
#include "ota/crc32.h"

#define MAGIC "SKTR"
enum {
	FORMAT = 1,
	COPY_SECTORS = 0x20,
	FORMAT_OFF = 4,
	SEQ_OFF = 8,
	BYTES_OFF = 16,
	KEYSET_CRC_OFF = 20,
	SEQUENCE_OFF = 24,
	TIME_OFF = 32,
	DIGEST_OFF = 40,
	PROVISIONED_OFF = 72,
	CRC_OFF = 508,
	TIME_STEP_S = 3600, /* signed time alone is worth a commit when it went on by so much */
};

static const uint8_t nothing[OTA_SHA256_BYTES];

static void le_put(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t le_get(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

uint32_t trust_sectors(void)
{
	return 2 * COPY_SECTORS;
}

/* ---- the two copies ---- */

static uint8_t *envelope_of(struct ota *ota)
{
	return ota->trust_copy + SECTOR_BYTES;
}

static uint32_t copy_lba(const struct ota *ota, unsigned copy)
{
	return ota->config->trust.lba + copy * COPY_SECTORS;
}

static uint32_t copy_sectors(uint32_t keyset_bytes)
{
	return 1 + (keyset_bytes + SECTOR_BYTES - 1) / SECTOR_BYTES;
}

static void head_encode(struct ota *ota, const struct trust_says *says)
{
	uint8_t *head = ota->trust_copy;

	memset(head, 0, SECTOR_BYTES);
	memcpy(head, MAGIC, 4);
	le_put(head + FORMAT_OFF, FORMAT, 4);
	le_put(head + SEQ_OFF, says->seq, 8);
	le_put(head + BYTES_OFF, says->keyset_bytes, 4);
	le_put(head + KEYSET_CRC_OFF, ota_crc32(envelope_of(ota), says->keyset_bytes), 4);
	le_put(head + SEQUENCE_OFF, says->sequence, 8);
	le_put(head + TIME_OFF, says->time_s, 8);
	memcpy(head + DIGEST_OFF, says->digest, sizeof(says->digest));
	memcpy(head + PROVISIONED_OFF, ota->trust.provisioned, sizeof(ota->trust.provisioned));
	le_put(head + CRC_OFF, ota_crc32(head, CRC_OFF), 4);
}

static bool head_decode(const struct ota *ota, struct trust_says *says)
{
	const uint8_t *head = ota->trust_copy;

	if (memcmp(head, MAGIC, 4) != 0 || le_get(head + FORMAT_OFF, 4) != FORMAT ||
		le_get(head + CRC_OFF, 4) != ota_crc32(head, CRC_OFF) ||
		memcmp(head + PROVISIONED_OFF, ota->trust.provisioned, sizeof(ota->trust.provisioned)) != 0)
		return false;
	says->seq = le_get(head + SEQ_OFF, 8);
	says->keyset_bytes = (uint32_t)le_get(head + BYTES_OFF, 4);
	says->sequence = le_get(head + SEQUENCE_OFF, 8);
	says->time_s = le_get(head + TIME_OFF, 8);
	memcpy(says->digest, head + DIGEST_OFF, sizeof(says->digest));
	return says->keyset_bytes > 0 && says->keyset_bytes <= OTA_KEYSET_BYTES_MAX && says->time_s <= INT64_MAX;
}

/* Into trust_copy, and its keyset. 0, -OTA_E_IO, or -OTA_E_KEYSET: it is not whole, or another device's. */
static int copy_read(struct ota *ota, unsigned copy, struct trust_says *says, struct ota_keyset *keyset)
{
	struct ota_signed parts;

	if (ota->port->blk_read(ota->ctx, copy_lba(ota, copy), ota->trust_copy, 1) != 0)
		return -OTA_E_IO;
	if (!head_decode(ota, says))
		return -OTA_E_KEYSET;
	if (ota->port->blk_read(ota->ctx, copy_lba(ota, copy), ota->trust_copy, copy_sectors(says->keyset_bytes)) != 0)
		return -OTA_E_IO;
	if (ota_crc32(envelope_of(ota), says->keyset_bytes) != le_get(ota->trust_copy + KEYSET_CRC_OFF, 4))
		return -OTA_E_KEYSET;
	return ota_keyset_open(envelope_of(ota), says->keyset_bytes, &parts, keyset) ? -OTA_E_KEYSET : 0;
}

/* trust_copy as it is, durable and read back. */
static int copy_write(struct ota *ota, unsigned copy, uint32_t sectors)
{
	if (ota->port->blk_write(ota->ctx, copy_lba(ota, copy), ota->trust_copy, sectors) != 0 ||
		ota->port->blk_flush(ota->ctx) != 0)
		return -OTA_E_IO;
	for (uint32_t i = 0; i < sectors; i++) {
		memset(ota->sector, 0, SECTOR_BYTES); /* a read that does nothing must not pass */
		if (ota->port->blk_read(ota->ctx, copy_lba(ota, copy) + i, ota->sector, 1) != 0 ||
			memcmp(ota->sector, ota->trust_copy + (size_t)i * SECTOR_BYTES, SECTOR_BYTES) != 0)
			return -OTA_E_READBACK;
	}
	return 0;
}

/*
 * The envelope of `next` stands in trust_copy. The older copy first; while that fails, the newer one is not touched, which may be the only
 * whole one by then. If it cannot be written at all (a worn block), going on with the other is still right: a device that waited for the
 * block could never be told of a new keyset again.
 */
static int commit(struct ota *ota, struct trust_says *next)
{
	uint32_t sectors = copy_sectors(next->keyset_bytes);
	unsigned first = 1 - ota->trust.newest;
	bool first_failed, second_failed = false;

	next->seq = ++ota->trust.says.seq;
	head_encode(ota, next);
	first_failed = copy_write(ota, first, sectors) != 0;
	if (!first_failed)
		ota->trust.newest = (uint8_t)first;
	if (!first_failed || ++ota->trust.failures >= IO_ERRORS_MAX)
		second_failed = copy_write(ota, 1 - first, sectors) != 0;
	else
		second_failed = true;
	if (first_failed && second_failed) {
		ota_log(ota, OTA_LOG_ERR, "ota: trust.write err=E_IO");
		return -OTA_E_IO;
	}
	ota->trust.failures = first_failed ? IO_ERRORS_MAX : 0;
	ota->trust.says = *next;
	ota->trust.stored_time_s = next->time_s;
	return 0;
}

/* ---- at the start ---- */

static int provisioned_load(struct ota *ota)
{
	const struct ota_config *config = ota->config;
	struct trust *trust = &ota->trust;
	struct ota_signed parts;

	if (ota_keyset_open(config->keyset, config->keyset_len, &parts, &trust->keyset) != 0 ||
		ota_keyset_verify(&parts, &trust->keyset) != OTA_ACCEPTED) {
		memset(&trust->keyset, 0, sizeof(trust->keyset));
		return -OTA_E_KEYSET;
	}
	memset(ota->trust_copy, 0, sizeof(ota->trust_copy));
	memcpy(envelope_of(ota), config->keyset, config->keyset_len);
	memset(&trust->says, 0, sizeof(trust->says));
	trust->says.keyset_bytes = (uint32_t)config->keyset_len;
	trust->says.time_s = trust->keyset.issued_s;
	return 0;
}

/* The newest whole copy; the other one is made like it, so that the next cut meets two again. */
static int copies_load(struct ota *ota)
{
	struct trust *trust = &ota->trust;
	struct trust_says says[2];
	uint64_t crc[2] = {0}; /* of the head, in which is that of the envelope */
	unsigned other;
	int error[2];

	for (unsigned i = 0; i < 2; i++) {
		error[i] = copy_read(ota, i, &says[i], &trust->keyset);
		crc[i] = le_get(ota->trust_copy + CRC_OFF, 4);
	}
	if (error[0] && error[1])
		return error[0] == -OTA_E_IO || error[1] == -OTA_E_IO ? -OTA_E_IO : -OTA_E_KEYSET;
	trust->newest = error[0] || (!error[1] && says[1].seq > says[0].seq);
	if (copy_read(ota, trust->newest, &trust->says, &trust->keyset) != 0)
		return -OTA_E_IO;
	other = 1u - trust->newest;
	if (error[other] == -OTA_E_KEYSET || (!error[other] && crc[other] != crc[trust->newest]))
		(void)!copy_write(ota, other, copy_sectors(trust->says.keyset_bytes));
	return 0;
}

/* A disk that does not answer is not one that lost its copies: nothing is trusted then, rather than what was before. */
int trust_load(struct ota *ota)
{
	struct trust *trust = &ota->trust;
	int error;

	ota_sha256(ota->config->keyset, ota->config->keyset_len, trust->provisioned);
	trust->newest = 1;
	error = copies_load(ota);
	if (error == -OTA_E_KEYSET)
		error = provisioned_load(ota);
	if (error)
		memset(&trust->keyset, 0, sizeof(trust->keyset));
	trust->stored_time_s = trust->says.time_s;
	trust->time_ms = now_ms(ota);
	ota_log(ota, error ? OTA_LOG_ERR : OTA_LOG_INFO, "ota: trust keyset=%" PRIu32 " sequence=%" PRIu64 " err=%s",
		trust->keyset.version, trust->says.sequence, ota_err_name(error));
	return error;
}

int trust_ready(struct ota *ota)
{
	return ota->trust.keyset.version > 0 ? 0 : trust_load(ota);
}

/* ---- keysets ---- */

static int keyset_take(struct ota *ota, const uint8_t *envelope, size_t len, const struct ota_keyset *keyset)
{
	struct trust_says next = {.keyset_bytes = (uint32_t)len, .time_s = keyset->issued_s};
	int error;

	memset(envelope_of(ota), 0, OTA_KEYSET_BYTES_MAX);
	memcpy(envelope_of(ota), envelope, len);
	error = commit(ota, &next);
	if (error) {
		(void)!trust_load(ota); /* what the flash holds now counts */
		return error;
	}
	ota->trust.keyset = *keyset;
	ota->trust.time_ms = now_ms(ota);
	ota_log(ota, OTA_LOG_INFO, "ota: keyset.take version=%" PRIu32, keyset->version);
	job_recheck(ota);
	ota->port->report(ota->ctx);
	return 0;
}

static int keyset_offer(struct ota *ota, const uint8_t *envelope, size_t len)
{
	const struct ota_keyset *held = &ota->trust.keyset;
	struct ota_keyset keyset;
	struct ota_signed parts;
	int error = trust_ready(ota);

	if (error)
		return error;
	error = ota_keyset_open(envelope, len, &parts, &keyset);
	if (error)
		return error;
	if (keyset.version <= held->version)
		return 0;
	if (keyset.version - 1 != held->version)
		return -OTA_E_KEYSET_VERSION;
	if (ota_keyset_verify_next(held, &parts, &keyset) != OTA_ACCEPTED)
		return -OTA_E_KEYSET;
	return keyset_take(ota, envelope, len, &keyset);
}

int ota_on_keyset(struct ota *ota, const uint8_t *envelope, size_t len)
{
	int error = ota->has_slots ? keyset_offer(ota, envelope, len) : -OTA_E_NO_SLOTS;

	if (error)
		ota_log(ota, OTA_LOG_WARN, "ota: keyset.refuse held=%" PRIu32 " err=%s", ota->trust.keyset.version,
			ota_err_name(error));
	return error;
}

uint32_t ota_keyset_version(const struct ota *ota)
{
	return ota->trust.keyset.version;
}

/* ---- assignments ---- */

static uint64_t time_now_s(const struct ota *ota)
{
	return ota->trust.says.time_s + (now_ms(ota) - ota->trust.time_ms) / 1000;
}

static bool scope_is_ours(const struct ota_config *config, const struct ota_assignment *assignment)
{
	if (assignment->scope == OTA_SCOPE_DEVICE)
		return strcmp(assignment->device_id, config->device_id) == 0;
	return assignment->scope == OTA_SCOPE_CLASS &&
	       memcmp(assignment->class_id, config->class_id, sizeof(config->class_id)) == 0;
}

/*
 * The keyset's version first, though nobody vouches for it yet: it only says whether to wait for the keyset or to refuse. The digest of one
 * that assigns nothing is zeroes, in memory as on flash.
 */
static int assignment_check(
	const struct ota *ota, const struct ota_signed *parts, const struct ota_assignment *assignment)
{
	const struct trust_says *says = &ota->trust.says;

	if (assignment->keyset_version != ota->trust.keyset.version)
		return -OTA_E_KEYSET_VERSION;
	if (ota_signed_verify(parts, &ota->trust.keyset.fleet) != OTA_ACCEPTED)
		return -OTA_E_ASSIGNMENT;
	if (!scope_is_ours(ota->config, assignment))
		return -OTA_E_SCOPE;
	if (assignment->expires_s <= time_now_s(ota))
		return -OTA_E_EXPIRED;
	if (assignment->sequence < says->sequence ||
		(assignment->sequence == says->sequence && memcmp(assignment->digest, says->digest, 32) != 0))
		return -OTA_E_REPLAYED;
	return 0;
}

/* The same again is only worth writing down once its time has gone on. */
static int assignment_take(struct ota *ota, const struct ota_assignment *assignment)
{
	struct trust *trust = &ota->trust;
	struct trust_says next = trust->says;
	bool newer = assignment->issued_s > next.time_s;
	int error = 0;

	next.sequence = assignment->sequence;
	memcpy(next.digest, assignment->digest, sizeof(next.digest));
	if (newer)
		next.time_s = assignment->issued_s;
	if (next.sequence != trust->says.sequence || next.time_s - trust->stored_time_s >= TIME_STEP_S)
		error = commit(ota, &next);
	if (error)
		return error;
	trust->says = next;
	if (newer)
		trust->time_ms = now_ms(ota);
	return 0;
}

static bool nonce_is(const struct ota_assignment *assignment, const struct trust_told *told)
{
	return told->nonce_len > 0 && assignment->nonce_len == told->nonce_len &&
	       memcmp(assignment->nonce, told->nonce, told->nonce_len) == 0;
}

int trust_assign(struct ota *ota, const struct trust_told *told, const uint8_t digest[32])
{
	struct ota_assignment assignment;
	struct ota_signed parts;
	bool answers;
	int error = trust_ready(ota);

	if (!error && told->len == 0)
		error = -OTA_E_ASSIGNMENT;
	if (!error)
		error = ota_assignment_open(told->envelope, told->len, &parts, &assignment);
	if (!error)
		error = assignment_check(ota, &parts, &assignment);
	if (error)
		return error;
	answers = nonce_is(&assignment, told);
	if (memcmp(assignment.digest, digest, sizeof(assignment.digest)) != 0)
		return -OTA_E_ASSIGNMENT;
	if (!assignment.has_digest && !answers)
		return -OTA_E_REPLAYED;
	error = assignment_take(ota, &assignment);
	if (!error && answers) {
		ota->trust.heard = true;
		ota->trust.heard_ms = now_ms(ota);
	}
	return error;
}

bool trust_assigns(const struct ota *ota, const uint8_t digest[32])
{
	return memcmp(ota->trust.says.digest, digest, OTA_SHA256_BYTES) == 0 &&
	       memcmp(nothing, digest, sizeof(nothing)) != 0;
}

int ota_on_idle(struct ota *ota, const uint8_t *assignment, size_t len, const uint8_t *nonce, size_t nonce_len)
{
	const struct trust_told told = {assignment, len, nonce, nonce_len};
	int error = ota->has_slots ? trust_assign(ota, &told, nothing) : -OTA_E_NO_SLOTS;

	if (error)
		ota_log(ota, OTA_LOG_WARN, "ota: idle.refuse err=%s", ota_err_name(error));
	return error;
}

uint64_t ota_signed_time_s(const struct ota *ota)
{
	return time_now_s(ota);
}

bool ota_heard_s(const struct ota *ota, uint64_t *seconds)
{
	if (!ota->trust.heard)
		return false;
	*seconds = (now_ms(ota) - ota->trust.heard_ms) / 1000;
	return true;
}
