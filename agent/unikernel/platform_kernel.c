/* SPDX-License-Identifier: Apache-2.0 */
/* agent/common's platform, and what mbedTLS asks of a system, by the kernel. */
#include <mbedtls/entropy.h>
#include <mbedtls/platform_time.h>

#include "kernel/dev.h"
#include "kernel/log.h"
#include "kernel/time.h"
#include "platform.h"

/* The prototype that mbedTLS has in a private header. */
int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen);

static bool clock_is_floor;

uint64_t platform_now_ms(void)
{
	return time_now_ms();
}

uint64_t platform_ticks(void)
{
	return time_ticks();
}

void platform_time_floor(uint64_t unix_s)
{
	if (time_unix_s() >= unix_s)
		return;
	clock_is_floor = true;
	time_set_unix_s(unix_s);
}

uint64_t platform_unix_s(bool *exact)
{
	if (exact)
		*exact = !clock_is_floor;
	return time_unix_s();
}

void platform_log(enum agent_level level, const char *line)
{
	log_line((enum log_level)level, "%s", line);
}

mbedtls_ms_time_t mbedtls_ms_time(void)
{
	return (mbedtls_ms_time_t)time_now_ms();
}

/* The only source of entropy. Without it mbedTLS's generator does not start, and TLS is refused. */
int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen)
{
	struct rng_dev *rng = dev_rng();

	(void)data;
	if (!rng || rng->ops->fill(rng, output, len) != 0)
		return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
	*olen = len;
	return 0;
}
