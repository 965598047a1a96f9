/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices as the rest of the tree sees them: a small struct with a const ops table per kind. Drivers (bsp/) fill them
 * in and register them at boot; nobody else knows a register. Calls return 0 or -DEV_E_*. Unless said otherwise they
 * are for threads, not for interrupt handlers, and may wait.
 */
#ifndef KERNEL_DEV_H
#define KERNEL_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct thread;

enum dev_error {
	DEV_E_IO = 1,    /* the device reported failure; retry may help */
	DEV_E_RANGE = 2, /* address beyond the device; permanent */
	DEV_E_TIMEOUT = 3,
	DEV_E_AGAIN = 4, /* would block: queue full, nothing received */
	DEV_E_NODEV = 5,
	DEV_E_INVAL = 6,
};

#define BLK_SECTOR_BYTES 512

struct blk_dev;
struct blk_ops {
	/* Read/write `count` sectors at `lba`; `buf` is the caller's, 8-byte aligned or better, count * 512 bytes. One caller at a time. */
	int (*read)(struct blk_dev *dev, uint64_t lba, void *buf, size_t count);
	int (*write)(struct blk_dev *dev, uint64_t lba, const void *buf, size_t count);
	/* All writes that returned before are durable when this returns. */
	int (*flush)(struct blk_dev *dev);
	/* Write with interrupts off and whatever request was under way abandoned: for a panic's crash record only. */
	int (*panic_write)(struct blk_dev *dev, uint64_t lba, const void *buf, size_t count);
};
struct blk_dev {
	const struct blk_ops *ops;
	uint64_t sectors;
	void *ctx;
};

struct net_dev;
struct net_ops {
	/* Send one Ethernet frame gathered from `parts` (copied before return). -DEV_E_AGAIN when the ring is full; THREAD_SIG_NET follows when there is room. */
	int (*send)(struct net_dev *dev, const void *const *parts, const size_t *lens, size_t count);
	/* Next received frame: fills `*frame`, returns its length, or -DEV_E_AGAIN. Borrowed until recv_done(). */
	int (*recv)(struct net_dev *dev, const uint8_t **frame);
	void (*recv_done)(struct net_dev *dev);
	/* Signal THREAD_SIG_NET to `thread` whenever frames arrive, the link changes, or a full ring has room again. */
	void (*listen)(struct net_dev *dev, struct thread *thread);
	bool (*link_up)(struct net_dev *dev);
};
struct net_dev {
	const struct net_ops *ops;
	uint8_t mac[6];
	void *ctx;
};

struct rng_dev;
struct rng_ops {
	int (*fill)(struct rng_dev *dev, void *buf, size_t len);
};
struct rng_dev {
	const struct rng_ops *ops;
	void *ctx;
};

struct rtc_dev;
struct rtc_ops {
	uint64_t (*unix_s)(struct rtc_dev *dev);
};
struct rtc_dev {
	const struct rtc_ops *ops;
	void *ctx;
};

struct wdt_dev;
struct wdt_ops {
	/* (Re)start with `timeout_ms`: the machine resets unless fed in time. Takes over a running one. */
	int (*start)(struct wdt_dev *dev, uint32_t timeout_ms);
	void (*feed)(struct wdt_dev *dev);
};
struct wdt_dev {
	const struct wdt_ops *ops;
	void *ctx;
};

struct console_dev;
struct console_ops {
	/* Polled output, usable with interrupts off and from a panic. */
	void (*put)(struct console_dev *dev, const char *text, size_t len);
};
struct console_dev {
	const struct console_ops *ops;
	void *ctx;
};

struct power_dev;
struct power_ops {
	void (*reset)(struct power_dev *dev); /* does not return on success */
	void (*off)(struct power_dev *dev);
};
struct power_dev {
	const struct power_ops *ops;
	void *ctx;
};

/* Registration by drivers, at boot. The first of a kind is the one used; later ones are kept but idle. */
void dev_register_blk(struct blk_dev *dev);
void dev_register_net(struct net_dev *dev);
void dev_register_rng(struct rng_dev *dev);
void dev_register_rtc(struct rtc_dev *dev);
void dev_register_wdt(struct wdt_dev *dev);
void dev_register_console(struct console_dev *dev);
void dev_register_power(struct power_dev *dev);

/* The first of its kind, or NULL when the board has none. */
struct blk_dev *dev_blk(void);
struct net_dev *dev_net(void);
struct rng_dev *dev_rng(void);
struct rtc_dev *dev_rtc(void);
struct wdt_dev *dev_wdt(void);
struct console_dev *dev_console(void);
struct power_dev *dev_power(void);

#endif
