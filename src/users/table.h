// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_TABLE_H
#define VERIMAIL_USERS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "users/row.h"

#define TABLE_ERROR_MAX 512 /* octets of an error text, with its NUL */
#define TABLE_ALIASES_MAX 8

/* The table of users' rules (design, section 8). It is an LMDB environment in one file
 * (MDB_NOSUBDIR). Any number of processes may read while one writes. A change takes effect with the
 * next look-up, in every process. A table belongs to one process and one thread, and must not be
 * used after a fork. */
struct table;

enum table_result {
    TABLE_OK,
    TABLE_ABSENT, /* there is no such row */
    TABLE_ERROR,  /* the file cannot be read or written; table_error() has the reason */
};

/* Opens the table in the file `path`. Reading requires the file; writing creates it if it is
 * missing. NULL with an error text in `error_r`.
 *
 * If the process is root, the file and its lock (`path` with `-lock` appended) are opened and
 * created as the owner of their folder.
 *
 * After opening, a reader may be sandboxed: it needs only fstat(2), and signals that return. A
 * damaged, truncated or removed file is TABLE_ERROR. For this SIGBUS, SIGSEGV and SIGFPE get a
 * handler (guard.h). Install other handlers for these signals before. */
struct table *table_open_to_read(const char *path, char error_r[TABLE_ERROR_MAX]);
struct table *table_open_to_write(const char *path, char error_r[TABLE_ERROR_MAX]);
void table_close(struct table **table);
const char *table_error(const struct table *table);

/* Finds the row of `local`@`domain`, canonical, in any case. An alias is followed to the row that
 * it names, at most TABLE_ALIASES_MAX times. An alias that leads nowhere, or too far, is
 * TABLE_ABSENT. */
enum table_result table_find(
        struct table *table, struct text local, struct text domain, struct row *row_r);
/* The same without following an alias. `key`: as row_parse_user() gives it. */
enum table_result table_get(struct table *table, struct text key, struct row *row_r);
enum table_result table_count(struct table *table, uint64_t *count_r);
/* Calls `each` for all rows in key order, as of one point in time, until it returns false. `values`
 * is as row_format() writes it. `each` should be quick, because the file grows while writers
 * replace rows. It must not use the table. */
enum table_result table_each(struct table *table,
        bool (*each)(void *context, struct text key, struct text values), void *context);

/* Begins a write transaction. table_commit() writes all its steps at once, or none. If any step was
 * TABLE_ERROR, table_commit() writes nothing and is TABLE_ERROR too. There is one writer at a time:
 * table_begin() waits for the other one. Rows added in key order after a table_clear() of all rows
 * take the least time and space. */
enum table_result table_begin(struct table *table);
enum table_result table_put(struct table *table, struct text key, const struct row *row);
enum table_result table_delete(struct table *table, struct text key);
/* Deletes all rows; with `but_pinned` pinned rows stay. */
enum table_result table_clear(struct table *table, bool but_pinned);
enum table_result table_commit(struct table *table);
void table_abort(struct table *table);

#endif
