// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_ANSWER_PUBLIC_H
#define VERIMAIL_SETUP_ANSWER_PUBLIC_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "protocol/policy_record.h"

#define ANSWER_PUBLIC_MAX 16 /* keys: the first of the option, newest first */
#define ANSWER_PUBLIC_ERROR_MAX 512

/* The public halves of the service's answer keys. */
struct answer_public {
    size_t count;
    unsigned char keys[ANSWER_PUBLIC_MAX][KEY_OCTETS];
};

/* Reads them from the files that `config` names; no section `service`, no keys. False with a
 * sentence: one cannot be read. */
bool answer_public_read(const struct config *config, struct answer_public *public_r,
        char error_r[ANSWER_PUBLIC_ERROR_MAX]) __attribute__((warn_unused_result));
/* Whether a verifier that reads this record gets answers: the service has its key, or it has
 * none. */
bool answer_public_fits(const struct answer_public *public, const struct policy_record *record);
/* The record to publish, of the newest key. False: there is no key. */
bool answer_public_format(const struct answer_public *public, struct writer *w)
        __attribute__((warn_unused_result));

#endif
