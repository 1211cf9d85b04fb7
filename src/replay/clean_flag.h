// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_CLEAN_FLAG_H
#define VERIMAIL_REPLAY_CLEAN_FLAG_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of an LMDB store besides its content, in a small file that all who count share:
 * which boot it belongs to, whether it is damaged, and since when it counts. */
enum clean_flag_state {
    CLEAN_FLAG_EMPTY,   /* nothing was ever counted in it */
    CLEAN_FLAG_IN_USE,  /* in use, in the boot that it names */
    CLEAN_FLAG_CLEAN,   /* all of it is on the disk, nobody has counted since */
    CLEAN_FLAG_DAMAGED, /* nobody may use it */
};

struct clean_flag;

/* Opens `path`, makes it (CLEAN_FLAG_EMPTY) if it is not there, and locks it against others who
 * open. One that makes no sense is CLEAN_FLAG_DAMAGED. NULL with errno. */
struct clean_flag *clean_flag_open(const char *path);
void clean_flag_close(struct clean_flag **flag);

/* Others wait. False with errno. */
bool clean_flag_lock(struct clean_flag *flag);
void clean_flag_unlock(struct clean_flag *flag);

/* Whether what the store holds can be believed: it is of this boot, or was left whole. */
bool clean_flag_is_good(const struct clean_flag *flag);
/* Under the lock: it is in use from now on. On the disk before it returns, or else the next boot
 * could take what is half written for whole. False with errno. */
bool clean_flag_use(struct clean_flag *flag) __attribute__((warn_unused_result));
/* Under the lock: a store that was lost is recreated, and is empty until it is in use. Unix
 * seconds. */
void clean_flag_recreate(struct clean_flag *flag, uint64_t unix_now);
/* Nobody counts any more; to the disk. One that is not in use stays what it is. False with
 * errno. */
bool clean_flag_set_clean(struct clean_flag *flag) __attribute__((warn_unused_result));

/* These may be asked at any time; the others see what one says. */
enum clean_flag_state clean_flag_state(const struct clean_flag *flag);
uint32_t clean_flag_epoch(const struct clean_flag *flag);  /* another one for each that is begun */
uint64_t clean_flag_begun(const struct clean_flag *flag);  /* Unix seconds; 0: it never was lost */
bool clean_flag_is_removed(const struct clean_flag *flag); /* the file; asks the kernel */
/* Safe in a signal handler. */
void clean_flag_set_damaged(struct clean_flag *flag);

#endif
