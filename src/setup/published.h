// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_PUBLISHED_H
#define VERIMAIL_SETUP_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>

#include "client/discovery.h"
#include "config/config.h"

/* What the DNS says about a name: through the resolver that the section `verify` names, which
 * validates, or from one of the zone's own name servers. */

#define PUBLISHED_VALUES_MAX 16 /* of a record set */
#define PUBLISHED_SERVERS_MAX 8 /* addresses of name servers that are asked */
#define PUBLISHED_TIMEOUT 10    /* seconds for an answer */
#define PUBLISHED_VALUE_MAX (DOMAIN_MAX + 24)

enum published_result {
    PUBLISHED_FOUND,
    PUBLISHED_NONE,  /* no such name, or no such record of it */
    PUBLISHED_BOGUS, /* DNSSEC says that it is forged */
    PUBLISHED_FAILED,
    PUBLISHED_LATE, /* no answer in PUBLISHED_TIMEOUT */
};

enum published_type {
    PUBLISHED_A = 1,
    PUBLISHED_NS = 2,
    PUBLISHED_TXT = 16,
    PUBLISHED_AAAA = 28,
    PUBLISHED_SRV = 33,
};

struct published {
    enum published_result result;
    bool secure;
    char canonical[DOMAIN_MAX + 1]; /* where a CNAME led; "": there is none */
    char values[PUBLISHED_VALUES_MAX][PUBLISHED_VALUE_MAX]; /* as a zone file has them; of TXT its
                                                             * strings, joined, and cut */
    size_t count;
    struct policy_record_set policy; /* of TXT records */
    char error[DISCOVERY_ERROR_MAX]; /* the end of a sentence when BOGUS, FAILED or LATE */
};

struct published_source;

/* `verify`: NULL for its defaults. NULL with a sentence. */
struct published_source *published_resolver(
        const struct config_verify *verify, char error_r[DISCOVERY_ERROR_MAX]);
/* The name server of `zone` at an address. NULL when out of memory. */
struct published_source *published_server(const char *zone, const char *address);
void published_free(struct published_source **source);

void published_look(struct published_source *source, const char *name, enum published_type type,
        struct published *published_r);
const char *published_type_name(enum published_type type);

/* A name server of a zone. */
struct published_ns {
    char name[DOMAIN_MAX + 1];
    char address[46];
};

/* The zone that `name` is in, and addresses of its name servers, as `resolver` knows them. Returns
 * their number. 0: none is known; `zone_r` is then empty. */
size_t published_servers(struct published_source *resolver, const char *name,
        char zone_r[DOMAIN_MAX + 1], struct published_ns servers_r[PUBLISHED_SERVERS_MAX]);

#endif
