// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "events/codec.h"
#include "events/event.h"
#include "events/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A worker that has gone mad: the input says what it writes where in the ring's memory, and what
 * the worker and the recorder do between. The recorder must get nothing but events, and when a sane
 * worker follows, all goes on as if nothing had been. */

#define MOST 16
#define POSITIONS 128 /* octets of them, before those of the records */
#define ROUNDS_MAX 64

enum act {
    ACT_PUT,
    ACT_LOOK,
    ACT_TAKE,
    ACT_POSITION, /* a position is overwritten */
    ACT_RECORD,   /* so are octets where one of the positions points to */
    ACT_ANYWHERE,
    ACTS,
};

struct input {
    const uint8_t *at;
    size_t left;
};

static struct ring *ring;
static struct event events[MOST];
static char buffer[MOST * EVENT_OCTETS_MAX];

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t number(struct input *in, size_t octets)
{
    uint64_t value = 0;

    for (; octets > 0 && in->left > 0; octets--) {
        value = value << 8 | *in->at++;
        in->left--;
    }
    return value;
}

static void put(uint64_t time)
{
    ring_put(ring, &(struct event){.time = time, .user = {"alice@example.org", 17}});
}

static size_t look(void)
{
    const size_t count = ring_look(ring, events, MOST, buffer, sizeof buffer);

    must(count <= MOST);
    for (size_t i = 0; i < count; i++) {
        must(codec_is_plain(events[i].user) && events[i].user.len <= ADDRESS_MAX);
        must(events[i].user.len == 0 ||
                (events[i].user.at >= buffer &&
                        events[i].user.at + events[i].user.len <= buffer + sizeof buffer));
    }
    return count;
}

/* Some octets of the input to a place in the ring's memory. */
static void overwrite(struct input *in, size_t at, size_t most)
{
    size_t size;
    char *memory = ring_memory(ring, &size);
    size_t len = (size_t)number(in, 1) % (most + 1);

    if (len > in->left)
        len = in->left;
    if (len > size - at)
        len = size - at;
    memcpy(memory + at, in->at, len);
    in->at += len;
    in->left -= len;
}

static void overwrite_record(struct input *in)
{
    size_t size;
    const char *memory = ring_memory(ring, &size);
    uint64_t position;

    memcpy(&position, memory + (number(in, 1) % 2) * 64, sizeof position);
    overwrite(in, POSITIONS + position % RING_OCTETS, 255);
}

static void act(struct input *in)
{
    switch ((enum act)(number(in, 1) % ACTS)) {
    case ACT_PUT:
        for (uint64_t count = number(in, 1); count > 0; count--)
            put(count);
        break;
    case ACT_LOOK:
        (void)look();
        break;
    case ACT_TAKE:
        ring_take(ring);
        break;
    case ACT_POSITION:
        overwrite(in, number(in, 1) % 2 * 64, 8);
        break;
    case ACT_RECORD:
        overwrite_record(in);
        break;
    case ACT_ANYWHERE: {
        const size_t at = (size_t)number(in, 3) % (RING_OCTETS + POSITIONS);
        overwrite(in, at, 255);
        break;
    }
    case ACTS:
        break;
    }
}

/* Until all that is there is taken. */
static void empty(void)
{
    size_t rounds = 0;

    while (look() > 0 || rounds < 2) {
        ring_take(ring);
        must(rounds++ < RING_OCTETS / 8);
    }
}

static void goes_on(void)
{
    empty();
    put(0);
    empty();
    (void)ring_take_dropped(ring);
    for (uint64_t i = 1; i <= MOST; i++)
        put(i);
    must(look() == MOST);
    for (uint64_t i = 1; i <= MOST; i++)
        must(events[i - 1].time == i && events[i - 1].user.len == 17);
    ring_take(ring);
    must(look() == 0);
    must(ring_take_dropped(ring) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    ring = ring_init(&event_kind);
    must(ring != NULL);
    for (int rounds = 0; rounds < ROUNDS_MAX && in.left > 0; rounds++)
        act(&in);
    goes_on();
    ring_free(&ring);
    return 0;
}
