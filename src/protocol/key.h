// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_KEY_H
#define VERIMAIL_PROTOCOL_KEY_H

#include <stdbool.h>

#include "protocol/text.h"

#define KEY_OCTETS 32 /* an X25519 key, public or secret */
#define KEY_ID_OCTETS 8
#define KEY_CHECK_OCTETS 4
#define KEY_TEXT_MAX 63 /* octets of the text form, without a NUL */

/* Design, section 4. The text form of a key is its kind, `:`, and base64url of the 32 octets and a
 * check of 4 (the first octets of BLAKE2b-256 of everything before it: the kind, the colon and the
 * 32 octets), so that a mistyped or a mistaken key is refused when it is read. */
enum key_kind {
    KEY_SERVICE_SECRET, /* service-secret: */
    KEY_SERVICE_PUBLIC, /* service-public: */
    KEY_HOST_SECRET,    /* host-secret: */
    KEY_HOST_PUBLIC,    /* host-public: */
    KEY_ANSWER_SECRET,  /* answer-secret: a service's too, for sealed conversations */
    KEY_ANSWER_PUBLIC,  /* answer-public: */
};
#define KEY_KINDS (KEY_ANSWER_PUBLIC + 1)

enum key_result {
    KEY_OK,
    KEY_NOT_KEY,    /* not the text form of a key */
    KEY_WRONG_KIND, /* a key, but of another kind */
    KEY_CHECK,      /* mistyped: the check does not fit */
    KEY_WEAK,       /* a public key of low order, with which no secret is shared */
    KEY_SEVERAL,    /* a key file with more than one key */
    KEY_TWICE,      /* keyring.h: this pair of keys is in the ring already */
};

const char *key_kind_name(enum key_kind kind); /* "service-public" ... */
bool key_kind_from_name(struct text name, enum key_kind *kind_r)
        __attribute__((warn_unused_result));
bool key_kind_is_public(enum key_kind kind);
/* The kind of the public half of such a key. */
enum key_kind key_kind_public(enum key_kind kind);
/* Whose it is: "a service", "a sending host", "a service's answers". */
const char *key_kind_owner(enum key_kind kind);
const char *key_result_text(enum key_result result); /* "is mistyped: its check does not fit" */
/* The same with more: which other kind it is. `content`: a key's text, or its file's. Static. */
const char *key_fault_text(enum key_result result, struct text content);

/* On anything but KEY_OK the key is all zero. The caller owns the buffer, and wipes a secret. */
enum key_result key_parse(struct text t, enum key_kind kind, unsigned char key_r[KEY_OCTETS])
        __attribute__((warn_unused_result));
/* The text of a key file: lines that are empty or begin with `#`, and one line with one key. */
enum key_result key_parse_file(struct text content, enum key_kind kind,
        unsigned char key_r[KEY_OCTETS]) __attribute__((warn_unused_result));
void key_format(
        enum key_kind kind, const unsigned char key[KEY_OCTETS], char text_r[KEY_TEXT_MAX + 1]);

void key_public(const unsigned char secret[KEY_OCTETS], unsigned char public_r[KEY_OCTETS]);

/* What names a pair of keys in a payload: the first 8 octets of BLAKE2b-256 of the host's public
 * key and then the service's. */
void key_id(const unsigned char host_public[KEY_OCTETS],
        const unsigned char service_public[KEY_OCTETS], unsigned char id_r[KEY_ID_OCTETS]);

#endif
