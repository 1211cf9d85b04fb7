// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_TABLE_FILE_H
#define VERIMAIL_USERS_TABLE_FILE_H

#include <lmdb.h>
#include <stdbool.h>

#include "users/table.h"

/* Whether the key is the table's own mark and not a user's row. */
bool table_file_is_mark(const MDB_val *key);
/* Writes the mark of a users' table. Its key sorts before all others. */
int table_file_put_mark(MDB_txn *txn, MDB_dbi dbi);

/* The text of an error. MDB_CORRUPTED means content that we did not write. */
const char *table_file_reason(int error);
/* The cause of a failed write. Where the disk is full, LMDB says EIO when a part was written, and a
 * page that has no block looks damaged. */
int table_file_find_cause(const char *path, int error);

/* Opens the environment and its database. On false `error_r` has an error text. */
bool table_file_open(const char *path, bool write, MDB_env **env_r, MDB_dbi *dbi_r,
        char error_r[TABLE_ERROR_MAX]) __attribute__((warn_unused_result));

/* 0 while the file exists, else an error. A removed file never changes again, and another file may
 * have replaced it. */
int table_file_check(MDB_env *env);

#endif
