// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memstream.h"
#include "events/event.h"
#include "report/hours.h"
#include "report/networks.h"
#include "report/part.h"

/* Mail that was answered NO, or would be if its domain were not under test: one's own, and
 * forgeries.
 *
 * Sums by day say whose addresses it was, where it came from and where it went. Only one's own mail
 * is looked at event by event, which is little; what is left of the sums are forgeries. */

#define GENUINE_MOST 500 /* networks that one query names */
#define SHARED_MOST 100  /* networks with genuine mail that one query can look for */

/* SQL: the reason of the NO, said or not. */
#define WHY "CASE WHEN would_be <> '' THEN would_be ELSE reason END"
/* SQL: a stamp that opened, of the very user that it was made for. */
#define STAMPED "host <> '' AND " WHY " <> 'forged'"

/* A row of the sums, or of the events. */
enum refused_kind {
    REFUSED_NO,
    REFUSED_TESTING,
    REFUSED_KINDS,
};

static const char *const refused_conditions[REFUSED_KINDS] = {"verdict = 'NO'", "would_be <> ''"};

/* What is said of one kind. Counts by name are JSON objects; a name of several parts has line ends
 * between them. */
struct refused {
    int64_t own;
    json_t *stamped;  /* user, host, cause */
    json_t *networks; /* user, network, reason */
    /* One's own mail, to be taken from the sums. */
    json_t *own_users;
    json_t *own_networks;
    json_t *own_receiving;
};

struct refused_report {
    struct scope *scope;
    json_t *genuine; /* networks that mail came from which was answered YES, with their counts */
    json_t *shared;  /* those of them that other mail came from, too */
    FILE *prefixes;  /* SQL: how addresses in these begin */
    struct refused of[REFUSED_KINDS];
};

static bool refused_take_genuine(void *context, const struct eventstore_value *values, size_t count)
{
    struct refused_report *report = context;

    if (count == 2)
        networks_add(report->scope, report->genuine, values[0].text, values[1].number);
    return !report->scope->failed;
}

static bool refused_has(const json_t *networks, struct text network)
{
    return network.len > 0 && json_object_getn(networks, network.at, network.len) != NULL;
}

static void refused_put_prefix(FILE *out, const char *before, struct text prefix)
{
    fprintf(out, " OR substr(ip, 1, %zu) = '%s%.*s'", strlen(before) + prefix.len, before,
            (int)prefix.len, prefix.at);
}

/* `192.0.2.0/24`: the addresses that begin with `192.0.2.`. `2001:db8:7::/48`: those that begin
 * with `2001:db8:`; others among them are sorted out later. */
static void refused_put_network(FILE *out, struct text network)
{
    const char *colon = memchr(network.at, ':', network.len);

    if (colon == NULL) {
        const struct text prefix = {network.at, network.len - strlen("0/24")};
        refused_put_prefix(out, "", prefix);
        refused_put_prefix(out, "::ffff:", prefix);
        return;
    }
    const char *second = memchr(colon + 1, ':', network.len - (size_t)(colon + 1 - network.at));
    const char *end = second != NULL && second > colon + 1 ? second : colon;
    refused_put_prefix(out, "", (struct text){network.at, (size_t)(end + 1 - network.at)});
}

static bool refused_take_shared(void *context, const struct eventstore_value *values, size_t count)
{
    struct refused_report *report = context;
    char buffer[NETWORKS_TEXT_MAX];
    const struct text network = count > 0 ? networks_of(values[0].text, buffer) : text_of("");

    if (refused_has(report->genuine, network) && !refused_has(report->shared, network)) {
        networks_add(report->scope, report->shared, network, 0);
        refused_put_network(report->prefixes, network);
    }
    return !report->scope->failed && json_object_size(report->shared) < SHARED_MOST;
}

enum own_column {
    OWN_TESTING,
    OWN_STAMPED,
    OWN_USER,
    OWN_HOST,
    OWN_CAUSE,
    OWN_REASON,
    OWN_IP,
    OWN_RECEIVING,
    OWN_COUNT,
    OWN_COLUMNS,
};

static void refused_add_three(struct scope *scope, json_t *counts, struct text first,
        struct text second, struct text third, int64_t count)
{
    char name[3 * 512];
    struct writer w = writer_of(name, sizeof name);

    writer_put(&w, first);
    writer_char(&w, '\n');
    writer_put(&w, second);
    writer_char(&w, '\n');
    writer_put(&w, third);
    if (!w.failed)
        networks_add(scope, counts, writer_text(&w), count);
}

