// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_ATTEMPT_H
#define VERIMAIL_CLIENT_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/endpoint.h"
#include "client/client_key.h"
#include "protocol/answer.h"
#include "protocol/text.h"

#define ATTEMPT_ADDRESSES_MAX 4
#define ATTEMPT_DELAY 250 /* milliseconds before the next address is tried as well (RFC 8305) */

enum attempt_result {
    ATTEMPT_ANSWERED,
    ATTEMPT_NO_CONNECTION, /* each address refused, or is unreachable */
    ATTEMPT_TIMEOUT,       /* no connection, or no complete answer, before the deadline */
    ATTEMPT_CLOSED,        /* reset, or closed without an octet */
    ATTEMPT_NOT_ANSWER,    /* the reply is not an answer: answer.h */
    ATTEMPT_NOT_SEALED,    /* it does not open, or is plain: sealed.h */
    ATTEMPT_SHORTAGE,      /* a socket or memory was missing here */
};

/* What became of one address. */
enum attempt_state {
    ATTEMPT_UNTRIED, /* no packet was sent: another address connected first, the deadline had passed
                      * or a local resource was missing */
    ATTEMPT_SLOWER,  /* another address connected first */
    ATTEMPT_REFUSED, /* the connect failed */
    ATTEMPT_SILENT,  /* no connection, or no complete answer, before the deadline */
    ATTEMPT_SPOKE,   /* it connected, and answered or closed */
};

struct attempt_address {
    enum attempt_state state;
    uint64_t time_ms; /* from the start of its connection attempt to the deadline */
};

/* One attempt to get an answer from the addresses of a service. */
struct attempt {
    enum attempt_result result;
    int error; /* errno of the last failure; 0: none */
    bool connected;
    size_t which;         /* index of the endpoint, when connected */
    struct answer answer; /* when ATTEMPT_ANSWERED */
    size_t reply_len;     /* of all that was received, valid or not; of what was opened */
    char reply[SEALED_ANSWER_MAX + 1];
    struct attempt_address addresses[ATTEMPT_ADDRESSES_MAX];
};

/* Connects to one of the endpoints (RFC 8305): the next address is tried ATTEMPT_DELAY after the
 * one before it, or as soon as that one fails. Returns a socket for attempt_converse(); -1: there
 * is no connection, and `attempt_r` says why. `deadline`: mono_ms(). */
int attempt_connect(const struct endpoint *endpoints, size_t count, uint64_t deadline,
        struct attempt *attempt_r) __attribute__((warn_unused_result));
/* Sends `line` and reads until the other side closes, at most one octet more than an answer may
 * have; a sealed answer ends at its LF. Closes the socket. `exchange`: what opens the answer; NULL:
 * it is plain. `stamped`: whether the question has a payload. */
void attempt_converse(int fd, struct text line, const struct sealed_exchange *exchange,
        bool stamped, uint64_t deadline, struct attempt *attempt);

/* Why there is no answer: "no answer in time", "no connection: Connection refused". */
void attempt_describe(const struct attempt *attempt, char *text_r, size_t size);

#endif
