// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_RING_H
#define VERIMAIL_EVENTS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "events/record_kind.h"

#define RING_OCTETS ((size_t)4 * 1024 * 1024)

/* Carries events of one kind from one worker to the recorder, in memory that both share;
 * create it before the fork. The worker never waits and makes no system call. Events that do not
 * fit are counted. The reader trusts nothing that it reads, because a worker may be compromised.
 * Either side may die and be replaced at any time; events not yet taken stay. */
struct ring;

/* NULL with errno. */
struct ring *ring_init(const struct record_kind *kind);
/* The same ring in another program, from ring_fd(). Takes `fd` over on success. NULL with errno;
 * EPROTO: `fd` is no ring. */
struct ring *ring_attach(const struct record_kind *kind, int fd);
int ring_fd(const struct ring *ring);
/* For a worker: closes the descriptor. Only who starts a recorder needs it. */
void ring_close_fd(struct ring *ring);
void ring_free(struct ring **ring);

/* For the worker. An event that is left out of the record is counted, and kept only while the ring
 * is less than half full: the other half is for those that are recorded. */
void ring_put(struct ring *ring, const void *event);

/* For the recorder: reads at most `most` events, oldest first, without taking them. `events_r` is
 * an array of structs of the ring's kind. Texts are borrowed from `buffer`, which needs at least
 * `octets_max` octets of the kind. Returns the number of events. A record that is not an event is
 * skipped. If a record's length is impossible, everything in the ring is discarded. Both are
 * counted as dropped. */
size_t ring_look(struct ring *ring, void *events_r, size_t most, char *buffer, size_t size);
/* Takes the events that the last look returned, and frees their space. */
void ring_take(struct ring *ring);
/* The number of events that did not fit, or were not valid, since the last call. */
uint64_t ring_take_dropped(struct ring *ring);
/* The number of events that are left out of the record, since the last call. */
uint64_t ring_take_left_out(struct ring *ring);
/* Takes and discards all events. Returns how many of them were not left out. */
uint64_t ring_discard(struct ring *ring);

/* The shared memory, which a compromised worker can write to. For tests. */
char *ring_memory(struct ring *ring, size_t *size_r);

#endif
