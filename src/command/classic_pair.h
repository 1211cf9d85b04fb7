// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_CLASSIC_PAIR_H
#define VERIMAIL_COMMAND_CLASSIC_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#define CLASSIC_PAIR_BITS 2048
#define CLASSIC_PAIR_MAX 1024 /* octets of the public key as PEM, with a NUL */

/* A new RSA key for the payloads of 2013: the secret one as PEM in `secret_r`, which is the
 * caller's to wipe, and the public one as PEM with a NUL. */
bool classic_pair_make(char *secret_r, size_t size, size_t *len_r, char public_r[CLASSIC_PAIR_MAX])
        __attribute__((warn_unused_result));

#endif
