/* SPDX-License-Identifier: Apache-2.0 */
/* The store of the device's own key and certificate: every power cut, torn or not, leaves the old one or the new one, whole. */
#include "credential.h"

#include "test.h"

#define SECTORS 64

static uint8_t flash[SECTORS * 512];
static unsigned int budget; /* sectors that are still written before the power goes */
static bool torn;           /* the last one half */
static int bad_lba = -1;    /* cannot be read */

static int fake_read(void *ctx, uint32_t lba, void *buf, uint32_t count)
{
	(void)ctx;
	assert_true(lba + count <= SECTORS);
	if (bad_lba >= (int)lba && bad_lba < (int)(lba + count))
		return -OTA_E_IO;
	memcpy(buf, flash + lba * 512, count * 512);
	return 0;
}

static int fake_write(void *ctx, uint32_t lba, const void *buf, uint32_t count)
{
	const uint8_t *from = buf;

	(void)ctx;
	assert_true(lba >= 8 && lba + count <= 8 + CREDENTIAL_SECTORS);
	for (uint32_t i = 0; i < count; i++, budget--) {
		if (budget == 0) {
			memcpy(flash + (lba + i) * 512, from + i * 512, torn ? 256 : 0);
			return -OTA_E_IO;
		}
		memcpy(flash + (lba + i) * 512, from + i * 512, 512);
	}
	return 0;
}

static int fake_flush(void *ctx)
{
	(void)ctx;
	return 0;
}

static const struct ota_port port = {.blk_read = fake_read, .blk_write = fake_write, .blk_flush = fake_flush};

static struct credential_place place(void)
{
	struct credential_place at = {.port = &port, .where = {8, CREDENTIAL_SECTORS}};

	memset(at.provision, 0x5a, sizeof(at.provision));
	return at;
}

static struct credential make(uint8_t fill, size_t cert_len)
{
	struct credential made = {.key_len = 121, .cert_len = cert_len};

	memset(made.key, fill, made.key_len);
	memset(made.cert, fill + 1, cert_len);
	if (cert_len > 0)
		strcpy(made.device_id, "line-1");
	return made;
}

static void power_on(void)
{
	budget = 1000000;
	bad_lba = -1;
}

static int setup(void **state)
{
	(void)state;
	memset(flash, 0xff, sizeof(flash));
	power_on();
	return 0;
}

static void save(const struct credential *what)
{
	struct credential_place at = place();
	struct credential before;
	int error = credential_load(&at, &before);

	assert_true(error == 0 || error == -OTA_E_PROVISION);
	assert_int_equal(credential_save(&at, what), 0);
}

static int load(struct credential *out)
{
	struct credential_place at = place();

	return credential_load(&at, out);
}

static void is_kept_and_replaced(void **state)
{
	const struct credential key = make(1, 0), whole = make(1, CREDENTIAL_CERT_MAX);
	struct credential out;

	(void)state;
	assert_int_equal(load(&out), -OTA_E_PROVISION);
	save(&key);
	assert_int_equal(load(&out), 0);
	assert_memory_equal(&out, &key, sizeof(out));
	save(&whole);
	assert_int_equal(load(&out), 0);
	assert_memory_equal(&out, &whole, sizeof(out));
}

static void cut_at(unsigned int written, bool half)
{
	const struct credential key = make(1, 0), whole = make(1, 400);
	struct credential_place at = place();
	struct credential out;

	memset(flash, 0xff, sizeof(flash));
	power_on();
	save(&key);
	assert_int_equal(credential_load(&at, &out), 0);
	budget = written;
	torn = half;
	assert_int_not_equal(credential_save(&at, &whole), 0);
	power_on();
	assert_int_equal(load(&out), 0);
	/* The key is never lost, so the claim costs no second use; the certificate is there or not. */
	assert_memory_equal(&out, out.cert_len > 0 ? &whole : &key, sizeof(out));
	save(&whole);
	assert_int_equal(load(&out), 0);
	assert_memory_equal(&out, &whole, sizeof(out));
}

static void survives_every_power_cut(void **state)
{
	(void)state;
	for (unsigned int written = 0; written < CREDENTIAL_SECTORS; written++)
		for (unsigned int half = 0; half < 2; half++)
			cut_at(written, half != 0);
}

/* The second commit begins with whatever the first cut left. */
static void survives_two_cuts(unsigned int first, unsigned int second)
{
	const struct credential key = make(1, 0), whole = make(1, 400);
	struct credential out;

	memset(flash, 0xff, sizeof(flash));
	power_on();
	save(&key);
	for (unsigned int cut = 0; cut < 2; cut++) {
		struct credential_place at = place();

		assert_int_equal(credential_load(&at, &out), 0);
		budget = cut == 0 ? first : second;
		torn = true;
		assert_int_not_equal(credential_save(&at, &whole), 0);
		power_on();
	}
	assert_int_equal(load(&out), 0);
	assert_memory_equal(&out, out.cert_len > 0 ? &whole : &key, sizeof(out));
}

static void survives_every_two_power_cuts(void **state)
{
	(void)state;
	for (unsigned int first = 0; first < CREDENTIAL_SECTORS; first++)
		for (unsigned int second = 0; second < CREDENTIAL_SECTORS; second++)
			survives_two_cuts(first, second);
}

static void each_copy_alone_is_enough(void **state)
{
	const struct credential whole = make(7, 500);
	struct credential out;

	(void)state;
	for (unsigned int copy = 0; copy < 2; copy++) {
		memset(flash, 0xff, sizeof(flash));
		save(&whole);
		memset(flash + (8 + copy * 8 + 2) * 512, 0, 10);
		assert_int_equal(load(&out), 0);
		assert_memory_equal(&out, &whole, sizeof(out));
	}
}

/* A key made anew would cost a use of the token, and make another device of this one. */
static void unreadable_is_not_empty(void **state)
{
	const struct credential whole = make(7, 500);
	struct credential out;

	(void)state;
	save(&whole);
	bad_lba = 8;
	assert_int_equal(load(&out), 0);
	memset(flash + 16 * 512, 0, 512);
	assert_int_equal(load(&out), -OTA_E_IO);
	power_on();
	assert_int_equal(load(&out), 0);
}

static void belongs_to_its_provisioning(void **state)
{
	const struct credential whole = make(7, 500);
	struct credential_place other = place();
	struct credential out;

	(void)state;
	save(&whole);
	other.provision[0] ^= 1;
	assert_int_equal(credential_load(&other, &out), -OTA_E_PROVISION);
	other.where.sectors--;
	assert_int_equal(credential_save(&other, &whole), -OTA_E_PROVISION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_kept_and_replaced, setup),
		cmocka_unit_test_setup(survives_every_power_cut, setup),
		cmocka_unit_test_setup(survives_every_two_power_cuts, setup),
		cmocka_unit_test_setup(each_copy_alone_is_enough, setup),
		cmocka_unit_test_setup(unreadable_is_not_empty, setup),
		cmocka_unit_test_setup(belongs_to_its_provisioning, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
