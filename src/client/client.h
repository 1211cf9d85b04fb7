// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_CLIENT_H
#define VERIMAIL_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/asking.h"
#include "client/discovery.h"
#include "client/target_acl.h"
#include "protocol/address.h"
#include "protocol/verdict.h"

#define CLIENT_TIMEOUT 5000            /* milliseconds for everything, unless told otherwise */
#define CLIENT_BUDGET_PER_DOMAIN 600   /* a minute, stamped and unstamped questions apart */
#define CLIENT_BUDGET_PER_ADDRESS 6000 /* the same */

/* A verifier's memory of what it asked: the cache, the budgets and the breaker of design section
 * 6. One for a process; all its threads may use it at once. */
struct client;

/* `discovery` is borrowed. NULL when out of memory. */
struct client *client_init(struct discovery *discovery);
void client_free(struct client **client);

/* What may be asked, and how long it may take. */
struct client_policy {
    struct target_acl reach;
    uint64_t timeout; /* milliseconds */
    uint32_t budget_per_domain;
    uint32_t budget_per_address;
};

/* What is asked about a message. */
struct client_question {
    const struct address *author;
    struct text payload; /* of the author's one stamp; empty, or `-`: it has none */
    struct text rcpt;    /* receiving domains with commas, or `*`; empty: not said */
    struct text digest;  /* empty: not said */
    struct text ip;      /* empty: not said */
};

/* Where an outcome is from. */
enum client_step {
    CLIENT_ANSWERED,   /* the service said so */
    CLIENT_CACHED,     /* it said so a moment ago */
    CLIENT_NO_SERVICE, /* VERDICT_NONE: the domain does not use Verimail */
    CLIENT_DNS,        /* VERDICT_TEMPERROR from here on: discovery failed */
    CLIENT_FORBIDDEN,  /* every address of the service is one that we do not connect to */
    CLIENT_RESTING,    /* it did not answer lately and is left alone for a minute */
    CLIENT_NO_ANSWER,  /* `asking` says why */
    CLIENT_BUDGET,     /* too many questions: 451 whatever else holds */
    CLIENT_FAILURE,    /* out of memory, or the question does not fit into a line */
};

struct client_outcome {
    enum verdict verdict; /* YES, NO, ALLOW, NONE or TEMPERROR */
    enum reason reason;
    enum client_step step;
    bool secure;                       /* DNSSEC vouches for the way to the service */
    struct discovery_answer discovery; /* unless CLIENT_CACHED, or CLIENT_BUDGET of the domain */
    enum target_acl_result reached[DISCOVERY_ADDRESSES_MAX]; /* of each server */
    struct asking asking;  /* set when there was a question; its `which` is then an index of
                            * discovery.servers */
    uint64_t milliseconds; /* that it all took */
};

/* Asks the author's domain, or what is known of it. Never fails: what goes wrong is a temperror. */
void client_ask(struct client *client, const struct client_policy *policy,
        const struct client_question *question, struct client_outcome *outcome_r);

/* One word for a log: "answered", "dns", "budget" ... */
const char *client_step_word(enum client_step step);
/* A sentence's end for a person, with the discovery's or the asking's cause in it; none of it is
 * from the network. */
void client_outcome_text(const struct client_outcome *outcome, char *text_r, size_t size);

#endif
