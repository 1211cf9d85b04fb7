// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_CLIENT_H
#define VERIMAIL_TEST_FIXTURE_CLIENT_H

#include "client/client.h"
#include "fake_dns.h"

#define FIXTURE_CLIENT_LONG 60000 /* milliseconds: no test waits for so long */
#define FIXTURE_CLIENT_SHORT 200

/* A client, and who may be asked: loopback. */
struct fixture_client {
    struct client *client;
    struct network loopback;
    struct client_policy policy;
    const char *ip; /* the SMTP client's; NULL: unknown */
};

/* The fake DNS knows no name yet. */
struct fixture_client fixture_client_begin(void);
void fixture_client_end(struct fixture_client *here);
/* Asks `about` for this user. */
struct client_outcome fixture_client_ask_with(
        const struct fixture_client *here, const char *user, const struct question *about);
struct client_outcome fixture_client_ask(
        const struct fixture_client *here, const char *user, const char *payload);
/* Asks, and the answer is this verdict, found by this step. */
void fixture_client_expect(const struct fixture_client *here, const char *user, const char *payload,
        enum verdict verdict, enum client_step step);

#endif
