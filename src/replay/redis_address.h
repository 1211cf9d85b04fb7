// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_ADDRESS_H
#define VERIMAIL_REPLAY_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define REDIS_ADDRESS_HOSTS_MAX 16
#define REDIS_ADDRESS_HOST_MAX 253 /* octets */
#define REDIS_ADDRESS_USER_MAX 64
#define REDIS_ADDRESS_PATH_MAX 107
#define REDIS_ADDRESS_PORT 6379 /* the default */

struct redis_address_host {
    char name[REDIS_ADDRESS_HOST_MAX + 1]; /* a name, or an address without brackets */
    uint16_t port;
};

/* The address of a Redis server, of some nodes of a cluster, or of a unix socket. */
struct redis_address {
    bool tls;
    char user[REDIS_ADDRESS_USER_MAX + 1]; /* "": the server's default user */
    char path[REDIS_ADDRESS_PATH_MAX + 1]; /* of a unix socket; "": `hosts` are used */
    unsigned database;
    size_t count;
    struct redis_address_host hosts[REDIS_ADDRESS_HOSTS_MAX];
};

/* Reads `redis://[USER@]HOST[:PORT][,HOST[:PORT]]...[/DATABASE]`. `rediss://` is the same with TLS.
 * A unix socket is `redis+unix://[USER@]/PATH[?db=DATABASE]`. An IPv6 address stands in brackets.
 * An address cannot hold a password. Names are not looked up. */
bool redis_address_parse(struct text t, struct redis_address *address_r)
        __attribute__((warn_unused_result));

/* Whether any host is a name, whose address may change. */
bool redis_address_has_names(const struct redis_address *address);

#endif
