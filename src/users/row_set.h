// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ROW_SET_H
#define VERIMAIL_USERS_ROW_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "users/directory.h"
#include "users/row.h"
#include "users/table.h"

/* What a directory said, in memory until all of it is there: a million rows take a hundred MiB,
 * and a writer's transaction that is open for as long as a directory takes would make everybody
 * wait who has a user to revoke. */
struct row_set;

/* What has to be done with a row; difference_find() finds it. */
enum row_set_state { ROW_SET_NEW, ROW_SET_CHANGED, ROW_SET_SAME, ROW_SET_HIDDEN };

struct row_set_row {
    const char *at; /* the key, and behind it the values, as row_format() writes them */
    const char *origin;
    unsigned short key_len;
    unsigned short values_len;
    enum row_set_state state;
};

/* NULL when out of memory. The notes are borrowed. */
struct row_set *row_set_init(const struct directory_notes *notes);
void row_set_free(struct row_set **rows);

/* A row as row_parse_user() and row_parse() take it; one that they do not take, or an alias of
 * itself, is refused as below. `origin` says where the directory has it: a row's number, a DN.
 * False when out of memory. */
bool row_set_put(struct row_set *rows, struct text user, struct text values, struct text origin)
        __attribute__((warn_unused_result));
/* A value that is no address, and left out. */
void row_set_skip(struct row_set *rows, struct text value, struct text origin);
/* An entry that has no address at all. */
void row_set_pass(struct row_set *rows);
/* A row, or an entry, whose rule is wrong. `error`: what it is about, the value, what was expected.
 */
void row_set_refuse(struct row_set *rows, struct text origin, const char *error);

/* When all is there: the rows are in the order of their keys, each once. False when anything was
 * refused, or several rows are about one user, which is told; `error_r` says how many. */
bool row_set_finish(struct row_set *rows, char error_r[DIRECTORY_ERROR_MAX])
        __attribute__((warn_unused_result));
struct row_set_row *row_set_rows(struct row_set *rows, size_t *count_r);
struct text row_set_key(const struct row_set_row *row);
struct text row_set_values(const struct row_set_row *row);
uint64_t row_set_skipped(const struct row_set *rows);
uint64_t row_set_passed(const struct row_set *rows);

/* What a table has to become what a directory said: rows that are the same are not written again,
 * so that the pages stay where they are which a service reads. */
struct difference;

/* Within a writer's transaction: compares, sets each gathered row's state, and counts before,
 * after, pinned, hidden, added, changed and removed. NULL with the end of a sentence in `error_r`.
 */
struct difference *difference_find(struct table *table, struct row_set *rows,
        struct directory_counts *counts_r, char error_r[TABLE_ERROR_MAX]);
void difference_free(struct difference **difference);

/* Makes the table what the directory said, but for what is pinned; the commit is the caller's. */
enum table_result difference_write(const struct difference *difference, struct table *table)
        __attribute__((warn_unused_result));

#endif
