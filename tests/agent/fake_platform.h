/* SPDX-License-Identifier: Apache-2.0 */
/* A platform whose clock stands still until a test moves it. */
#ifndef TESTS_AGENT_FAKE_PLATFORM_H
#define TESTS_AGENT_FAKE_PLATFORM_H

#include <stdint.h>

extern uint64_t fake_now_ms;

/* Lines logged so far, and the last one. */
extern unsigned int fake_log_count;
extern char fake_log_last[200];

#endif
