// SPDX-License-Identifier: ISC
#include "report/networks.h"

#include <stdlib.h>
#include <string.h>

#include "events/privacy.h"

struct entry {
    const char *name;
    json_int_t count;
};

void networks_add(struct scope *scope, json_t *counts, struct text name, int64_t count)
{
    json_t *key = scope_text(name);
    const char *text = json_string_value(key);

    if (text == NULL) {
        scope_fail(scope);
    } else {
        const json_int_t before = json_integer_value(json_object_get(counts, text));
        scope_set(scope, counts, text, json_integer(before + count));
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

static size_t networks_list(json_t *counts, struct entry *entries_r)
{
    const char *name;
    json_t *count;
    size_t found = 0;

    json_object_foreach(counts, name, count)
    {
        entries_r[found++] = (struct entry){name, json_integer_value(count)};
    }
    return found;
}

json_t *networks_top(struct scope *scope, json_t *counts, const char *key)
{
    struct entry *entries = calloc(json_object_size(counts) + 1, sizeof *entries);
    json_t *top = json_array();
    size_t count = 0;

    if (entries == NULL) {
        scope_fail(scope);
    } else {
        count = networks_list(counts, entries);
        qsort(entries, count, sizeof *entries, networks_compare);
    }
    for (size_t i = 0; i < count && i < SCOPE_MOST && entries[i].count > 0; i++) {
        json_t *entry = json_object();
        scope_set(scope, entry, key, json_string(entries[i].name));
        scope_set(scope, entry, "questions", json_integer(entries[i].count));
        scope_append(scope, top, entry);
    }
    free(entries);
    json_decref(counts);
    return top;
}

struct text networks_of(struct text address, char buffer_r[NETWORKS_TEXT_MAX])
{
    _Static_assert(NETWORKS_TEXT_MAX > PRIVACY_TEXT_MAX, "room for a network");
    const char *slash = address.len > 0 ? memchr(address.at, '/', address.len) : NULL;
    const struct text first = {
            address.at, slash != NULL ? (size_t)(slash - address.at) : address.len};

    const struct text network = privacy_prefix_text(privacy_network(first), buffer_r);
    buffer_r[network.len] = '\0';
    return network.len > 0 ? network : text_of("");
}
