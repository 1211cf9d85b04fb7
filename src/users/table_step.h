// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_TABLE_STEP_H
#define VERIMAIL_USERS_TABLE_STEP_H

#include <lmdb.h>

#include "users/table.h"

/* What table.c and table_write.c share: the table, and a step of work on it. */
struct table {
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *reading;   /* reset between look-ups */
    MDB_cursor *cursor; /* of `reading` */
    MDB_txn *writing;   /* from table_begin() to its commit or abort */
    uint64_t check_at;  /* monotonic milliseconds: when to check that the file still exists */
    bool spoiled;       /* a step failed: the transaction must not be committed */
    bool appending;     /* all rows so far were added in key order to an empty table */
    char error[TABLE_ERROR_MAX];
};

/* One step of work on LMDB, with all that it needs. It runs under the guard. */
struct step {
    struct table *t;
    MDB_txn *txn;
    MDB_cursor *cursor;
    struct text key;
    struct row *row;
    const struct row *put;
    uint64_t count;
    struct text last; /* the last key of a walk over all rows */
    char last_buffer[ADDRESS_MAX];
    int error;
};

enum table_result table_step_fail(struct table *table, const char *doing, int error);
/* Returns LMDB's error, or MDB_CORRUPTED when the guard ended the work. */
int table_step_do(void (*work)(void *step), struct step *step);
void table_step_abort(struct table *table, MDB_txn **txn);

/* LMDB's texts are not const, but it does not change them. */
static inline MDB_val value_of(struct text t)
{
    MDB_val value = {.mv_size = t.len};

    memcpy(&value.mv_data, &t.at, sizeof value.mv_data);
    return value;
}

/* Reads the next row of a cursor. Its key must sort after the last one; a damaged file could lead
 * in circles. */
int table_step_next(struct step *step, struct text *key_r, struct row *row_r);

#endif
