/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's file system with a process that can be killed at any write: the chosen one is torn in half, and nothing reaches a file after it. */
#ifndef TESTS_KILLABLE_VFS_H
#define TESTS_KILLABLE_VFS_H

#include <stdbool.h>
#include <stdint.h>

/* Make it the default. */
void killable_install(void);
/* The n-th change of a file from now on kills; 0: none. */
void killable_arm(uint64_t n);
bool killable_is_dead(void);
/* The next process. */
void killable_revive(void);
/* Changes of files so far. */
uint64_t killable_writes(void);

#endif
