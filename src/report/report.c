// SPDX-License-Identifier: ISC
#include "report/report.h"

#include <stdio.h>

#include "report/figures.h"
#include "report/scope.h"

#define MOST 20 /* entries of a list */
#define LARGEST " ORDER BY questions DESC, 1 LIMIT 20"

/* A list that gets an entry for each row of the store. Columns become members of these names. */
struct listing {
    struct scope *scope;
    const char *const *keys;
    json_t *list;
};

static bool report_take_entry(void *context, const struct eventstore_value *values, size_t count)
{
    struct listing *listing = context;
    json_t *entry = json_object();

    for (size_t i = 0; i < count && listing->keys[i] != NULL; i++)
        scope_set(listing->scope, entry, listing->keys[i],
                values[i].is_text ? scope_text(values[i].text) : json_integer(values[i].number));
    scope_append(listing->scope, listing->list, entry);
    return !listing->scope->failed;
}

static json_t *report_list(
        struct scope *scope, const char *const *keys, const char *columns, const char *rest)
{
    struct listing listing = {scope, keys, json_array()};

    scope_ask(scope, columns, rest, report_take_entry, &listing);
    return listing.list;
}

/* All pairs of verdict and reason, the most frequent first. YES has only one reason, and is most of
 * the record, so it is not queried again. */
static json_t *reasons(struct scope *scope, const json_t *report)
{
    static const char *const keys[] = {"verdict", "reason", "questions", NULL};
    const json_int_t yes = json_integer_value(json_object_get(report, "yes"));
    json_t *found = report_list(scope, keys, "verdict, reason, count(*) AS questions",
            "AND verdict <> 'YES' GROUP BY verdict, reason ORDER BY questions DESC, verdict, "
            "reason");

    if (yes > 0) {
        json_t *stamped =
                json_pack("{s:s, s:s, s:I}", keys[0], "YES", keys[1], "stamped", keys[2], yes);
        size_t at = 0;
        while (at < json_array_size(found) &&
                json_integer_value(json_object_get(json_array_get(found, at), keys[2])) >= yes)
            at++;
        if (json_array_insert_new(found, at, stamped) != 0)
            scope_append(scope, NULL, NULL);
    }
    return found;
}

static json_t *forgeries(struct scope *scope)
{
    static const char *const keys[] = {"user", "questions", NULL};
    json_t *made = json_object();

    scope_set(scope, made, "users",
            report_list(scope, keys, "\"user\", count(*) AS questions",
                    "AND verdict = 'NO' GROUP BY \"user\"" LARGEST));
    scope_set(scope, made, "networks", origins_networks(scope, "verdict = 'NO'", MOST));
    scope_set(scope, made, "receiving", origins_receiving(scope, MOST));
    return made;
}

/* What domains under test would answer NO to. */
static json_t *testing(struct scope *scope)
{
    static const char *const keys[] = {"user", "would_be", "questions", NULL};
    json_t *made = json_object();

    scope_set(scope, made, "users",
            report_list(scope, keys, "\"user\", would_be, count(*) AS questions",
                    "AND would_be <> '' GROUP BY \"user\", would_be ORDER BY questions DESC, "
                    "\"user\", would_be LIMIT 20"));
    scope_set(scope, made, "networks", origins_networks(scope, "would_be <> ''", MOST));
    return made;
}

static json_t *unlisted(struct scope *scope, uint64_t questions)
{
    static const char *const keys[] = {"user", "questions", "no", NULL};
    json_t *made = json_object();

    scope_set(scope, made, "questions", json_integer((json_int_t)questions));
    scope_set(scope, made, "users",
            report_list(scope, keys,
                    "\"user\", count(*) AS questions, count(*) FILTER (WHERE verdict = 'NO')",
                    "AND " SCOPE_UNLISTED " GROUP BY \"user\"" LARGEST));
    return made;
}

static json_int_t count_reason(const json_t *report, const char *wanted)
{
    json_int_t sum = 0;
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(report, "reasons"), i, entry)
    {
        json_t *reason = json_object_get(entry, "reason");
        if (text_equal((struct text){json_string_value(reason), json_string_length(reason)},
                    text_of(wanted)))
            sum += json_integer_value(json_object_get(entry, "questions"));
    }
    return sum;
}

