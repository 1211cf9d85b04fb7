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

/* What became of the attempt to ask at one endpoint. */
enum asking_fate {
    ASKING_UNTRIED, /* no packet was sent: another was faster, time was up, or we lacked something
                     */
    ASKING_SLOWER,  /* another stood first */
    ASKING_REFUSED, /* the connect failed */
    ASKING_SILENT,  /* no connection, or no whole answer, before the deadline */
    ASKING_SPOKE,   /* it connected, and answered or closed */
};

struct asking_attempt {
    enum asking_fate fate;
    uint64_t patience; /* milliseconds that it had until the deadline, when it began */
};

/* What came of a question. */
struct asking {
    enum asking_result result;
    int error; /* errno of the last failure; 0: none */
    bool connected;
    size_t which;         /* of the endpoints, when connected */
    struct answer answer; /* when ASKING_ANSWERED */
    size_t reply_len;     /* what came, whatever it was */
    char reply[ANSWER_MAX + 1];
    struct asking_attempt attempts[ASKING_ENDPOINTS_MAX]; /* at each endpoint */
};

/* Connects, a next address beside the first after 250 ms or as soon as one fails (RFC 8305). The
 * socket, for asking_converse() alone; -1: there is none, and that is the result. `deadline`:
 * mono_ms(). */
int asking_connect(const struct endpoint *endpoints, size_t count, uint64_t deadline,
        struct asking *asking_r) __attribute__((warn_unused_result));
/* Sends `line` and reads until the other side closes: at most one octet more than an answer may
 * have. Closes the socket. */
void asking_converse(int fd, struct text line, uint64_t deadline, struct asking *asking);
/* Both. */
void asking_run(const struct endpoint *endpoints, size_t count, struct text line, uint64_t deadline,
        struct asking *asking_r);

/* Why there is no answer: "nobody answered in time", "no connection: Connection refused". */
void asking_describe(const struct asking *asking, char *text_r, size_t size);

#endif
