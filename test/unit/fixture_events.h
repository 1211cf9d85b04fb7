// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_EVENTS_H
#define VERIMAIL_TEST_FIXTURE_EVENTS_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/event.h"
#include "events/mail_event.h"
#include "events/store.h"

#define FIXTURE_EVENTS_MAX 4096 /* octets of rows as text */

/* The beginning of June 2026, in Unix milliseconds. */
#define FIXTURE_EVENTS_JUNE UINT64_C(1780272000000)
#define FIXTURE_EVENTS_DAY UINT64_C(86400000)

/* An event like many others, at this time. */
static inline struct event fixture_event(uint64_t time)
{
    return (struct event){
            .time = time,
            .verdict = VERDICT_NO,
            .reason = REASON_UNSTAMPED,
            .cause = {"user", 4},
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
}

/* A message like many others, at this time. */
static inline struct mail_event fixture_mail(uint64_t time)
{
    return (struct mail_event){
            .time = time,
            .action = MAIL_ACTION_REJECTED,
            .verdict = VERDICT_NO,
            .source = MAIL_SOURCE_SERVICE,
            .secure = true,
            .reason = {"unstamped", 9},
            .queue = {"4cXyZ12345", 10},
            .message = {"1@example.org", 13},
            .author = {"alice@example.org", 17},
            .ip = {"192.0.2.1", 9},
            .receiving = {"example.net", 11},
            .service = {"192.0.2.7:26", 12},
            .lookup = {"_verimail._tcp.example.org", 26},
            .milliseconds = 12,
    };
}

/* Rows as text, a line each, values with a | between. */
struct fixture_events_rows {
    size_t len;
    size_t count;
    size_t most; /* rows that are wanted; 0: all */
    char text[FIXTURE_EVENTS_MAX];
};

static inline bool fixture_events_row(
        void *context, const struct eventstore_value *values, size_t count)
{
    struct fixture_events_rows *rows = context;

    for (size_t i = 0; i < count && rows->len < FIXTURE_EVENTS_MAX - 512; i++) {
        const char *end = i + 1 < count ? "|" : "\n";
        char *at = rows->text + rows->len;
        const size_t size = FIXTURE_EVENTS_MAX - rows->len;
        const int len = values[i].is_text
                                ? snprintf(at, size, "%.*s%s", (int)values[i].text.len,
                                          values[i].text.at, end)
                                : snprintf(at, size, "%" PRId64 "%s", values[i].number, end);
        rows->len += (size_t)len;
    }
    rows->count++;
    return rows->most == 0 || rows->count < rows->most;
}

/* What a query without parameters returns; a query that fails ends the program. */
static inline const char *fixture_events_rows(struct eventstore *store, const char *sql)
{
    static struct fixture_events_rows rows;

    rows = (struct fixture_events_rows){0};
    if (!eventstore_query(store, sql, NULL, 0, fixture_events_row, &rows)) {
        fprintf(stderr, "%s: %s\n", sql, eventstore_error(store));
        abort();
    }
    return rows.text;
}

static inline long long fixture_events_number(struct eventstore *store, const char *sql)
{
    return strtoll(fixture_events_rows(store, sql), NULL, 10);
}

/* Opens a store; ends the program when it cannot be opened. */
static inline struct eventstore *fixture_events_open_kind(
        const char *address, const struct record_kind *kind, enum eventstore_use use)
{
    char error[EVENTSTORE_ERROR_MAX];
    struct eventstore *store = eventstore_open(address, kind, use, error);

    if (store == NULL) {
        fprintf(stderr, "%s: %s\n", address, error);
        abort();
    }
    return store;
}

static inline struct eventstore *fixture_events_open(const char *address, enum eventstore_use use)
{
    return fixture_events_open_kind(address, &event_kind, use);
}

/* Writes so many events, a millisecond apart, in one batch. */
static inline void fixture_events_write(struct eventstore *store, uint64_t from, size_t count)
{
    struct event *events = calloc(count, sizeof *events);

    for (size_t i = 0; events != NULL && i < count; i++)
        events[i] = fixture_event(from + i);
    if (events == NULL || !eventstore_write(store, events, count, NULL)) {
        fprintf(stderr, "write: %s\n", eventstore_error(store));
        abort();
    }
    free(events);
}

#endif
