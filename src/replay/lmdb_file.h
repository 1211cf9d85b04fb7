// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_LMDB_FILE_H
#define VERIMAIL_REPLAY_LMDB_FILE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "replay/clean_flag.h"

#define LMDB_FILE_FIRST (64UL * 1024 * 1024) /* octets of a new file; doubled when it is full */

#define LMDB_FILE_ERROR_MAX 160 /* octets with the NUL */

/* A store's file, as one process has it open. Next to it are its lock, `PATH-lock`, and its clean
 * flag, `PATH-mark`.
 *
 * This module handles a file that is damaged, lost, removed or full. The content belongs to the
 * caller, except the purge mark. Errors are errno values or LMDB's. */
struct lmdb_file {
    char *path;
    struct clean_flag *flag; /* NULL: the flag could not be opened */
    MDB_env *env;            /* NULL: the file cannot be used */
    MDB_dbi dbi;
    uint32_t epoch;
    bool lost;                       /* this process recreated it when it opened it */
    char error[LMDB_FILE_ERROR_MAX]; /* why it could not be opened */
};

/* Opens the file, or creates it. A file is renamed to `PATH.lost` and recreated in three cases: it
 * is damaged, it is not ours, or it is from an earlier boot that did not leave it clean. Damage is
 * what LMDB says is damage, and what makes it crash. False, with a sentence in `error`: for any
 * other reason it cannot be opened now, and nothing has changed. `env` is then NULL, and
 * lmdb_file_close() may still be called. */
bool lmdb_file_open(const char *path, uint64_t unix_now, struct lmdb_file *file_r);
void lmdb_file_close(struct lmdb_file *file);

/* Call these around every use of LMDB. LMDB trusts the file's content, so a damaged file can make
 * it access any address. The process then dies, and the file is first marked as damaged, so that no
 * other process uses it. */
void lmdb_file_enter(const struct lmdb_file *file);
void lmdb_file_leave(void);

/* Whether the open file is still the one that other processes count in. lmdb_file_is_there() asks
 * the kernel. */
bool lmdb_file_is_current(const struct lmdb_file *file);
bool lmdb_file_is_there(const struct lmdb_file *file);
/* Whether an error means that the content is not what LMDB wrote. */
bool lmdb_file_is_damage(int error);

/* Makes the file larger, or follows the size that another process gave it. Call it between
 * transactions. `full`: MDB_MAP_FULL or MDB_MAP_RESIZED. `broken_r`: the file cannot be used any
 * more. */
int lmdb_file_enlarge(struct lmdb_file *file, int full, bool *broken_r);

/* The purge mark sorts before all other keys, since nothing was issued in 1970. Its value is Unix
 * seconds; 0: there is none. */
int lmdb_file_get_purged(const struct lmdb_file *file, MDB_txn *txn, uint64_t *purged_r);
int lmdb_file_put_purged(const struct lmdb_file *file, MDB_txn *txn, uint64_t purged);
bool lmdb_file_is_purged_key(const MDB_val *key);

/* The number of entries, and the octets in use. */
int lmdb_file_size(const struct lmdb_file *file, uint64_t *entries_r, uint64_t *bytes_r);

#endif
