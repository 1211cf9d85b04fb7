// SPDX-License-Identifier: ISC
#include "report/networks.h"

#include <stdlib.h>
#include <string.h>

#include "events/privacy.h"

struct entry {
    const char *name;
    json_int_t count;
};

void networks_add(struct scope *scope, json_t *tally, struct text name, int64_t count)
{
    json_t *key = scope_text(name);
    const char *text = json_string_value(key);

    if (text == NULL) {
        scope_fail(scope);
    } else {
        const json_int_t before = json_integer_value(json_object_get(tally, text));
        scope_set(scope, tally, text, json_integer(before + count));
    }
    json_decref(key);
}

/* Largest first; equal ones by name. */
static int networks_compare(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;

    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return strcmp(a->name, b->name);
}

static size_t networks_list(json_t *tally, struct entry *entries_r)
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

json_t *networks_top(struct scope *scope, json_t *tally, const char *key)
{
    struct entry *entries = calloc(json_object_size(tally) + 1, sizeof *entries);
    json_t *top = json_array();
    size_t count = 0;

    if (entries == NULL) {
        scope_fail(scope);
    } else {
        count = networks_list(tally, entries);
        qsort(entries, count, sizeof *entries, networks_compare);
    }
    for (size_t i = 0; i < count && i < SCOPE_MOST; i++) {
        json_t *entry = json_object();
        scope_set(scope, entry, key, json_string(entries[i].name));
        scope_set(scope, entry, "questions", json_integer(entries[i].count));
        scope_append(scope, top, entry);
    }
    free(entries);
    json_decref(tally);
    return top;
}

/* Three IPv6 groups with their colons are at most 15 octets. Cuts or completes `2001:db8:7:1::` and
 * `2001:db8::1` to their first three groups. */
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

struct text networks_of(struct text beginning, char buffer_r[NETWORKS_TEXT_MAX])
{
    char address[NETWORKS_TEXT_MAX];
    struct writer w = writer_of(address, sizeof address);

    _Static_assert(NETWORKS_TEXT_MAX >= PRIVACY_TEXT_MAX, "room for a network");
    if (beginning.len > 0 && memchr(beginning.at, ':', beginning.len) != NULL) {
        complete_v6(beginning, &w);
    } else {
        writer_put(&w, beginning);
        writer_char(&w, '0');
    }
    return privacy_prefix_text(w.failed ? 0 : privacy_network(writer_text(&w)), buffer_r);
}
