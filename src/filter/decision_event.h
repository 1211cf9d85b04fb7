// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_DECISION_EVENT_H
#define VERIMAIL_FILTER_DECISION_EVENT_H

#include "events/mail_event.h"
#include "filter/backscatter.h"
#include "filter/transaction.h"

/* What the record says of a message that was decided about. It borrows from the transaction and
 * points into itself, so it must not be copied. */
struct decision_event {
    bool is_made; /* false: the message was neither verified nor to be stamped */
    struct mail_event event;
    const struct endpoint *from; /* the client; NULL: not known */
    char ip[ENDPOINT_TEXT_MAX];
    char service[ENDPOINT_TEXT_MAX];
    char lookup[MAIL_EVENT_LOOKUP_MAX + 1];
    char stamp[MAIL_EVENT_STAMP];
};

/* `queue_id`, `author`: NULL when there is none. */
void decision_event_begin(const struct transaction *transaction, const char *queue_id,
        const struct address *author, struct decision_event *event_r);

/* Then one of these. */
void decision_event_verified(const struct transaction *transaction,
        const struct verification *verification, struct decision_event *event);
/* Behind the one above, for a bounce. One that our users' mail did not bring about is recorded
 * under the name of the user that it is about, for the reason `backscatter`. */
void decision_event_bounced(const struct transaction *transaction,
        const struct backscatter *backscatter, struct decision_event *event);
/* `payload`: of the stamp that was made. */
void decision_event_stamped(struct text payload, struct decision_event *event);
/* `reason`: one word, static. */
void decision_event_not_stamped(
        const char *reason, enum action action, struct decision_event *event);

#endif
