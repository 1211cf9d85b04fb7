// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_TRANSACTION_H
#define VERIMAIL_FILTER_TRANSACTION_H

#include "filter/decision.h"
#include "filter/envelope.h"
#include "filter/mail_class.h"
#include "filter/policy.h"

/* What session.h keeps of a message while it comes, and what is decided from it. */

/* Fields of one name, counted as they come. */
struct mail_fields {
    unsigned seen;
    unsigned chosen[MESSAGE_FIELDS_MAX]; /* numbers of those to be taken out */
    size_t count;
    unsigned rest; /* all from this number on; 0: none */
};

struct mail {
    const struct policy *policy;
    struct client *client;
    const struct endpoint *source; /* of the SMTP client; NULL: unknown */
    char *login;                   /* NULL: none */
    bool authenticated;
    bool trusted;         /* its network, or the daemon it came in by */
    bool relayed_is_ours; /* its network is in stamp_relayed */
    bool loopback;        /* it is on this machine */
    unsigned received;    /* fields of that name */
    bool submission;      /* the first of them is sendmail's own: trust.h */
    struct envelope envelope;
    struct message_parser *letter;
    uint64_t now; /* Unix seconds, when it began */
    char date[DATE_TEXT_MAX];
    char message_id[STAMPER_MESSAGE_ID_MAX];
    struct message_parser_missing missing;   /* the two above */
    unsigned stamps;                         /* fields of that name */
    unsigned our_stamps[MESSAGE_FIELDS_MAX]; /* numbers of those that are replaced */
    struct mail_fields results;              /* Authentication-Results; those forged are chosen */
};

enum mail_class mail_trust(const struct mail *mail);
/* The forged results, as a decision takes them out. */
struct decision_removal mail_forged_results(struct mail *mail);

#endif
