// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_ADDRESS_H
#define VERIMAIL_REPLAY_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define REDISADDRESS_HOSTS_MAX 16
#define REDISADDRESS_HOST_MAX 253 /* octets */
#define REDISADDRESS_USER_MAX 64
#define REDISADDRESS_PATH_MAX 107
#define REDISADDRESS_PORT 6379 /* where none is named */

struct redisaddress_host {
    char name[REDISADDRESS_HOST_MAX + 1]; /* or an address, without brackets */
    uint16_t port;
};

/* Where a Redis is: one server, or some nodes of a cluster; or a unix socket. */
struct redisaddress {
    bool tls;
    char user[REDISADDRESS_USER_MAX + 1]; /* "": the server's default user */
    char path[REDISADDRESS_PATH_MAX + 1]; /* of a unix socket; "": hosts */
    unsigned database;
    size_t count;
    struct redisaddress_host hosts[REDISADDRESS_HOSTS_MAX];
};

/* Reads `redis://[USER@]HOST[:PORT][,HOST[:PORT]]...[/DATABASE]`, the same with `rediss://` (TLS),
 * or `redis+unix://[USER@]/PATH[?db=DATABASE]`. An IPv6 address stands in brackets. There is no
 * place for a password. Names are not looked up. */
bool redisaddress_parse(struct text t, struct redisaddress *address_r)
        __attribute__((warn_unused_result));

/* Whether any host is written as a name, and so can come to be at another address. */
bool redisaddress_has_names(const struct redisaddress *address);

#endif
