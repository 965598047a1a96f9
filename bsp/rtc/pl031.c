/* SPDX-License-Identifier: Apache-2.0 */
/* Arm PrimeCell real time clock PL031 (DDI 0224C §3.3): seconds since 1970 in one register. DT binding: rtc/arm,pl031.yaml. */
#include "kernel/dev.h"
#include "kernel/driver.h"

#include "drivers.h"
#include "mmio.h"

enum { RTCDR = 0x00 };

static uint64_t pl031_unix_s(struct rtc_dev *dev)
{
	return mmio_read32(dev->ctx, RTCDR);
}

static const struct rtc_ops pl031_ops = {.unix_s = pl031_unix_s};
static struct rtc_dev rtc = {.ops = &pl031_ops};

int pl031_probe(const struct driver_node *node)
{
	uint64_t base, bytes;
	int rc = driver_reg(node, 0, &base, &bytes);

	if (rc)
		return rc;
	if (rtc.ctx)
		return -DEV_E_NODEV;
	rtc.ctx = (void *)(uintptr_t)driver_map(base, bytes);
	dev_register_rtc(&rtc);
	return 0;
}
