// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPLAY_REDIS_INFO_H
#define VERIMAIL_REPLAY_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define REDIS_INFO_POLICY_MAX 32 /* octets, with a NUL */
#define REDIS_INFO_LAG_MAX 5     /* seconds since a replica that works was heard of */

/* What a server says of itself to INFO. */
struct redis_info {
    bool cluster;
    bool replica;                       /* of another server */
    bool loading;                       /* from the disk: it cannot count yet */
    char policy[REDIS_INFO_POLICY_MAX]; /* maxmemory-policy; "": it did not say */
    unsigned replicas;                  /* of its own, that follow it now */
    uint64_t keys;                      /* in our database */
    uint64_t memory;                    /* octets, all in all */
};

/* Lines that are not understood are passed over. */
void redis_info_read(struct text t, unsigned database, struct redis_info *info_r);

/* Whether it can be trusted with counts. False with a reason: it may forget them, or is not the one
 * that counts. `cluster_only`: one that is none of a cluster will not do. */
bool redis_info_is_fit(const struct redis_info *info, bool cluster_only, char *error_r, size_t size)
        __attribute__((warn_unused_result));

#endif
