/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threat list of ../../ota/SECURITY.md, as far as the update core alone can show it: one named test a row. The attacker owns the broker, the
 * artifact server and the network, and has every manifest that was ever signed; not the release key.
 */
#include "device.h"

#include <stdio.h>

#include "core.h"
#include "ota/crc32.h"
#include "ota/verify.h"

static const uint64_t HOUR_MS = 3600 * 1000;
static uint8_t slot_before[FAKE_SLOT_SECTORS][512];

/* The device starts, is well and connected, and is offered this envelope as another job than those before. */
static int offer(const struct fake_image *image)
{
	static unsigned jobs;
	static char id[32];

	(void)snprintf(id, sizeof(id), "job-%u", 100 + jobs++);
	host.terminals = host.fetches = 0;
	assert_true(fake_host_begin(&host));
	memcpy(slot_before, host.flash.now[FAKE_SLOT_B], sizeof(slot_before));
	host.link = true;
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
	(void)!fake_host_offer(&host, image, id);
	fake_host_run(&host, HOUR_MS);
	return host.terminals == 1 ? host.last_terminal.error : 0;
}

static void assert_slot_untouched(void)
{
	assert_memory_equal(host.flash.now[FAKE_SLOT_B], slot_before, sizeof(slot_before));
	assert_runs(&v1, OTA_SLOT_A);
	assert_false(host.reboot);
}

/* Refused by this name, before anything was fetched or written. */
static void assert_rejected(const struct fake_image *image, int error)
{
	assert_int_equal(offer(image), error);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.fetches, 0);
	assert_slot_untouched();
}

/* Copies: a forgery in the making. */
static struct fake_image source, forged;
static struct ota_envelope parts;
static uint8_t manifest_bytes[OTA_MANIFEST_BYTES_MAX];

static void forge_begin(const struct fake_image *of)
{
	source = forged = *of;
	forged.manifest.chunk_digests = forged.chunk_digests;
	assert_int_equal(ota_envelope_open(source.envelope, source.envelope_len, &parts), 0);
}

static void forge_end(void)
{
	assert_int_equal(
		ota_envelope_encode(&parts, forged.envelope, sizeof(forged.envelope), &forged.envelope_len), 0);
}

/* Sign the parts, with whatever headers they have, as key `which` would. */
static void forge_sign(unsigned which)
{
	uint8_t to_sign[OTA_SIG_STRUCTURE_MAX];
	size_t len;

	ota_envelope_signed_bytes(parts.digest, &parts.signatures[0], to_sign, &len);
	fake_key_sign(which, to_sign, len, parts.signatures[0].rs);
}

static void threat_arbitrary_software(void **state)
{
	static const char *const headers[] = {
		"\xa1\x01\x27", "\xa1\x01\x38\x22", "\xa1\x01\x05", "\xa0"}; /* EdDSA, ES384, HMAC, none */
	static const size_t header_lens[] = {3, 4, 3, 1};

	(void)state;
	forge_begin(&v2), parts.signature_count = 0, forge_end();
	assert_rejected(&forged, -OTA_E_SIG);
	forge_begin(&v2), fake_image_sign(&forged, 1);
	assert_rejected(&forged, -OTA_E_SIG);
	forge_begin(&v2), forge_sign(1), forge_end(); /* the right key's id over another's signature */
	assert_rejected(&forged, -OTA_E_SIG);
	forge_begin(&v2), memset(parts.signatures[0].rs, 0, OTA_SIG_BYTES), forge_end();
	assert_rejected(&forged, -OTA_E_SIG);
	forge_begin(&v2), fake_image_sign(&forged, 1), forge_begin(&forged);
	for (parts.signature_count = 1; parts.signature_count < OTA_SIGNATURES_MAX; parts.signature_count++)
		parts.signatures[parts.signature_count] = parts.signatures[0];
	forge_end(); /* one foreign signature often enough */
	assert_rejected(&forged, -OTA_E_SIG);
	for (size_t i = 0; i < COUNT(headers); i++) {
		forge_begin(&v2);
		parts.signatures[0].has_kid = false;
		parts.signatures[0].protected_len = header_lens[i];
		memcpy(parts.signatures[0].protected_header, headers[i], header_lens[i]);
		forge_sign(0), forge_end();
		assert_rejected(&forged, -OTA_E_UNSUPPORTED);
	}
	for (size_t cut = 1; cut < v2.envelope_len; cut += 7) {
		forge_begin(&v2), forged.envelope_len -= cut;
		assert_rejected(&forged, -OTA_E_FORMAT);
	}
}

