// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_EVENTS_RECORD_KIND_H
#define VERIMAIL_EVENTS_RECORD_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/text.h"

#define RECORD_KIND_COLUMNS_MAX 24
#define RECORD_KIND_ROLLUPS_MAX 2

struct rollup;

/* A value of a row: a number or a text. */
struct eventstore_value {
    bool is_text;
    int64_t number;
    struct text text; /* borrowed */
};

static inline struct eventstore_value record_number(uint64_t number)
{
    return (struct eventstore_value){.number = number < INT64_MAX ? (int64_t)number : INT64_MAX};
}

static inline struct eventstore_value record_text(struct text t)
{
    return (struct eventstore_value){.is_text = true, .text = t};
}

struct record_column {
    const char *name;
    bool is_text;
};

/* What stores and the recorder know about a kind of event: `event` is a question that the service
 * answered (event.h), `mail` a message that the milter decided about (mail_event.h). An event is
 * passed as `const void *`, which points to the struct of its kind. */
struct record_kind {
    const char *table; /* "event" */
    size_t size;       /* octets of its struct */
    size_t octets_max; /* when it is encoded */
    bool (*encode)(const void *event, struct writer *w);
    bool (*decode)(struct text octets, void *event_r);
    bool (*is_left_out)(const void *event); /* too many came: the gaps count it */
    bool (*has_row)(const void *event);     /* else only the roll-ups count it */

    /* The columns of its table, without `id`. The first is `time`, in Unix milliseconds. */
    const struct record_column *columns;
    size_t columns_count;
    /* The value of each column. Texts are borrowed from the event. */
    void (*values)(const void *event, struct eventstore_value *values_r);
    const char *unusual; /* an SQL condition: the rows for which there is an index of their own */
    const char
            *unusual_with; /* SQL: further columns of that index, with a comma in front of each */
    const struct rollup *const *rollups; /* ends with NULL */
};

/* The event of this number in an array of a kind's structs. */
const void *record_kind_at(const struct record_kind *kind, const void *events, size_t index);
/* Writes the names of its columns in SQL, with commas between, each with what stands behind it: its
 * type in a definition, for example, or nothing. */
void record_kind_put_columns(const struct record_kind *kind, const char *behind_number,
        const char *behind_text, struct writer *w);
/* The domain of a user `local@domain`, borrowed; empty when there is none. */
struct text record_domain(struct text user);
/* The octets of its values. */
size_t record_kind_octets(const struct record_kind *kind, const void *event);

#endif
