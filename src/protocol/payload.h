// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_PAYLOAD_H
#define VERIMAIL_PROTOCOL_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/keyring.h"
#include "protocol/text.h"

#define PAYLOAD_VERSION 0x01
#define PAYLOAD_NONCE 24        /* octets */
#define PAYLOAD_CONTENT_MAX 640 /* octets of the text inside: what a stamp of 900 has room for */
#define PAYLOAD_TEXT_MAX 920    /* octets of a sealed payload as base64url, at the most */

/* The sealed payload of design section 4: base64url( version | key id | nonce | box ), and inside
 * the box `sending_fqdn receiving issued user digest`, separated by single spaces. */
struct payload {
    struct text host;      /* the sending host, an A-label */
    struct text receiving; /* receiving.h */
    uint64_t issued;       /* Unix seconds */
    struct text user;      /* canonical text, address.h */
    struct text digest;    /* DIGEST_TEXT octets, or "-" */
};

/* A payload that was opened: the texts of `is` lie in `content`. Wipe it when done. */
struct payload_opened {
    struct payload is;
    unsigned char nonce[PAYLOAD_NONCE];
    const struct shared_key *key; /* whose; borrowed from the ring */
    size_t content_len;
    char content[PAYLOAD_CONTENT_MAX];
};

enum payload_result {
    PAYLOAD_OK,
    PAYLOAD_NOT_SEALED, /* not base64url, too short, too long, or another version */
    PAYLOAD_KEY,        /* its key id is none of ours */
    PAYLOAD_BOX,        /* the box does not open: made without the key, or altered */
    PAYLOAD_CONTENT,    /* it opens, but the text inside is not well formed */
    PAYLOAD_HOST,       /* it names another host than the one whose key opened it */
};

const char *payload_result_text(enum payload_result result);

/* Writes the sealed payload. `nonce` must be random, fresh for every call. False when a field is
 * not what its header says, the text is too long, or `w` has no room. */
bool payload_seal(const struct shared_key *key, const unsigned char nonce[PAYLOAD_NONCE],
        const struct payload *payload, struct writer *w) __attribute__((warn_unused_result));

/* On PAYLOAD_HOST and PAYLOAD_CONTENT `opened_r` holds what came out of the box, so that a person
 * can be shown it, on PAYLOAD_CONTENT without `is`; on the others it is all zero. */
enum payload_result payload_open(const struct keyring *ring, struct text sealed,
        struct payload_opened *opened_r) __attribute__((warn_unused_result));

#endif
