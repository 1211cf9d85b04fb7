// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_KEYUSE_H
#define VERIMAIL_VERIMAILD_KEYUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/problems.h"
#include "events/counters.h"
#include "protocol/keyring.h"

/* When each pair of keys was last used to make a payload. So a key that is removed from the
 * configuration too early is noticed (design, section 4). Workers note it in memory that they share
 * with the supervisor, which takes nothing but numbers from there. The supervisor keeps the file
 * `keys` in the state folder, a line for each pair: key id, host, last use, first appearance. Times
 * are Unix seconds. */
struct keyuse;

/* NULL with errno. The ring is borrowed. Shared with processes that are forked later. */
struct keyuse *keyuse_init(const struct keyring *ring);
void keyuse_free(struct keyuse **keyuse);

/* `issued`: what the payload says. A time in the future counts as `unix_now`. Both are seconds. */
void keyuse_note(
        struct keyuse *keyuse, const struct shared_key *key, uint64_t issued, uint64_t unix_now);

/* Writes a new file in place of the old one. Keeps the lines of keys that are no longer in the
 * ring, and learns from the file when those in the ring first appeared. False with errno; the old
 * file then stays as it was. */
bool keyuse_save(struct keyuse *keyuse, const char *folder, uint64_t unix_now)
        __attribute__((warn_unused_result));

/* Puts into the counters when each pair first appeared, after keyuse_save(). */
void keyuse_show(const struct keyuse *keyuse, struct counters *counters);

/* When the pair was last used, and when it first appeared (Unix seconds; 0: never, or not known),
 * as the file has it. False with errno when the file cannot be read: ENOENT, too. */
bool keyuse_find(const char *folder, const unsigned char id[KEY_ID_OCTETS], uint64_t *used_r,
        uint64_t *since_r) __attribute__((warn_unused_result));

/* Adds a warning for each key in the file that is not in the ring and whose last payload is younger
 * than `lifetime` plus JUDGE_FUTURE seconds. Without a file there are no warnings. */
void keyuse_warn(const struct keyring *ring, const char *folder, uint64_t lifetime,
        uint64_t unix_now, struct problems *warnings);

#endif
