// SPDX-License-Identifier: ISC

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/hours.h"
#include "report/networks.h"
#include "report/part.h"

/* A stamp that opened, of the very user that it was made for. */
#define STAMPED "host <> '' AND %s <> 'forged'"
#define SHARED_MOST 200 /* beginnings of addresses that one query names */

struct tallying {
    struct scope *scope;
    json_t *tally;
};

static bool refused_take_genuine(void *context, const struct eventstore_value *values, size_t count)
{
    struct tallying *tallying = context;

    if (count == 2)
        networks_add(tallying->scope, tallying->tally, values[0].text, values[1].number);
    return !tallying->scope->failed;
}

json_t *refused_genuine_networks(struct scope *scope)
{
    struct tallying tallying = {scope, json_object()};

    hours_ask(scope, "network, CAST(sum(questions) AS bigint)",
            "AND verdict = 'YES' AND network <> '' GROUP BY network", refused_take_genuine,
            &tallying);
    return tallying.tally;
}

/* The questions of one report, apart by where their mail came from. */
struct refused_sorting {
    struct scope *scope;
    const struct refused *refused;
    const json_t *genuine; /* networks */
    json_t *foreign;       /* networks that no genuine mail came from, with their counts */
    int64_t forgeries;
    int64_t own;
    FILE *shared; /* SQL: the beginnings of addresses in the other networks, as a list */
    size_t shared_count;
};

/* A text as SQL has it. The store holds printable ASCII only. */
static void refused_put_literal(FILE *out, struct text t)
{
    fputc('\'', out);
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] == '\'')
            fputc('\'', out);
        fputc(t.at[i], out);
    }
    fputc('\'', out);
}

static bool refused_take_network(void *context, const struct eventstore_value *values, size_t count)
{
    struct refused_sorting *sorting = context;
    char buffer[NETWORKS_TEXT_MAX];

    if (count != 2)
        return false;
    const struct text network = networks_of(values[0].text, buffer);
    char name[NETWORKS_TEXT_MAX];
    snprintf(name, sizeof name, "%.*s", (int)network.len, network.len > 0 ? network.at : "");
    if (network.len == 0 || json_object_get(sorting->genuine, name) == NULL) {
        sorting->forgeries += values[1].number;
        networks_add(sorting->scope, sorting->foreign, network, values[1].number);
        return !sorting->scope->failed;
    }
    sorting->own += values[1].number;
    if (sorting->shared_count++ < SHARED_MOST) {
        fputs(sorting->shared_count > 1 ? ", " : "", sorting->shared);
        refused_put_literal(sorting->shared, values[0].text);
    }
    return true;
}

static json_t *refused_list(const struct refused_sorting *sorting, const char *columns,
        const char *condition, const char *rest, const struct scope_member *members)
{
    char *all = NULL;
    json_t *list = NULL;

    if (asprintf(&all, "AND %s %s %s", sorting->refused->condition, condition, rest) < 0)
        scope_fail(sorting->scope);
    else
        list = scope_list(sorting->scope, members, columns, all);
    free(all);
    return list;
}

static json_t *refused_stamped(const struct refused_sorting *sorting)
{
    static const struct scope_member members[] = {{"user", false}, {"host", false},
            {"cause", false}, {"questions", false}, {NULL, false}};
    char condition[96];

    snprintf(condition, sizeof condition, "AND " STAMPED, sorting->refused->reason);
    return refused_list(sorting, "\"user\", host, cause, count(*) AS questions", condition,
            "GROUP BY \"user\", host, cause ORDER BY questions DESC, \"user\", host, "
            "cause " SCOPE_LIMIT,
            members);
}

/* The network in place of the beginning, and how much genuine mail came from it. */
static void refused_name_networks(const struct refused_sorting *sorting, json_t *list)
{
    size_t i;
    json_t *entry;

    json_array_foreach(list, i, entry)
    {
        const json_t *beginning = json_object_get(entry, "network");
        char buffer[NETWORKS_TEXT_MAX];
        const char *text = json_string_value(beginning);
        const struct text network = networks_of(text_of(text != NULL ? text : ""), buffer);
        json_t *name = scope_text(network);
        json_t *genuine = json_object_get(sorting->genuine, json_string_value(name));
        scope_set(sorting->scope, entry, "network", name);
        scope_set(sorting->scope, entry, "genuine", json_integer(json_integer_value(genuine)));
    }
}

static json_t *refused_from_shared(const struct refused_sorting *sorting, const char *is_shared)
{
    static const struct scope_member members[] = {{"user", false}, {"network", false},
            {"reason", false}, {"questions", false}, {NULL, false}};
    char *columns = NULL;

    if (sorting->shared_count == 0)
        return json_array();
    if (asprintf(&columns, "\"user\", %s, %s AS why, count(*) AS questions", NETWORKS_BEGINNING,
                sorting->refused->reason) < 0) {
        scope_fail(sorting->scope);
        return NULL;
    }
    json_t *list = refused_list(sorting, columns, is_shared,
            "GROUP BY 1, 2, 3 ORDER BY questions DESC, 1, 2, 3 " SCOPE_LIMIT, members);
    free(columns);
    refused_name_networks(sorting, list);
    return list;
}

