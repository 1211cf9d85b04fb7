// SPDX-License-Identifier: ISC
#include "report/origins.h"

#include <string.h>

#include "events/privacy.h"
#include "report/tally.h"

/* Three groups of IPv6 are 15 octets at most, with their colons; whatever group is cut there goes,
 * as does the last number of an IPv4 address. */
#define ADDRESS "CASE WHEN ip <> '' THEN ip ELSE asker END"
#define BEGINNING                                                                                  \
    "rtrim(CASE WHEN " ADDRESS " LIKE '::ffff:%.%' THEN substr(" ADDRESS ", 8) WHEN " ADDRESS      \
    " LIKE '%:%' THEN substr(" ADDRESS ", 1, 15) ELSE " ADDRESS " END, '0123456789abcdefABCDEF')"
#define LARGEST "GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT " TALLY_GROUPS

struct tallying {
    struct scope *scope;
    json_t *tally;
};

/* `2001:db8:7:1::` and `2001:db8::1` to where their first three groups end. */
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

json_t *origins_networks(struct scope *scope, size_t most)
{
    struct tallying tallying = {scope, json_object()};

    scope_ask(scope, BEGINNING ", count(*)", "AND verdict = 'NO' " LARGEST, origins_take_network,
            &tallying);
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
