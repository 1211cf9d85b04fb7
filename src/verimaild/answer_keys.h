// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_ANSWER_KEYS_H
#define VERIMAIL_VERIMAILD_ANSWER_KEYS_H

#include "config/config.h"
#include "config/problems.h"
#include "protocol/key.h"

/* The service's answer keys (sealed.h), old and new. They lie in libsodium's guarded memory: not
 * swapped, not dumped, wiped when freed, and read-only. */
struct answer_keys;

/* Those of the option `answer_keys`; none is no problem. It has what could be read, also when
 * something is wrong: `problems` then says what. NULL when out of memory. `config` must have a
 * service section. */
struct answer_keys *answer_keys_load(const struct config *config, struct problems *problems);
/* As keyring_free() and keyring_relock(). */
bool answer_keys_free(struct answer_keys **keys);
void answer_keys_relock(struct answer_keys *keys);

/* The secret key with this id (sealed_key_id()); NULL: there is none. */
const unsigned char *answer_keys_find(
        const struct answer_keys *keys, const unsigned char id[KEY_ID_OCTETS]);

#endif