static bool refused_take_receiving(
        void *context, const struct eventstore_value *values, size_t count)
{
    struct tallying *tallying = context;

    if (count < 2)
        return false;
    struct reader domains = reader_of(values[0].text);
    while (domains.rest.len > 0)
        networks_add(
                tallying->scope, tallying->tally, reader_field(&domains, ','), values[1].number);
    return !tallying->scope->failed;
}

static json_t *refused_receiving(const struct refused_sorting *sorting, const char *is_forged)
{
    struct tallying tallying = {sorting->scope, json_object()};
    char *rest = NULL;

    if (asprintf(&rest, "AND %s %s AND receiving <> '' " NETWORKS_LARGEST,
                sorting->refused->condition, is_forged) < 0)
        scope_fail(sorting->scope);
    else
        scope_ask(sorting->scope, "receiving, count(*)", rest, refused_take_receiving, &tallying);
    free(rest);
    return networks_top(sorting->scope, tallying.tally, "domain");
}

static json_t *refused_forgeries(const struct refused_sorting *sorting, const char *is_forged)
{
    static const struct scope_member users[] = {
            {"user", false}, {"listed", false}, {"questions", false}, {NULL, false}};
    struct scope *scope = sorting->scope;
    json_t *made = json_object();

    scope_set(scope, made, "questions", json_integer(sorting->forgeries));
    json_t *list = refused_list(sorting, "\"user\", max(listed), count(*) AS questions", is_forged,
            "GROUP BY \"user\" ORDER BY questions DESC, 1 " SCOPE_LIMIT, users);
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const bool listed = json_integer_value(json_object_get(entry, "listed")) != 0;
        scope_set(scope, entry, "listed", json_boolean(listed));
    }
    scope_set(scope, made, "users", list);
    scope_set(scope, made, "networks", networks_top(scope, sorting->foreign, "network"));
    scope_set(scope, made, "receiving", refused_receiving(sorting, is_forged));
    return made;
}

static bool refused_take_count(void *context, const struct eventstore_value *values, size_t count)
{
    int64_t *count_r = context;

    if (count > 0)
        *count_r = values[0].number;
    return false;
}

/* Sorts all networks first: only then the conditions for the lists are known. */
static void refused_sort(struct refused_sorting *sorting)
{
    const struct refused *refused = sorting->refused;
    int64_t stamped = 0;
    char *rest = NULL;

    if (asprintf(&rest, "AND %s AND (" STAMPED ")", refused->condition, refused->reason) < 0) {
        scope_fail(sorting->scope);
        return;
    }
    scope_ask(sorting->scope, "count(*)", rest, refused_take_count, &stamped);
    free(rest);
    if (asprintf(&rest, "AND %s AND NOT (" STAMPED ") " NETWORKS_LARGEST, refused->condition,
                refused->reason) < 0) {
        scope_fail(sorting->scope);
        return;
    }
    scope_ask(sorting->scope, NETWORKS_BEGINNING ", count(*)", rest, refused_take_network, sorting);
    free(rest);
    sorting->own += stamped;
}

static json_t *refused_put_sorted(const struct refused_sorting *sorting, const char *shared)
{
    struct scope *scope = sorting->scope;
    const char *reason = sorting->refused->reason;
    char *is_shared = NULL;
    char *is_forged = NULL;
    json_t *own = json_object();
    json_t *made = json_object();

    if (asprintf(&is_shared, "AND NOT (" STAMPED ") AND %s IN (%s)", reason, NETWORKS_BEGINNING,
                sorting->shared_count > 0 ? shared : "NULL") < 0 ||
            asprintf(&is_forged, "AND NOT (" STAMPED ") AND %s NOT IN (%s)", reason,
                    NETWORKS_BEGINNING, sorting->shared_count > 0 ? shared : "'-'") < 0) {
        json_decref(sorting->foreign);
        scope_fail(scope);
    } else {
        scope_set(scope, own, "questions", json_integer(sorting->own));
        scope_set(scope, own, "stamped", refused_stamped(sorting));
        scope_set(scope, own, "networks", refused_from_shared(sorting, is_shared));
        scope_set(scope, made, "forgeries", refused_forgeries(sorting, is_forged));
    }
    scope_set(scope, made, "own", own);
    free(is_shared);
    free(is_forged);
    return made;
}

json_t *refused_put(struct scope *scope, const struct refused *refused, const json_t *genuine)
{
    struct refused_sorting sorting = {
            .scope = scope, .refused = refused, .genuine = genuine, .foreign = json_object()};
    char *shared = NULL;
    size_t len = 0;
    json_t *made = NULL;

    sorting.shared = open_memstream(&shared, &len);
    if (sorting.shared != NULL)
        refused_sort(&sorting);
    if (sorting.shared != NULL && fclose(sorting.shared) == 0) {
        made = refused_put_sorted(&sorting, shared);
    } else {
        json_decref(sorting.foreign);
        scope_fail(scope);
    }
    free(shared);
    return made;
}
