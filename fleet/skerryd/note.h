/* SPDX-License-Identifier: Apache-2.0 */
/* skerryd's own log, the clocks and random ids. */
#ifndef SKERRYD_NOTE_H
#define SKERRYD_NOTE_H

#include <stddef.h>
#include <stdint.h>

/* One line "skerryd: area: event key=value" to stderr; control characters of outside texts become '?'. Any thread. */
void note(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Unix time in seconds, in ms; and a clock that only goes forward, in ms. */
int64_t note_now(void);
int64_t note_unix_ms(void);
int64_t note_now_ms(void);

/* A new random id: `len` - 1 hex digits and NUL. */
void note_random_id(char *id, size_t len);

#endif
