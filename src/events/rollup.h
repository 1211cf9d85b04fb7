// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_ROLLUP_H
#define VERIMAIL_EVENTS_ROLLUP_H

#include "events/record_kind.h"

#define ROLLUP_KEYS_MAX 12
#define ROLLUP_SUMS_MAX 3

struct rollup_tally;

/* A table of sums beside the rows of a kind: how many events had the same keys in the same hour, or
 * day. A store changes it in the transaction that changes the rows, so that both always say the
 * same. */
struct rollup {
    const char *suffix; /* "hour": the table is `event_hour` */
    uint64_t span;      /* milliseconds */
    const struct record_column *keys;
    size_t keys_count;
    const char *const *sums; /* names of columns; the first is `count` */
    size_t sums_count;
    /* The last of them is no sum but the largest value. That of an event which is deleted stays
     * until its span goes. */
    bool has_most;
    /* Adds the event with these values of its kind's columns: rollup_add() for each row that it
     * counts in. */
    void (*add)(const struct eventstore_value *values, struct rollup_tally *tally);
};

/* Sums that are to be added to a roll-up, or taken from it. Out of memory is remembered. */
struct rollup_tally *rollup_init(const struct rollup *rollup);
void rollup_free(struct rollup_tally **tally);
void rollup_clear(struct rollup_tally *tally);
/* An event with these values of its kind's columns. `part`: what the store divides its rows by. */
void rollup_note(struct rollup_tally *tally, const struct eventstore_value *values, int64_t part);
/* For `add` of the roll-up. Octets of keys that are not printable ASCII become %XX. */
void rollup_add(struct rollup_tally *tally, const struct eventstore_value keys[ROLLUP_KEYS_MAX],
        const int64_t sums[ROLLUP_SUMS_MAX]);
bool rollup_has_failed(const struct rollup_tally *tally);

struct rollup_entry {
    int64_t time; /* the start of its span */
    int64_t part;
    struct eventstore_value keys[ROLLUP_KEYS_MAX]; /* texts are borrowed until the next change */
    int64_t sums[ROLLUP_SUMS_MAX];
};

size_t rollup_count(const struct rollup_tally *tally);
void rollup_entry(const struct rollup_tally *tally, size_t index, struct rollup_entry *entry_r);

#endif
