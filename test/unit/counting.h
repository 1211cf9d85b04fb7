// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_COUNTING_H
#define VERIMAIL_TEST_COUNTING_H

#include <stdlib.h>
#include <string.h>

#include "replay/replay.h"

#define COUNTING_TODAY UINT64_C(1767225600)
#define COUNTING_KEEP UINT64_C(605100) /* seconds */

/* A store of counts, its clock, and payloads that are asked about. */
struct counting {
    struct replay *replay;
    uint64_t now;   /* milliseconds; later with each step */
    uint64_t today; /* Unix seconds */
    size_t done;    /* items that came back */
};

static inline void counting_done(void *context, struct replay_item *item)
{
    struct counting *counting = context;

    if (item->result == REPLAY_PENDING)
        abort();
    counting->done++;
}

/* `counting` stays where it is as long as it is open. */
static inline void counting_open(struct counting *counting, const char *address, uint64_t today)
{
    const struct replay_setup setup = {
            .address = address, .keep = COUNTING_KEEP, .done = counting_done, .context = counting};

    *counting = (struct counting){.now = 1000, .today = today};
    counting->replay = replay_open(&setup, counting->now, today);
    if (counting->replay == NULL)
        abort();
}

/* The payload of this number, issued then, with so many domains. */
static inline struct replay_item counting_item(
        uint64_t issued, uint64_t number, uint32_t allowance, size_t domains)
{
    struct replay_item item = {.issued = issued,
            .expires = issued + COUNTING_KEEP,
            .entries_count = domains,
            .result = REPLAY_PENDING};

    memcpy(item.nonce, &number, sizeof number);
    for (size_t i = 0; i < domains; i++) {
        memcpy(item.entries[i].domain, &i, sizeof i);
        item.entries[i].allowance = allowance;
    }
    return item;
}

/* All of them in one turn. */
static inline void counting_turn(struct counting *counting, struct replay_item *items, size_t count)
{
    const size_t before = counting->done;

    counting->now += 1000;
    for (size_t i = 0; i < count; i++) {
        items[i].result = REPLAY_PENDING;
        replay_submit(counting->replay, &items[i], counting->now, counting->today);
    }
    replay_commit(counting->replay, counting->now, counting->today);
    if (counting->done != before + count)
        abort();
}

/* One question about a payload with one domain. */
static inline enum replay_count counting_ask(
        struct counting *counting, uint64_t issued, uint64_t number, uint32_t allowance)
{
    struct replay_item item = counting_item(issued, number, allowance, 1);

    counting_turn(counting, &item, 1);
    return item.result;
}

#endif
