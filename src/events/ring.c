// SPDX-License-Identifier: ISC
#include "events/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "process/shared_memory.h"

#define WRAP UINT32_MAX /* a length that means: continue at the ring's start */
#define ALIGN 8         /* octets; the alignment of records */

/* Positions only grow; the offset in the ring is a position modulo its size. */
struct shared {
    _Atomic uint64_t written; /* the worker's position */
    _Atomic uint64_t dropped;
    _Atomic uint64_t left_out;
    char apart[40];         /* keeps the two positions in separate cache lines */
    _Atomic uint64_t taken; /* the recorder's position */
    _Atomic uint64_t dropped_told;
    _Atomic uint64_t left_out_told;
    char octets[RING_OCTETS] __attribute__((aligned(64)));
};

struct ring {
    const struct record_kind *kind;
    struct shared_memory memory;
    struct shared *shared; /* in that memory */
    uint64_t looked;       /* where the last look ended */
    uint64_t unreadable;   /* invalid records that the last look found */
    char *scratch;         /* room for one event and its texts */
};

static struct ring *ring_new(const struct record_kind *kind)
{
    struct ring *ring = calloc(1, sizeof *ring);

    if (ring == NULL)
        return NULL;
    ring->kind = kind;
    ring->scratch = malloc(kind->size + kind->octets_max);
    if (ring->scratch != NULL)
        return ring;
    free(ring);
    return NULL;
}

/* What `mapped` says became of the ring's memory. */
static struct ring *ring_mapped(struct ring *ring, bool mapped)
{
    if (mapped) {
        ring->shared = ring->memory.at;
        return ring;
    }
    free(ring->scratch);
    free(ring);
    return NULL;
}

struct ring *ring_init(const struct record_kind *kind)
{
    struct ring *ring = ring_new(kind);

    return ring != NULL
                   ? ring_mapped(ring, shared_memory_init(sizeof(struct shared), &ring->memory))
                   : NULL;
}

struct ring *ring_attach(const struct record_kind *kind, int fd)
{
    struct ring *ring = ring_new(kind);

    return ring != NULL ? ring_mapped(ring,
                                  shared_memory_attach(fd, sizeof(struct shared), &ring->memory))
                        : NULL;
}

int ring_fd(const struct ring *ring)
{
    return ring->memory.fd;
}

void ring_close_fd(struct ring *ring)
{
    shared_memory_close_fd(&ring->memory);
}

void ring_free(struct ring **ring)
{
    if (*ring == NULL)
        return;
    shared_memory_free(&(*ring)->memory);
    free((*ring)->scratch);
    free(*ring);
    *ring = NULL;
}

static bool make_sense(uint64_t taken, uint64_t written)
{
    return written - taken <= RING_OCTETS && written % ALIGN == 0 && taken % ALIGN == 0;
}

static void ring_drop(struct shared *s, uint64_t count)
{
    atomic_fetch_add_explicit(&s->dropped, count, memory_order_relaxed);
}

static size_t padded(size_t len)
{
    return (sizeof(uint32_t) + len + ALIGN - 1) / ALIGN * ALIGN;
}

static void put_length(struct shared *s, size_t at, uint32_t len)
{
    memcpy(s->octets + at, &len, sizeof len);
}

/* The position to write at. If a broken worker left an invalid position, its successor repairs it,
 * and everything in the ring is lost. */
static uint64_t where_to_write(struct shared *s, uint64_t taken)
{
    const uint64_t written = atomic_load_explicit(&s->written, memory_order_relaxed);

    if (make_sense(taken, written))
        return written;
    ring_drop(s, 1);
    return (taken + ALIGN - 1) / ALIGN * ALIGN;
}

