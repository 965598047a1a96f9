/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is signed (U-Boot, doc/usage/fit/signature.rst): of the tree's structure block, for each path in `hashed-nodes`, the node's begin and end, its properties but
 * for the data itself (that is covered by the signed hash), and begin and end of its direct subnodes; the end tag; then the first bytes of the strings block, as
 * many as `hashed-strings` says. All in the order of the file.
 */
#include "skerry/fit_verify.h"

#include <libfdt.h>
#include <mbedtls/x509_crt.h>
#include <string.h>

#include "ota/verify.h"

#define DEPTH_MAX 8
#define ALGORITHM "sha256,rsa2048"
#define SIGNATURE "/configurations/conf/signature-1"

/* How much of a node is signed. */
enum part { PART_NONE, PART_TAGS, PART_ALL };

struct walk {
	const void *fdt;
	const char *nodes; /* hashed-nodes: strings, one after the other */
	int nodes_len;
	struct ota_sha256 sha;
	enum part part[DEPTH_MAX]; /* of the nodes from the root to the current one */
	int depth;                 /* -1: before the root */
};

static bool is_listed(const struct walk *walk, int node)
{
	char path[256];
	return fdt_get_path(walk->fdt, node, path, sizeof path) == 0 &&
	       fdt_stringlist_contains(walk->nodes, walk->nodes_len, path);
}

static bool is_data(const char *property)
{
	static const char *const names[] = {"data", "data-size", "data-position", "data-offset"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (property && strcmp(property, names[i]) == 0)
			return true;
	return false;
}

/* Enters the node at `offset`; how much of it is signed. */
static enum part enter(struct walk *walk, int offset)
{
	enum part parent = walk->depth < 0 ? PART_NONE : walk->part[walk->depth];
	enum part part = parent == PART_ALL ? PART_TAGS : PART_NONE;
	if (++walk->depth == DEPTH_MAX)
		return PART_NONE;
	walk->part[walk->depth] = is_listed(walk, offset) ? PART_ALL : part;
	return walk->part[walk->depth];
}

/* Is the tag at `offset` signed? */
static bool is_signed(struct walk *walk, uint32_t tag, int offset)
{
	switch (tag) {
	case FDT_BEGIN_NODE:
		return enter(walk, offset) != PART_NONE;
	case FDT_END_NODE:
		return walk->part[walk->depth--] != PART_NONE;
	case FDT_PROP: {
		const struct fdt_property *property = fdt_get_property_by_offset(walk->fdt, offset, NULL);
		const char *name = property ? fdt_string(walk->fdt, (int)fdt32_ld(&property->nameoff)) : NULL;
		return walk->part[walk->depth] == PART_ALL && !is_data(name);
	}
	case FDT_END:
		return true;
	default:
		return walk->depth >= 0 && walk->part[walk->depth] == PART_ALL;
	}
}

static bool hash_structure(struct walk *walk)
{
	const uint8_t *block = (const uint8_t *)walk->fdt + fdt_off_dt_struct(walk->fdt);
	int offset = 0, next = 0;
	uint32_t tag;
	do {
		offset = next;
		tag = fdt_next_tag(walk->fdt, offset, &next);
		if (next < 0)
			return false;
		if (is_signed(walk, tag, offset))
			ota_sha256_add(&walk->sha, block + offset, (size_t)(next - offset));
		if (walk->depth >= DEPTH_MAX)
			return false;
	} while (tag != FDT_END);
	return true;
}

static bool hash_signed(const void *fdt, int signature, uint8_t hash[OTA_SHA256_BYTES])
{
	struct walk walk = {.fdt = fdt, .depth = -1};
	int len = 0;
	const fdt32_t *strings = fdt_getprop(fdt, signature, "hashed-strings", &len);
	walk.nodes = fdt_getprop(fdt, signature, "hashed-nodes", &walk.nodes_len);
	if (!walk.nodes || !strings || len != 8)
		return false;
	uint64_t first = fdt32_ld(strings), count = fdt32_ld(strings + 1);
	if (first + count > fdt_size_dt_strings(fdt))
		return false;
	ota_sha256_begin(&walk.sha);
	if (!hash_structure(&walk))
		return false;
	ota_sha256_add(&walk.sha, (const uint8_t *)fdt + fdt_off_dt_strings(fdt) + first, (size_t)count);
	ota_sha256_end(&walk.sha, hash);
	return true;
}

/* The signature says by itself how it is made and what it covers: that must be all that matters. */
static bool is_complete(const void *fdt, int signature)
{
	static const char *const needed[] = {"/", "/configurations/conf", "/images/kernel", "/images/kernel/hash-1"};
	int len = 0;
	const char *algo = fdt_getprop(fdt, signature, "algo", &len);
	if (!algo || len != sizeof ALGORITHM || memcmp(algo, ALGORITHM, sizeof ALGORITHM) != 0)
		return false;
	const char *nodes = fdt_getprop(fdt, signature, "hashed-nodes", &len);
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
		if (!nodes || !fdt_stringlist_contains(nodes, len, needed[i]))
			return false;
	return true;
}

static bool signature_holds(const void *fdt, mbedtls_pk_context *key)
{
	uint8_t hash[OTA_SHA256_BYTES];
	int len = 0, signature = fdt_path_offset(fdt, SIGNATURE);
	const unsigned char *value = signature < 0 ? NULL : fdt_getprop(fdt, signature, "value", &len);
	if (!value || len <= 0 || !is_complete(fdt, signature) || !hash_signed(fdt, signature, hash))
		return false;
	return mbedtls_pk_verify(key, MBEDTLS_MD_SHA256, hash, sizeof hash, value, (size_t)len) == 0;
}

enum fit_trust fit_verify(const struct file_bytes *fit, const char *certificate)
{
	struct file_bytes pem;
	struct fleet_error ignored;
	mbedtls_x509_crt cert;
	enum fit_trust trust = FIT_NO_KEY;
	if (file_read(certificate, 65536, &pem, &ignored) < 0)
		return FIT_NO_KEY;
	mbedtls_x509_crt_init(&cert);
	if (mbedtls_x509_crt_parse(&cert, pem.data, pem.len + 1) == 0)
		trust = signature_holds(fit->data, &cert.pk) ? FIT_TRUSTED : FIT_NOT_OURS;
	mbedtls_x509_crt_free(&cert);
	file_bytes_free(&pem);
	return trust;
}
