// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_MARK_H
#define VERIMAIL_REPLAY_MARK_H

#include <stdbool.h>
#include <stdint.h>

/* What is known of an LMDB store besides its content, in a small file that all who count share:
 * which boot it belongs to, whether it is damaged, and since when it counts. */
enum mark_state {
    MARK_EMPTY,   /* nothing was ever counted in it */
    MARK_OPEN,    /* in use, in the boot that it names */
    MARK_WHOLE,   /* all of it is on the disk, nobody has counted since */
    MARK_DAMAGED, /* nobody may use it */
};

struct mark;

/* Opens `path`, makes it (MARK_EMPTY) if it is not there, and locks it against others who open. One
 * that makes no sense is MARK_DAMAGED. NULL with errno. */
struct mark *mark_open(const char *path);
void mark_close(struct mark **mark);

/* Others wait. False with errno. */
bool mark_lock(struct mark *mark);
void mark_unlock(struct mark *mark);

/* Whether what the store holds can be believed: it is of this boot, or was left whole. */
bool mark_is_good(const struct mark *mark);
/* Under the lock: it is in use from now on. On the disk before it returns, or else the next boot
 * could take what is half written for whole. False with errno. */
bool mark_use(struct mark *mark) __attribute__((warn_unused_result));
/* Under the lock: a store that was lost is begun anew, and is empty until it is in use. Unix
 * seconds. */
void mark_begin_anew(struct mark *mark, uint64_t today);
/* Nobody counts any more; to the disk. One that is not in use stays what it is. False with
 * errno. */
bool mark_make_whole(struct mark *mark) __attribute__((warn_unused_result));

/* These may be asked at any time; the others see what one says. */
enum mark_state mark_state(const struct mark *mark);
uint32_t mark_epoch(const struct mark *mark);  /* another one for each that is begun */
uint64_t mark_begun(const struct mark *mark);  /* Unix seconds; 0: it never was lost */
bool mark_is_removed(const struct mark *mark); /* the file; asks the kernel */
/* Safe in a signal handler. */
void mark_set_damaged(struct mark *mark);

#endif
