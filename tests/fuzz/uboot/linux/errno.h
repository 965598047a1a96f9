/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The C library includes it by this name, too. */
#include_next <linux/errno.h>
