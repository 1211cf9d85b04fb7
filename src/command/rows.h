// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_ROWS_H
#define VERIMAIL_COMMAND_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "users/row.h"

#define ROWS_WRONG_SHOWN 100 /* wrong lines that are reported one by one */

/* Rows of a users' table, from text. Each line has one row. `#` at the start of a line begins a
 * comment. Empty lines are ignored. A line may end in LF or CRLF. */
struct rows;

enum rows_result {
    ROWS_OK,
    ROWS_WRONG,      /* lines were wrong, or two are for one user: reported on `complaints` */
    ROWS_UNREADABLE, /* errno has the reason */
    ROWS_NO_MEMORY,
};

struct rows_entry {
    struct text key; /* as row_parse_user() gives it */
    struct text values;
};

/* Reads all rows. Each error becomes a line `NAME:LINE: ...` on `complaints`. `rows_r` is set for
 * ROWS_OK only. Its entries are sorted by key, each key once. */
enum rows_result rows_read(FILE *in, const char *name, FILE *complaints, struct rows **rows_r);
void rows_free(struct rows **rows);

size_t rows_count(const struct rows *rows);
struct rows_entry rows_entry(const struct rows *rows, size_t index);

/* Reads a row as a user of the table wrote it. `pinned`: the value if the row does not say. False
 * with an error text in `error_r`. */
bool rows_parse(struct text values, bool pinned, struct row *row_r, char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

#endif
