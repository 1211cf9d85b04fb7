// SPDX-License-Identifier: ISC
/* What it costs a worker to hand an event over to the recorder: nanoseconds for each, printed by
 * rounds. The ring never fills. usage: handover [ROUNDS] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "events/event.h"
#include "events/ring.h"

#define MOST 4096 /* events between two looks */
#define LOOKS 500 /* of a round */

static struct event taken[MOST];
static char texts[MOST * EVENT_OCTETS_MAX];

static uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double round_of(struct ring *ring, const struct event *event)
{
    uint64_t spent = 0;

    for (int look = 0; look < LOOKS; look++) {
        const uint64_t begin = now_ns();
        for (int i = 0; i < MOST; i++) {
            /* Each is another one, for all that the compiler knows. */
            __asm__ volatile("" : "+r"(event) : : "memory");
            ring_put(ring, event);
        }
        spent += now_ns() - begin;
        if (ring_look(ring, taken, MOST, texts, sizeof texts) != MOST)
            abort();
        ring_take(ring);
    }
    return (double)spent / MOST / LOOKS;
}

int main(int argc, char **argv)
{
    struct event event = {
            .time = 1780272000000,
            .verdict = VERDICT_YES,
            .reason = REASON_STAMPED,
            .user = {"alice@example.org", 17},
            .host = {"mail.example.org", 16},
            .receiving = {"example.net,example.com", 23},
            .ip = {"192.0.2.1", 9},
            .asker = {"2001:db8::1", 11},
            .stamp = {"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX", 32},
            .issued = 1780271000,
            .digest = {"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", 43},
            .listed = true,
            .milliseconds = 12,
    };
    struct ring *ring = ring_init(&event_kind);
    const int rounds = argc > 1 ? atoi(argv[1]) : 5;

    if (ring == NULL)
        abort();
    for (int i = 0; i < rounds; i++)
        printf("%.1f\n", round_of(ring, &event));
    ring_free(&ring);
    return 0;
}
