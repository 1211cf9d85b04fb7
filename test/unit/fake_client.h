// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FAKE_CLIENT_H
#define VERIMAIL_TEST_FAKE_CLIENT_H

#include "client/client.h"

/* Stands in for client.c: client_ask(), client_ask_begun() and client_find_service() give the
 * outcome that a test asked for, and keeps the question. client_init() keeps its options, and
 * fails. Linked before the part `client`. */
struct fake_client {
    struct client_outcome outcome; /* to be given */
    bool has_later;
    struct client_outcome later; /* to be given from the second time on, if there is one */
    unsigned asked;              /* how often */
    char question[1024];         /* the last one */
    enum discovery_result found; /* to be given by client_find_service(), about the first domain */
    char looked_for[1024];       /* the domains, with a space between two */
    const struct client_policy *policy;
    uint64_t timeout;                 /* of that policy */
    unsigned begun;                   /* and not forgotten */
    bool needs_no_digest;             /* what was begun */
    const struct client_early *early; /* that client_ask_begun() got */
    char made_with[200]; /* resolver and trust anchors, with a dot behind these when they are given
                          */
};

extern struct fake_client fake_client;

/* The client to ask: there is nothing in it. */
struct client *fake_client_get(void);

#endif
