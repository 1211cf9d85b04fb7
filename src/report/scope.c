// SPDX-License-Identifier: ISC
#include "report/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"

static struct eventstore_value number_value(uint64_t number)
{
    return (struct eventstore_value){.number = number < INT64_MAX ? (int64_t)number : INT64_MAX};
}

void scope_run(struct scope *scope, uint64_t since, uint64_t until, const char *sql, scope_row *row,
        void *context)
{
    struct eventstore_value parameters[3] = {number_value(since), number_value(until)};

    if (scope->failed)
        return;
    if (scope->domain != NULL)
        parameters[2] = (struct eventstore_value){.is_text = true, .text = text_of(scope->domain)};
    scope->failed = !eventstore_query(
            scope->store, sql, parameters, scope->domain != NULL ? 3 : 2, row, context);
}

void scope_ask(
        struct scope *scope, const char *columns, const char *rest, scope_row *row, void *context)
{
    char *sql = NULL;

    if (asprintf(&sql, "SELECT %s FROM %s WHERE %s AND time >= $1 AND time < $2%s %s", columns,
                scope->table, scope->unusual, scope->domain != NULL ? " AND domain = $3" : "",
                rest) < 0) {
        scope_fail(scope);
        return;
    }
    scope_run(scope, scope->since, scope->until, sql, row, context);
    free(sql);
}

static bool scope_take_number(void *context, const struct eventstore_value *values, size_t count)
{
    int64_t *number_r = context;

    if (count > 0)
        *number_r = values[0].number;
    return false;
}

int64_t scope_number(struct scope *scope, const char *sql, int64_t otherwise)
{
    int64_t number = otherwise;

    if (!scope->failed)
        scope->failed = !eventstore_query(scope->store, sql, NULL, 0, scope_take_number, &number);
    return number;
}

static json_t *scope_value(const struct eventstore_value *value, bool is_date)
{
    if (is_date)
        return scope_date(value->number > 0 ? (uint64_t)value->number : 0);
    return value->is_text ? scope_text(value->text) : json_integer(value->number);
}

bool scope_take_entry(void *context, const struct eventstore_value *values, size_t count)
{
    struct scope_listing *listing = context;
    const struct scope_member *members = listing->members;
    json_t *entry = json_object();

    for (size_t i = 0; i < count && members[i].name != NULL; i++)
        scope_set(listing->scope, entry, members[i].name,
                scope_value(&values[i], members[i].is_date));
    scope_append(listing->scope, listing->list, entry);
    return !listing->scope->failed;
}

json_t *scope_list(struct scope *scope, const struct scope_member *members, const char *columns,
        const char *rest)
{
    struct scope_listing listing = {scope, members, json_array()};

    scope_ask(scope, columns, rest, scope_take_entry, &listing);
    return listing.list;
}

void scope_fail(struct scope *scope)
{
    if (scope->failed)
        return;
    scope->failed = true;
    scope->short_of_memory = true;
}

void scope_set(struct scope *scope, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        scope_fail(scope);
}

void scope_append(struct scope *scope, json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) != 0)
        scope_fail(scope);
}

static json_t *scope_escaped(struct text t)
{
    char *text = malloc(4 * t.len + 1);
    size_t len = 0;

    for (size_t i = 0; text != NULL && i < t.len; i++) {
        const unsigned char c = (unsigned char)t.at[i];
        if (c < 0x80 && c != '\\')
            text[len++] = t.at[i];
        else
            len += (size_t)sprintf(text + len, "\\x%02x", c);
    }
    json_t *made = text != NULL ? json_stringn(text, len) : NULL;
    free(text);
    return made;
}

json_t *scope_text(struct text t)
{
    json_t *made = json_stringn(t.len > 0 ? t.at : "", t.len);

    return made != NULL ? made : scope_escaped(t);
}

json_t *scope_date(uint64_t unix_milliseconds)
{
    char text[DATE_TEXT_MAX];

    date_format(unix_milliseconds / 1000, text);
    return json_string(text);
}
