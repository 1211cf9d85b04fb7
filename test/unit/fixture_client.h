// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_CLIENT_H
#define VERIMAIL_TEST_FIXTURE_CLIENT_H

#include "client/client.h"
#include "fake_service.h"

#define FIXTURE_CLIENT_LONG 60000 /* milliseconds: no test waits for so long */
#define FIXTURE_CLIENT_SHORT 200
#define FAKE_DNS_NAMES 40

/* The DNS is played, in place of discovery_find(): what it says of a domain. Written before there
 * are threads. */
struct fake_dns_name {
    const char *domain;
    struct discovery_answer answer;
    uint64_t leaves; /* milliseconds of the time that there is; 0: all */
};

extern struct fake_dns_name fake_dns_names[FAKE_DNS_NAMES];
/* The next of them. */
struct fake_dns_name *fake_dns_name(const char *domain, enum discovery_result result);
void fake_dns_add_server(struct fake_dns_name *named, struct endpoint endpoint);
/* The domain's service is this one. */
struct fake_dns_name *fake_dns_service(const char *domain, const struct fake_service *service);

/* A client, and who may be asked: loopback. */
struct fixture_client {
    struct client *client;
    struct network loopback;
    struct client_policy policy;
};

/* Of a DNS that knows no name yet. */
struct fixture_client fixture_client_begin(void);
void fixture_client_end(struct fixture_client *here);
/* `about` without its author, who is `user`. */
struct client_outcome fixture_client_ask_with(
        const struct fixture_client *here, const char *user, const struct client_question *about);
struct client_outcome fixture_client_ask(
        const struct fixture_client *here, const char *user, const char *payload);
/* The answer is this one, and was come by so. */
void fixture_client_expect(const struct fixture_client *here, const char *user, const char *payload,
        enum verdict verdict, enum client_step step);

#endif
