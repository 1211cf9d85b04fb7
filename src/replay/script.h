// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_SCRIPT_H
#define VERIMAIL_REPLAY_SCRIPT_H

#include <stdbool.h>

#include "protocol/text.h"
#include "replay/count_request.h"

#define SCRIPT_KEY_MAX 64 /* octets of a key */

/* How a payload is counted in Redis. All its counts are one hash, so that they lie in one slot: the
 * key is `verimail:{ISSUED.NONCE}`, a field is the hash of a receiving domain, both in base64url. A
 * script that the server runs in one step looks at all of them, raises all or none, and lets the
 * key live until the payload is of no use any more. It returns 1 if they were raised, else 0. */

struct text script_key(const struct count_request *item, char room_r[SCRIPT_KEY_MAX]);

/* Writes the command that counts the item, as Redis wants it: `known`: the server has the script,
 * and is told its hash only. How long the counts are kept is told in seconds from `today` on: the
 * server's own clock may be another. False when out of memory; else `*command_r` is to be freed
 * with redisFreeCommand(). */
bool script_write(const struct count_request *item, bool known, uint64_t today, char **command_r,
        size_t *len_r) __attribute__((warn_unused_result));

#endif
