// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_TABLE_FILE_H
#define VERIMAIL_USERS_TABLE_FILE_H

#include <lmdb.h>
#include <stdbool.h>

#include "users/table.h"

/* Whether the octets under a key are the table's own, and no user's row. */
bool table_file_is_mark(const MDB_val *key);
/* Writes what says that the database is a table of users; its key stands before all others. */
int table_file_put_mark(MDB_txn *txn, MDB_dbi dbi);

/* What was the matter, in words; MDB_CORRUPTED is anything that is not as we wrote it. */
const char *table_file_reason(int error);

/* The environment and the database in it. On false `error_r` has the end of a sentence. */
bool table_file_open(const char *path, bool write, MDB_env **env_r, MDB_dbi *dbi_r,
        char error_r[TABLE_ERROR_MAX]) __attribute__((warn_unused_result));

/* 0 as long as the file is there: one that was removed will never change again, while another may
 * have taken its place. */
int table_file_check(MDB_env *env);

#endif
