// SPDX-License-Identifier: ISC
#include "report/series.h"

#define HOUR UINT64_C(3600000)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define MONDAY (4 * DAY) /* the first one of Unix time */

enum counted {
    COUNTED_YES,
    COUNTED_NO,
    COUNTED_ALLOW,
    COUNTED_UNLISTED,
    COUNTED_ALL,
};

struct counts {
    int64_t of[COUNTED_ALL];
};

uint64_t series_step(uint64_t since, uint64_t until)
{
    const uint64_t span = until > since ? until - since : 0;

    if (span <= 2 * DAY)
        return HOUR;
    if (span <= 60 * DAY)
        return DAY;
    return WEEK * (1 + span / (WEEK * (SERIES_MOST - 1)));
}

uint64_t series_begin(uint64_t moment, uint64_t step)
{
    const uint64_t from = step >= WEEK ? MONDAY : 0;

    return moment < from ? 0 : moment - (moment - from) % step;
}

static bool take_counts(void *context, const struct eventstore_value *values, size_t count)
{
    struct counts *counts = context;

    for (size_t i = 0; i < count && i < COUNTED_ALL; i++)
        counts->of[i] = values[i].number;
    return false;
}

static struct counts count_between(struct scope *scope, uint64_t since, uint64_t until)
{
    struct counts counts = {{0}};

    scope_ask_between(scope, since, until,
            "count(*) FILTER (WHERE verdict = 'YES'), count(*) FILTER (WHERE verdict = 'NO'),"
            " count(*) FILTER (WHERE verdict = 'ALLOW'), count(*) FILTER (WHERE " SCOPE_UNLISTED
            ")",
            "", take_counts, &counts);
    return counts;
}

static void put_verdicts(struct scope *scope, json_t *object, const struct counts *counts)
{
    scope_set(scope, object, "yes", json_integer(counts->of[COUNTED_YES]));
    scope_set(scope, object, "no", json_integer(counts->of[COUNTED_NO]));
    scope_set(scope, object, "allow", json_integer(counts->of[COUNTED_ALLOW]));
}

void series_put(struct scope *scope, uint64_t first, json_t *report, uint64_t *unlisted_r)
{
    const uint64_t from = first > scope->since ? first : scope->since;
    const uint64_t step = series_step(from, scope->until);
    json_t *times = json_array();
    struct counts sum = {{0}};

    for (uint64_t begin = from < scope->until ? series_begin(from, step) : from;
            begin < scope->until; begin += step) {
        const uint64_t end = begin + step;
        const struct counts counts = count_between(
                scope, begin > from ? begin : from, end < scope->until ? end : scope->until);
        json_t *time = json_object();
        scope_set(scope, time, "begin", scope_moment(begin));
        put_verdicts(scope, time, &counts);
        scope_append(scope, times, time);
        for (size_t i = 0; i < COUNTED_ALL; i++)
            sum.of[i] += counts.of[i];
    }
    scope_set(scope, report, "questions",
            json_integer(sum.of[COUNTED_YES] + sum.of[COUNTED_NO] + sum.of[COUNTED_ALLOW]));
    put_verdicts(scope, report, &sum);
    scope_set(scope, report, "step_seconds", json_integer((json_int_t)(step / 1000)));
    scope_set(scope, report, "times", times);
    *unlisted_r = (uint64_t)sum.of[COUNTED_UNLISTED];
}
