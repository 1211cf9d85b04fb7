// SPDX-License-Identifier: ISC
#include "report/report.h"

#include <stdio.h>

#include "events/event.h"
#include "events/mail_event.h"
#include "report/hours.h"
#include "report/part.h"
#include "report/scope.h"

/* The sum of a column of the gaps, of all domains. */
static json_t *report_gap(struct scope *scope, const char *column)
{
    char sql[200];

    snprintf(sql, sizeof sql,
            "SELECT CAST(coalesce(sum(%s), 0) AS bigint) FROM %s_gap WHERE time >= %llu AND "
            "time < %llu",
            column, scope->table, (unsigned long long)scope->since,
            (unsigned long long)scope->until);
    return json_integer(scope_number(scope, sql, 0));
}

/* `what` of the table: its newest id, its oldest time. */
static int64_t report_number_of(
        struct scope *scope, const char *what, const char *rest, int64_t otherwise)
{
    char sql[120];

    snprintf(sql, sizeof sql, "SELECT %s FROM %s %s", what, scope->table, rest);
    return scope_number(scope, sql, otherwise);
}

static json_t *report_fill(
        struct scope *scope, json_t *(*make)(struct scope *scope, uint64_t oldest))
{
    const int64_t oldest = report_number_of(scope, "time", "ORDER BY time LIMIT 1", -1);
    json_t *part = make(scope, oldest >= 0 ? (uint64_t)oldest : scope->until);

    scope_set(scope, part, "recorded_since",
            oldest >= 0 ? scope_date((uint64_t)oldest) : json_null());
    scope_set(scope, part, "lost", report_gap(scope, "lost"));
    scope_set(scope, part, "left_out", report_gap(scope, "left_out"));
    return part;
}

/* One record's part, of one moment; JSON null when there is no such record. */
static json_t *report_part(const struct report_wish *wish, struct eventstore *store,
        const struct record_kind *kind, json_t *(*make)(struct scope *scope, uint64_t oldest),
        char error_r[EVENTSTORE_ERROR_MAX])
{
    const bool by_day = wish->until - wish->since > REPORT_BY_HOUR;
    const uint64_t unit = by_day ? 24 * HOURS_HOUR : HOURS_HOUR;
    struct scope scope = {
            .store = store,
            .table = kind->table,
            .unusual = kind->unusual,
            .since = wish->since - wish->since % unit,
            .until = (wish->until + unit - 1) / unit * unit,
            .end = wish->until,
            .domain = wish->domain,
            .by_day = by_day,
    };
    json_t *part = NULL;

    if (store == NULL)
        return json_null();
    scope.failed = !eventstore_begin(store);
    if (!scope.failed) {
        part = report_fill(&scope, make);
        eventstore_end(store);
    }
    if (!scope.failed)
        return part;
    json_decref(part);
    snprintf(error_r, EVENTSTORE_ERROR_MAX, "%s",
            scope.short_of_memory ? "out of memory" : eventstore_error(store));
    return NULL;
}

json_t *report_make(const struct report_wish *wish, char error_r[EVENTSTORE_ERROR_MAX])
{
    json_t *service = report_part(wish, wish->events, &event_kind, service_report, error_r);
    json_t *mail = service != NULL
                           ? report_part(wish, wish->mail, &mail_event_kind, mail_report, error_r)
                           : NULL;

    if (mail == NULL) {
        json_decref(service);
        return NULL;
    }
    struct scope memory = {.failed = false};
    json_t *report = json_object();
    scope_set(&memory, report, "since", scope_date(wish->since));
    scope_set(&memory, report, "until", scope_date(wish->until));
    scope_set(&memory, report, "domain",
            wish->domain != NULL ? json_string(wish->domain) : json_null());
    scope_set(&memory, report, "service", service);
    scope_set(&memory, report, "mail", mail);
    if (!memory.failed)
        return report;
    json_decref(report);
    snprintf(error_r, EVENTSTORE_ERROR_MAX, "out of memory");
    return NULL;
}
