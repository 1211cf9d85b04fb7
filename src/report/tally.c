// SPDX-License-Identifier: ISC
#include "report/tally.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    const char *name;
    json_int_t count;
};

void tally_add(struct scope *scope, json_t *tally, struct text name, int64_t count)
{
    json_t *key = scope_text(name);
    const char *text = json_string_value(key);

    if (text == NULL) {
        scope_append(scope, NULL, NULL); /* says that out of memory */
    } else {
        const json_int_t before = json_integer_value(json_object_get(tally, text));
        scope_set(scope, tally, text, json_integer(before + count));
    }
    json_decref(key);
}

/* The largest first, those alike in the order of their names. */
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

json_t *tally_top(struct scope *scope, json_t *tally, const char *key, size_t most)
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
