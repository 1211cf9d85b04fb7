// SPDX-License-Identifier: ISC
#include "report/hours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "events/event.h"

#define DAY (24 * HOURS_HOUR)
#define WEEK (7 * DAY)
#define MONDAY (4 * DAY) /* the first Monday of Unix time */

void hours_ask_between(struct scope *scope, uint64_t since, uint64_t until, const char *columns,
        const char *rest, scope_row *row, void *context)
{
    char *sql = NULL;

    if (asprintf(&sql, "SELECT %s FROM %s_hour WHERE time >= $1 AND time < $2%s %s", columns,
                scope->table, scope->domain != NULL ? " AND domain = $3" : "", rest) < 0) {
        scope_fail(scope);
        return;
    }
    scope_run(scope, since, until, sql, row, context);
    free(sql);
}

void hours_ask(
        struct scope *scope, const char *columns, const char *rest, scope_row *row, void *context)
{
    hours_ask_between(scope, scope->since, scope->until, columns, rest, row, context);
}

/* The days of the period, each by itself: so a store goes to what it wants of a day, and does not
 * read all that the day has. */
static void hours_put_days(const struct scope *scope, const char *what, FILE *out)
{
    fprintf(out, "event_day WHERE what = '%s' AND time IN (", what);
    for (uint64_t day = scope->since - scope->since % DAY; day < scope->until; day += DAY)
        fprintf(out, "%s%llu", day > scope->since ? ", " : "", (unsigned long long)day);
    fputs(") AND", out);
}

/* Where the names come from: a sum by day, or the events that are not YES. */
static void hours_put_names(const struct scope *scope, const char *what, FILE *out)
{
    static const struct {
        const char *what;
        const char *column;
    } columns[] = {{"user", "\"user\""}, {"network", "ip"}, {"receiving", "receiving"}};
    size_t i = 0;

    if (scope->by_day) {
        hours_put_days(scope, what, out);
        return;
    }
    while (i < 2 && strcmp(columns[i].what, what) != 0)
        i++;
    fprintf(out,
            "(SELECT time, %s AS name, verdict, reason, would_be, domain, host, listed, 1 AS count "
            "FROM event WHERE %s) AS names WHERE",
            columns[i].column, EVENT_UNUSUAL);
}

void hours_ask_names(struct scope *scope, const char *what, const char *columns, const char *rest,
        scope_row *row, void *context)
{
    char *sql = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&sql, &len);

    if (out == NULL) {
        scope_fail(scope);
        return;
    }
    fprintf(out, "SELECT %s FROM ", columns);
    hours_put_names(scope, what, out);
    fprintf(out, " time >= $1 AND time < $2%s %s", scope->domain != NULL ? " AND domain = $3" : "",
            rest);
    if (memstream_close(out, &sql))
        scope_run(scope, scope->since, scope->until, sql, row, context);
    else
        scope_fail(scope);
    free(sql);
}

json_t *hours_list(struct scope *scope, const struct scope_member *members, const char *columns,
        const char *rest)
{
    struct scope_listing listing = {scope, members, json_array()};

    hours_ask(scope, columns, rest, scope_take_entry, &listing);
    return listing.list;
}

uint64_t hours_step(uint64_t since, uint64_t until)
{
    const uint64_t span = until > since ? until - since : 0;

    if (span <= 2 * DAY)
        return HOURS_HOUR;
    if (span <= 60 * DAY)
        return DAY;
    return WEEK * (1 + span / (WEEK * (HOURS_STEPS_MOST - 1)));
}

uint64_t hours_step_begin(uint64_t unix_ms, uint64_t step)
{
    const uint64_t from = step >= WEEK ? MONDAY : 0;

    return unix_ms < from ? 0 : unix_ms - (unix_ms - from) % step;
}

struct counting {
    struct scope *scope;
    json_t *object;
    json_t *times;
};

static void hours_add(struct scope *scope, json_t *object, struct text member, int64_t count)
{
    char key[32];

    snprintf(key, sizeof key, "%.*s", (int)(member.len < 31 ? member.len : 31), member.at);
    const json_t *before = json_object_get(object, key);
    if (before != NULL)
        scope_set(scope, object, key, json_integer(json_integer_value(before) + count));
}

/* A row has the number of its step, the name of its member, and a count. */
static bool hours_take_count(void *context, const struct eventstore_value *values, size_t count)
{
    struct counting *counting = context;

    if (count != 3 || values[0].number < 0)
        return true;
    hours_add(counting->scope, counting->object, values[1].text, values[2].number);
    hours_add(counting->scope, json_array_get(counting->times, (size_t)values[0].number),
            values[1].text, values[2].number);
    return !counting->scope->failed;
}

static void hours_put_zeros(struct scope *scope, const struct hours_series *series, json_t *object)
{
    for (size_t i = 0; series->members[i] != NULL; i++)
        scope_set(scope, object, series->members[i], json_integer(0));
}

void hours_put_series(
        struct scope *scope, const struct hours_series *series, uint64_t oldest, json_t *object)
{
    const uint64_t from = oldest > scope->since ? oldest : scope->since;
    const uint64_t step = hours_step(from, scope->end);
    const uint64_t span = (HOURS_STEPS_LEAST - 1) * step;
    struct counting counting = {scope, object, json_array()};
    char *columns = NULL;
    char *rest = NULL;

    uint64_t first = hours_step_begin(scope->end - 1, step);
    first = hours_step_begin(first > span && first - span < from ? first - span : from, step);
    if (first < hours_step_begin(scope->since, step))
        first = hours_step_begin(scope->since, step);
    hours_put_zeros(scope, series, object);
    for (uint64_t begin = first; begin < scope->end; begin += step) {
        json_t *time = json_object();
        scope_set(scope, time, "begin", scope_date(begin));
        hours_put_zeros(scope, series, time);
        scope_append(scope, counting.times, time);
    }
    if (asprintf(&columns, "(time - %llu) / %llu, %s, CAST(sum(count) AS bigint)",
                (unsigned long long)first, (unsigned long long)step, series->member) < 0 ||
            asprintf(&rest, "%s GROUP BY 1, 2", series->rest) < 0)
        scope_fail(scope);
    else
        hours_ask(scope, columns, rest, hours_take_count, &counting);
    free(columns);
    free(rest);
    scope_set(scope, object, "step_seconds", json_integer((json_int_t)(step / 1000)));
    scope_set(scope, object, "times", counting.times);
}
