// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_KEYUSE_H
#define VERIMAIL_VERIMAILD_KEYUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/problems.h"
#include "events/counters.h"
#include "protocol/keyring.h"

/* When each pair of keys was last used to make a payload, so that a key which is taken out of the
 * configuration too early is noticed (design, section 4). Workers note it in memory that they share
 * with the parent, who believes the numbers and nothing else; the parent keeps them in the file
 * `keys` of the state folder, a line each: key id, host, when it was last used, when it was first
 * here: Unix seconds. */
struct keyuse;

/* NULL with errno. The ring is borrowed. Shared with processes that are forked later. */
struct keyuse *keyuse_init(const struct keyring *ring);
void keyuse_free(struct keyuse **keyuse);

/* `issued`: what the payload says; one from the future counts as `now`. Unix seconds, both. */
void keyuse_note(
        struct keyuse *keyuse, const struct shared_key *key, uint64_t issued, uint64_t now);

/* Writes the file anew, with what it says of keys that are no longer in the ring, and learns from
 * it when those in the ring were first here. False with errno; the old file then stays as it was.
 */
bool keyuse_save(struct keyuse *keyuse, const char *folder, uint64_t now)
        __attribute__((warn_unused_result));

/* Tells the counters when each pair was first here, after keyuse_save(). */
void keyuse_show(const struct keyuse *keyuse, struct counters *counters);

/* A warning for each key in the file that is not in the ring and whose last payload is younger than
 * `lifetime` and five minutes. A file that is not there warns of nothing. */
void keyuse_warn(const struct keyring *ring, const char *folder, uint64_t lifetime, uint64_t now,
        struct problems *warnings);

#endif
