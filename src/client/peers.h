// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_PEERS_H
#define VERIMAIL_CLIENT_PEERS_H

#include "base/endpoint.h"
#include "protocol/domain.h"
#include "protocol/key.h"
#include "protocol/text.h"

/* Services at known addresses (design, sections 7 and 11). One stands for the SRV records at the
 * name of its domain. */
struct peer {
    char domain[DOMAIN_MAX + 1]; /* A-labels in lower case */
    struct endpoint endpoint;
    bool has_key;
    unsigned char key[KEY_OCTETS]; /* the public half of its answer key */
};

struct peers {
    struct peer *at; /* in the order of their domains */
    size_t count;
};

/* Copies them. False when out of memory: there are none then. */
bool peers_init(struct peers *peers_r, const struct peer *from, size_t count)
        __attribute__((warn_unused_result));
void peers_free(struct peers *peers);
/* The peer of exactly this domain, or NULL. */
const struct peer *peers_find(const struct peers *peers, struct text domain);
/* The peer of its organizational domain, if that is another; else NULL. */
const struct peer *peers_find_above(const struct peers *peers, struct text domain);

#endif
