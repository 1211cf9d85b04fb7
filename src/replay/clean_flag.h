// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_CLEAN_FLAG_H
#define VERIMAIL_REPLAY_CLEAN_FLAG_H

#include <stdbool.h>
#include <stdint.h>

/* The state of an LMDB store, kept in a small file that all counting processes map. It holds the
 * boot that the store belongs to, whether it is damaged, and since when it counts. */
enum clean_flag_state {
    CLEAN_FLAG_EMPTY,   /* nothing has been counted yet */
    CLEAN_FLAG_IN_USE,  /* in use since the boot that it names */
    CLEAN_FLAG_CLEAN,   /* everything is on the disk, and nothing was counted since */
    CLEAN_FLAG_DAMAGED, /* must not be used */
};

struct clean_flag;

/* Opens `path` and takes its lock. A missing file is created as CLEAN_FLAG_EMPTY. A file that
 * cannot be read as a flag is CLEAN_FLAG_DAMAGED. NULL with errno. */
struct clean_flag *clean_flag_open(const char *path);
void clean_flag_close(struct clean_flag **flag);

/* Waits for the lock. False with errno. */
bool clean_flag_lock(struct clean_flag *flag);
void clean_flag_unlock(struct clean_flag *flag);

/* Whether the store's content can be trusted: it is from this boot, or was left clean. */
bool clean_flag_is_good(const struct clean_flag *flag);
/* Marks the store as in use. Call it under the lock. The mark is on the disk before this returns;
 * otherwise the next boot could trust a half-written store. False with errno. */
bool clean_flag_use(struct clean_flag *flag) __attribute__((warn_unused_result));
/* Records that a lost store was recreated at `unix_now`. Call it under the lock. The store is empty
 * until clean_flag_use(). */
void clean_flag_recreate(struct clean_flag *flag, uint64_t unix_now);
/* Marks the store as clean and writes that to the disk. Call it when the last process has stopped
 * counting. A store that is not in use keeps its state. False with errno. */
bool clean_flag_set_clean(struct clean_flag *flag) __attribute__((warn_unused_result));

/* These need no lock. */
enum clean_flag_state clean_flag_state(const struct clean_flag *flag);
uint32_t clean_flag_epoch(const struct clean_flag *flag); /* changes with each recreation */
uint64_t clean_flag_begun(
        const struct clean_flag *flag); /* Unix seconds of the last recreation; 0: never */
bool clean_flag_is_removed(const struct clean_flag *flag); /* the file was unlinked: fstat(2) */
/* Safe in a signal handler. */
void clean_flag_set_damaged(struct clean_flag *flag);

#endif
