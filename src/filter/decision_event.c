// SPDX-License-Identifier: ISC
#include "filter/decision_event.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "protocol/classic.h"

#define LOOKUP "_verimail._tcp."
#define STAMP_AT 12 /* where the name of a payload begins in it */

void decision_event_begin(const struct transaction *transaction, const char *queue_id,
        const struct address *author, struct decision_event *event_r)
{
    *event_r = (struct decision_event){.event.time = unix_ms()};
    struct mail_event *event = &event_r->event;
    if (queue_id != NULL)
        event->queue = text_of(queue_id);
    if (author != NULL)
        event->author = address_text(author);
    if (transaction->login != NULL)
        event->login = text_of(transaction->login);
    if (transaction->from->has_address) {
        endpoint_format_address(&transaction->from->address, event_r->ip);
        event->ip = text_of(event_r->ip);
        event_r->from = &transaction->from->address;
    }
    event->message = transaction_message_id(transaction);
    event->receiving = envelope_rcpt(&transaction->envelope);
}

/* What is done with a message from elsewhere in `mode = enforce`. */
static enum mail_action decision_event_action(enum action action, enum verdict verdict)
{
    switch (action) {
    case ACTION_REJECT:
        return MAIL_ACTION_REJECTED;
    case ACTION_QUARANTINE:
        return MAIL_ACTION_QUARANTINED;
    case ACTION_TEMPFAIL:
        return MAIL_ACTION_DEFERRED;
    case ACTION_ACCEPT:
        break;
    }
    return verdict == VERDICT_NO || verdict == VERDICT_PERMERROR ? MAIL_ACTION_MARKED
                                                                 : MAIL_ACTION_PASSED;
}

/* A payload of 2013 has no name. */
static void decision_event_put_stamp(struct text payload, struct decision_event *event)
{
    if (payload.len < STAMP_AT + MAIL_EVENT_STAMP || classic_is_hex(payload))
        return;
    memcpy(event->stamp, payload.at + STAMP_AT, MAIL_EVENT_STAMP);
    event->event.stamp = (struct text){event->stamp, MAIL_EVENT_STAMP};
}

static void decision_event_put_lookup(struct text domain, struct decision_event *event)
{
    if (domain.len == 0)
        return;
    snprintf(event->lookup, sizeof event->lookup, LOOKUP "%.*s", (int)domain.len, domain.at);
    event->event.lookup = text_of(event->lookup);
}

/* The address that answered, or the one that would have been asked first. */
static void decision_event_put_service(
        const struct client_outcome *outcome, struct decision_event *event)
{
    const struct discovery_answer *discovery = &outcome->discovery;
    const size_t which = outcome->attempt.connected ? outcome->attempt.which : 0;

    if (which >= discovery->count)
        return;
    endpoint_format(&discovery->servers[which].endpoint, event->service);
    event->event.service = text_of(event->service);
}

/* `author`: about whom the service was to be asked. */
static void decision_event_put_outcome(const struct client_outcome *outcome,
        const struct address *author, struct decision_event *event)
{
    event->event.secure = outcome->secure;
    event->event.sealed = outcome->sealed;
    event->event.authenticated = outcome->authenticated;
    switch (outcome->step) {
    case CLIENT_CACHED:
        event->event.source = MAIL_SOURCE_CACHE;
        break;
    case CLIENT_ANSWERED:
        event->event.source = outcome->is_peer ? MAIL_SOURCE_PEER : MAIL_SOURCE_SERVICE;
        decision_event_put_service(outcome, event);
        break;
    case CLIENT_RESTING:
    case CLIENT_FORBIDDEN:
    case CLIENT_NO_ANSWER:
        decision_event_put_service(outcome, event);
        break;
    case CLIENT_NO_SERVICE:
    case CLIENT_DNS:
        decision_event_put_lookup(address_domain(author), event);
        return;
    case CLIENT_SHORTAGE:
    case CLIENT_BUDGET:
    case CLIENT_FAILURE:
        return;
    }
    if (!outcome->is_peer)
        decision_event_put_lookup(text_of(outcome->discovery.domain), event);
}

static void decision_event_judged(const struct transaction *transaction, enum action action,
        enum verdict verdict, struct mail_event *event)
{
    const enum mail_action enforced = decision_event_action(action, verdict);
    const bool monitor = verifier_is_monitor(transaction->policy->verifier);

    event->direction = MAIL_DIRECTION_IN;
    event->action = monitor ? MAIL_ACTION_PASSED : enforced;
    event->would_be = monitor ? enforced : MAIL_ACTION_NONE;
    event->verdict = verdict;
}

void decision_event_verified(const struct transaction *transaction,
        const struct verification *verification, struct decision_event *event)
{
    event->is_made = true;
    decision_event_judged(
            transaction, verification->reply.action, verification->verdict, &event->event);
    event->event.reason = verification->reason;
    if (!verification->asked) {
        decision_event_put_lookup(text_of(verification->meant), event);
        return;
    }
    size_t stamps;
    const struct stamp *stamp =
            message_parser_stamp_by(transaction->parser, verification->author, &stamps);
    if (stamp != NULL)
        decision_event_put_stamp(text_of(stamp->payload), event);
    decision_event_put_outcome(&verification->outcome, verification->author, event);
}

void decision_event_bounced(const struct transaction *transaction,
        const struct backscatter *backscatter, struct decision_event *event)
{
    struct mail_event *e = &event->event;

    if (backscatter->verdict != VERDICT_NO && backscatter->reply.action == ACTION_ACCEPT)
        return;
    decision_event_judged(transaction, backscatter->reply.action, backscatter->verdict, e);
    e->author = address_text(backscatter->author);
    e->reason = text_of(BACKSCATTER_REASON);
    e->service = e->lookup = e->stamp = text_of("");
    e->source = MAIL_SOURCE_NONE;
    decision_event_put_outcome(&backscatter->outcome, backscatter->author, event);
}

void decision_event_stamped(struct text payload, struct decision_event *event)
{
    event->is_made = true;
    event->event.direction = MAIL_DIRECTION_OUT;
    event->event.action = MAIL_ACTION_STAMPED;
    decision_event_put_stamp(payload, event);
}

void decision_event_not_stamped(
        const char *reason, enum action action, struct decision_event *event)
{
    event->is_made = true;
    event->event.direction = MAIL_DIRECTION_OUT;
    event->event.reason = text_of(reason);
    switch (action) {
    case ACTION_REJECT:
        event->event.action = MAIL_ACTION_REJECTED;
        break;
    case ACTION_TEMPFAIL:
        event->event.action = MAIL_ACTION_DEFERRED;
        break;
    case ACTION_QUARANTINE:
    case ACTION_ACCEPT:
        event->event.action = MAIL_ACTION_PASSED;
        break;
    }
}
