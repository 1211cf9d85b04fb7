// SPDX-License-Identifier: ISC
#include "report/figures.h"

#include <stdlib.h>
#include <string.h>

#include "events/privacy.h"
#include "report/scope.h"

/* Counts how often each name occurs, in a JSON object. The store groups more finely than is shown:
 * addresses instead of networks, lists instead of their domains. So sums are made here, from the
 * largest TALLY_GROUPS groups of the store at most. */
#define TALLY_GROUPS "20000"

struct entry {
    const char *name;
    json_int_t count;
};

static void tally_add(struct scope *scope, json_t *tally, struct text name, int64_t count)
{
    json_t *key = scope_text(name);
    const char *text = json_string_value(key);

    if (text == NULL) {
        scope_append(scope, NULL, NULL); /* records that memory is out */
    } else {
        const json_int_t before = json_integer_value(json_object_get(tally, text));
        scope_set(scope, tally, text, json_integer(before + count));
    }
    json_decref(key);
}

/* Largest first; equal ones by name. */
static int tally_compare(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;

    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return strcmp(a->name, b->name);
}

static size_t tally_list(json_t *tally, struct entry *entries_r)
{
    const char *name;
    json_t *count;
    size_t found = 0;

    json_object_foreach(tally, name, count)
    {
        entries_r[found++] = (struct entry){name, json_integer_value(count)};
    }
    return found;
}

/* Returns the `most` largest as an array of {`key`: name, "questions": count}. Frees the tally. */
static json_t *tally_top(struct scope *scope, json_t *tally, const char *key, size_t most)
{
    struct entry *entries = calloc(json_object_size(tally) + 1, sizeof *entries);
    json_t *top = json_array();
    size_t count = 0;

    if (entries == NULL) {
        scope_append(scope, NULL, NULL);
    } else {
        count = tally_list(tally, entries);
        qsort(entries, count, sizeof *entries, tally_compare);
    }
    for (size_t i = 0; i < count && i < most; i++) {
        json_t *entry = json_object();
        scope_set(scope, entry, key, json_string(entries[i].name));
        scope_set(scope, entry, "questions", json_integer(entries[i].count));
        scope_append(scope, top, entry);
    }
    free(entries);
    json_decref(tally);
    return top;
}

/* Three IPv6 groups with their colons are at most 15 octets. A group that is cut there is dropped,
 * as is the last number of an IPv4 address. */
#define ADDRESS "CASE WHEN ip <> '' THEN ip ELSE asker END"
#define BEGINNING                                                                                  \
    "rtrim(CASE WHEN " ADDRESS " LIKE '::ffff:%.%' THEN substr(" ADDRESS ", 8) WHEN " ADDRESS      \
    " LIKE '%:%' THEN substr(" ADDRESS ", 1, 15) ELSE " ADDRESS " END, '0123456789abcdefABCDEF')"
#define LARGEST "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT " TALLY_GROUPS

struct tallying {
    struct scope *scope;
    json_t *tally;
};

/* Cuts or completes `2001:db8:7:1::` and `2001:db8::1` to their first three groups. */
static void complete_v6(struct text beginning, struct writer *w)
{
    unsigned colons = 0;
    size_t len = 0;

    for (; len < beginning.len && colons < 3; len++) {
        if (beginning.at[len] != ':')
            continue;
        if (len > 0 && beginning.at[len - 1] == ':')
            break;
        colons++;
    }
    while (len > 0 && beginning.at[len - 1] == ':')
        len--;
    writer_put(w, (struct text){beginning.at, len});
    writer_string(w, "::");
}

struct text origins_network(struct text beginning, char buffer_r[ORIGINS_NETWORK_MAX])
{
    char address[ORIGINS_NETWORK_MAX];
    struct writer w = writer_of(address, sizeof address);

    _Static_assert(ORIGINS_NETWORK_MAX >= PRIVACY_TEXT_MAX, "room for a network");
    if (beginning.len > 0 && memchr(beginning.at, ':', beginning.len) != NULL) {
        complete_v6(beginning, &w);
    } else {
        writer_put(&w, beginning);
        writer_char(&w, '0');
    }
    return privacy_prefix_text(w.failed ? 0 : privacy_network(writer_text(&w)), buffer_r);
}

