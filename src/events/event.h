// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_EVENT_H
#define VERIMAIL_EVENTS_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/address.h"
#include "protocol/question.h"
#include "protocol/verdict.h"

#define EVENT_RECEIVING_MAX 512 /* octets; more domains are left out from the end */
#define EVENT_CAUSE_MAX 16
#define EVENT_OCTETS_MAX (64 + ADDRESS_MAX + DOMAIN_MAX + EVENT_RECEIVING_MAX + 2 * 48)

/* A question and its answer. The texts are borrowed; those that are not known are empty. */
struct event {
    uint64_t time; /* Unix milliseconds */
    enum verdict verdict;
    enum reason reason;
    struct text cause;     /* one word where the log knows more than the wire (judge.h) */
    struct text user;      /* canonical text, local@domain */
    struct text host;      /* the sending host that the payload names */
    struct text receiving; /* domains with commas between, or `*` */
    struct text ip;        /* the address that the message came from, as the asker says */
    struct text asker;     /* the address that asked */
    bool listed;           /* the user has a rule of its own, not that of `*` or none; false, too,
                            * where no rule was looked at: a forged stamp, a domain not served */
    uint32_t milliseconds; /* from accept to answer */
};

/* Writes it for the way to the recorder: at most EVENT_OCTETS_MAX octets. What is too long is cut
 * at its end (receiving: between two domains). */
bool event_encode(const struct event *event, struct writer *w) __attribute__((warn_unused_result));
/* Strict: the octets come from a process that strangers talk to. All texts are plain, and the time
 * fits 63 bits. The texts are borrowed; on false `event_r` means nothing. */
bool event_decode(struct text octets, struct event *event_r) __attribute__((warn_unused_result));

/* Only printable ASCII: that is what the lines that events come from are made of. */
bool event_is_plain(struct text t);
/* The domain of the event's user, borrowed; empty when there is none. */
struct text event_domain(const struct event *event);

#endif
