// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_RATION_H
#define VERIMAIL_EVENTS_RATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/endpoint.h"

/* How much of what strangers can send without end goes into the log and the record. Each network
 * (IPv4 /24, IPv6 /48) that asks or sends has a ration, and all together have one. The figures, in
 * ration.c, are those of a service or milter: each of its workers has an equal share of them. */
struct ration;

enum ration_class {
    RATION_UNANSWERED, /* malformed lines, connections that were refused or timed out */
    RATION_UNOPENED,   /* answers for which no payload opened */
    /* Answers other than YES for which one did: one stamp is enough to ask without end. */
    RATION_OPENED,
    /* Answers YES about messages: their authors' domains can be strangers' own. Those that a
     * service gives are not rationed, because a payload gets no more of them than it allows. */
    RATION_CONFIRMED,
    RATION_CLASSES,
};

/* `seed`: random, so that nobody can choose networks that share a place in memory. NULL when out of
 * memory. */
struct ration *ration_init(size_t workers, const unsigned char seed[16]);
void ration_free(struct ration **ration);

/* Whether one more may be logged and recorded. `source`: NULL when it is not known; then there is
 * only the ration of all together. `mono_ms`: milliseconds. */
bool ration_take(struct ration *ration, enum ration_class class, const struct endpoint *source,
        uint64_t mono_ms);

#endif
