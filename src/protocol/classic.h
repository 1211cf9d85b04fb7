// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_CLASSIC_H
#define VERIMAIL_PROTOCOL_CLASSIC_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/text.h"

#define CLASSIC_BITS_MIN 1024
#define CLASSIC_BITS_MAX 4096
#define CLASSIC_OCTETS_MAX (CLASSIC_BITS_MAX / 8)

/* The payload of 2013: hex of RSA-OAEP (SHA-1, MGF1-SHA-1) of `sending_fqdn receiving_fqdn nonce`.
 * Anyone who has the public key can make one: it binds no user, no time and no message. */
struct classic_key;

/* A payload that was opened: the texts lie in `content`. */
struct classic_payload {
    struct text host; /* as it is written inside: "localhost" and "127.0.0.1" are usual */
    struct text receiving;
    struct text nonce;
    char content[CLASSIC_OCTETS_MAX];
};

/* `pem`: a PKCS #1 or PKCS #8 private key without a pass phrase. NULL when it is none, is not RSA
 * or of a size outside the limits; `*error_r` then says why: "is not an RSA key". One trial
 * decryption is made, so that nothing is left to be loaded in the sandbox. */
struct classic_key *classic_key_init(struct text pem, const char **error_r);
void classic_key_free(struct classic_key **key);
/* Octets of its modulus: a classic payload has exactly twice as many hex digits. */
size_t classic_key_octets(const struct classic_key *key);
unsigned classic_key_bits(const struct classic_key *key);

/* Whether this payload could be one of 2013: hex digits only. */
bool classic_is_hex(struct text payload);
/* Whether this payload is one of 2013 for this key, going by its form alone. */
bool classic_is_payload(const struct classic_key *key, struct text payload);

/* False, with `payload_r` all zero, when it does not open or its text is not valid: three words
 * with single spaces between them, no control octet, the first word an LDH name. Which of these it
 * was cannot be told from outside. */
bool classic_open(struct classic_key *key, struct text hex, struct classic_payload *payload_r)
        __attribute__((warn_unused_result));

#endif
