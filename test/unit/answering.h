// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_ANSWERING_H
#define VERIMAIL_TEST_ANSWERING_H

#include "base/endpoint.h"

#define ANSWERING_QUESTION_MAX 4200 /* octets with a NUL */

/* A service that is played by a thread: how it answers a line. */
enum answering_manner {
    ANSWERING_AT_ONCE,
    ANSWERING_IN_OCTETS, /* one in each segment */
    ANSWERING_SLOWLY,    /* an octet each 20 ms */
    ANSWERING_WITH_RESET,
    ANSWERING_WHEN_RELEASED, /* many connections may wait for it; closed before, they end silently
                              */
    ANSWERING_NOBODY,        /* the port refuses connections */
    ANSWERING_NO_PACKET,     /* no connection comes about, and none is refused */
};

struct answering;

/* `address`: a literal, `127.0.0.2`; the kernel picks the port. `reply` is borrowed. Ends the test
 * program when something fails. */
struct answering *answering_start(
        const char *address, enum answering_manner manner, const char *reply);
/* Closes what is open. */
void answering_stop(struct answering **answering);

struct endpoint answering_endpoint(const struct answering *answering);
/* Lines that came. */
unsigned answering_questions(struct answering *answering);
/* Waits until so many connections are open at once. */
void answering_wait_for(struct answering *answering, unsigned connections);
/* Answers what waits, and from now on at once. */
void answering_release(struct answering *answering);
/* The last line, with its end. */
void answering_last(struct answering *answering, char question_r[ANSWERING_QUESTION_MAX]);

#endif
