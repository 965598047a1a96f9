/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The answer to "may this be trusted". Only OTA_ACCEPTED means yes; it is far from 0, 1 and -1, so that neither
 * zeroed memory nor a forgotten return value nor a Boolean ever reads as yes. Compare with == OTA_ACCEPTED only.
 */
#ifndef OTA_VERDICT_H
#define OTA_VERDICT_H

enum ota_verdict { OTA_REFUSED = 0x5a3c96e1, OTA_ACCEPTED = 0x35c7a91e };

#endif
