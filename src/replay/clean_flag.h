// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_CLEAN_FLAG_H
#define VERIMAIL_REPLAY_CLEAN_FLAG_H

#include <stdbool.h>
#include <stdint.h>

/* The state of an LMDB store, kept in a small file that all counting processes map. It holds the
 * boot that the store belongs to, whether it is damaged, since when it counts, and the latest time
 * that any process saw while it counted. */
enum clean_flag_state {
    CLEAN_FLAG_EMPTY,     /* the flag is new: nothing is known of a store */
    CLEAN_FLAG_BEGINNING, /* the store is being made: no count is in it yet */
    CLEAN_FLAG_IN_USE,    /* in use since the boot that it names */
    CLEAN_FLAG_CLEAN,     /* everything is on the disk, and nothing was counted since */
    CLEAN_FLAG_DAMAGED,   /* must not be used */
};

#define CLEAN_FLAG_ERROR_MAX 160 /* octets of an error text, with its NUL */

struct clean_flag;

/* Opens `path` and takes its lock. A missing file, or one of zeros, is CLEAN_FLAG_EMPTY. A file
 * that cannot be read as a flag is CLEAN_FLAG_DAMAGED. NULL with a sentence in `error_r`: for now
 * it cannot be known whether the store is good. */
struct clean_flag *clean_flag_open(const char *path, char error_r[CLEAN_FLAG_ERROR_MAX]);
/* Opens a flag beside the processes that count, without its lock. The functions for those that
 * begin or use a store must not be called then. NULL with errno. */
struct clean_flag *clean_flag_attach(const char *path);
void clean_flag_close(struct clean_flag **flag);

/* Waits for the lock. False with errno. */
bool clean_flag_lock(struct clean_flag *flag);
void clean_flag_unlock(struct clean_flag *flag);

/* Whether the store's content can be trusted: it is from this boot, or was left clean. */
bool clean_flag_is_good(const struct clean_flag *flag);
/* The store is about to be made for the first time. Call it under the lock. */
void clean_flag_begin(struct clean_flag *flag);
/* Records that a lost store is made anew at `unix_now`, or at the latest time that was seen, if
 * that is later. Call it under the lock. */
void clean_flag_recreate(struct clean_flag *flag, uint64_t unix_now);
/* Marks the store as in use. Call it under the lock, when the store's file is there. The mark and
 * the names of the files are on the disk before this returns; otherwise the next boot could trust a
 * half-written store. False with errno: the state is what it was. */
bool clean_flag_use(struct clean_flag *flag) __attribute__((warn_unused_result));
/* Marks the store as clean and writes that to the disk. Call it under the lock, when the last
 * process has stopped counting. A store that is not in use keeps its state. False with errno: it is
 * not clean, and will not be before it is made anew. */
bool clean_flag_set_clean(struct clean_flag *flag) __attribute__((warn_unused_result));

/* These need no lock. */
enum clean_flag_state clean_flag_state(const struct clean_flag *flag);
uint32_t clean_flag_epoch(const struct clean_flag *flag); /* changes with each recreation */
uint64_t clean_flag_begun(
        const struct clean_flag *flag); /* Unix seconds of the last recreation; 0: never */
bool clean_flag_is_removed(const struct clean_flag *flag); /* the file was unlinked: fstat(2) */
/* Notes a time at which something is counted. */
void clean_flag_see(struct clean_flag *flag, uint64_t unix_now);
uint64_t clean_flag_latest(const struct clean_flag *flag); /* Unix seconds; 0: none was seen */
/* Writes the flag to the disk. False with errno. */
bool clean_flag_sync(struct clean_flag *flag) __attribute__((warn_unused_result));
/* A part of the store may not have reached the disk. The kernel says so once only: whatever is
 * written later, the store is not clean until it is made anew. */
void clean_flag_set_unsynced(struct clean_flag *flag);
/* Safe in a signal handler. */
void clean_flag_set_damaged(struct clean_flag *flag);

#endif