static bool origins_take_network(void *context, const struct eventstore_value *values, size_t count)
{
    struct tallying *tallying = context;
    char buffer[ORIGINS_NETWORK_MAX];

    if (count < 2)
        return false;
    tally_add(tallying->scope, tallying->tally, origins_network(values[0].text, buffer),
            values[1].number);
    return !tallying->scope->failed;
}

json_t *origins_networks(struct scope *scope, const char *of, size_t most)
{
    struct tallying tallying = {scope, json_object()};
    char rest[256];

    snprintf(rest, sizeof rest, "AND %s " LARGEST, of);
    scope_ask(scope, BEGINNING ", count(*)", rest, origins_take_network, &tallying);
    return tally_top(scope, tallying.tally, "network", most);
}

static bool origins_take_receiving(
        void *context, const struct eventstore_value *values, size_t count)
{
    struct tallying *tallying = context;

    if (count < 2)
        return false;
    struct reader domains = reader_of(values[0].text);
    while (domains.rest.len > 0)
        tally_add(tallying->scope, tallying->tally, reader_field(&domains, ','), values[1].number);
    return !tallying->scope->failed;
}

json_t *origins_receiving(struct scope *scope, size_t most)
{
    struct tallying tallying = {scope, json_object()};

    scope_ask(scope, "receiving, count(*)", "AND verdict = 'NO' AND receiving <> '' " LARGEST,
            origins_take_receiving, &tallying);
    return tally_top(scope, tallying.tally, "domain", most);
}

#define DAY UINT64_C(86400000)
#define LOOK_BACK (90 * DAY)

struct candidates {
    struct scope *scope;
    json_t *hosts;
};

static bool hosts_take_host(void *context, const struct eventstore_value *values, size_t count)
{
    struct candidates *candidates = context;
    struct scope *scope = candidates->scope;
    json_t *host = json_object();

    if (count == 3) {
        scope_set(scope, host, "host", scope_text(values[0].text));
        scope_set(scope, host, "first", scope_date((uint64_t)values[1].number));
        scope_set(scope, host, "questions", json_integer(values[2].number));
    }
    scope_append(scope, candidates->hosts, host);
    return !scope->failed;
}

/* Removes a host that occurred before the period. */
static bool drop_host(void *context, const struct eventstore_value *values, size_t count)
{
    struct candidates *candidates = context;
    json_t *name = count > 0 ? scope_text(values[0].text) : NULL;

    for (size_t i = json_array_size(candidates->hosts); i-- > 0;)
        if (json_equal(json_object_get(json_array_get(candidates->hosts, i), "host"), name))
            (void)json_array_remove(candidates->hosts, i);
    json_decref(name);
    return json_array_size(candidates->hosts) > 0;
}

json_t *hosts_new(struct scope *scope, uint64_t oldest, size_t most)
{
    struct candidates candidates = {scope, json_array()};
    const uint64_t earliest = scope->since > LOOK_BACK ? scope->since - LOOK_BACK : 0;
    uint64_t end = scope->since;

    if (oldest >= scope->since) {
        json_decref(candidates.hosts);
        return json_null();
    }
    scope_ask(scope, "host, min(time), count(*)",
            "AND host <> '' GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 1000", hosts_take_host,
            &candidates);
    /* The search begins with one day, because that usually finds all known hosts. Only a host that
     * is really new needs a search of everything. */
    for (uint64_t span = DAY; end > earliest && end > oldest; span *= 2) {
        const uint64_t begin = end > earliest + span ? end - span : earliest;
        if (scope->failed || json_array_size(candidates.hosts) == 0)
            break;
        scope_ask_between(
                scope, begin, end, "DISTINCT host", "AND host <> ''", drop_host, &candidates);
        end = begin;
    }
    while (json_array_size(candidates.hosts) > most)
        (void)json_array_remove(candidates.hosts, most);
    return candidates.hosts;
}

#define HOUR UINT64_C(3600000)
#define WEEK (7 * DAY)
#define MONDAY (4 * DAY) /* the first Monday of Unix time */

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

uint64_t series_begin(uint64_t unix_ms, uint64_t step)
{
    const uint64_t from = step >= WEEK ? MONDAY : 0;

    return unix_ms < from ? 0 : unix_ms - (unix_ms - from) % step;
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
        scope_set(scope, time, "begin", scope_date(begin));
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
