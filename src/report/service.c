// SPDX-License-Identifier: ISC

#include <stdlib.h>
#include <string.h>

#include "report/hours.h"
#include "report/part.h"

#define LOOK_BACK (90 * 24 * HOURS_HOUR)

static void service_put_series(struct scope *scope, uint64_t oldest, json_t *service)
{
    static const char *const members[] = {"yes", "no", "allow", NULL};
    const struct hours_series series = {
            .member = "lower(verdict)", .count = "questions", .rest = "", .members = members};
    json_int_t questions = 0;

    hours_put_series(scope, &series, oldest, service);
    for (size_t i = 0; members[i] != NULL; i++)
        questions += json_integer_value(json_object_get(service, members[i]));
    scope_set(scope, service, "questions", json_integer(questions));
}

struct service_listing {
    struct scope *scope;
    json_t *list;
};

static bool service_take_reason(void *context, const struct eventstore_value *values, size_t count)
{
    struct service_listing *listing = context;
    struct scope *scope = listing->scope;
    json_t *entry = json_object();

    if (count == 3) {
        scope_set(scope, entry, "verdict", scope_text(values[0].text));
        scope_set(scope, entry, "reason", scope_text(values[1].text));
        scope_set(scope, entry, "questions", json_integer(values[2].number));
    }
    scope_append(scope, listing->list, entry);
    return !scope->failed;
}

static json_t *service_reasons(struct scope *scope)
{
    struct service_listing listing = {scope, json_array()};

    hours_ask(scope, "verdict, reason, CAST(sum(questions) AS bigint) AS all_questions",
            "GROUP BY verdict, reason ORDER BY all_questions DESC, verdict, reason",
            service_take_reason, &listing);
    return listing.list;
}

static json_t *service_unlisted(struct scope *scope)
{
    static const struct scope_member members[] = {
            {"user", false}, {"questions", false}, {NULL, false}};

    return scope_list(scope, members, "\"user\", count(*) AS questions",
            "AND (verdict = 'NO' OR would_be <> '') AND listed = 0 AND host = ''"
            " AND reason <> 'forged' AND would_be <> 'forged'"
            " GROUP BY \"user\" ORDER BY questions DESC, 1 " SCOPE_LIMIT);
}

static json_t *service_replays(struct scope *scope)
{
    static const struct scope_member members[] = {
            {"user", false}, {"host", false}, {"questions", false}, {NULL, false}};

    return scope_list(scope, members, "\"user\", host, count(*) AS questions",
            "AND verdict <> 'YES' AND reason = 'replayed' GROUP BY \"user\", host"
            " ORDER BY questions DESC, \"user\", host " SCOPE_LIMIT);
}

/* The stamps that came with several texts that are not the one they were made for. */
static json_t *service_stamps(struct scope *scope)
{
    static const struct scope_member members[] = {{"stamp", false}, {"user", false},
            {"issued", true}, {"texts", false}, {"questions", false}, {NULL, false}};

    return scope_list(scope, members,
            "stamp, \"user\", issued * 1000, count(DISTINCT digest) AS texts,"
            " count(*) AS questions",
            "AND verdict <> 'YES' AND stamp <> ''"
            " AND (reason = 'changed' OR cause IN ('changed', 'stale'))"
            " GROUP BY stamp, \"user\", issued HAVING count(DISTINCT digest) > 1"
            " ORDER BY texts DESC, questions DESC, stamp " SCOPE_LIMIT);
}

static bool service_take_host(void *context, const struct eventstore_value *values, size_t count)
{
    struct service_listing *listing = context;
    struct scope *scope = listing->scope;
    json_t *host = json_object();

    if (count == 3) {
        scope_set(scope, host, "host", scope_text(values[0].text));
        scope_set(scope, host, "first", scope_date((uint64_t)values[1].number));
        scope_set(scope, host, "questions", json_integer(values[2].number));
    }
    scope_append(scope, listing->list, host);
    return !scope->failed;
}

/* Removes a host that occurred before the period. */
static bool service_drop_host(void *context, const struct eventstore_value *values, size_t count)
{
    struct service_listing *listing = context;
    json_t *name = count > 0 ? scope_text(values[0].text) : NULL;

    for (size_t i = json_array_size(listing->list); i-- > 0;)
        if (json_equal(json_object_get(json_array_get(listing->list, i), "host"), name))
            (void)json_array_remove(listing->list, i);
    json_decref(name);
    return json_array_size(listing->list) > 0;
}

/* The sending hosts of the period that did not occur in the 90 days before it, the busiest first.
 * JSON null when the record begins no earlier than the period, so that nothing can be called new.
 */
static json_t *service_new_hosts(struct scope *scope, uint64_t oldest)
{
    struct service_listing listing = {scope, json_array()};

    if (oldest >= scope->since) {
        json_decref(listing.list);
        return json_null();
    }
    hours_ask(scope, "host, min(hour), CAST(sum(questions) AS bigint) AS all_questions",
            "AND host <> '' GROUP BY host ORDER BY all_questions DESC, host LIMIT 1000",
            service_take_host, &listing);
    if (json_array_size(listing.list) > 0)
        hours_ask_between(scope, scope->since > LOOK_BACK ? scope->since - LOOK_BACK : 0,
                scope->since, "DISTINCT host", "AND host <> ''", service_drop_host, &listing);
    while (json_array_size(listing.list) > SCOPE_MOST)
        (void)json_array_remove(listing.list, SCOPE_MOST);
    return listing.list;
}

json_t *service_report(struct scope *scope, uint64_t oldest)
{
    static const struct refused refused = {"verdict = 'NO'", "reason"};
    static const struct refused testing = {"would_be <> ''", "would_be"};
    json_t *service = json_object();
    json_t *genuine = refused_genuine_networks(scope);

    service_put_series(scope, oldest, service);
    scope_set(scope, service, "reasons", service_reasons(scope));
    scope_set(scope, service, "refused", refused_put(scope, &refused, genuine));
    scope_set(scope, service, "testing", refused_put(scope, &testing, genuine));
    scope_set(scope, service, "unlisted", service_unlisted(scope));
    scope_set(scope, service, "replays", service_replays(scope));
    scope_set(scope, service, "stamps", service_stamps(scope));
    scope_set(scope, service, "new_hosts", service_new_hosts(scope, oldest));
    json_decref(genuine);
    return service;
}
