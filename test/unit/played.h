// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_PLAYED_H
#define VERIMAIL_TEST_PLAYED_H

#include "answering.h"
#include "client/client.h"

#define PLAYED_LONG 60000 /* milliseconds: no test waits for so long */
#define PLAYED_SHORT 200
#define PLAYED_NAMES 40

/* The DNS is played, in place of discovery_find(): what it says of a domain. Written before there
 * are threads. */
struct played_name {
    const char *domain;
    struct discovery_answer answer;
    uint64_t leaves; /* milliseconds of the time that there is; 0: all */
};

extern struct played_name played_names[PLAYED_NAMES];
/* The next of them. */
struct played_name *played_name(const char *domain, enum discovery_result result);
void played_add_server(struct played_name *named, struct endpoint endpoint);
/* The domain's service is this one. */
struct played_name *played_name_at(const char *domain, const struct answering *service);

/* A client, and who may be asked: loopback. */
struct played {
    struct client *client;
    struct network loopback;
    struct client_policy policy;
};

/* Of a DNS that knows no name yet. */
struct played played_begin(void);
void played_end(struct played *here);
/* `about` without its author, who is `user`. */
struct client_outcome played_ask_with(
        const struct played *here, const char *user, const struct client_question *about);
struct client_outcome played_ask(const struct played *here, const char *user, const char *payload);
/* The answer is this one, and was come by so. */
void played_expect(const struct played *here, const char *user, const char *payload,
        enum verdict verdict, enum client_step step);

#endif
