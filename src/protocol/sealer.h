// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_SEALER_H
#define VERIMAIL_PROTOCOL_SEALER_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/address.h"
#include "protocol/payload.h"
#include "protocol/receiving.h"

/* What a sending host makes stamps with: its name, and the secret that it shares with its service,
 * which lies in guarded memory (keyring.h). It does not change: all threads may use it at once. */
struct sealer;

/* `host`: an A-label, borrowed. NULL when out of memory, with KEY_OK in `result_r`; or when the
 * keys cannot be used together. */
struct sealer *sealer_init(const char *host, const unsigned char host_secret[KEY_OCTETS],
        const unsigned char service_public[KEY_OCTETS], enum key_result *result_r);
/* False with errno: its keys stay, see keyring_free(). */
bool sealer_free(struct sealer **sealer);

enum sealer_result {
    SEALER_OK,
    SEALER_RECEIVING, /* the message has no recipient */
    SEALER_LENGTH,    /* the field would pass STAMP_FIELD_MAX */
};

/* What a stamp says of its message. */
struct sealer_message {
    const struct address *user;
    const struct receiving *receiving;
    uint64_t issued;    /* Unix seconds */
    struct text digest; /* DIGEST_TEXT octets, or "-" */
};

/* Writes the value of a field Verimail, as stamp_format() does. `nonce` must be random, fresh for
 * every call. */
enum sealer_result sealer_seal(const struct sealer *sealer,
        const unsigned char nonce[PAYLOAD_NONCE], const struct sealer_message *message,
        const char *eol, struct writer *w) __attribute__((warn_unused_result));

#endif
