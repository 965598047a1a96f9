/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the tables of tests/vectors/: lines of columns, or records of `name = value`; hexadecimal into bytes. A table that is wrong ends the test. */
#ifndef TESTS_OTA_VECTORS_H
#define TESTS_OTA_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define VECTOR_LINE_MAX  2048
#define VECTOR_BYTES_MAX 1024

struct vector_table {
	FILE *file;
	char line[VECTOR_LINE_MAX];
};

/* `folder`/`name`; the test fails when it is not there. */
void vector_open(struct vector_table *table, const char *folder, const char *name);
void vector_close(struct vector_table *table);

/* The next line's `count` columns, between tabs; comments are skipped. 0: no more. */
int vector_columns(struct vector_table *table, char **columns, size_t count);

/* The next line as `name = value`. 1: one; -1: an empty line, the record ends; 0: no more. */
int vector_member(struct vector_table *table, char **name, char **value);

/* Digits to bytes; fails on anything else. The number of bytes. */
size_t vector_hex(const char *digits, uint8_t *out, size_t cap);

#endif
