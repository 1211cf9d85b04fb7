// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_RING_H
#define VERIMAIL_EVENTS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/event.h"

#define RING_OCTETS ((size_t)4 * 1024 * 1024)

/* Events on their way from one worker to the recorder, in memory that both share: made before the
 * fork. The worker never waits and makes no system call; what does not fit is counted. The reader
 * believes nothing that it reads: a worker may have gone mad. Either side may die and be replaced
 * at any moment: what was not taken is still there. */
struct ring;

/* NULL with errno. */
struct ring *ring_init(void);
void ring_free(struct ring **ring);

/* The worker's side. */
void ring_put(struct ring *ring, const struct event *event);

/* The recorder's side: looks at the events from the oldest on, `most` at the most, without taking
 * them; the texts are borrowed from `buffer`, of EVENT_OCTETS_MAX octets or more. Returns how many
 * there are. What is no event is passed over; where that makes no sense, all that is there is.
 * Either is counted as dropped. */
size_t ring_look(struct ring *ring, struct event *events_r, size_t most, char *buffer, size_t size);
/* Takes those that the last look returned: their place may be used again. */
void ring_take(struct ring *ring);
/* How many did not fit, or were no events, since the last call. */
uint64_t ring_take_dropped(struct ring *ring);

/* Where it all is: what a worker that has gone mad can write to. For tests. */
char *ring_memory(struct ring *ring, size_t *size_r);

#endif
