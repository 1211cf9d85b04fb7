// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_CLIENT_H
#define VERIMAIL_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/attempt.h"
#include "client/discovery.h"
#include "client/peers.h"
#include "client/target_acl.h"
#include "protocol/question.h"
#include "protocol/verdict.h"

#define CLIENT_TIMEOUT 5000             /* milliseconds for the whole question, by default */
#define CLIENT_BUDGET_PER_DOMAIN 6000   /* a minute, stamped and unstamped questions apart */
#define CLIENT_BUDGET_PER_ADDRESS 60000 /* the same */

/* Asks services about messages. It has the discovery, and the memory of design section 6: the
 * cache, the rate limits and the circuit breaker. One for a process, made after any fork; all its
 * threads may use it at once. */
struct client;

/* Reads all files that it will ever need: afterwards the process may enter its sandbox. Threads are
 * made by the first question, or by client_start(). NULL with a sentence in `error_r`; errno is
 * ENOMEM when out of memory, else EINVAL: an option is wrong. */
struct client *client_init(
        const struct discovery_options *options, char error_r[DISCOVERY_ERROR_MAX]);
/* Makes the threads now. False with errno. */
bool client_start(struct client *client) __attribute__((warn_unused_result));
/* Counts there what it does from now on; borrowed, and all zero. Call it before the first
 * question. */
struct client_counts;
void client_count(struct client *client, struct client_counts *counts);
/* No thread may be in client_ask(). */
void client_free(struct client **client);

/* Which services may be asked, and the limits. */
struct client_policy {
    struct target_acl acl;
    struct peers peers; /* asked without DNS, and whatever `acl` says */
    uint64_t timeout;   /* milliseconds */
    bool plain;         /* even where the service has an answer key */
    uint32_t budget_per_domain;
    uint32_t budget_per_address;
};

/* Where an outcome is from. */
enum client_step {
    CLIENT_ANSWERED,   /* the service's answer */
    CLIENT_CACHED,     /* an earlier answer of the service */
    CLIENT_NO_SERVICE, /* VERDICT_NONE: the domain does not use Verimail */
    CLIENT_DNS,        /* VERDICT_TEMPERROR from here on: discovery failed */
    CLIENT_FORBIDDEN,  /* the policy allows no address of the service */
    CLIENT_RESTING,    /* it did not answer lately and is not asked for a minute */
    CLIENT_NO_ANSWER,  /* `attempt` says why */
    CLIENT_SHORTAGE,   /* no place, no socket, or out of memory */
    CLIENT_BUDGET,     /* too many questions */
    CLIENT_FAILURE,    /* the question does not fit into a line */
};
#define CLIENT_STEPS (CLIENT_FAILURE + 1)

/* What came of a question. */
struct client_outcome {
    enum verdict verdict; /* YES, NO, ALLOW, NONE or TEMPERROR */
    enum reason reason;
    enum client_step step;
    bool sealed;        /* the conversation was, or would have been */
    bool authenticated; /* and the answer key is vouched for by DNSSEC or the configuration: nobody
                         * on the path can have forged the answer */
    bool secure;        /* DNSSEC vouches for the way to the service; false where `is_peer` */
    bool is_peer; /* a peer stands for the domain, or for that above it whose DNS failed. If it
                   * does not answer, the message must wait (451), whatever else holds */
    bool defer; /* the domain's policy record says outage=defer: without an answer the message must
                 * wait (451), whatever else holds */
    struct discovery_answer discovery; /* unless CLIENT_CACHED, or CLIENT_BUDGET of the domain */
    enum target_acl_result acl_results[DISCOVERY_ADDRESSES_MAX]; /* of each server */
    unsigned char answer_key[KEY_OCTETS]; /* when `sealed`, and not from the cache */
    size_t line_len;
    char line[QUESTION_MAX]; /* the question with its line end, as it was or would be sent */
    struct attempt attempt;  /* when a service was asked; its `which` is then an index of
                              * discovery.servers */
    uint64_t milliseconds;   /* that it all took */
};

/* Asks the service of the author's domain, or answers from the cache. A peer at the author's domain
 * is asked without DNS; one at the organizational domain, when the DNS says that the author's has
 * no service of its own. Never fails: an error is a
 * VERDICT_TEMPERROR. `ip`: the SMTP client's address, whose network has shares of budgets and
 * places (budget.h, places.h), whether or not the question has it; empty: unknown. */
void client_ask(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip, struct client_outcome *outcome_r);
/* What can be begun or known of a question before its digest is. */
struct client_early;

/* Looks into the cache, or begins the discovery, without waiting. `question`: all but its digest.
 * NULL: nothing was begun. */
struct client_early *client_begin(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip);
/* False when the outcome is known without the digest: the cache has an answer, or the domain has no
 * service. That is then the outcome of client_ask_begun(). */
bool client_needs_digest(struct client *client, struct client_early *early);
/* As client_ask(), with what was begun for this question. */
void client_ask_begun(struct client *client, const struct client_policy *policy,
        const struct question *question, struct text ip, struct client_early *early,
        struct client_outcome *outcome_r);
void client_forget(struct client_early **early);

/* Whether one of the domains has a service. They are looked up at the same time, at most
 * DISCOVERY_LOOKS_MAX at once, until one has. DISCOVERY_FOUND: one has; else DISCOVERY_SHORTAGE or
 * DISCOVERY_ERROR: it is not known of one; else DISCOVERY_NONE. `which_r`: which one, unless none.
 * `ip`: as above. */
enum discovery_result client_find_service(struct client *client, const struct client_policy *policy,
        const struct text *domains, size_t count, struct text ip, size_t *which_r);
/* Asks at these endpoints, without discovery and without a client's memory. `deadline`:
 * mono_ms(). */
void client_ask_at(const struct endpoint *endpoints, size_t count, const struct question *question,
        uint64_t deadline, struct client_outcome *outcome_r);

/* Whether our own room ran out, from CLIENT_SHORTAGE on. The message must wait (451) then, whatever
 * else holds: a flood must not switch the protection off (design, section 6). */
bool client_is_short(enum client_step step);
/* Where the answer is from, or was looked for: "service", "cache", "peer"; "" where there is no
 * service, or the DNS does not say. */
const char *client_source_word(const struct client_outcome *outcome);
/* One word for a log: "answer", "dns", "budget" ... */
const char *client_step_word(enum client_step step);
/* The end of a sentence for a person, with the cause from the discovery or the attempt. None of it
 * is from the network. */
void client_outcome_text(const struct client_outcome *outcome, char *text_r, size_t size);

#endif
