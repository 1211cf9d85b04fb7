// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_TABLE_H
#define VERIMAIL_USERS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "users/row.h"

#define TABLE_ERROR_MAX 512 /* octets of a sentence, with a NUL */
#define TABLE_ALIASES_MAX 8

/* The table of users' rules (design, section 8): an LMDB environment in one file (MDB_NOSUBDIR), of
 * which any number of processes read while one writes. What is written counts from the next
 * look-up on, in every process. A table is one process's and one thread's; it never crosses a
 * fork. */
struct table;

enum table_result {
    TABLE_OK,
    TABLE_ABSENT, /* there is no such row */
    TABLE_ERROR,  /* the file cannot be read or written; table_error() says why */
};

/* `path`: of the file. For reading it must be there; for writing it is made if it is not. As root
 * it is opened, and made, as by whom its folder belongs to, and so is its lock, `path` with `-lock`
 * behind it. NULL with the end of a sentence in `error_r`. A reader may afterwards be shut in: all
 * it still needs of the kernel is fstat(2), and signals that return. A file that is damaged, cut
 * short or removed is a TABLE_ERROR; for this SIGBUS, SIGSEGV and SIGFPE get a handler (guard.h),
 * so that whoever else has one for them should have set it before. */
struct table *table_open_to_read(const char *path, char error_r[TABLE_ERROR_MAX]);
struct table *table_open_to_write(const char *path, char error_r[TABLE_ERROR_MAX]);
void table_close(struct table **table);
const char *table_error(const struct table *table);

/* The row of `local`@`domain`, canonical, in any case; an alias leads to the row that it names,
 * TABLE_ALIASES_MAX times at most: one that leads nowhere, or too far, is TABLE_ABSENT. */
enum table_result table_find(
        struct table *table, struct text local, struct text domain, struct row *row_r);
/* The same without following an alias. `key`: as row_parse_user() gives it. */
enum table_result table_get(struct table *table, struct text key, struct row *row_r);
enum table_result table_count(struct table *table, uint64_t *count_r);
/* Calls `each` for all rows in the order of their keys, as they are at one moment, until it returns
 * false. `values` as row_format() writes them. It should not take long, since what writers replace
 * meanwhile takes room beside it, and must not use the table. */
enum table_result table_each(struct table *table,
        bool (*each)(void *context, struct text key, struct text values), void *context);

/* Everything from here on is written in one step by table_commit(), or not at all: also when one of
 * the steps was a TABLE_ERROR, as table_commit() then is. One writer at a time: table_begin() waits
 * for the other. Rows that come in the order of their keys after a table_clear() of all rows take
 * the least time and room. */
enum table_result table_begin(struct table *table);
enum table_result table_put(struct table *table, struct text key, const struct row *row);
enum table_result table_delete(struct table *table, struct text key);
/* All rows; with `but_pinned` those that are pinned stay. */
enum table_result table_clear(struct table *table, bool but_pinned);
enum table_result table_commit(struct table *table);
void table_abort(struct table *table);

#endif
