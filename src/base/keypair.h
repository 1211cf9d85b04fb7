// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_KEYPAIR_H
#define VERIMAIL_BASE_KEYPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/key.h"

/* A new pair of keys. */
struct keypair {
    char *content; /* of the secret half's file, `len` octets in guarded memory */
    size_t len;
    char public[KEY_TEXT_MAX + 1]; /* NUL-terminated */
};

/* `secret`: the kind of the secret half. `now`: Unix seconds, for a comment in the file. False when
 * out of memory. Call keypair_free() in either case. */
bool keypair_make(enum key_kind secret, uint64_t now, struct keypair *pair_r)
        __attribute__((warn_unused_result));
/* What a file with the public half has. `public`: the text of a key. NUL-terminated. */
#define KEYPAIR_PUBLIC_FILE_MAX 192
void keypair_public_file(const char *public, char content_r[KEYPAIR_PUBLIC_FILE_MAX]);
/* Wipes the secret half. */
void keypair_free(struct keypair *pair);

#endif
