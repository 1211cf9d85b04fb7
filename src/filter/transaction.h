// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_TRANSACTION_H
#define VERIMAIL_FILTER_TRANSACTION_H

#include "base/endpoint.h"
#include "events/mail_event.h"
#include "filter/envelope.h"
#include "filter/policy.h"
#include "protocol/returned.h"

/* Whose message it is (design, section 7). */
enum mail_class {
    MAIL_CLASS_INBOUND,       /* from elsewhere: it is verified */
    MAIL_CLASS_AUTHENTICATED, /* the client logged in: stamped for what its login may use */
    MAIL_CLASS_SUBMISSION,    /* from this machine or a trusted network, where it was written */
    MAIL_CLASS_RELAYED,       /* from there, but written elsewhere: not ours to vouch for */
};

const char *mail_class_name(enum mail_class mail_class); /* "inbound" ... */

/* The SMTP client of a mail server: the same for all messages of its connection. */
struct smtp_client {
    bool has_address;
    struct endpoint address;
    bool is_loopback;   /* on this machine */
    bool is_trusted;    /* in trusted_networks */
    bool relays_for_us; /* in a network of stamp_relayed */
};

/* What the mail server says at MAIL; each may be NULL. */
struct mail_command {
    const char *sender;      /* a path, as in `<user@domain>` */
    const char *auth_type;   /* {auth_type} */
    const char *login;       /* {auth_authen}; it or the one above: the client logged in */
    const char *daemon_name; /* {daemon_name} */
    const char *direction;   /* {verimail_direction}; `in`: from elsewhere, whatever else is said */
};

/* The forged fields Authentication-Results, by their number among the fields of that name, which
 * counts from 1. */
struct forged_results {
    unsigned seen; /* fields of that name, forged or not */
    unsigned numbers[MESSAGE_FIELDS_MAX];
    size_t count;
    unsigned rest; /* all from this number on are forged too; 0: none */
};

/* A mail transaction (RFC 5321, section 3.3): what is kept of one message while it comes. It does
 * not grow with the message. */
struct transaction {
    const struct policy *policy;
    struct client *client; /* NULL: nothing is verified */
    const struct smtp_client *from;
    bool is_authenticated;
    bool is_trusted;    /* by its network or by the daemon that it came in by */
    bool relays_for_us; /* by its network, its daemon, or relayed_mark */
    char *login;        /* NULL: none */
    struct envelope envelope;
    struct message_parser *parser;
    struct client_early *early; /* NULL: nothing was begun */
    struct returned *returned;  /* NULL: it is no bounce to one of our users */
    unsigned received;          /* fields Received */
    unsigned froms;             /* fields From */
    unsigned marks;             /* fields of the name in relayed_mark */
    bool is_submission;         /* the first of them is of sendmail's submission program */
    struct forged_results forged;
    unsigned replaced[MESSAGE_FIELDS_MAX]; /* numbers of the stamps that a new one replaces */
    uint64_t began;                        /* Unix seconds */
    char date[DATE_TEXT_MAX]; /* for a message that lacks them; the digest has them then */
    char message_id[STAMPER_MESSAGE_ID_MAX];
    char named[MAIL_EVENT_MESSAGE_MAX]; /* its first Message-ID, cut, without <> */
    size_t named_len;
    char *sender; /* the path that MAIL named */
    char *author; /* the envelope sender, likewise; NULL: that is no mailbox */
    struct message_parser_missing missing;
};

/* All but the command is borrowed. NULL when out of memory. */
struct transaction *transaction_init(const struct policy *policy, struct client *client,
        const struct smtp_client *from, const struct mail_command *command);
void transaction_free(struct transaction **transaction);

/* One header field, as session_field() has it. */
void transaction_field(struct transaction *transaction, struct text name, struct text value);

/* After the last field. Fields that the message lacks are added only to one that can be stamped. Of
 * those, only one that was submitted here without a login gets an author. For one that is verified,
 * discovery begins. */
void transaction_header_end(struct transaction *transaction);
/* Whether more of the body matters, after transaction_header_end(). */
bool transaction_wants_body(const struct transaction *transaction);

void transaction_body(struct transaction *transaction, struct text piece);

/* Its Message-ID without <>, cut to MAIL_EVENT_MESSAGE_MAX; the one that is added to it if it has
 * none. */
struct text transaction_message_id(const struct transaction *transaction);

/* For certain only when the header section is complete. */
enum mail_class transaction_class(const struct transaction *transaction);
/* Whether it is verified; if not, it is stamped if it may be. `author`: NULL when it is not
 * certain. */
bool transaction_is_verified(const struct transaction *transaction, const struct address *author);
bool transaction_can_verify(const struct transaction *transaction);
/* Whether our own user's message is refused that everybody would refuse without a stamp. */
bool transaction_rejects_foreign(const struct transaction *transaction);
/* `ip`: room for its address. */
struct verifier_envelope transaction_envelope(
        const struct transaction *transaction, char ip[ENDPOINT_TEXT_MAX]);

#endif