/* v2's manifest with its size (40960 bytes, in three bytes of CBOR) written otherwise, and rightly signed. */
static void forge_size(const uint8_t *size, size_t size_len)
{
	static const uint8_t was[] = {0x0e, 0x19, 0xa0, 0x00};
	uint8_t inner[OTA_MANIFEST_BYTES_MAX];
	size_t at = 0, len, grow = size_len + 1 - sizeof(was);

	forge_begin(&v2);
	while (memcmp(parts.manifest + at, was, sizeof(was)) != 0)
		assert_true(++at + sizeof(was) < parts.manifest_len);
	memcpy(inner, parts.manifest, at + 1);
	memcpy(inner + at + 1, size, size_len);
	len = at + 1 + size_len;
	memcpy(inner + len, parts.manifest + at + sizeof(was), parts.manifest_len - at - sizeof(was));
	/* The three byte strings around it: manifest, common, command sequence; each length is in two bytes here. */
	for (size_t head = 0; head < at; head++)
		if ((inner[head] == 0x03 || inner[head] == 0x04) && inner[head + 1] == 0x59)
			inner[head + 3] = (uint8_t)(inner[head + 3] + grow);
	len = parts.manifest_len + grow;
	manifest_bytes[0] = 0x59;
	manifest_bytes[1] = (uint8_t)(len >> 8), manifest_bytes[2] = (uint8_t)len;
	memcpy(manifest_bytes + 3, inner, len);
	parts.manifest_bstr = manifest_bytes, parts.manifest_bstr_len = len + 3;
	ota_sha256(manifest_bytes, len + 3, parts.digest);
	forge_sign(0), forge_end();
}

static void assert_size_is_refused(const char *size, size_t size_len)
{
	int error;

	forge_size((const uint8_t *)size, size_len);
	error = offer(&forged);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_true(error == -OTA_E_UNSUPPORTED || error == -OTA_E_FORMAT);
	assert_int_equal(host.fetches, 0);
	assert_slot_untouched();
}

