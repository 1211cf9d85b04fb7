// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_MAILLOG_H
#define VERIMAIL_FILTER_MAILLOG_H

#include "filter/transaction.h"

/* The one line that is logged of each message: verimail-milter(8), LOG. */

struct maillog {
    const struct transaction *transaction;
    const char *queue_id;         /* NULL: `-` */
    const struct address *author; /* NULL: the message does not say */
    uint64_t milliseconds;        /* from the end of the message to the decision */
};

/* event=verified. `forged`: how many fields Authentication-Results were removed. `action`: what
 * `mode = enforce` does; in monitor mode it is only said. */
void maillog_verified(const struct maillog *mail, const struct verification *verification,
        enum action action, bool monitor, size_t forged);

/* event=stamped. `replaced`: how many earlier stamps were removed. */
void maillog_stamped(const struct maillog *mail, size_t replaced);
/* event=not-stamped. `why`: one word. */
void maillog_not_stamped(const struct maillog *mail, const char *why, enum action action);

#endif
