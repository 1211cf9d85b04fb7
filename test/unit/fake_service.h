// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FAKE_SERVICE_H
#define VERIMAIL_TEST_FAKE_SERVICE_H

#include "base/endpoint.h"

#define FAKE_SERVICE_QUESTION_MAX 4200 /* octets with a NUL */

/* A service in a thread of the test: how it answers a line. */
enum fake_service_manner {
    FAKE_SERVICE_AT_ONCE,
    FAKE_SERVICE_IN_OCTETS, /* one in each segment */
    FAKE_SERVICE_SLOWLY,    /* an octet each 20 ms */
    FAKE_SERVICE_WITH_RESET,
    FAKE_SERVICE_WHEN_RELEASED, /* many connections may wait; those closed before get nothing */
    FAKE_SERVICE_NOBODY,        /* the port refuses connections */
    FAKE_SERVICE_NO_PACKET,     /* no connection comes about, and none is refused */
};

struct fake_service;

/* `address`: a literal, `127.0.0.2`; the kernel picks the port. `reply` is borrowed. Ends the test
 * program when something fails. */
struct fake_service *fake_service_start(
        const char *address, enum fake_service_manner manner, const char *reply);
/* Closes what is open. */
void fake_service_stop(struct fake_service **fake);

struct endpoint fake_service_endpoint(const struct fake_service *fake);
/* Lines that came. */
unsigned fake_service_questions(struct fake_service *fake);
/* Waits until so many connections are open at once. */
void fake_service_wait_for(struct fake_service *fake, unsigned connections);
/* Answers what waits, and from now on at once. */
void fake_service_release(struct fake_service *fake);
/* The last line, with its end. */
void fake_service_last(struct fake_service *fake, char question_r[FAKE_SERVICE_QUESTION_MAX]);

#endif
