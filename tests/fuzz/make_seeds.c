/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First inputs for the fuzzers of binary formats, made by the product's own encoders: make_seeds FOLDER writes
 * FOLDER/<target>/<name>. Those of text formats lie in seeds/.
 */
#include <libfdt.h>
#include <mbedtls/asn1.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cbor.h"
#include "certificate.h"
#include "csr_key.h"
#include "fake/fake_image.h"
#include "fake/fake_trust.h"
#include "ota/bootrec.h"
#include "ota/provision.h"
#include "skerryd/tar.h"

static const char *folder;
static uint8_t buf[1 << 17];

static void must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "make_seeds: %s failed\n  remedy: see that %s can be written to\n", what, folder);
	exit(1);
}

static void put(const char *target, const char *name, const void *data, size_t len)
{
	char path[512];
	FILE *file;

	must(snprintf(path, sizeof(path), "%s/%s", folder, target) < (int)sizeof(path), "path");
	(void)mkdir(path, 0777);
	must(snprintf(path, sizeof(path), "%s/%s/%s", folder, target, name) < (int)sizeof(path), "path");
	file = fopen(path, "wb");
	must(file && fwrite(data, 1, len, file) == len && fclose(file) == 0, path);
}

/* ---- manifest: see fuzz_manifest.c ---- */

static void whole_put(const char *name, const uint8_t *data, size_t len)
{
	buf[0] = 0;
	memcpy(buf + 1, data, len);
	put("manifest", name, buf, 1 + len);
}

static uint8_t *part_put(uint8_t *at, const uint8_t *data, size_t len)
{
	memcpy(at, data, len);
	memset(at + len, 0xff, 3);
	return at + len + 3;
}

static uint8_t *wrapped_put(uint8_t *at, struct cbor_in *in)
{
	struct cbor_bytes content = cbor_bytes(in);

	return part_put(at, content.data, content.len);
}

/* The manifest's byte strings, that of the shared sequence without what stands around it. */
static void manifest_parts_put(const struct ota_envelope *envelope)
{
	struct cbor_keys keys = {0}, common_keys = {0};
	struct cbor_in in, common;
	uint8_t *at = buf;

	cbor_read(&in, envelope->manifest, envelope->manifest_len);
	(void)cbor_map(&in);
	for (int i = 0; i < 2; i++) {
		(void)cbor_key(&in, &keys);
		(void)cbor_int(&in);
	}
	*at++ = 1;
	memcpy(at, (const uint8_t[]){1, 0, 0, 0}, 4);
	at += 4;
	(void)cbor_key(&in, &keys);
	cbor_read_wrapped(&common, &in);
	(void)cbor_map(&common);
	(void)cbor_key(&common, &common_keys);
	(void)cbor_array(&common);
	(void)cbor_array(&common);
	(void)cbor_bytes(&common);
	(void)cbor_key(&common, &common_keys);
	at = wrapped_put(at, &common);
	for (int i = 0; i < 3; i++) {
		(void)cbor_key(&in, &keys);
		at = wrapped_put(at, &in);
	}
	must(cbor_finish(&in) == 0 && cbor_finish(&common) == 0, "manifest");
	put("manifest", "parts", buf, (size_t)(at - buf));
}

static void envelope_parts_put(const struct ota_envelope *envelope)
{
	static const uint8_t nothing[] = {0xa0, 0xf6, 0x58, 0x40};
	uint8_t digest[36] = {0x82, 0x2f, 0x58, 0x20}, rest[sizeof(nothing) + OTA_SIG_BYTES], *at = buf;
	const struct ota_signature *signature = &envelope->signatures[0];

	memcpy(digest + 4, envelope->digest, 32);
	memcpy(rest, nothing, sizeof(nothing));
	memcpy(rest + sizeof(nothing), signature->rs, OTA_SIG_BYTES);
	*at++ = 2;
	at = part_put(at, digest, sizeof(digest));
	at = part_put(at, signature->protected_header, signature->protected_len);
	at = part_put(at, rest, sizeof(rest));
	at = part_put(at, envelope->manifest, envelope->manifest_len);
	put("manifest", "envelope-parts", buf, (size_t)(at - buf));
}