static bool refused_take_own(void *context, const struct eventstore_value *values, size_t count)
{
    struct refused_report *report = context;
    struct scope *scope = report->scope;
    char buffer[NETWORKS_TEXT_MAX];

    if (count != OWN_COLUMNS)
        return false;
    struct refused *of =
            &report->of[values[OWN_TESTING].number != 0 ? REFUSED_TESTING : REFUSED_NO];
    const bool is_stamped = values[OWN_STAMPED].number != 0;
    const struct text network = networks_of(values[OWN_IP].text, buffer);
    const struct text user = values[OWN_USER].text;
    const int64_t questions = values[OWN_COUNT].number;
    if (!is_stamped && !refused_has(report->shared, network))
        return true;
    if (is_stamped)
        refused_add_three(
                scope, of->stamped, user, values[OWN_HOST].text, values[OWN_CAUSE].text, questions);
    else
        refused_add_three(scope, of->networks, user, network, values[OWN_REASON].text, questions);
    of->own += questions;
    networks_add(scope, of->own_users, user, -questions);
    networks_add(scope, of->own_networks, network, -questions);
    struct reader domains = reader_of(values[OWN_RECEIVING].text);
    while (domains.rest.len > 0)
        networks_add(scope, of->own_receiving, reader_field(&domains, ','), -questions);
    return !scope->failed;
}

/* Finds one's own mail among the events. */
static void refused_find_own(struct refused_report *report, const char *prefixes)
{
    char *rest = NULL;

    if (asprintf(&rest,
                "AND (verdict = 'NO' OR would_be <> '') AND ((" STAMPED
                ")%s) GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 9 DESC LIMIT 20000",
                prefixes) < 0) {
        scope_fail(report->scope);
        return;
    }
    scope_ask(report->scope,
            "CASE WHEN would_be <> '' THEN 1 ELSE 0 END, CASE WHEN " STAMPED
            " THEN 1 ELSE 0 END, \"user\", host, cause, " WHY ", ip, receiving, count(*)",
            rest, refused_take_own, report);
    free(rest);
}

/* An array of {`keys`, "questions"} for the largest counts, whose names have three parts. */
static json_t *refused_entries(struct scope *scope, json_t *counts, const char *const keys[3])
{
    json_t *list = networks_top(scope, json_incref(counts), "name");
    size_t i;
    json_t *entry;

    json_array_foreach(list, i, entry)
    {
        json_t *name = json_incref(json_object_get(entry, "name"));
        json_t *questions = json_incref(json_object_get(entry, "questions"));
        const char *text = json_string_value(name);
        struct reader parts = reader_of(text_of(text != NULL ? text : ""));
        json_object_clear(entry);
        for (size_t k = 0; k < 3; k++)
            scope_set(scope, entry, keys[k], scope_text(reader_field(&parts, '\n')));
        scope_set(scope, entry, "questions", questions);
        json_decref(name);
    }
    return list;
}

static json_t *refused_own(const struct refused_report *report, const struct refused *of)
{
    static const char *const stamped[] = {"user", "host", "cause"};
    static const char *const networks[] = {"user", "network", "reason"};
    struct scope *scope = report->scope;
    json_t *own = json_object();
    json_t *list = refused_entries(scope, of->networks, networks);
    size_t i;
    json_t *entry;

    json_array_foreach(list, i, entry)
    {
        const char *network = json_string_value(json_object_get(entry, "network"));
        const json_t *genuine = json_object_get(report->genuine, network != NULL ? network : "");
        scope_set(scope, entry, "genuine", json_integer(json_integer_value(genuine)));
    }
    scope_set(scope, own, "questions", json_integer(of->own));
    scope_set(scope, own, "stamped", refused_entries(scope, of->stamped, stamped));
    scope_set(scope, own, "networks", list);
    return own;
}

/* What is left of the sums, when one's own is taken from them. */
struct refused_rest {
    struct scope *scope;
    json_t *counts;
    json_t *listed; /* names with a rule of their own */
    bool is_network;
    bool is_list;
};

static bool refused_take_rest(void *context, const struct eventstore_value *values, size_t count)
{
    struct refused_rest *rest = context;
    char buffer[NETWORKS_TEXT_MAX];

    if (count != 3)
        return false;
    const struct text name =
            rest->is_network ? networks_of(values[0].text, buffer) : values[0].text;
    if (!rest->is_list)
        networks_add(rest->scope, rest->counts, name, values[1].number);
    struct reader names = reader_of(name);
    while (rest->is_list && names.rest.len > 0)
        networks_add(rest->scope, rest->counts, reader_field(&names, ','), values[1].number);
    if (rest->listed != NULL && values[2].number != 0)
        networks_add(rest->scope, rest->listed, name, 1);
    return !rest->scope->failed;
}

/* `condition`: NULL when there are none. */
static json_t *refused_rest(struct scope *scope, const char *condition, const char *what,
        const char *key, json_t *own, json_t *listed)
{
    struct refused_rest rest = {.scope = scope,
            .counts = own,
            .listed = listed,
            .is_network = strcmp(what, "network") == 0,
            .is_list = strcmp(what, "receiving") == 0};
    char *sql = NULL;

    if (condition == NULL)
        return json_array();
    if (asprintf(&sql, "AND %s GROUP BY name ORDER BY 2 DESC, 1 LIMIT 20000", condition) < 0)
        scope_fail(scope);
    else
        hours_ask_names(scope, what, "name, CAST(sum(count) AS bigint), max(listed)", sql,
                refused_take_rest, &rest);
    free(sql);
    return networks_top(scope, json_incref(rest.counts), key);
}