static void threat_signature_covers_only_part(void **state)
{
	(void)state;
	/* Sizes at which 32 bits turn negative or over: as they are, and beyond them by v2's own size. */
	assert_size_is_refused("\x1a\x7f\xff\xff\xff", 5);
	assert_size_is_refused("\x1a\x80\x00\x00\x00", 5);
	assert_size_is_refused("\x1a\x80\x00\xa0\x00", 5);
	assert_size_is_refused("\x1a\xff\xff\xff\xff", 5);
	assert_size_is_refused("\x1b\x00\x00\x00\x01\x00\x00\x00\x00", 9);
	assert_size_is_refused("\x1b\x00\x00\x00\x01\x00\x00\xa0\x00", 9);
	assert_size_is_refused("\x1b\x80\x00\x00\x00\x00\x00\xa0\x00", 9);
	assert_size_is_refused("\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 9);
	/* The same detour with the true size is what the device takes: it is the number that was refused. */
	forge_size((const uint8_t *)"\x19\xa0\x00", 3);
	assert_int_equal(offer(&forged), 0);
	assert_true(host.reboot);
}

static void assert_wrong_byte_is_found(uint64_t off)
{
	host.servers[0] = (struct fake_server){.kind = SERVER_FLIPS, .flip_off = off};
	assert_int_equal(offer(&v2), -OTA_E_DIGEST);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_false(host.reboot);
	assert_runs(&v1, OTA_SLOT_A);
}

/* And of the image: a wrong bit anywhere, the first byte and the last included, is found. */
static void threat_signature_covers_every_byte_of_the_image(void **state)
{
	(void)state;
	for (uint64_t off = 0; off < v2.image.bytes; off += 1021)
		assert_wrong_byte_is_found(off);
	assert_wrong_byte_is_found(v2.image.bytes - 1);
}

static void threat_toctou_source_changes_after_the_check(void **state)
{
	(void)state;
	/* While it is fetched: the first half is honest, then the server has another image, rightly signed too. */
	host.servers[0] = (struct fake_server){.kind = SERVER_RESETS, .limit = 21000};
	device_offer(&v2);
	fake_host_run(&host, 20);
	assert_int_equal(host.fetches, 1);
	host.servers[0] = (struct fake_server){.kind = SERVER_FLIPS, .flip_off = 30000};
	fake_host_run(&host, HOUR_MS);
	assert_false(host.reboot);
	assert_int_equal(host.last_terminal.error, -OTA_E_DIGEST);
	/* After it was verified and armed, before it starts: the slot has another image, rightly signed. */
	host.servers[0].kind = SERVER_GOOD;
	host.job_id = "job-2";
	host.job = &v2;
	host.terminals = 0;
	assert_true(fake_host_live(&host, HOUR_MS));
	assert_true(host.reboot);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].state, OTA_SLOT_TRIAL);
	memset(host.flash.now[FAKE_SLOT_B], 0, v2.image.bytes);
	memcpy(host.flash.now[FAKE_SLOT_B], v3.data, v3.image.bytes);
	memcpy(host.flash.durable, host.flash.now, sizeof(host.flash.now));
	assert_true(fake_host_settle(&host, 4));
	assert_runs(&v1, OTA_SLOT_A);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
}

static void threat_rollback(void **state)
{
	static struct fake_image twin;

	(void)state;
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	assert_runs(&v2, OTA_SLOT_B);
	/* An older manifest, rightly signed, under a new job id, and with every wish to have it all the same. */
	host.job_retry = true;
	assert_int_equal(offer(&v1), -OTA_E_COUNTER);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.fetches, 0);
	/* Same version, other digest: a version is a name, decided by nothing; what is reported is the digest that runs. */
	fake_image_make(&twin, 2, 2, 9000);
	fake_host_image_add(&host, &twin, IMAGE_WELL);
	host.job_retry = false;
	host.job = &twin;
	host.job_id = "job-3";
	host.terminals = 0;
	assert_true(fake_host_settle(&host, 3));
	assert_runs(&twin, OTA_SLOT_A);
	assert_memory_equal(host.last_terminal.digest, twin.image.digest, 32);
	assert_int_equal(fake_boot_record(&host.boot).min_counter, 2);
}

/* What is armed is whole; what is cut off anywhere is not armed, and is gone on with. */
static void threat_partial_bundle(void **state)
{
	(void)state;
	host.servers[0] = (struct fake_server){.kind = SERVER_TRUNCATES, .limit = 20000};
	device_offer(&v2);
	fake_host_run(&host, 20);
	assert_int_equal(host.status.error, -OTA_E_TRUNCATED);
	host.servers[0].kind = SERVER_REFUSES; /* the rest never comes */
	fake_host_run(&host, 25 * HOUR_MS);
	assert_false(host.reboot);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(fake_boot_record(&host.boot).slot[OTA_SLOT_B].state, OTA_SLOT_WRITING);
	host.job = NULL;
	for (int i = 0; i < 20; i++) {
		assert_true(fake_host_begin(&host));
		assert_runs(&v1, OTA_SLOT_A);
	}
}

