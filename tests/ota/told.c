/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

const uint8_t nonce[NONCE_BYTES] = "1234abcd-7";
struct fake_keyset second;

int trust_setup(void **state)
{
	fake_keyset_make(&second, 2);
	return device_images_make(state);
}

void begin(void)
{
	assert_true(fake_host_begin(&host));
	host.link = true;
	ota_on_health(host.ota, true);
	ota_on_link(host.ota, true);
}

int keyset_give(const struct fake_keyset *keyset)
{
	return ota_on_keyset(host.ota, keyset->envelope, keyset->len);
}

int idle_give(const struct fake_assignment *assignment)
{
	return ota_on_idle(host.ota, assignment->envelope, assignment->len, nonce, sizeof(nonce));
}

void idle_make(struct fake_assignment *assignment, uint32_t keyset_version, uint64_t sequence)
{
	fake_assignment_make(assignment, NULL, sequence);
	assignment->says.keyset_version = keyset_version;
	assignment->says.issued_s += (keyset_version - 1) * 86400;
	assignment->says.expires_s += (keyset_version - 1) * 86400;
	memcpy(assignment->says.nonce, nonce, sizeof(nonce));
	assignment->says.nonce_len = sizeof(nonce);
	fake_assignment_sign(assignment, (const unsigned[]){FAKE_FLEET}, 1);
}

int idle_at(uint32_t keyset_version, uint64_t sequence)
{
	struct fake_assignment assignment;

	idle_make(&assignment, keyset_version, sequence);
	return idle_give(&assignment);
}

int second_down(void **state)
{
	fake_keyset_make(&second, 2);
	return device_down(state);
}
