// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_EVENT_H
#define VERIMAIL_EVENTS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "events/record_kind.h"
#include "protocol/address.h"
#include "protocol/digest.h"
#include "protocol/question.h"
#include "protocol/verdict.h"

#define EVENT_RECEIVING_MAX 512 /* octets; further domains are dropped from the end */
#define EVENT_CAUSE_MAX 16
#define EVENT_STAMP 32 /* octets of a payload's name */
#define EVENT_OCTETS_MAX                                                                           \
    (64 + ADDRESS_MAX + DOMAIN_MAX + EVENT_RECEIVING_MAX + 2 * 48 + EVENT_STAMP + DIGEST_TEXT)

/* An SQL condition. Stores have an index of these events by time. SQLite uses it only in a query
 * that has this very text. */
#define EVENT_UNUSUAL "verdict <> 'YES'"

/* A question and its answer. Texts are borrowed, and empty when not known. */
struct event {
    uint64_t time; /* Unix milliseconds */
    enum verdict verdict;
    enum reason reason;
    enum reason would_be;  /* for ALLOW testing: the reason of the NO; else REASON_NONE */
    struct text cause;     /* one word, if the log knows more than the wire (judge.h) */
    struct text user;      /* canonical text, local@domain */
    struct text host;      /* the sending host, from the payload */
    struct text receiving; /* domains separated by commas, or `*` */
    struct text ip;        /* the address that sent the message, as reported by the asker */
    struct text asker;     /* the address of the asker */
    /* The payload that opened: the base64url of its nonce, as it stands in the payload from the
     * 13th octet on. Empty if none opened. */
    struct text stamp;
    uint64_t issued;    /* Unix seconds, of that payload */
    struct text digest; /* of the message, as reported by the asker */
    bool changed;       /* the payload binds another digest, or none */
    /* Too many like it came: it is counted, and not recorded by itself. */
    bool left_out;
    /* Whether the user has a rule of its own. False if the rule is that of `*`, or there is none.
     * Also false if no rule was read: a forged stamp, a domain that is not served. */
    bool listed;
    bool sealed; /* the conversation was */
    uint32_t milliseconds; /* from accept to answer */
};

/* Encodes an event for the recorder, in at most EVENT_OCTETS_MAX octets. A text that is too long is
 * cut at its end; `receiving` is cut between two domains. */
bool event_encode(const struct event *event, struct writer *w) __attribute__((warn_unused_result));
/* Decodes an event. It is strict, because the octets come from a process that strangers can reach.
 * All texts are printable ASCII, and times fit 63 bits. The texts are borrowed. On false
 * `event_r` is not valid. */
bool event_decode(struct text octets, struct event *event_r) __attribute__((warn_unused_result));

/* The domain of the event's user, borrowed; empty when there is none. */
struct text event_domain(const struct event *event);

extern const struct record_kind event_kind;

#endif
