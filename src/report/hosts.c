// SPDX-License-Identifier: ISC
#include "report/hosts.h"

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
        scope_set(scope, host, "first", scope_moment((uint64_t)values[1].number));
        scope_set(scope, host, "questions", json_integer(values[2].number));
    }
    scope_append(scope, candidates->hosts, host);
    return !scope->failed;
}

/* It is an old one. */
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
    /* Mostly a day is enough to know them all; what is new takes the look at everything. */
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
