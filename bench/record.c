// SPDX-License-Identifier: ISC
/* Fills a record of questions with so many of the last days, as the recorder writes them, and says
 * what that took. Of 100 questions YES are YES; of the others three fifths are NO, the rest ALLOW.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "events/event.h"
#include "events/store.h"

#define BATCH 4096
#define DAY UINT64_C(86400000)
#define CHANCE_FACTOR UINT64_C(6364136223846793005)

static uint64_t chance_state = 1;
static uint64_t yes; /* of 100 */

static unsigned chance(unsigned below)
{
    chance_state = chance_state * CHANCE_FACTOR + 1442695040888963407;
    return (unsigned)(chance_state >> 33) % below;
}

/* Small numbers are the most frequent. */
static unsigned few(unsigned below)
{
    return chance(1 + chance(1 + chance(below)));
}

struct texts {
    char user[48];
    char host[48];
    char receiving[48];
    char ip[48];
    char stamp[EVENT_STAMP + 1];
    char digest[DIGEST_TEXT + 1];
};

static void some_event(uint64_t time, struct texts *texts, struct event *event_r)
{
    static const enum reason refused[] = {REASON_UNSTAMPED, REASON_UNSTAMPED, REASON_FORGED};
    static const enum reason allowed[] = {REASON_CHANGED, REASON_REDIRECTED, REASON_REPLAYED};
    const bool is_yes = chance(100) < yes;
    struct event event = {.time = time, .verdict = VERDICT_YES, .reason = REASON_STAMPED};

    event.listed = true;
    if (!is_yes && chance(5) < 3) {
        event.verdict = VERDICT_NO;
        event.reason = refused[chance(3)];
        event.listed = chance(2) == 0;
    } else if (!is_yes) {
        event.verdict = VERDICT_ALLOW;
        event.reason = allowed[chance(3)];
    }
    const bool is_no = event.verdict == VERDICT_NO;
    snprintf(texts->user, sizeof texts->user, "user%u@example.org", few(2000));
    snprintf(texts->host, sizeof texts->host, is_no ? "" : "mail%u.example.org", few(3));
    snprintf(texts->receiving, sizeof texts->receiving, "mx%u.example", few(2000));
    snprintf(texts->ip, sizeof texts->ip, is_no ? "10.%u.%u.0" : "192.0.%u.0", few(is_no ? 200 : 4),
            chance(256));
    snprintf(texts->stamp, sizeof texts->stamp, is_no ? "" : "%08x%08x%08x%08x", chance(1U << 30),
            chance(1U << 30), chance(1U << 30), chance(1U << 30));
    snprintf(texts->digest, sizeof texts->digest, "%011u%032u", chance(1U << 30), chance(1U << 30));
    event.user = text_of(texts->user);
    event.host = text_of(texts->host);
    event.receiving = text_of(texts->receiving);
    event.ip = text_of(texts->ip);
    event.asker = text_of("198.51.100.0");
    event.stamp = text_of(texts->stamp);
    event.issued = event.stamp.len > 0 ? time / 1000 : 0;
    event.digest = text_of(texts->digest);
    event.milliseconds = chance(20);
    *event_r = event;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The CPU that writing took; less than 0: it failed. */
static double fill(struct eventstore *store, uint64_t count, uint64_t span)
{
    static struct event events[BATCH];
    static struct texts texts[BATCH];
    const uint64_t end = unix_ms();
    double cpu = 0;

    for (uint64_t done = 0; done < count;) {
        size_t batch = 0;
        for (; batch < BATCH && done < count; batch++, done++)
            some_event(end - span + span / count * done, &texts[batch], &events[batch]);
        const double before = cpu_seconds();
        if (!eventstore_write(store, events, batch, NULL)) {
            fprintf(stderr, "%s\n", eventstore_error(store));
            return -1;
        }
        cpu += cpu_seconds() - before;
    }
    return cpu;
}

int main(int argc, char **argv)
{
    char error[EVENTSTORE_ERROR_MAX];
    uint64_t count = 0;
    uint64_t days = 0;

    if (argc != 5 || !text_decimal(text_of(argv[2]), UINT32_MAX, &count) || count == 0 ||
            !text_decimal(text_of(argv[3]), 3650, &days) ||
            !text_decimal(text_of(argv[4]), 100, &yes)) {
        fputs("usage: record sqlite:PATH|postgresql://... COUNT DAYS YES\n", stderr);
        return 2;
    }
    struct eventstore *store = eventstore_open(argv[1], &event_kind, EVENTSTORE_RECORD, error);
    if (store == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    const uint64_t began = mono_ms();
    const double cpu = fill(store, count, days * DAY);
    eventstore_close(&store);
    if (cpu < 0)
        return 1;
    printf("%llu events, %.2f us of CPU each, %llu ms\n", (unsigned long long)count,
            cpu * 1e6 / (double)count, (unsigned long long)(mono_ms() - began));
    return 0;
}
