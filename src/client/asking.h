// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_ASKING_H
#define VERIMAIL_CLIENT_ASKING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "protocol/answer.h"
#include "protocol/text.h"

#define ASKING_ENDPOINTS_MAX 4
#define ASKING_STAGGER 250 /* milliseconds until the next address is tried beside the first */

enum asking_result {
    ASKING_ANSWERED,
    ASKING_NO_CONNECTION, /* each address refused, or could not be reached */
    ASKING_TIME_OUT,      /* no connection, or no whole answer, before the deadline */
    ASKING_CLOSED,        /* reset, or closed without an octet */
    ASKING_NOT_ANSWER,    /* what came is no answer: answer.h */
};

/* What came of a question. */
struct asking {
    enum asking_result result;
    int error; /* errno of the last failure; 0: none */
    bool connected;
    size_t which;                      /* of the endpoints, when connected */
    bool failed[ASKING_ENDPOINTS_MAX]; /* these refused or timed out: a connect, or the answer */
    struct answer answer;              /* when ASKING_ANSWERED */
    size_t reply_len;                  /* what came, whatever it was */
    char reply[ANSWER_MAX + 1];
};

/* Connects, a next address beside the first after 250 ms or as soon as it fails (RFC 8305), sends
 * `line` on the first that stands, and reads until the other side closes: at most one octet more
 * than an answer may have. All before `deadline` (clock_milliseconds()). */
void asking_run(const struct endpoint *endpoints, size_t count, struct text line, uint64_t deadline,
        struct asking *asking_r);

/* Why there is no answer: "nobody answered in time", "no connection: Connection refused". */
void asking_describe(const struct asking *asking, char *text_r, size_t size);

#endif
