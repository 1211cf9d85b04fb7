// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FAKE_DNS_H
#define VERIMAIL_TEST_FAKE_DNS_H

#include "client/discovery.h"
#include "fake_service.h"

#define FAKE_DNS_NAMES 40

/* What the fake DNS, in place of discovery.c, says of a domain. Written before there are
 * threads. */
struct fake_dns_name {
    const char *domain;
    struct discovery_answer answer;
    uint64_t leaves; /* milliseconds of the time that there is; 0: all */
};

extern struct fake_dns_name fake_dns_names[FAKE_DNS_NAMES];
/* How many look-ups were begun early. */
unsigned fake_dns_begun(void);
/* Forgets all names. */
void fake_dns_clear(void);
/* Adds a name. */
struct fake_dns_name *fake_dns_name(const char *domain, enum discovery_result result);
void fake_dns_add_server(struct fake_dns_name *named, struct endpoint endpoint);
/* Adds a name whose service is this one. */
struct fake_dns_name *fake_dns_service(const char *domain, const struct fake_service *service);

#endif