static int64_t refused_sum(const json_t *counts)
{
    const char *name;
    json_t *count;
    int64_t sum = 0;

    json_object_foreach((json_t *)(uintptr_t)counts, name, count)
    {
        sum += json_integer_value(count);
    }
    return sum;
}

static bool refused_take_sum(void *context, const struct eventstore_value *values, size_t count)
{
    if (count == 1)
        *(int64_t *)context = values[0].number;
    return count == 1;
}

/* The questions of this kind that are not one's own. */
static int64_t refused_count(struct scope *scope, const struct refused *of, enum refused_kind kind)
{
    int64_t questions = 0;
    char *rest = NULL;

    if (asprintf(&rest, "AND %s", refused_conditions[kind]) < 0)
        scope_fail(scope);
    else
        hours_ask(scope, "CAST(COALESCE(sum(count), 0) AS bigint)", rest, refused_take_sum,
                &questions);
    free(rest);
    /* One's own are taken from what is asked next, so they are below 0 here. */
    return questions + refused_sum(of->own_networks);
}

static json_t *refused_forgeries(
        const struct refused_report *report, const struct refused *of, enum refused_kind kind)
{
    struct scope *scope = report->scope;
    const int64_t questions = refused_count(scope, of, kind);
    const char *condition = questions > 0 ? refused_conditions[kind] : NULL;
    json_t *made = json_object();
    json_t *listed = json_object();
    json_t *users = refused_rest(scope, condition, "user", "user", of->own_users, listed);
    size_t i;
    json_t *entry;

    json_array_foreach(users, i, entry)
    {
        const char *user = json_string_value(json_object_get(entry, "user"));
        scope_set(scope, entry, "listed",
                json_boolean(json_object_get(listed, user != NULL ? user : "") != NULL));
    }
    json_decref(listed);
    scope_set(scope, made, "users", users);
    scope_set(scope, made, "networks",
            refused_rest(scope, condition, "network", "network", of->own_networks, NULL));
    scope_set(scope, made, "receiving",
            refused_rest(scope, condition, "receiving", "domain", of->own_receiving, NULL));
    scope_set(scope, made, "questions", json_integer(questions));
    return made;
}

static void refused_begin(struct refused_report *report)
{
    report->genuine = json_object();
    report->shared = json_object();
    for (size_t i = 0; i < REFUSED_KINDS; i++)
        report->of[i] = (struct refused){
                0, json_object(), json_object(), json_object(), json_object(), json_object()};
}

static void refused_end(struct refused_report *report)
{
    json_decref(report->genuine);
    json_decref(report->shared);
    for (size_t i = 0; i < REFUSED_KINDS; i++) {
        struct refused *of = &report->of[i];
        json_decref(of->stamped);
        json_decref(of->networks);
        json_decref(of->own_users);
        json_decref(of->own_networks);
        json_decref(of->own_receiving);
    }
}

/* Finds the networks that both kinds of mail came from. */
static void refused_find_shared(struct refused_report *report)
{
    char *rest = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&rest, &len);
    const char *before = " AND name IN ('";
    const char *name;
    json_t *count;

    if (out == NULL) {
        scope_fail(report->scope);
        return;
    }
    fputs("AND (verdict = 'NO' OR would_be <> '')", out);
    if (report->scope->by_day && json_object_size(report->genuine) <= GENUINE_MOST) {
        json_object_foreach(report->genuine, name, count)
        {
            if (strchr(name, '\'') != NULL)
                continue; /* somebody wrote into the record */
            fprintf(out, "%s%s'", before, name);
            before = ", '";
        }
        fputs(before[0] == ',' ? ")" : " AND name IN ('')", out);
    }
    fputs(" GROUP BY name", out);
    if (memstream_close(out, &rest))
        hours_ask_names(report->scope, "network", "name", rest, refused_take_shared, report);
    else
        scope_fail(report->scope);
    free(rest);
}

/* Sorts one's own mail from the rest. */
static void refused_sort(struct refused_report *report)
{
    char *prefixes = NULL;
    size_t len = 0;

    hours_ask(report->scope, "network, CAST(sum(count) AS bigint)",
            "AND verdict = 'YES' AND network <> '' GROUP BY network", refused_take_genuine, report);
    report->prefixes = open_memstream(&prefixes, &len);
    if (report->prefixes == NULL) {
        scope_fail(report->scope);
        return;
    }
    refused_find_shared(report);
    if (memstream_close(report->prefixes, &prefixes))
        refused_find_own(report, prefixes);
    else
        scope_fail(report->scope);
    free(prefixes);
}

void refused_put(struct scope *scope, json_t *service)
{
    static const char *const names[REFUSED_KINDS] = {"refused", "testing"};
    struct refused_report report = {.scope = scope};

    refused_begin(&report);
    refused_sort(&report);
    for (unsigned kind = 0; kind < REFUSED_KINDS; kind++) {
        json_t *made = json_object();
        scope_set(scope, made, "own", refused_own(&report, &report.of[kind]));
        scope_set(scope, made, "forgeries",
                refused_forgeries(&report, &report.of[kind], (enum refused_kind)kind));
        scope_set(scope, service, names[kind], made);
    }
    refused_end(&report);
}
