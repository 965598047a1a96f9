/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/dev.h"

/* The first of each kind. Later ones stay with their drivers, idle. */
static struct blk_dev *blk;
static struct net_dev *net;
static struct rng_dev *rng;
static struct rtc_dev *rtc;
static struct wdt_dev *wdt;
static struct console_dev *console;
static struct power_dev *power;

void dev_register_blk(struct blk_dev *dev)
{
	if (!blk)
		blk = dev;
}

void dev_register_net(struct net_dev *dev)
{
	if (!net)
		net = dev;
}

void dev_register_rng(struct rng_dev *dev)
{
	if (!rng)
		rng = dev;
}

void dev_register_rtc(struct rtc_dev *dev)
{
	if (!rtc)
		rtc = dev;
}

void dev_register_wdt(struct wdt_dev *dev)
{
	if (!wdt)
		wdt = dev;
}

void dev_register_console(struct console_dev *dev)
{
	if (!console)
		console = dev;
}

void dev_register_power(struct power_dev *dev)
{
	if (!power)
		power = dev;
}

struct blk_dev *dev_blk(void)
{
	return blk;
}

struct net_dev *dev_net(void)
{
	return net;
}

struct rng_dev *dev_rng(void)
{
	return rng;
}

struct rtc_dev *dev_rtc(void)
{
	return rtc;
}

struct wdt_dev *dev_wdt(void)
{
	return wdt;
}

struct console_dev *dev_console(void)
{
	return console;
}

struct power_dev *dev_power(void)
{
	return power;
}
