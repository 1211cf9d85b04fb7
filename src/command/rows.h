// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_ROWS_H
#define VERIMAIL_COMMAND_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "users/row.h"

#define ROWS_WRONG_SHOWN 100 /* lines that are complained about one by one */

/* Rows of a table of users from text: one in a line, `#` begins a comment at a line's start, empty
 * lines are passed over, CRLF ends a line as well as LF. */
struct rows;

enum rows_result {
    ROWS_OK,
    ROWS_WRONG,      /* lines were wrong, or two were about one user: said on `complaints` */
    ROWS_UNREADABLE, /* errno says why */
    ROWS_NO_MEMORY,
};

struct rows_entry {
    struct text key; /* as row_parse_user() gives it */
    struct text values;
};

/* Reads it all, and all that is wrong becomes lines `NAME:LINE: ...` on `complaints`. `rows_r` is
 * set for ROWS_OK only: entries in the order of their keys, each key once. */
enum rows_result rows_read(FILE *in, const char *name, FILE *complaints, struct rows **rows_r);
void rows_free(struct rows **rows);

size_t rows_count(const struct rows *rows);
struct rows_entry rows_entry(const struct rows *rows, size_t index);

/* A row as the user of a table wrote it. `pinned`: what it is when it does not say. False with the
 * end of a sentence in `error_r`. */
bool rows_parse(struct text values, bool pinned, struct row *row_r, char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

#endif
