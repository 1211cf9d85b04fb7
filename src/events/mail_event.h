// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_MAIL_EVENT_H
#define VERIMAIL_EVENTS_MAIL_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "events/record_kind.h"
#include "protocol/address.h"
#include "protocol/verdict.h"

/* Octets; what is longer is cut. */
#define MAIL_EVENT_REASON_MAX 32
#define MAIL_EVENT_QUEUE_MAX 64
#define MAIL_EVENT_MESSAGE_MAX 320
#define MAIL_EVENT_LOGIN_MAX 256
#define MAIL_EVENT_RECEIVING_MAX 512
#define MAIL_EVENT_SERVICE_MAX 64
#define MAIL_EVENT_LOOKUP_MAX (DOMAIN_MAX + 16) /* `_verimail._tcp.` and a domain */
#define MAIL_EVENT_STAMP 32                     /* of a payload's name */
#define MAIL_EVENT_IP_MAX 48
#define MAIL_EVENT_OCTETS_MAX                                                                      \
    (64 + MAIL_EVENT_REASON_MAX + MAIL_EVENT_QUEUE_MAX + MAIL_EVENT_MESSAGE_MAX + ADDRESS_MAX +    \
            MAIL_EVENT_LOGIN_MAX + MAIL_EVENT_IP_MAX + MAIL_EVENT_RECEIVING_MAX +                  \
            MAIL_EVENT_SERVICE_MAX + MAIL_EVENT_LOOKUP_MAX + MAIL_EVENT_STAMP)

/* An SQL condition. Stores have an index of these events by time. SQLite uses it only in a query
 * that has this very text. */
#define MAIL_EVENT_UNUSUAL "verdict <> 'YES' AND action <> 'stamped'"

enum mail_direction {
    MAIL_DIRECTION_IN,  /* it was verified */
    MAIL_DIRECTION_OUT, /* it was stamped, or was to be */
};

/* What was done with a message. */
enum mail_action {
    MAIL_ACTION_NONE, /* "" */
    MAIL_ACTION_STAMPED,
    MAIL_ACTION_PASSED,
    MAIL_ACTION_MARKED, /* delivered with a bad result in Authentication-Results */
    MAIL_ACTION_REJECTED,
    MAIL_ACTION_QUARANTINED,
    MAIL_ACTION_DEFERRED,
};

/* Where the answer came from. */
enum mail_source {
    MAIL_SOURCE_NONE, /* "": there was no answer */
    MAIL_SOURCE_SERVICE,
    MAIL_SOURCE_CACHE,
    MAIL_SOURCE_PEER, /* the service that a section `peer` names */
};

/* A message that the milter decided about. Texts are borrowed, and empty when not known. */
struct mail_event {
    uint64_t time; /* Unix milliseconds */
    enum mail_direction direction;
    enum mail_action action;
    enum mail_action would_be; /* in `mode = monitor`: what it would have been; else NONE */
    enum verdict verdict;      /* for MAIL_DIRECTION_IN */
    enum mail_source source;
    bool sealed;        /* the conversation with the service was */
    bool authenticated; /* and its answer key was vouched for (client.h) */
    bool secure;        /* DNSSEC vouches for the way to the service */
    /* Too many like it came: it is counted, and not recorded by itself. */
    bool left_out;
    struct text reason;    /* one word: the service's; or why there is no verdict or no stamp */
    struct text queue;     /* the mail server's queue id */
    struct text message;   /* Message-ID, without <> */
    struct text author;    /* canonical text, local@domain */
    struct text login;     /* of the client */
    struct text ip;        /* of the client */
    struct text receiving; /* domains separated by commas, or `*` */
    struct text service;   /* address and port of the service that answered or was tried */
    struct text lookup;    /* the DNS name that was looked up for it */
    /* The payload that was made, or asked about: the base64url of its nonce, as in struct event. */
    struct text stamp;
    uint32_t milliseconds; /* from the end of the message to the decision */
};

const char *mail_direction_name(enum mail_direction direction); /* "in", "out" */
const char *mail_action_name(enum mail_action action);          /* "stamped" ...; "" for NONE */
const char *mail_source_name(enum mail_source source);          /* "service" ...; "" for NONE */

/* Encodes an event for the recorder, in at most MAIL_EVENT_OCTETS_MAX octets. A text that is too
 * long is cut at its end, `receiving` between two domains. An octet that is not printable ASCII
 * becomes %XX. */
bool mail_event_encode(const struct mail_event *event, struct writer *w)
        __attribute__((warn_unused_result));
/* Decodes an event. It is strict, because the octets come from a process that strangers can reach.
 * All texts are printable ASCII, and times fit 63 bits. The texts are borrowed. On false
 * `event_r` is not valid. */
bool mail_event_decode(struct text octets, struct mail_event *event_r)
        __attribute__((warn_unused_result));

extern const struct record_kind mail_event_kind;

#endif
