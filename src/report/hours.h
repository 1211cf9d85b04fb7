// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_HOURS_H
#define VERIMAIL_REPORT_HOURS_H

#include "report/scope.h"

/* Sums by hour: what concerns mail that is as it should be comes from here, because that is most of
 * a record. */

#define HOURS_HOUR UINT64_C(3600000) /* milliseconds */

/* SELECT `columns` FROM the sums by hour (events/store.h) of this period and domain; `rest` begins
 * with AND, GROUP, ... */
void hours_ask(
        struct scope *scope, const char *columns, const char *rest, scope_row *row, void *context);
/* The same for another period. */
void hours_ask_between(struct scope *scope, uint64_t since, uint64_t until, const char *columns,
        const char *rest, scope_row *row, void *context);

/* The same from the sums by day of the events that are not YES, with the columns name, verdict,
 * reason, would_be, host, listed and count. `what`: "user", "network" or "receiving". A period that
 * is not of whole days is counted here, from the events; a `network` is then an address, and
 * `receiving` a list of domains. */
void hours_ask_names(struct scope *scope, const char *what, const char *columns, const char *rest,
        scope_row *row, void *context);
/* The same as an array with an object for each row. */
json_t *hours_list(struct scope *scope, const struct scope_member *members, const char *columns,
        const char *rest);

#define HOURS_STEPS_MOST 61 /* 60 days that do not begin at midnight */
#define HOURS_STEPS_LEAST 12

/* The step that divides a period, in UTC: hours (up to 2 days), days (up to 60), or else weeks from
 * Monday on, several together if needed. */
uint64_t hours_step(uint64_t since, uint64_t until); /* milliseconds */
/* The start of the step that contains `unix_ms`. */
uint64_t hours_step_begin(uint64_t unix_ms, uint64_t step);

/* What is counted, by step and in all. */
struct hours_series {
    const char *member;         /* SQL: the name of the member that a row counts for */
    const char *count;          /* SQL: how much it counts */
    const char *rest;           /* SQL: a condition that begins with AND, or "" */
    const char *const *members; /* all names, NULL behind the last */
};

/* Adds to `object` the sum of each member, `step_seconds`, and `times`: for each step its `begin`
 * and its sums. The steps begin where the record does (`oldest`), but there are at least
 * HOURS_STEPS_LEAST if the period has so many. */
void hours_put_series(
        struct scope *scope, const struct hours_series *series, uint64_t oldest, json_t *object);

#endif
