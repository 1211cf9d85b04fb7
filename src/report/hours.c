// SPDX-License-Identifier: ISC
#include "report/hours.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY (24 * HOURS_HOUR)
#define WEEK (7 * DAY)
#define MONDAY (4 * DAY) /* the first Monday of Unix time */

#define EVENT_HOURS                                                                                \
    "(SELECT time AS hour, domain, verdict, reason, host, network, count AS questions FROM"        \
    " event_hour)"
/* Mail of domains that do not use Verimail has no names. */
#define MAIL_HOURS                                                                                 \
    "(SELECT time AS hour, domain, direction, action, verdict, service, source,"                   \
    " count AS messages, ms, ms_most FROM mail_hour WHERE verdict <> 'none')"

void hours_ask_between(struct scope *scope, uint64_t since, uint64_t until, const char *columns,
        const char *rest, scope_row *row, void *context)
{
    char *sql = NULL;

    if (asprintf(&sql, "SELECT %s FROM %s AS h WHERE hour >= $1 AND hour < $2%s %s", columns,
                strcmp(scope->table, "event") == 0 ? EVENT_HOURS : MAIL_HOURS,
                scope->domain != NULL ? " AND domain = $3" : "", rest) < 0) {
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
    const uint64_t step = hours_step(from, scope->until);
    const uint64_t span = (HOURS_STEPS_LEAST - 1) * step;
    struct counting counting = {scope, object, json_array()};
    char *columns = NULL;
    char *rest = NULL;

    uint64_t first = hours_step_begin(scope->until - 1, step);
    first = hours_step_begin(first > span && first - span < from ? first - span : from, step);
    if (first < hours_step_begin(scope->since, step))
        first = hours_step_begin(scope->since, step);
    hours_put_zeros(scope, series, object);
    for (uint64_t begin = first; begin < scope->until; begin += step) {
        json_t *time = json_object();
        scope_set(scope, time, "begin", scope_date(begin));
        hours_put_zeros(scope, series, time);
        scope_append(scope, counting.times, time);
    }
    if (asprintf(&columns, "(hour - %llu) / %llu, %s, CAST(sum(%s) AS bigint)",
                (unsigned long long)first, (unsigned long long)step, series->member,
                series->count) < 0 ||
            asprintf(&rest, "%s GROUP BY 1, 2", series->rest) < 0)
        scope_fail(scope);
    else
        hours_ask(scope, columns, rest, hours_take_count, &counting);
    free(columns);
    free(rest);
    scope_set(scope, object, "step_seconds", json_integer((json_int_t)(step / 1000)));
    scope_set(scope, object, "times", counting.times);
}
