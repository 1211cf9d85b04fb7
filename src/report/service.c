// SPDX-License-Identifier: ISC

#include <stdlib.h>
#include <string.h>

#include "events/event.h"
#include "report/hours.h"
#include "report/part.h"

#define LOOK_BACK (UINT64_C(90) * 24 * HOURS_HOUR)

static void service_put_series(struct scope *scope, uint64_t oldest, json_t *service)
{
    static const char *const members[] = {"yes", "no", "allow", NULL};
    const struct hours_series series = {.member = "lower(verdict)", .rest = "", .members = members};
    json_int_t questions = 0;

    hours_put_series(scope, &series, oldest, service);
    for (size_t i = 0; members[i] != NULL; i++)
        questions += json_integer_value(json_object_get(service, members[i]));
    scope_set(scope, service, "questions", json_integer(questions));
}

static json_t *service_reasons(struct scope *scope)
{
    static const struct scope_member members[] = {
            {"verdict", false}, {"reason", false}, {"questions", false}, {NULL, false}};

    return hours_list(scope, members, "verdict, reason, CAST(sum(count) AS bigint) AS questions",
            "GROUP BY verdict, reason ORDER BY questions DESC, verdict, reason");
}

/* A list of the sums of names. */
static json_t *service_names(struct scope *scope, const struct scope_member *members,
        const char *columns, const char *rest)
{
    struct scope_listing listing = {scope, members, json_array()};

    hours_ask_names(scope, "user", columns, rest, scope_take_entry, &listing);
    return listing.list;
}

static json_t *service_unlisted(struct scope *scope)
{
    static const struct scope_member members[] = {
            {"user", false}, {"questions", false}, {NULL, false}};

    return service_names(scope, members, "name, CAST(sum(count) AS bigint) AS questions",
            "AND listed = 0 AND (verdict = 'NO' AND reason = 'unstamped' OR would_be = 'unstamped')"
            " GROUP BY name ORDER BY questions DESC, name " SCOPE_LIMIT);
}

static json_t *service_replays(struct scope *scope)
{
    static const struct scope_member members[] = {
            {"user", false}, {"host", false}, {"questions", false}, {NULL, false}};

    return service_names(scope, members, "name, host, CAST(sum(count) AS bigint) AS questions",
            "AND reason = 'replayed' GROUP BY name, host ORDER BY questions DESC, name, "
            "host " SCOPE_LIMIT);
}

/* The stamps that came with several texts that are not the one they were made for. */
static json_t *service_stamps(struct scope *scope)
{
    static const struct scope_member members[] = {{"stamp", false}, {"user", false},
            {"issued", true}, {"texts", false}, {"questions", false}, {NULL, false}};

    return scope_list(scope, members,
            "stamp, \"user\", issued * 1000, count(DISTINCT digest) AS texts,"
            " count(*) AS questions",
            /* With a stamp there is a host, which the index has. */
            "AND host <> '' AND stamp <> ''"
            " AND (reason = 'changed' OR cause IN ('changed', 'stale'))"
            " GROUP BY stamp, \"user\", issued HAVING count(DISTINCT digest) > 1"
            " ORDER BY texts DESC, questions DESC, stamp " SCOPE_LIMIT);
}

/* Removes a host that occurred before the period. */
static bool service_drop_host(void *context, const struct eventstore_value *values, size_t count)
{
    struct scope_listing *listing = context;
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
    static const struct scope_member members[] = {
            {"host", false}, {"first", true}, {"questions", false}, {NULL, false}};

    if (oldest >= scope->since)
        return json_null();
    struct scope_listing listing = {scope, members,
            hours_list(scope, members, "host, min(time), CAST(sum(count) AS bigint) AS questions",
                    "AND host <> '' GROUP BY host ORDER BY questions DESC, host LIMIT 1000")};
    if (json_array_size(listing.list) > 0)
        hours_ask_between(scope, scope->since > LOOK_BACK ? scope->since - LOOK_BACK : 0,
                scope->since, "DISTINCT host", "AND host <> ''", service_drop_host, &listing);
    while (json_array_size(listing.list) > SCOPE_MOST)
        (void)json_array_remove(listing.list, SCOPE_MOST);
    return listing.list;
}

json_t *service_report(struct scope *scope, uint64_t oldest)
{
    json_t *service = json_object();

    service_put_series(scope, oldest, service);
    scope_set(scope, service, "reasons", service_reasons(scope));
    refused_put(scope, service);
    scope_set(scope, service, "unlisted", service_unlisted(scope));
    scope_set(scope, service, "replays", service_replays(scope));
    scope_set(scope, service, "stamps", service_stamps(scope));
    scope_set(scope, service, "new_hosts", service_new_hosts(scope, oldest));
    return service;
}
