// SPDX-License-Identifier: ISC
#include "events/counters.h"

#include <sys/mman.h>

#include "process/shared_memory.h"

const uint32_t counters_latency[COUNTERS_LATENCIES] = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};

const char *const counters_alarm[COUNTER_ALARMS] = {
        [COUNTER_ALARM_FORGERIES] = "forgeries",
        [COUNTER_ALARM_TEXTS] = "texts",
        [COUNTER_ALARM_REPLAY] = "replay",
        [COUNTER_ALARM_USERS] = "users",
        [COUNTER_ALARM_EVENTS] = "events",
        [COUNTER_ALARM_KEY] = "key",
        [COUNTER_ALARM_HOST] = "host",
        [COUNTER_ALARM_SENDING] = "sending",
        [COUNTER_ALARM_CLOCK] = "clock",
};

struct counters *counters_init(int *fd_r)
{
    struct shared_memory memory;

    if (!shared_memory_init(sizeof(struct counters), &memory))
        return NULL;
    if (fd_r != NULL)
        *fd_r = memory.fd;
    else
        shared_memory_close_fd(&memory);
    return memory.at;
}

struct counters *counters_attach(int fd)
{
    struct shared_memory memory;

    if (!shared_memory_attach(fd, sizeof(struct counters), &memory))
        return NULL;
    shared_memory_close_fd(&memory);
    return memory.at;
}

void counters_free(struct counters **counters)
{
    if (*counters == NULL)
        return;
    munmap(*counters, sizeof **counters);
    *counters = NULL;
}

void counters_note_latency(struct counters_latency *latency, uint64_t milliseconds)
{
    size_t i = 0;

    while (i < COUNTERS_LATENCIES && milliseconds > counters_latency[i])
        i++;
    counters_add(&latency->buckets[i], 1);
    counters_add(&latency->sum, milliseconds);
}

void counters_note(
        struct counters *counters, enum verdict verdict, enum reason reason, uint64_t milliseconds)
{
    counters_note_latency(&counters->latency, milliseconds);
    if (verdict <= VERDICT_ALLOW && reason <= REASON_REFUSED)
        counters_add(&counters->questions[verdict][reason], 1);
}