void ring_put(struct ring *ring, const void *event)
{
    const size_t most = ring->kind->octets_max;
    const bool left_out = ring->kind->is_left_out(event);
    struct shared *s = ring->shared;
    const uint64_t taken = atomic_load_explicit(&s->taken, memory_order_acquire);
    uint64_t written = where_to_write(s, taken);
    const size_t at = written % RING_OCTETS;
    const size_t to_end = RING_OCTETS - at;
    /* A record is contiguous: if one might not fit before the end, it goes to the start. */
    const bool wraps = to_end < padded(most);
    const size_t begin = wraps ? 0 : at;
    const uint64_t needed = padded(most) + (wraps ? to_end : 0);

    if (left_out)
        atomic_fetch_add_explicit(&s->left_out, 1, memory_order_relaxed);
    if (left_out && written - taken > RING_OCTETS / 2)
        return;
    if (written - taken > RING_OCTETS - needed) {
        ring_drop(s, 1);
        return;
    }
    struct writer w = writer_of(s->octets + begin + sizeof(uint32_t), most);
    if (!ring->kind->encode(event, &w)) {
        ring_drop(s, 1);
        return;
    }
    const size_t len = writer_text(&w).len;
    if (wraps) {
        put_length(s, at, WRAP);
        written += to_end;
    }
    put_length(s, begin, (uint32_t)len);
    atomic_store_explicit(&s->written, written + padded(len), memory_order_release);
}

/* Discards everything after a broken worker wrote invalid data. */
static void reset(struct ring *ring, uint64_t written)
{
    ring->looked = written / ALIGN * ALIGN;
    ring->unreadable = 1;
    ring_take(ring);
}

/* Finds the record at `at`; false when it is impossible. The length is read once, because the
 * worker may change it at any time. */
static bool record_at(const struct ring *ring, uint64_t at, uint64_t written, uint32_t *len_r)
{
    const struct shared *s = ring->shared;
    const size_t place = at % RING_OCTETS;
    const uint32_t len =
            __atomic_load_n((const uint32_t *)(const void *)(s->octets + place), __ATOMIC_RELAXED);

    *len_r = len;
    if (len == WRAP)
        return place != 0 && at + (RING_OCTETS - place) <= written;
    return len <= ring->kind->octets_max && padded(len) <= RING_OCTETS - place &&
           at + padded(len) <= written;
}

size_t ring_look(struct ring *ring, void *events_r, size_t most, char *buffer, size_t size)
{
    struct shared *s = ring->shared;
    const uint64_t written = atomic_load_explicit(&s->written, memory_order_acquire);
    uint64_t at = atomic_load_explicit(&s->taken, memory_order_relaxed);
    size_t count = 0;
    size_t used = 0;
    uint32_t len = 0;

    ring->unreadable = 0;
    if (!make_sense(at, written)) {
        reset(ring, written);
        return 0;
    }
    while (at != written && count < most) {
        if (!record_at(ring, at, written, &len)) {
            reset(ring, written);
            return 0;
        }
        if (len == WRAP) {
            at += RING_OCTETS - at % RING_OCTETS;
            continue;
        }
        if (len > size - used)
            break;
        /* A copy, because a broken worker may still write there. */
        memcpy(buffer + used, s->octets + at % RING_OCTETS + sizeof len, len);
        if (ring->kind->decode((struct text){buffer + used, len},
                    (char *)events_r + count * ring->kind->size)) {
            count++;
            used += len;
        } else {
            ring->unreadable++;
        }
        at += padded(len);
    }
    ring->looked = at;
    if (count == 0)
        ring_take(ring); /* take invalid records that no caller will take */
    return count;
}

void ring_take(struct ring *ring)
{
    atomic_store_explicit(&ring->shared->taken, ring->looked, memory_order_release);
    ring_drop(ring->shared, ring->unreadable);
    ring->unreadable = 0;
}

/* What was added to a count since it was last told. */
static uint64_t ring_tell(_Atomic uint64_t *count, _Atomic uint64_t *told)
{
    const uint64_t now = atomic_load_explicit(count, memory_order_relaxed);

    return now - atomic_exchange_explicit(told, now, memory_order_relaxed);
}

uint64_t ring_take_dropped(struct ring *ring)
{
    return ring_tell(&ring->shared->dropped, &ring->shared->dropped_told);
}

uint64_t ring_take_left_out(struct ring *ring)
{
    return ring_tell(&ring->shared->left_out, &ring->shared->left_out_told);
}

uint64_t ring_discard(struct ring *ring)
{
    char *event = ring->scratch;
    char *texts = event + ring->kind->size;
    uint64_t discarded = 0;

    while (ring_look(ring, event, 1, texts, ring->kind->octets_max) > 0) {
        discarded += !ring->kind->is_left_out(event);
        ring_take(ring);
    }
    return discarded;
}

char *ring_memory(struct ring *ring, size_t *size_r)
{
    *size_r = sizeof *ring->shared;
    return (char *)ring->shared;
}
