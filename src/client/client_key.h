// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_CLIENT_KEY_H
#define VERIMAIL_CLIENT_CLIENT_KEY_H

#include <stdint.h>

#include "protocol/sealed.h"

/* A client's key pair for sealed conversations, made anew every hour: who gets hold of it can forge
 * answers to this client until then. The secret half lies in guarded memory. All threads may use it
 * at once. */
struct client_key;

/* Of one question, until its answer is opened. */
struct sealed_exchange {
    struct sealed_secret secret;
    unsigned char nonce[SEALED_NONCE];
};

struct client_key *client_key_init(void); /* NULL when out of memory */
void client_key_free(struct client_key **key);

/* Writes the line of a question, which comes without its line end, sealed for this answer key.
 * `now`: milliseconds of a clock that does not go back. The caller wipes the exchange. False: the
 * question does not fit, or the answer key is of low order. */
bool client_key_seal(struct client_key *key, const unsigned char answer_public[KEY_OCTETS],
        struct text question, uint64_t now, struct sealed_exchange *exchange_r, struct writer *line)
        __attribute__((warn_unused_result));

#endif
