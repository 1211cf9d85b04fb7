// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_ADVICE_H
#define VERIMAIL_COMMAND_ADVICE_H

#include "protocol/verdict.h"

/* Where the option stands that decided. */
enum advice_place {
    ADVICE_NOWHERE, /* no line of the configuration decided */
    ADVICE_SERVICE,
    ADVICE_DOMAIN, /* the section of the domain whose rules judged */
    ADVICE_USER,   /* the rule: a section user, or a row of the table */
    ADVICE_HOSTS,  /* the hosts that the rule permits: its own, or the domain's */
    ADVICE_HOST,   /* the section of the host that made the stamp */
};

/* Each answer of a service in plain words, and what to do about it. */
struct advice {
    enum verdict verdict;
    enum reason reason;
    const char *cause; /* as struct judgement has it */
    const char *why;
    const char *change; /* what would change it; "": nothing has to */
    enum advice_place place;
    const char *option; /* the option that decided; NULL: the section as a whole */
};

/* NULL when no service gives this answer. */
const struct advice *advice_find(enum verdict verdict, enum reason reason, const char *cause);
/* What to do about ALLOW testing, apart from what it would be. */
const struct advice *advice_testing(void);

/* What the milter recorded about a message, in plain words. */
struct advice_mail {
    const char *reason; /* a word of the record */
    const char *why;    /* the end of a sentence that begins with what was done */
    const char *change; /* "": nothing has to */
    const char *section;
    const char *option; /* NULL, as is the section: none decided */
};

/* Why there is no verdict or no stamp; NULL: an unknown word. */
const struct advice_mail *advice_mail_find(const char *reason);
/* The option by which a message from elsewhere is refused, marked or deferred; NULL: none. */
const char *advice_mail_action(const char *verdict);

#endif
