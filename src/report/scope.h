// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_SCOPE_H
#define VERIMAIL_REPORT_SCOPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "events/store.h"

/* The part of a record that a report covers. After the first failure every query returns nothing.
 * Check `failed` once, at the end. */
struct scope {
    struct eventstore *store;
    const char *table;   /* "event" or "mail" */
    const char *unusual; /* SQL: which of its rows are looked at */
    uint64_t since;      /* Unix milliseconds */
    uint64_t until;      /* Unix milliseconds, exclusive */
    uint64_t end;        /* the end of what is asked for, which may be earlier: now */
    const char *domain;  /* NULL: all */
    bool by_day; /* the period is long, and of whole days: roll-ups by day answer for names */
    bool failed;
    bool short_of_memory; /* the failure was a lack of memory, not the store */
};

#define SCOPE_MOST 20          /* entries of a list */
#define SCOPE_LIMIT "LIMIT 20" /* the same in SQL */

typedef bool scope_row(void *context, const struct eventstore_value *values, size_t count);

/* SELECT `columns` FROM the table, of what is unusual in this period and domain; `rest` begins with
 * AND, GROUP, ... For the rest of the rows there are sums by hour (hours.h). */
void scope_ask(
        struct scope *scope, const char *columns, const char *rest, scope_row *row, void *context);
/* Runs any query whose parameters are $1 since, $2 until, and $3 the domain if there is one. */
void scope_run(struct scope *scope, uint64_t since, uint64_t until, const char *sql, scope_row *row,
        void *context);
/* Runs any query without parameters whose result is one number. Returns `otherwise` if there is
 * none. */
int64_t scope_number(struct scope *scope, const char *sql, int64_t otherwise);

/* Of a member in a list's entries: its name, and how its column is read. */
struct scope_member {
    const char *name; /* NULL behind the last */
    bool is_date;     /* Unix milliseconds */
};

/* For queries of others: `scope_take_entry` adds an object to the list for each row. */
struct scope_listing {
    struct scope *scope;
    const struct scope_member *members;
    json_t *list;
};

scope_row scope_take_entry;

/* The same as scope_ask(), as an array with an object for each row. */
json_t *scope_list(struct scope *scope, const struct scope_member *members, const char *columns,
        const char *rest);

/* These take ownership of `value`, which may be NULL when out of memory. */
void scope_set(struct scope *scope, json_t *object, const char *key, json_t *value);
void scope_append(struct scope *scope, json_t *array, json_t *value);
/* Notes that memory is out. */
void scope_fail(struct scope *scope);
/* Converts a text of the store to JSON. Octets that are not UTF-8 become \xNN. */
json_t *scope_text(struct text t);
/* `2026-11-24T00:00:00Z` */
json_t *scope_date(uint64_t unix_milliseconds);

#endif
