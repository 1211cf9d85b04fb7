// SPDX-License-Identifier: ISC
#include "events/record_kind.h"

#include <string.h>

const void *record_kind_at(const struct record_kind *kind, const void *events, size_t index)
{
    return (const char *)events + index * kind->size;
}

void record_kind_put_columns(const struct record_kind *kind, const char *behind_number,
        const char *behind_text, struct writer *w)
{
    for (size_t i = 0; i < kind->columns_count; i++) {
        const struct record_column *column = &kind->columns[i];
        writer_string(w, i > 0 ? ", \"" : "\"");
        writer_string(w, column->name);
        writer_string(w, "\"");
        writer_string(w, column->is_text ? behind_text : behind_number);
    }
}

struct text record_domain(struct text user)
{
    const char *at = user.len > 0 ? memrchr(user.at, '@', user.len) : NULL;

    return at != NULL ? (struct text){at + 1, user.len - (size_t)(at + 1 - user.at)}
                      : (struct text){NULL, 0};
}

size_t record_kind_octets(const struct record_kind *kind, const void *event)
{
    struct eventstore_value values[RECORD_KIND_COLUMNS_MAX];
    size_t octets = 0;

    kind->values(event, values);
    for (size_t i = 0; i < kind->columns_count; i++)
        octets += values[i].is_text ? values[i].text.len : sizeof values[i].number;
    return octets;
}
