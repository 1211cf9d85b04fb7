// SPDX-License-Identifier: ISC

#include <stdlib.h>
#include <string.h>

#include "events/mail_event.h"
#include "report/hours.h"
#include "report/part.h"

/* SQL: what keeps a message from its recipients. */
#define HINDERED "IN ('rejected', 'quarantined', 'deferred')"
#define UNUSUAL "AND direction = "

static json_int_t mail_sum(const json_t *object, const char *const *members)
{
    json_int_t sum = 0;

    for (size_t i = 0; members[i] != NULL; i++)
        sum += json_integer_value(json_object_get(object, members[i]));
    return sum;
}

static json_t *mail_in(struct scope *scope, uint64_t oldest)
{
    static const char *const members[] = {
            "yes", "no", "allow", "temperror", "permerror", "none", NULL};
    static const char *const judged[] = {"yes", "no", "allow", "temperror", "permerror", NULL};
    const struct hours_series series = {
            .member = "lower(verdict)", .rest = "AND direction = 'in'", .members = members};
    json_t *in = json_object();

    hours_put_series(scope, &series, oldest, in);
    scope_set(scope, in, "messages", json_integer(mail_sum(in, judged)));
    return in;
}

static json_t *mail_out(struct scope *scope, uint64_t oldest)
{
    static const char *const members[] = {"stamped", "passed", "rejected", "deferred", NULL};
    const struct hours_series series = {
            .member = "action", .rest = "AND direction = 'out'", .members = members};
    json_t *out = json_object();

    hours_put_series(scope, &series, oldest, out);
    scope_set(scope, out, "messages", json_integer(mail_sum(out, members)));
    return out;
}

#define SUM_OF(verdict)                                                                            \
    "CAST(coalesce(sum(count) FILTER (WHERE verdict = '" verdict "'), 0) AS bigint)"

static json_t *mail_domains(struct scope *scope)
{
    static const struct scope_member members[] = {{"domain", false}, {"messages", false},
            {"yes", false}, {"no", false}, {"allow", false}, {"temperror", false},
            {"permerror", false}, {NULL, false}};

    return hours_list(scope, members,
            "domain, CAST(sum(count) AS bigint) AS all_messages, " SUM_OF("YES") ", " SUM_OF(
                    "NO") ", " SUM_OF("ALLOW") ", " SUM_OF("temperror") ", " SUM_OF("permerror"),
            "AND direction = 'in' AND verdict <> 'none' GROUP BY domain ORDER BY all_messages "
            "DESC, domain " SCOPE_LIMIT);
}

/* Services by the mean time of their answers. A cache's answer says nothing about them. */
static json_t *mail_slowest(struct scope *scope)
{
    static const struct scope_member members[] = {{"service", false}, {"messages", false},
            {"ms", false}, {"ms_most", false}, {NULL, false}};

    return hours_list(scope, members,
            "service, CAST(sum(count) AS bigint), CAST(sum(ms) / sum(count) AS bigint) AS "
            "mean, max(ms_most)",
            "AND direction = 'in' AND service <> '' AND source IN ('service', 'peer')"
            " GROUP BY service ORDER BY mean DESC, service " SCOPE_LIMIT);
}

/* What was not delivered, or would not have been: `action` is the column that says so. */
static json_t *mail_hindered(struct scope *scope, const char *columns, const char *rest)
{
    static const struct scope_member members[] = {{"author", false}, {"verdict", false},
            {"reason", false}, {"action", false}, {"messages", false}, {"queue", false},
            {"last", true}, {NULL, false}};

    return scope_list(scope, members, columns, rest);
}

#define HINDERED_REST(action)                                                                      \
    UNUSUAL "'in' AND " action " " HINDERED " GROUP BY author, verdict, reason, " action           \
            " ORDER BY messages DESC, author, verdict, reason, " action " " SCOPE_LIMIT
#define HINDERED_COLUMNS(action)                                                                   \
    "author, verdict, reason, " action ", count(*) AS messages, max(queue), max(time)"

static json_t *mail_unreached(struct scope *scope)
{
    static const struct scope_member members[] = {{"domain", false}, {"reason", false},
            {"messages", false}, {"first", true}, {"last", true}, {"service", false},
            {"lookup", false}, {NULL, false}};

    return scope_list(scope, members,
            "domain, reason, count(*) AS messages, min(time), max(time), max(service), max(lookup)",
            UNUSUAL "'in' AND verdict = 'temperror' GROUP BY domain, reason"
                    " ORDER BY messages DESC, domain, reason " SCOPE_LIMIT);
}

static json_t *mail_unstamped(struct scope *scope)
{
    static const struct scope_member members[] = {{"author", false}, {"login", false},
            {"reason", false}, {"action", false}, {"messages", false}, {"queue", false},
            {"last", true}, {NULL, false}};

    return scope_list(scope, members,
            "author, login, reason, action, count(*) AS messages, max(queue), max(time)",
            UNUSUAL "'out' GROUP BY author, login, reason, action"
                    " ORDER BY messages DESC, author, login, reason, action " SCOPE_LIMIT);
}

json_t *mail_report(struct scope *scope, uint64_t oldest)
{
    json_t *mail = json_object();

    scope_set(scope, mail, "in", mail_in(scope, oldest));
    scope_set(scope, mail, "out", mail_out(scope, oldest));
    scope_set(scope, mail, "domains", mail_domains(scope));
    scope_set(scope, mail, "would_refuse",
            mail_hindered(scope, HINDERED_COLUMNS("would_be"), HINDERED_REST("would_be")));
    scope_set(scope, mail, "refused",
            mail_hindered(scope, HINDERED_COLUMNS("action"), HINDERED_REST("action")));
    scope_set(scope, mail, "unreached", mail_unreached(scope));
    scope_set(scope, mail, "slowest", mail_slowest(scope));
    scope_set(scope, mail, "unstamped", mail_unstamped(scope));
    return mail;
}