static void threat_endless_data(void **state)
{
	static uint8_t long_manifest[OTA_MANIFEST_BYTES_MAX + 1];
	struct ota_job job = {.id = "job-9",
		.version = 1,
		.manifest = long_manifest,
		.url_count = 1,
		.urls = {"https://0/image.fit"}};

	(void)state;
	host.servers[0].kind = SERVER_ENDLESS;
	device_offer(&v3);
	fake_host_run(&host, 1000);
	assert_true(host.reboot);
	assert_in_range(host.body_bytes, v3.image.bytes, v3.image.bytes + 1500);
	assert_true(fake_host_settle(&host, 2));
	assert_runs(&v3, OTA_SLOT_B);
	memcpy(long_manifest, v4.envelope, v4.envelope_len);
	job.manifest_len = sizeof(long_manifest);
	(void)!ota_on_job(host.ota, &job);
	fake_host_run(&host, 1000);
	assert_int_equal(host.last_terminal.outcome, OTA_REJECTED);
	assert_int_equal(host.last_terminal.error, -OTA_E_MANIFEST_SIZE);
}

/* A byte every 29 s keeps no connection: each is left within two windows, and the whole ends with the day. */
static void threat_slow_retrieval(void **state)
{
	unsigned stops = 0;

	(void)state;
	host.servers[0].kind = SERVER_SILENT;
	device_offer(&v2);
	for (uint64_t end = host.now + 25 * HOUR_MS; host.now < end && host.terminals == 0;) {
		fake_host_run(&host, 29 * 1000);
		if (!host.fetching)
			continue;
		if (!host.head_sent) {
			host.head_sent = true;
			ota_on_fetch_start(host.ota, host.off);
		}
		ota_on_data(host.ota, v2.data + host.off++, 1);
		assert_true(++host.sent < 10); /* of one connection */
		stops = host.stops;
	}
	assert_true(stops > 100);
	assert_int_equal(host.last_terminal.outcome, OTA_FAILED);
	assert_int_equal(host.last_terminal.error, -OTA_E_DEADLINE);
	assert_runs(&v1, OTA_SLOT_A);
}

static void manifest_sign_with(const char *was, const char *is, size_t len)
{
	size_t at = 0;

	memcpy(manifest_bytes, parts.manifest_bstr, parts.manifest_bstr_len);
	while (memcmp(manifest_bytes + at, was, len) != 0)
		assert_true(++at + len <= parts.manifest_bstr_len);
	memcpy(manifest_bytes + at, is, len);
	parts.manifest_bstr = manifest_bytes;
	ota_sha256(manifest_bytes, parts.manifest_bstr_len, parts.digest);
	forge_sign(0), forge_end();
}

static void threat_wrong_device_precursor_format_location(void **state)
{
	(void)state;
	forge_begin(&v2), forged.manifest.vendor_id[3] ^= 1, fake_image_sign(&forged, 0);
	assert_rejected(&forged, -OTA_E_VENDOR);
	forge_begin(&v2), forged.manifest.class_id[15] ^= 1, fake_image_sign(&forged, 0);
	assert_rejected(&forged, -OTA_E_CLASS);
	forge_begin(&v2), strcpy(forged.manifest.device_id, "dev-2"), fake_image_sign(&forged, 0);
	assert_rejected(&forged, -OTA_E_DEVICE);
	forge_begin(&v2), forged.manifest.has_precursor = true;
	memcpy(forged.manifest.precursor, v3.image.digest, 32), fake_image_sign(&forged, 0);
	assert_rejected(&forged, -OTA_E_PRECURSOR);
	forge_begin(&v2), manifest_sign_with("\x23\x00", "\x23\x01", 2); /* another encoding of the payload */
	assert_rejected(&forged, -OTA_E_UNSUPPORTED);
	forge_begin(&v2), manifest_sign_with("\x81\x81\x41\x00", "\x81\x81\x41\x01", 4); /* another component */
	assert_rejected(&forged, -OTA_E_UNSUPPORTED);
}

