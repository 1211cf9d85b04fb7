// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_DECISION_H
#define VERIMAIL_FILTER_DECISION_H

#include "filter/verifier.h"

#define DECISION_FIELD_MAX 2048 /* octets of a value that is added, with a NUL */

/* A field to be put into the message: its value without the space at its start, folds with LF. */
struct decision_field {
    const char *name;
    char value[DECISION_FIELD_MAX];
};

/* Fields of one name to be taken out, numbered from 1 as they stand: those in `at`, which grow, and
 * all from `rest` on; 0: none of these. The highest goes first, or the numbers shift. */
struct decision_removal {
    const char *name;
    unsigned *at;
    size_t count;
    unsigned rest;
    unsigned last; /* the number of such fields that the message has */
};

/* What to do with a message. */
struct decision {
    enum action action;
    const char *code;   /* of a reply: "550"; for ACTION_TEMPFAIL and ACTION_REJECT */
    const char *status; /* "5.7.1" */
    char text[VERIFIER_REPLY_MAX];
    struct decision_removal results; /* Authentication-Results */
    struct decision_removal stamps;
    struct decision_field on_top[1]; /* above all others: a stamp, or our result */
    size_t on_top_count;
    struct decision_field below[2]; /* Date, Message-ID */
    size_t below_count;
};

#endif
