// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_DECISION_H
#define VERIMAIL_FILTER_DECISION_H

#include "filter/decision_event.h"

#define DECISION_FIELD_MAX 2048 /* octets of a value that is added, with a NUL */

/* A field to be added: its value without the space at its start, folded with LF. */
struct decision_field {
    const char *name;
    char value[DECISION_FIELD_MAX];
};

/* Fields of one name to be removed, by their number among the fields of that name, which counts
 * from 1: those in `at`, in ascending order, and all from `rest` on (0: none). Remove the highest
 * first: a removal changes the numbers behind it. */
struct decision_removal {
    const char *name;
    const unsigned *at;
    size_t count;
    unsigned rest;
    unsigned last; /* how many such fields the message has */
};

/* What to do with a message. */
struct decision {
    struct reply reply;
    struct decision_removal removals[4]; /* Authentication-Results, Verimail, relayed_mark, From */
    size_t removals_count;
    struct decision_field on_top[2]; /* above all others: a stamp, or our results */
    size_t on_top_count;
    struct decision_field below[3]; /* below all others: From, Date, Message-ID */
    size_t below_count;
    struct decision_event event; /* for the record, if the mail server does what is above */
};

/* Verifies a message of the class INBOUND, and one of the class AUTHENTICATED whose author is not
 * at a domain of ours; stamps any other that may be stamped; and logs what is done. The decision
 * borrows from the transaction. `queue_id`: NULL when there is none. */
void decision_make(
        struct transaction *transaction, const char *queue_id, struct decision *decision_r);

#endif
