// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_BACKSCATTER_H
#define VERIMAIL_FILTER_BACKSCATTER_H

#include "filter/verifier.h"
#include "protocol/returned.h"

/* Whether a bounce to one of our users is about a message that this user never sent (design,
 * section 7). A forger writes our user's address into his mail; the mail servers that cannot
 * deliver it return it to our user. The header that they return tells: our service is asked about
 * the stamp in it, or that there is none. */

#define BACKSCATTER_REASON "backscatter"

/* What was found out about a bounce, and what is to be done with it. */
struct backscatter {
    const struct address *author; /* of the returned message; borrowed */
    enum verdict verdict;         /* of our service; only NO is backscatter */
    struct client_outcome outcome;
    struct reply reply;            /* in `mode = enforce` */
    char field[RESULTS_VALUE_MAX]; /* of Authentication-Results; empty: none is written */
};

/* Whether on_backscatter has bounces judged. */
bool backscatter_is_looked_for(const struct verifier *verifier);
/* Whether a bounce with these recipients (rcpt_text()) is for users of ours: one of the domains is
 * ours, or cannot be named. */
bool backscatter_concerns(const struct verifier *verifier, struct text rcpt);

/* Judges a bounce that is complete; ends `returned`. False, with nothing in `backscatter_r`, when
 * it returns no header, or one whose author is not certain or no user of ours.
 *
 * The question has neither digest= nor rcpt=, which a returned header does not tell. Nor has it
 * ip=: the mail server that returns a message is not the one that forged it. NO is backscatter; YES
 * and ALLOW are ours. When there is no answer the bounce passes unmarked, since a mark is not worth
 * a delay, and with `on_backscatter = reject` it waits (451).
 *
 * `timeout`: milliseconds, at most those of the policy. `ip`: of the SMTP client, for the shares of
 * budgets. `eol`: of the folds of `field`. */
bool backscatter_judge(const struct verifier *verifier, struct client *client,
        struct returned *returned, uint64_t timeout, struct text ip, const char *eol,
        struct backscatter *backscatter_r) __attribute__((warn_unused_result));

#endif
