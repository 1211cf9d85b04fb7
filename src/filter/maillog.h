// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_MAILLOG_H
#define VERIMAIL_FILTER_MAILLOG_H

#include "base/endpoint.h"
#include "filter/mail_class.h"
#include "filter/verifier.h"

/* The one line that is logged of each message: verimail-milter(8), LOG. */

/* What both kinds of line begin with. */
struct maillog {
    const char *queue_id;          /* NULL: `-` */
    const struct endpoint *source; /* NULL: unknown */
    const char *login;             /* NULL or empty: nobody logged in */
    const struct address *author;  /* NULL: the message does not say */
    enum mail_class trust;
    uint64_t milliseconds; /* from the end of the message to the decision */
};

/* event=verified. `forged`: fields Authentication-Results that were taken out. `action`: what
 * `mode = enforce` does; in monitor mode it is only said. */
void maillog_verified(const struct maillog *mail, const struct verification *verification,
        enum action action, bool monitor, size_t forged);

/* event=stamped for a stamp, else event=not-stamped with `why`, one word, and `action`. `replaced`:
 * earlier stamps that were taken out; `rcpt`: whom it is for. */
void maillog_stamped(const struct maillog *mail, struct text rcpt, size_t replaced);
void maillog_not_stamped(const struct maillog *mail, const char *why, enum action action);

#endif
