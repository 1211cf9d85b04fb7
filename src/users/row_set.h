// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ROW_SET_H
#define VERIMAIL_USERS_ROW_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "users/directory.h"
#include "users/row.h"
#include "users/table.h"

/* A directory's rows, in memory until all have arrived; a million rows take about 100 MiB. A write
 * transaction that lasted as long as the directory takes would delay everyone who has a user to
 * revoke. */
struct row_set;

/* What must be done with a row; difference_find() sets it. */
enum row_set_state { ROW_SET_NEW, ROW_SET_CHANGED, ROW_SET_SAME, ROW_SET_HIDDEN };

struct row_set_row {
    const char *at; /* the key, followed by the values as row_format() writes them */
    const char *origin;
    unsigned short key_len;
    unsigned short values_len;
    enum row_set_state state;
};

/* NULL when out of memory. The notes are borrowed. */
struct row_set *row_set_init(const struct directory_notes *notes);
void row_set_free(struct row_set **rows);

/* Adds a row. Texts are read as by row_parse_user() and row_parse(). A row that they reject, or an
 * alias of itself, is refused as by row_set_refuse(). `origin` says where the row is in the
 * directory: a row number, a DN. False when out of memory. */
bool row_set_put(struct row_set *rows, struct text user, struct text values, struct text origin)
        __attribute__((warn_unused_result));
/* Counts and reports a value that is not an address and is left out. */
void row_set_skip(struct row_set *rows, struct text value, struct text origin);
/* Counts an entry without an address. */
void row_set_pass(struct row_set *rows);
/* Refuses a row or an entry with a wrong rule. `error`: what it is about, the value, what was
 * expected. */
void row_set_refuse(struct row_set *rows, struct text origin, const char *error);

/* Call it after the last row. The rows are then sorted by key, each once. False when rows were
 * refused, or several rows are for one user, which is reported. `error_r` says how many. */
bool row_set_finish(struct row_set *rows, char error_r[DIRECTORY_ERROR_MAX])
        __attribute__((warn_unused_result));
struct row_set_row *row_set_rows(struct row_set *rows, size_t *count_r);
struct text row_set_key(const struct row_set_row *row);
struct text row_set_values(const struct row_set_row *row);
uint64_t row_set_skipped(const struct row_set *rows);
uint64_t row_set_passed(const struct row_set *rows);

/* The changes that make a table equal to the directory. Unchanged rows are not written again, so
 * that the pages that a service reads stay in place. */
struct difference;

/* Compares the rows with the table, and sets each row's state. Call it within a write transaction.
 * Counts before, after, pinned, hidden, added, changed and removed. NULL with an error text in
 * `error_r`. */
struct difference *difference_find(struct table *table, struct row_set *rows,
        struct directory_counts *counts_r, char error_r[TABLE_ERROR_MAX]);
void difference_free(struct difference **difference);

/* Writes the changes; pinned rows stay. The caller commits. */
enum table_result difference_write(const struct difference *difference, struct table *table)
        __attribute__((warn_unused_result));

#endif
