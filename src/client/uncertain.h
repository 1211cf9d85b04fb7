// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_UNCERTAIN_H
#define VERIMAIL_CLIENT_UNCERTAIN_H

#include "client/client.h"
#include "protocol/candidates.h"

/* What becomes of a message whose author is not certain (design, section 6). */
enum uncertain_result {
    UNCERTAIN_NONE, /* no domain that uses Verimail can be meant: as if there were no Verimail */
    UNCERTAIN_UNREADABLE, /* any can be meant: refuse it */
    UNCERTAIN_OURS,       /* one of our own can be: refuse it */
    UNCERTAIN_SERVICE,    /* one with a service can be: refuse it */
    UNCERTAIN_UNKNOWN,    /* 451 from here on: of one that can be, the DNS does not say */
    UNCERTAIN_MANY,       /* more can be than are looked up */
    UNCERTAIN_SHORTAGE,   /* no place for a look-up, or out of memory */
};

/* Our domains, which are in A-labels and lower case. */
struct uncertain_ours {
    const struct text *domains;
    size_t count;
};

/* Judges by the candidates of the message's From fields. Where a mailbox has no domain, our own and
 * those of the envelope sender are added to them: mail servers write these in. `domain_r`: the one
 * that decided; empty: none did. `policy`, `ip`: as for client_ask(). */
enum uncertain_result uncertain_judge(struct client *client, const struct client_policy *policy,
        const struct uncertain_ours *ours, struct text sender, struct text ip,
        struct candidates *candidates, char domain_r[DOMAIN_MAX + 1]);

/* The end of a sentence for a person that begins with the domain, or with "a domain" or the like
 * where none decided: "uses Verimail and could be meant". */
const char *uncertain_text(enum uncertain_result result);
/* One word for a log. */
const char *uncertain_word(enum uncertain_result result);

#endif