static void manifests_make(void)
{
	static struct fake_image image;
	struct ota_envelope envelope;

	fake_image_make(&image, 1, 1, 30000);
	whole_put("signed", image.envelope, image.envelope_len);
	must(ota_envelope_open(image.envelope, image.envelope_len, &envelope) == 0, "envelope");
	envelope_parts_put(&envelope);
	strcpy(image.manifest.name, "sensor");
	strcpy(image.manifest.device_id, "dev-1");
	image.manifest.has_precursor = true;
	fake_image_sign(&image, 1);
	whole_put("all-members", image.envelope, image.envelope_len);
	must(ota_envelope_open(image.envelope, image.envelope_len, &envelope) == 0, "envelope");
	manifest_parts_put(&envelope);
	whole_put("bare", envelope.manifest, envelope.manifest_len);
}

/* ---- provision: mode byte, then the partition or its payload ---- */

static void provision_make(void)
{
	static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x00};
	struct ota_provision p = {.key = {der, sizeof(der)},
		.cert = {der, sizeof(der)},
		.cas = {{der, sizeof(der)}, {der, sizeof(der)}},
		.ca_count = 2,
		.broker_port = 8883,
		.keyset = {der, sizeof(der)},
		.time_floor_s = 1750000000};
	size_t len;

	strcpy(p.device_id, "dev-1");
	strcpy(p.broker_host, "broker.example");
	strcpy(p.topic_prefix, "skerry/things");
	strcpy(p.board, "a-board");
	must(ota_provision_encode(&p, buf + 1, sizeof(buf) - 1, &len) == 0, "provision");
	put("provision", "partition", buf, 1 + len);
	len = (size_t)ota_provision_payload_bytes(buf + 1);
	memmove(buf + 1, buf + 1 + OTA_PROVISION_HEAD_BYTES, len);
	buf[0] = 1;
	put("provision", "payload", buf, 1 + len);
}

/* ---- keyset, assignment: 0 and an envelope, or 1 and a body; see fuzz_keyset.c ---- */

static void signed_put(
	const char *target, const char *name, enum ota_signed_kind kind, const struct cbor_bytes *envelope)
{
	struct ota_signed parts;
	char body[64];

	must(ota_signed_open(kind, envelope->data, envelope->len, &parts) == 0, target);
	buf[0] = 0;
	memcpy(buf + 1, envelope->data, envelope->len);
	put(target, name, buf, 1 + envelope->len);
	buf[0] = 1;
	memcpy(buf + 1, parts.body, parts.body_len);
	must(snprintf(body, sizeof(body), "%s-body", name) < (int)sizeof(body), "name");
	put(target, body, buf, 1 + parts.body_len);
}

/* The body with each of its first byte strings of 24 bytes and more one byte too long: a length that is not checked is met at once. */
static void stretched_put(const char *target, enum ota_signed_kind kind, const struct cbor_bytes *envelope)
{
	struct ota_signed parts;
	unsigned count = 0;

	must(ota_signed_open(kind, envelope->data, envelope->len, &parts) == 0, target);
	for (size_t i = 0; i + 2 < parts.body_len && count < 4; i++) {
		size_t len = parts.body[i + 1], end = i + 2 + len;
		char name[32];

		if (parts.body[i] != 0x58 || len < 24 || len == 0xff || end > parts.body_len)
			continue;
		buf[0] = 1;
		memcpy(buf + 1, parts.body, end);
		buf[1 + i + 1]++;
		buf[1 + end] = 0x5a;
		memcpy(buf + 1 + end + 1, parts.body + end, parts.body_len - end);
		must(snprintf(name, sizeof(name), "longer-%u-body", count++) > 0, "name");
		put(target, name, buf, 1 + parts.body_len + 1);
		i = end - 1;
	}
	must(count > 0, "a byte string to make longer");
}

