/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which cipher suites are offered. */
#ifndef AGENT_TLS_SUITES_H
#define AGENT_TLS_SUITES_H

/*
 * IANA numbers, 0-terminated, static. The faster of AES-GCM and ChaCha20-Poly1305 on this machine comes first, by
 * measuring both once over a few KiB: a processor's feature bits say that AES instructions exist, not that they are fast
 * (an emulator has them and takes three times as long as for ChaCha20).
 */
const int *tls_suites(void);

#endif