/* What a server sends behind the image never reaches the slot, nor does the image before it show in the last sector. */
static void threat_extra_data_after_image(void **state)
{
	uint32_t whole = v3.image.bytes / 512, tail = v3.image.bytes % 512;

	(void)state;
	memset(host.flash.now[FAKE_SLOT_B], 0xee, (FAKE_SLOT_SECTORS - 1) * 512);
	host.servers[0].kind = SERVER_ENDLESS;
	device_offer(&v3);
	fake_host_run(&host, HOUR_MS);
	assert_true(host.reboot);
	for (uint32_t i = tail; i < 512; i++)
		assert_int_equal(host.flash.now[FAKE_SLOT_B + whole][i], 0);
	/* Beyond it stands what stood there: nobody wrote it, and nobody reads it. */
	for (uint32_t lba = whole + 1; lba < FAKE_SLOT_SECTORS - 1; lba++)
		for (uint32_t i = 0; i < 512; i++)
			assert_int_equal(host.flash.now[FAKE_SLOT_B + lba][i], 0xee);
}

/* Whoever writes the flash: any record with a right checksum. Nothing unsigned starts, nothing below the record's own floor, no trial without end. */
static void threat_local_edit_of_the_boot_state(void **state)
{
	uint32_t random = 20261123;
	unsigned started = 0;

	(void)state;
	printf("seed %u\n", random);
	host.job = &v2;
	assert_true(fake_host_settle(&host, 3));
	host.flash.now[FAKE_SLOT_A][100] ^= 1; /* what is in slot a now, nobody signed */
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t sector[512];
		struct ota_bootrec record = fake_boot_record(&host.boot);
		struct fake_start start;
		uint32_t crc;

		ota_bootrec_encode(&record, sector);
		for (int edits = 0; edits < 4; edits++) {
			random = random * 1664525u + 1013904223u;
			sector[6 + (random >> 8) % 298] = (uint8_t)(random >> 24);
		}
		crc = ota_crc32(sector, 508);
		memcpy(sector + 508, &crc, 4);
		memcpy(host.flash.now[FAKE_RECORD_0], sector, 512);
		memcpy(host.flash.now[FAKE_RECORD_1], sector, 512);
		start = fake_boot_start(&host.boot);
		if (start.slot == OTA_SLOT_NONE) {
			ota_bootrec_init(&record);
			assert_int_equal(fake_boot_record_put(&host.boot, &record), 0);
			continue;
		}
		started++;
		assert_memory_equal(start.image.digest, v2.image.digest, 32);
		assert_true(start.image.counter >= fake_boot_record(&host.boot).min_counter);
	}
	assert_true(started > 1000);
}

static void threat_local_edit_of_the_tries(void **state)
{
	struct ota_bootrec record;
	unsigned trials = 0;

	(void)state;
	host.behaviour[1] = IMAGE_CRASHES;
	host.job = &v2;
	assert_true(fake_host_live(&host, HOUR_MS));
	record = fake_boot_record(&host.boot);
	assert_int_equal(record.slot[OTA_SLOT_B].state, OTA_SLOT_TRIAL);
	record.slot[OTA_SLOT_B].tries_left = 255;
	assert_int_equal(fake_boot_record_put(&host.boot, &record), 0);
	do {
		assert_true(fake_host_live(&host, 1000));
		trials += host.running.mode == OTA_MODE_TRIAL;
	} while (host.running.mode == OTA_MODE_TRIAL && trials < 1000);
	assert_in_range(trials, OTA_BOOTREC_TRIES, 255);
	assert_runs(&v1, OTA_SLOT_A);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(threat_arbitrary_software),
		DEVICE_TEST(threat_signature_covers_only_part),
		DEVICE_TEST(threat_signature_covers_every_byte_of_the_image),
		DEVICE_TEST(threat_toctou_source_changes_after_the_check),
		DEVICE_TEST(threat_rollback),
		DEVICE_TEST(threat_partial_bundle),
		DEVICE_TEST(threat_endless_data),
		DEVICE_TEST(threat_slow_retrieval),
		DEVICE_TEST(threat_wrong_device_precursor_format_location),
		DEVICE_TEST(threat_extra_data_after_image),
		DEVICE_TEST(threat_local_edit_of_the_boot_state),
		DEVICE_TEST(threat_local_edit_of_the_tries),
	};

	return cmocka_run_group_tests(tests, device_images_make, NULL);
}