static void keysets_make(void)
{
	static const unsigned many[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
	static struct fake_keyset keyset;

	fake_keyset_make(&keyset, 1);
	signed_put("keyset", "first", OTA_SIGNED_KEYSET, &(struct cbor_bytes){keyset.envelope, keyset.len});
	keyset.keyset.version = 2;
	fake_role_make(&keyset.keyset.root, 3, many, 5);
	fake_role_make(&keyset.keyset.release, 2, many + 5, 4);
	fake_role_make(&keyset.keyset.fleet, 1, many + 9, 4);
	fake_keyset_sign(&keyset, many, 5);
	signed_put("keyset", "full", OTA_SIGNED_KEYSET, &(struct cbor_bytes){keyset.envelope, keyset.len});
	stretched_put("keyset", OTA_SIGNED_KEYSET, &(struct cbor_bytes){keyset.envelope, keyset.len});
}

static void assignments_make(void)
{
	static const uint8_t digest[32] = {1};
	static struct fake_assignment a;

	fake_assignment_make(&a, digest, 7);
	signed_put("assignment", "device", OTA_SIGNED_ASSIGNMENT, &(struct cbor_bytes){a.envelope, a.len});
	fake_assignment_make(&a, NULL, 8);
	a.says.scope = OTA_SCOPE_CLASS;
	memset(a.says.device_id, 0, sizeof(a.says.device_id));
	memset(a.says.nonce, 'n', sizeof(a.says.nonce));
	a.says.nonce_len = sizeof(a.says.nonce);
	fake_assignment_sign(&a, (const unsigned[]){FAKE_FLEET + 1}, 1); /* whom no keyset of fuzz_assignment.c names */
	signed_put("assignment", "nothing-for-a-class", OTA_SIGNED_ASSIGNMENT, &(struct cbor_bytes){a.envelope, a.len});
	memcpy(a.says.digest, digest, sizeof(digest));
	a.says.has_digest = true;
	fake_assignment_sign(&a, (const unsigned[]){FAKE_FLEET + 1}, 1);
	stretched_put("assignment", OTA_SIGNED_ASSIGNMENT, &(struct cbor_bytes){a.envelope, a.len});
}

/* Two copies, then verbs; see fuzz_trust.c. */
static void trusts_make(void)
{
	enum { KEYSET, FORGED, IDLE, OTHERS, TIME, RESTART, DISK_FAILS, DISK_WELL, SPOIL };
	static const uint8_t fresh[] = {0, 0, IDLE, 0, IDLE, 4, KEYSET, 1, IDLE, 5, RESTART, 0, IDLE, 1, KEYSET, 2,
		SPOIL, 9, FORGED, 3},
			     copies[] = {2, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0, 4, 0, 0,
				     0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, IDLE, 6, KEYSET, 2, DISK_FAILS, 3,
				     KEYSET, 3, RESTART, 0, DISK_WELL, 0, KEYSET, 3, OTHERS, 1, TIME, 9, RESTART, 0};

	put("trust", "fresh", fresh, sizeof(fresh));
	put("trust", "copies", copies, sizeof(copies));
}

/* ---- boot record: two sectors, two slots' contents, a script; see fuzz_bootrec.c ---- */

static void bootrec_make(void)
{
	static const uint8_t tail[] = {1, 0x20, 0, 1, 0x21, 0, 0, 0, 4, 1, 0, 0, 0, 2, 5, 1, 6, 0};
	struct ota_bootrec record;
	uint8_t *at = buf;

	ota_bootrec_init(&record);
	record.seq = 3;
	record.active = OTA_SLOT_A;
	for (unsigned i = 0; i < OTA_BOOTREC_SLOTS; i++) {
		memset(record.slot[i].image.digest, (int)i + 1, 32);
		record.slot[i].image.counter = 1 + i;
		record.slot[i].state = i == 0 ? OTA_SLOT_CONFIRMED : OTA_SLOT_READY;
	}
	*at++ = 3;
	ota_bootrec_encode(&record, at);
	record.seq++;
	ota_bootrec_encode(&record, at + OTA_BOOTREC_BYTES);
	memcpy(at + 2 * OTA_BOOTREC_BYTES, tail, sizeof(tail));
	put("bootrec", "ready", buf, 1 + 2 * OTA_BOOTREC_BYTES + sizeof(tail));
}

/* ---- requests for certificates; see fuzz_csr.c ---- */

static void csr_put(const char *name, uint8_t kind, const uint8_t *data, size_t len)
{
	buf[0] = kind;
	memcpy(buf + 1, data, len);
	put("csr", name, buf, 1 + len);
}

/* As a device makes one; what it signs; a subject of two names, the device's own key, an attribute. */
static void csrs_make(void)
{
	static const uint8_t parts[] = {0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x03, 'a', '-', '1',
		0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x04, 0x03, 0x13, 0x03, 'b', '-', '2', 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x30, 0x1c, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e, 0x31, 0x0f,
		0x30, 0x0d, 0x30, 0x0b, 0x06, 0x03, 0x55, 0x1d, 0x0f, 0x04, 0x04, 0x03, 0x02, 0x01, 0x06};
	const int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
	uint8_t request[CERTIFICATE_REQUEST_MAX], *at = request, *begin;
	size_t inner;
	int len;

	must(psa_crypto_init() == PSA_SUCCESS, "crypto");
	len = certificate_request((struct ota_bytes){csr_key, sizeof(csr_key)}, "dev-1", request, sizeof(request));
	must(len > 0 && mbedtls_asn1_get_tag(&at, request + len, &inner, sequence) == 0, "request");
	begin = at;
	must(mbedtls_asn1_get_tag(&at, request + len, &inner, sequence) == 0, "request");
	csr_put("request", 0, request, (size_t)len);
	csr_put("signed", 1, begin, (size_t)(at - begin) + inner);
	csr_put("parts", 2, parts, sizeof(parts));
}

/* ---- backups: a flag, then an archive; see fuzz_restore.c ---- */

static size_t tar_put(size_t at, const char *name, const void *data, size_t len)
{
	struct tar_entry entry = {.bytes = len};

	must(snprintf(entry.name, sizeof(entry.name), "%s", name) < (int)sizeof(entry.name), "name");
	tar_write_header(&entry, 1, buf + at);
	memcpy(buf + at + TAR_BLOCK, data, len);
	return at + TAR_BLOCK + len + tar_padding(len);
}

static void backups_make(void)
{
	static const char name[] = "artifacts/0123456789012345678901234567890123456789012345678901234567890123.fit";
	static const uint8_t flags[] = {1, 1 | 2 | 4 | 16, 1 | 2 | 16, 1 | 4 | 16, 1 | 2 | 4 | 8 | 16};
	char text[32];
	size_t len;

	for (size_t i = 0; i < sizeof(flags); i++) {
		memset(buf, 0, sizeof(buf));
		buf[0] = flags[i];
		len = flags[i] & 8 ? 4 : 1;
		memcpy(buf + 1, "\x40\x10\x01", len - 1);
		len = tar_put(len, name, "payload", 7);
		must(snprintf(text, sizeof(text), "payload-%u", flags[i]) < (int)sizeof(text), "name");
		put("restore", text, buf, len);
		len = tar_put(len, i == 2 ? "fleet.db" : name, "another", i == 3 ? 0 : 7);
		must(snprintf(text, sizeof(text), "two-%u", flags[i]) < (int)sizeof(text), "name");
		put("restore", text, buf, len);
	}
	put("restore", "only-a-database", (const uint8_t[]){4 | 16}, 1);
	put("restore", "a-damaged-database", (const uint8_t[]){4 | 8 | 16, 0x10, 0x03, 0xff}, 4);
}

/* ---- the boot hook: a flag, then a slot or a tree; see fuzz_hook.c ---- */

static void hook_put(const char *name, uint8_t flags, const void *data, size_t len)
{
	static uint8_t input[sizeof(buf) + 1];

	input[0] = flags;
	memcpy(input + 1, data, len);
	put("hook", name, input, 1 + len);
}

/* A slot whose signature and hash hold, do not, and whose disk does not last. */
static void hook_slots_put(const char *name, const void *fit, size_t len)
{
	static const uint8_t flags[] = {0, 2, 4, 8};
	char text[64];

	for (size_t i = 0; i < sizeof(flags); i++) {
		must(snprintf(text, sizeof(text), "%s-%u", name, flags[i]) < (int)sizeof(text), "name");
		hook_put(text, flags[i], fit, len);
	}
}

/* ---- device tree ---- */

static void cells_put(void *fdt, const char *name, const uint32_t *cells, size_t count)
{
	fdt32_t raw[8];

	for (size_t i = 0; i < count; i++)
		raw[i] = cpu_to_fdt32(cells[i]);
	must(fdt_property(fdt, name, raw, (int)(count * sizeof(raw[0]))) == 0, "device tree");
}

static void skerry_node_put(void *fdt)
{
	must(fdt_begin_node(fdt, "chosen") == 0, "device tree");
	cells_put(fdt, "rng-seed", (const uint32_t[]){1, 2}, 2);
	must(fdt_begin_node(fdt, "skerry") == 0, "device tree");
	cells_put(fdt, "boot-record", (const uint32_t[]){0x800, 0x808}, 2);
	cells_put(fdt, "slot-a", (const uint32_t[]){0x2000, 0x4000}, 2);
	cells_put(fdt, "version", (const uint32_t[]){1, 2, 3}, 3);
	must(fdt_property_string(fdt, "slot", "b") == 0 && fdt_property_string(fdt, "mode", "trial") == 0,
		"device tree");
	must(fdt_end_node(fdt) == 0 && fdt_end_node(fdt) == 0, "device tree");
}

static void bus_put(void *fdt)
{
	must(fdt_begin_node(fdt, "bus") == 0, "device tree");
	cells_put(fdt, "#address-cells", (const uint32_t[]){1}, 1);
	cells_put(fdt, "#size-cells", (const uint32_t[]){1}, 1);
	cells_put(fdt, "ranges", (const uint32_t[]){0, 0, 0x8000000, 0x1000000}, 4);
	must(fdt_begin_node(fdt, "serial@1000") == 0, "device tree");
	must(fdt_property(fdt, "compatible", "arm,pl011\0arm,primecell", 24) == 0, "device tree");
	cells_put(fdt, "reg", (const uint32_t[]){0x1000, 0x1000}, 2);
	cells_put(fdt, "interrupts", (const uint32_t[]){0, 1, 4}, 3);
	must(fdt_end_node(fdt) == 0 && fdt_end_node(fdt) == 0, "device tree");
}

static void fdt_make(void)
{
	void *fdt = buf;

	memset(buf, 0, sizeof(buf));
	must(fdt_create(fdt, 4096) == 0 && fdt_add_reservemap_entry(fdt, 0x1000, 0x1000) == 0 &&
			fdt_finish_reservemap(fdt) == 0 && fdt_begin_node(fdt, "") == 0,
		"device tree");
	cells_put(fdt, "#address-cells", (const uint32_t[]){2}, 1);
	cells_put(fdt, "#size-cells", (const uint32_t[]){2}, 1);
	must(fdt_begin_node(fdt, "memory@40000000") == 0, "device tree");
	must(fdt_property_string(fdt, "device_type", "memory") == 0, "device tree");
	cells_put(fdt, "reg", (const uint32_t[]){0, 0x40000000, 0, 0x4000000}, 4);
	must(fdt_end_node(fdt) == 0, "device tree");
	skerry_node_put(fdt);
	bus_put(fdt);
	must(fdt_end_node(fdt) == 0 && fdt_finish(fdt) == 0, "device tree");
	put("fdt", "board", fdt, fdt_totalsize(fdt));
	hook_put("tree", 1, fdt, fdt_totalsize(fdt));
}

/* ---- FIT ---- */

static void begin(void *fdt, const char *name)
{
	must(fdt_begin_node(fdt, name) == 0, "FIT");
}

static void end(void *fdt)
{
	must(fdt_end_node(fdt) == 0, "FIT");
}

static void text_put(void *fdt, const char *name, const char *text)
{
	must(fdt_property_string(fdt, name, text) == 0, "FIT");
}

static void fit_configuration_put(void *fdt)
{
	static const char nodes[] = "/\0/configurations/conf\0/images/kernel\0/images/kernel/hash-1";
	static const uint8_t signature[256];

	begin(fdt, "configurations");
	begin(fdt, "conf");
	text_put(fdt, "kernel", "kernel");
	cells_put(fdt, "security-counter", (const uint32_t[]){1}, 1);
	cells_put(fdt, "skerry,version", (const uint32_t[]){1, 2, 3}, 3);
	text_put(fdt, "skerry,board", "a-board");
	text_put(fdt, "skerry,app", "an-app");
	begin(fdt, "signature-1");
	text_put(fdt, "algo", "sha256,rsa2048");
	text_put(fdt, "key-name-hint", "boot");
	must(fdt_property(fdt, "value", signature, sizeof(signature)) == 0, "FIT");
	must(fdt_property(fdt, "hashed-nodes", nodes, sizeof(nodes)) == 0, "FIT");
	cells_put(fdt, "hashed-strings", (const uint32_t[]){0, 16}, 2);
	end(fdt);
	end(fdt);
	end(fdt);
}

static void fit_make(const char *name, uint32_t load)
{
	static const uint8_t kernel[64], hash[32];
	void *fdt = buf;

	memset(buf, 0, sizeof(buf));
	must(fdt_create(fdt, 4096) == 0 && fdt_finish_reservemap(fdt) == 0, "FIT");
	begin(fdt, "");
	text_put(fdt, "description", "an image");
	begin(fdt, "images");
	begin(fdt, "kernel");
	must(fdt_property(fdt, "data", kernel, sizeof(kernel)) == 0, "FIT");
	text_put(fdt, "type", "kernel");
	text_put(fdt, "arch", "arm64");
	text_put(fdt, "compression", "none");
	cells_put(fdt, "load", (const uint32_t[]){load}, 1);
	cells_put(fdt, "entry", (const uint32_t[]){load + 16}, 1);
	begin(fdt, "hash-1");
	text_put(fdt, "algo", "sha256");
	must(fdt_property(fdt, "value", hash, sizeof(hash)) == 0, "FIT");
	end(fdt);
	end(fdt);
	end(fdt);
	fit_configuration_put(fdt);
	end(fdt);
	must(fdt_finish(fdt) == 0, "FIT");
	put("fit", name, fdt, fdt_totalsize(fdt));
	hook_slots_put(name, fdt, fdt_totalsize(fdt));
}

/* ---- update core: disk, journal, script; see fuzz_core.c ---- */

enum { TICK, TIME, LINK, HEALTH, OFFER, CANCEL, ACKED, HEAD, BODY, DOWNLOAD, END, SPOIL, SETTLE, RESTART };

#define DISK_A_RUNS 0x07, 0x00, 0, 0, 0, 0, 4, 0, 0, 4, 0, 0, 0, 4, 4, 0, 0, 0 /* image 0 in slot a, confirmed */

static void core_make(void)
{
	/* a job that wants image 1, under way since the start before */
	static const uint8_t journal[] = {0x1f, 0, 0, 0, 0, 0, 4, 0, 0, 1, 1, 0, 0, 4, 4, 0, 1, 1, 1, 0, 2, 0, 1, 0, 0,
		0, 0, 0, 0, 1, 0, 0, SETTLE, 0, LINK, 1, DOWNLOAD, 1, HEALTH, 1, RESTART, 0, HEALTH, 1, LINK, 1, SETTLE,
		0};
	static const uint8_t update[] = {DISK_A_RUNS, LINK, 1, HEALTH, 1, OFFER, 1, SETTLE, 0, DOWNLOAD, 1, SETTLE, 0,
		RESTART, 0, SETTLE, 0, HEALTH, 1, LINK, 1, SETTLE, 0, ACKED, 1, RESTART, 0, HEALTH, 1, SETTLE, 0};
	static const uint8_t rollback[] = {DISK_A_RUNS, LINK, 1, HEALTH, 1, OFFER, 2, SETTLE, 0, DOWNLOAD, 2, SETTLE, 0,
		RESTART, 0, TIME, 130, SETTLE, 0, RESTART, 0, SETTLE, 0, LINK, 1, ACKED, 1};
	static const uint8_t crash[] = {DISK_A_RUNS, LINK, 1, OFFER, 2, DOWNLOAD, 2, SETTLE, 0, RESTART, 1, RESTART, 4,
		RESTART, 8, RESTART, 0, SETTLE, 0};
	static const uint8_t resume[] = {DISK_A_RUNS, LINK, 1, OFFER, 2, SETTLE, 0, HEAD, 0, BODY, 0xfe, BODY, 0xfe,
		END, 62, SPOIL, 3, TIME, 0, TICK, 0, HEAD, 1, BODY, 2, RESTART, 0, LINK, 1, DOWNLOAD, 2, SETTLE, 0};

	put("core", "journal", journal, sizeof(journal));
	put("core", "update", update, sizeof(update));
	put("core", "rollback", rollback, sizeof(rollback));
	put("core", "crash", crash, sizeof(crash));
	put("core", "resume", resume, sizeof(resume));
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "make_seeds: expected one argument, the folder to write to\n");
		return 2;
	}
	folder = argv[1];
	(void)mkdir(folder, 0777);
	manifests_make();
	provision_make();
	keysets_make();
	assignments_make();
	trusts_make();
	bootrec_make();
	csrs_make();
	backups_make();
	fdt_make();
	fit_make("image", 0x40200000);
	fit_make("over-the-windows-end", 0x40207fe0);
	core_make();
	return 0;
}
