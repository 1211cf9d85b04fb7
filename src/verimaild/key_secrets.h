// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_VERIMAILD_KEY_SECRETS_H
#define VERIMAIL_VERIMAILD_KEY_SECRETS_H

#include "config/config.h"
#include "config/problems.h"
#include "protocol/key.h"

/* Secret keys of one kind, in libsodium's guarded memory. */
struct key_secrets {
    unsigned char *octets; /* KEY_OCTETS each */
    size_t count;
};

/* Reads the files and folders of an option. It has what could be read, also when something is
 * wrong: `problems` then says what, and on which line. Call key_secrets_free() in any case. */
void key_secrets_load(const struct config_list *option, enum key_kind kind,
        struct key_secrets *secrets_r, struct problems *problems);
void key_secrets_free(struct key_secrets *secrets);

#endif
