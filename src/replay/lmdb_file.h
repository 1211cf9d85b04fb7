// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_LMDB_FILE_H
#define VERIMAIL_REPLAY_LMDB_FILE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "replay/clean_flag.h"

#define LMDB_FILE_FIRST (64UL * 1024 * 1024) /* octets of a new file; doubled when it is full */

/* The file of a store, as one process has it open; beside it lie its lock, `PATH-lock`, and its
 * mark, `PATH-mark`. What becomes of it when it is damaged, lost, removed or full is decided here;
 * what is in it, but for the purge mark, is its user's. Errors are errno's or LMDB's. */
struct lmdb_file {
    char *path;
    struct clean_flag *flag; /* NULL: it could not be opened */
    MDB_env *env;            /* NULL: it cannot be used */
    MDB_dbi dbi;
    uint32_t epoch;
    bool lost; /* it was recreated by this process, at its opening */
};

/* Opens it, or makes it. One that is damaged, not ours, or of a boot that ended without it is set
 * aside as `PATH.lost` and recreated. On an error `env` is NULL, and the rest may be freed. */
int lmdb_file_open(const char *path, uint64_t unix_now, struct lmdb_file *file_r);
void lmdb_file_close(struct lmdb_file *file);

/* Around all that LMDB is asked to do: it believes what is in the file, and one that was damaged
 * leads it anywhere. The process then dies; the file is marked, and nobody runs into it again. */
void lmdb_file_enter(const struct lmdb_file *file);
void lmdb_file_leave(void);

/* Whether the file that is open is still the one that others count in. lmdb_file_is_there() asks
 * the kernel. */
bool lmdb_file_is_current(const struct lmdb_file *file);
bool lmdb_file_is_there(const struct lmdb_file *file);
/* Whether an error says that the content is not what LMDB wrote. */
bool lmdb_file_is_damage(int error);

/* Between transactions, after `full`: MDB_MAP_FULL or MDB_MAP_RESIZED. Makes the file larger, or
 * takes it as large as another process made it. `broken_r`: it cannot be used any more. */
int lmdb_file_enlarge(struct lmdb_file *file, int full, bool *broken_r);

/* The purge mark lies to the left of all keys, since nothing was issued in 1970. Unix seconds; 0:
 * there is none. */
int lmdb_file_get_purged(const struct lmdb_file *file, MDB_txn *txn, uint64_t *purged_r);
int lmdb_file_put_purged(const struct lmdb_file *file, MDB_txn *txn, uint64_t purged);
bool lmdb_file_is_purged_key(const MDB_val *key);

/* What it holds and how many octets of it are used. */
int lmdb_file_size(const struct lmdb_file *file, uint64_t *entries_r, uint64_t *bytes_r);

#endif
