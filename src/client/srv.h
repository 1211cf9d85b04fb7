// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_SRV_H
#define VERIMAIL_CLIENT_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/domain.h"

#define SRV_MAX 64 /* records of one answer that are kept: those with the lowest priorities */

/* A record of RFC 2782. */
struct srv {
    uint16_t priority;
    uint16_t weight;
    uint16_t port;
    char target[DOMAIN_MAX + 1]; /* in lower case without the last dot; "" for the target `.` */
};

/* Reads the rdata of one record, raw wire without compression. False when it is no record of the
 * form, its port is 0 with a target that is not `.`, or its target is no host name (domain.h). */
bool srv_parse(const unsigned char *rdata, size_t len, struct srv *srv_r)
        __attribute__((warn_unused_result));

/* Sorts them into the order to try (RFC 2782). `chance` returns a random number from 0 to `most`.
 */
void srv_order(struct srv *records, size_t count, uint32_t (*chance)(uint32_t most));

#endif
