// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_VERIFIER_H
#define VERIMAIL_FILTER_VERIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/client.h"
#include "client/uncertain.h"
#include "config/config.h"
#include "protocol/message_parser.h"
#include "protocol/results.h"

/* What a receiving host does with a message (design, sections 6 and 7), by the section `verify` of
 * one configuration. It does not change: all threads may use it at once. */
struct verifier;

/* Both are borrowed. `config` has the peers, and our own domains: those that are stamped for, those
 * that are served, and those of peers; NULL: there are none. NULL when out of memory. */
struct verifier *verifier_init(const struct config_verify *verify, const struct config *config);
void verifier_free(struct verifier **verifier);

/* For a question that is not about a message. */
const struct client_policy *verifier_policy(const struct verifier *verifier);

/* A client with the section's resolver and trust anchors. `kept_path`: as discovery_options has it.
 * NULL as client_init() has it. */
struct client *verifier_client(const struct config_verify *verify, const char *kept_path,
        discovery_on_replaced *on_replaced, char error_r[DISCOVERY_ERROR_MAX]);

enum action {
    ACTION_ACCEPT, /* nothing was found, or it is only marked */
    ACTION_QUARANTINE,
    ACTION_TEMPFAIL,
    ACTION_REJECT,
};

const char *action_name(enum action action); /* "accept" ... */

#define VERIFIER_REPLY_MAX 512

/* What the mail server is to do with a message, and to say to its client. */
struct reply {
    enum action action;
    const char *code;              /* for TEMPFAIL and REJECT: "550"; else empty, as the others */
    const char *status;            /* "5.7.1" */
    char text[VERIFIER_REPLY_MAX]; /* a sentence */
};

/* What was found out about a message, and what is to be done with it. */
struct verification {
    enum verdict verdict;
    struct text reason;           /* one word; empty: none. It is of design section 3, or a
                                   * message_parser_error_word(), or client_step_word() */
    const struct address *author; /* borrowed from the parser; NULL: `error` says why */
    enum message_parser_error error;
    size_t stamps; /* of the author, in the message */
    bool asked;    /* `outcome` is set */
    struct client_outcome outcome;
    enum uncertain_result uncertain; /* without an author: why it passes or not */
    char meant[DOMAIN_MAX + 1];      /* the domain that decided that; empty: none did */
    struct reply reply;              /* in `mode = enforce` */
    char field[RESULTS_VALUE_MAX];   /* of Authentication-Results; empty: none is written */
};

/* Where a message comes from and goes to. Each may be empty: unknown. */
struct verifier_envelope {
    struct text sender; /* a path or an address */
    struct text rcpt;   /* as in a question */
    struct text ip;
};

/* Begins, after the header section, what can be known of a message before its end: discovery, or an
 * answer from the cache. For verifier_judge(); client_forget() frees it. NULL: nothing was begun,
 * or the author is not certain. */
struct client_early *verifier_begin(const struct verifier *verifier, struct client *client,
        const struct message_parser *parser, const struct verifier_envelope *envelope);

/* Judges a message that message_parser_end() ended: finds its author and the author's stamp, asks
 * the service, and decides by the options of the section. `early`: what verifier_begin() began, or
 * NULL. `eol`: of the folds of `field`.
 *
 * A message without a certain author is a PERMERROR if a domain that uses Verimail could be meant,
 * a TEMPERROR while that is not known, and else NONE. That TEMPERROR, one for want of our own room,
 * and one about a domain with a peer or with outage=defer in its policy record, is a TEMPFAIL
 * whatever on_temperror says: a flood does not switch the protection off. The only part of a reply
 * that is from the network is a domain, which is valid in the DNS. */
void verifier_judge(const struct verifier *verifier, struct client *client,
        const struct message_parser *parser, const struct verifier_envelope *envelope,
        struct client_early *early, const char *eol, struct verification *verification_r);
bool verifier_is_monitor(const struct verifier *verifier);
/* The section `verify`. */
const struct config_verify *verifier_config(const struct verifier *verifier);
/* Whether it is a domain of ours, in A-labels. */
bool verifier_is_ours(const struct verifier *verifier, struct text domain);

#endif
