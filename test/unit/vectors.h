// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_VECTORS_H
#define VERIMAIL_TEST_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/text.h"

/* Test vectors are plain text (test/vectors/README.md): records divided by empty lines, each line
 * `name = value`, `#` begins a comment line. In a value `\r \n \t \\ \s` (a space) and `\xNN` stand
 * for those octets. */
struct vectors;

/* Reads test/vectors/NAME. Ends the test program with a sentence when it cannot be read, or a line
 * is not well formed. */
struct vectors *vectors_open(const char *name);
void vectors_free(struct vectors **vectors);
/* Steps to the next record; false after the last. */
bool vectors_next(struct vectors *vectors);
/* The line in the file on which the present record begins. */
unsigned vectors_line(const struct vectors *vectors);
/* A value of the present record, borrowed; ends the test program when it is missing. */
struct text vectors_get(const struct vectors *vectors, const char *name);
bool vectors_has(const struct vectors *vectors, const char *name);

#endif
