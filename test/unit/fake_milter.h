// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FAKE_MILTER_H
#define VERIMAIL_TEST_FAKE_MILTER_H

#include <stddef.h>

#include "folder.h"
#include "milter_client.h"

#define FAKE_MILTER_PATIENT 120000 /* ms: a client that waits as long as it takes */

/* Terms of a filter: no answers but to MAIL and the end, or all of them. */
#define FAKE_MILTER_TERMS "\0\0\0\6\0\0\0\x31\0\x1c\x97\x82"
#define FAKE_MILTER_TERMS_ANSWERED "\0\0\0\6\0\0\0\x31\0\x10\4\0"

/* A filter in a thread: it says all that it has to say at once, whatever it hears. There is one at
 * a time in a program. */
enum fake_milter_manner {
    FAKE_MILTER_HEARS,    /* to the end of the connection */
    FAKE_MILTER_ENDS,     /* the same, and says that it has no more to say */
    FAKE_MILTER_CLOSES,   /* when it has spoken */
    FAKE_MILTER_TRICKLES, /* an octet at a time */
    FAKE_MILTER_IS_DEAF,  /* it reads nothing, and closes nothing */
    FAKE_MILTER_IS_BUSY,  /* it accepts no connection */
    FAKE_MILTER_IS_GONE,  /* its socket is there, and nobody listens */
};

/* What it will say is forgotten. */
void fake_milter_reset(enum fake_milter_manner manner);
void fake_milter_say_raw(const char *octets, size_t len);
void fake_milter_say(char kind, const char *data, size_t len);
/* FAKE_MILTER_TERMS and the answer to MAIL. */
void fake_milter_say_welcome(void);

/* Starts it, at a socket of AF_UNIX, AF_INET or AF_INET6, and connects a client. */
struct milter_client *fake_milter_open(int family, int timeout_ms);
/* A small message, up to its body. */
void fake_milter_hear_message(struct milter_client *client);
/* The client has this error, and names the socket. */
void fake_milter_check_error(const struct milter_client *client, const char *part);
/* Frees the client, and waits for the end of the filter. */
void fake_milter_end(struct milter_client **client);
/* After its end: what it heard. */
const char *fake_milter_heard(size_t *len_r);

#endif
