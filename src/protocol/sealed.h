// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_SEALED_H
#define VERIMAIL_PROTOCOL_SEALED_H

#include <stdbool.h>

#include "protocol/answer.h"
#include "protocol/key.h"
#include "protocol/question.h"
#include "protocol/text.h"

/* Sealed conversations (design, section 2): a question and its answer in boxes (libsodium's
 * crypto_box), a line each way. Nobody on the path can read them, and an answer opens only for the
 * question that it belongs to.
 *
 *     question = "*" SP base64url( 0x01 | key id | client's public key | nonce | box ) [CR] LF
 *     answer   = "*" SP base64url( nonce | box ) CRLF
 *
 * Inside stands a question or an answer without its line end, then SP up to a multiple of
 * SEALED_STEP octets. */
#define SEALED_VERSION 0x01
#define SEALED_NONCE 12 /* octets: a half of the nonce of a box */
#define SEALED_SECRET 32
#define SEALED_STEP 128
#define SEALED_QUESTION_MAX 5558 /* octets of a line, line end included */
#define SEALED_ANSWER_MAX 724

/* What a client and a service share. Secret: wipe it. */
struct sealed_secret {
    unsigned char octets[SEALED_SECRET];
};

/* A sealed question as it came. What is in it is not secret. */
struct sealed_question {
    unsigned char key_id[KEY_ID_OCTETS]; /* of the answer key that it is for */
    unsigned char client[KEY_OCTETS];    /* the client's public key */
    unsigned char nonce[SEALED_NONCE];
    size_t box_len;
    unsigned char box[QUESTION_MAX + 16];
};

/* What names an answer key in a question: the first 8 octets of BLAKE2b-256 of its public half. */
void sealed_key_id(
        const unsigned char answer_public[KEY_OCTETS], unsigned char id_r[KEY_ID_OCTETS]);

/* One's own secret key and the other side's public one. False: their public key is of low order,
 * and nothing is shared. */
bool sealed_share(const unsigned char secret[KEY_OCTETS], const unsigned char public[KEY_OCTETS],
        struct sealed_secret *secret_r) __attribute__((warn_unused_result));

/* How a log or a record calls a conversation: "sealed" or "plain". Static. */
const char *sealed_channel(bool is_sealed);

/* Whether a line is to be read as a sealed question. `*` is never a user. */
bool sealed_is(struct text line);

/* For the client. Writes the line of a question, which comes without its line end. `nonce` is
 * random, fresh for each question. False when the question is longer than QUESTION_MAX, or has a
 * space at its end, or `w` has no room. */
bool sealed_put_question(const struct sealed_secret *secret,
        const unsigned char key_id[KEY_ID_OCTETS], const unsigned char client[KEY_OCTETS],
        const unsigned char nonce[SEALED_NONCE], struct text question, struct writer *w)
        __attribute__((warn_unused_result));

enum sealed_result {
    SEALED_OK,
    SEALED_PLAIN,      /* not the form of anything sealed: a plain line that is malformed */
    SEALED_UNREADABLE, /* of another version, or cut */
};

/* For the service: `line` ends in CRLF, LF or nothing. */
enum sealed_result sealed_read_question(struct text line, struct sealed_question *question_r)
        __attribute__((warn_unused_result));
/* False: the box does not open. `question_r` is without the spaces at its end, and lies in
 * `buffer`. It may be anything that is not another sealed question: parse it as one. */
bool sealed_open_question(const struct sealed_secret *secret,
        const struct sealed_question *question, char buffer[QUESTION_MAX], struct text *question_r)
        __attribute__((warn_unused_result));

/* For the service. `answer` comes without its line end; `nonce` is random. False as for a question,
 * and when the service's nonce is all zero: it would be that of a question. */
bool sealed_put_answer(const struct sealed_secret *secret,
        const unsigned char question_nonce[SEALED_NONCE], const unsigned char nonce[SEALED_NONCE],
        struct text answer, struct writer *w) __attribute__((warn_unused_result));

/* For the client: `line` ends in CRLF. False when it is no answer to the question with this nonce.
 * `answer_r` is without the spaces at its end, and lies in `buffer`. */
bool sealed_open_answer(const struct sealed_secret *secret,
        const unsigned char question_nonce[SEALED_NONCE], struct text line, char buffer[ANSWER_MAX],
        struct text *answer_r) __attribute__((warn_unused_result));

#endif