static json_t *replays(struct scope *scope, const json_t *report)
{
    static const char *const keys[] = {"user", "host", "questions", NULL};
    json_t *made = json_object();

    scope_set(scope, made, "questions", json_integer(count_reason(report, "replayed")));
    scope_set(scope, made, "users",
            report_list(scope, keys, "\"user\", host, count(*) AS questions",
                    "AND reason = 'replayed' GROUP BY \"user\", host ORDER BY questions DESC, "
                    "\"user\", host LIMIT 20"));
    return made;
}

static void report_put_period(struct scope *scope, int64_t oldest, json_t *report)
{
    scope_set(scope, report, "since", scope_date(scope->since));
    scope_set(scope, report, "until", scope_date(scope->until));
    scope_set(scope, report, "domain",
            scope->domain != NULL ? json_string(scope->domain) : json_null());
    scope_set(scope, report, "recorded_since",
            oldest >= 0 ? scope_date((uint64_t)oldest) : json_null());
}

static bool report_take_stamp(void *context, const struct eventstore_value *values, size_t count)
{
    struct listing *listing = context;
    struct scope *scope = listing->scope;
    json_t *entry = json_object();

    if (count == 5) {
        scope_set(scope, entry, "stamp", scope_text(values[0].text));
        scope_set(scope, entry, "user", scope_text(values[1].text));
        scope_set(scope, entry, "issued", scope_date((uint64_t)values[2].number * 1000));
        scope_set(scope, entry, "texts", json_integer(values[3].number));
        scope_set(scope, entry, "questions", json_integer(values[4].number));
    }
    scope_append(scope, listing->list, entry);
    return !scope->failed;
}

/* The stamps that came with several texts that are not the one they were made for. */
static json_t *stamps(struct scope *scope)
{
    struct listing listing = {scope, NULL, json_array()};

    scope_ask(scope,
            "stamp, \"user\", issued, count(DISTINCT digest) AS texts, count(*) AS questions",
            "AND stamp <> '' AND (reason = 'changed' OR cause IN ('changed', 'stale'))"
            " GROUP BY stamp, \"user\", issued HAVING count(DISTINCT digest) > 1"
            " ORDER BY texts DESC, questions DESC, stamp LIMIT 20",
            report_take_stamp, &listing);
    return listing.list;
}

/* The sum of a column of the gaps, of all domains. */
static json_t *report_gap(struct scope *scope, const char *column)
{
    char sql[200];

    snprintf(sql, sizeof sql,
            "SELECT CAST(coalesce(sum(%s), 0) AS bigint) FROM event_gap WHERE time >= %llu AND "
            "time < %llu",
            column, (unsigned long long)scope->since, (unsigned long long)scope->until);
    return json_integer(scope_number(scope, sql, 0));
}

json_t *report_make(struct eventstore *store, const struct report_wish *wish,
        char error_r[EVENTSTORE_ERROR_MAX])
{
    struct scope scope = {
            .store = store, .since = wish->since, .until = wish->until, .domain = wish->domain};
    json_t *report = json_object();
    uint64_t unlisted_questions = 0;

    scope.newest = scope_number(&scope, "SELECT coalesce(max(id), 0) FROM event", 0);
    const int64_t oldest = scope_number(&scope, "SELECT time FROM event ORDER BY time LIMIT 1", -1);
    report_put_period(&scope, oldest, report);
    scope_set(&scope, report, "lost", report_gap(&scope, "lost"));
    scope_set(&scope, report, "left_out", report_gap(&scope, "left_out"));
    series_put(&scope, oldest >= 0 ? (uint64_t)oldest : wish->until, report, &unlisted_questions);
    scope_set(&scope, report, "reasons", reasons(&scope, report));
    scope_set(&scope, report, "forgeries", forgeries(&scope));
    scope_set(&scope, report, "testing", testing(&scope));
    scope_set(&scope, report, "new_hosts",
            hosts_new(&scope, oldest >= 0 ? (uint64_t)oldest : wish->until, MOST));
    scope_set(&scope, report, "unlisted", unlisted(&scope, unlisted_questions));
    scope_set(&scope, report, "replays", replays(&scope, report));
    scope_set(&scope, report, "stamps", stamps(&scope));
    if (!scope.failed)
        return report;
    json_decref(report);
    snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s",
            scope.short_of_memory ? "out of memory" : eventstore_error(store));
    return NULL;
}
