// SPDX-License-Identifier: ISC
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/event.h"
#include "events/mail_event.h"
#include "events/store.h"

/* Records events as the recorder does: `fillrecord ADDRESS TABLE` reads an array of JSON objects,
 * whose members are the columns of the table, from standard input (test/harness/eventstore.py).
 * Numbers and texts may be missing: 0, and "". */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "fillrecord: %s\n", what);
    exit(1);
}

static struct text text_at(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    return value != NULL ? (struct text){json_string_value(value), json_string_length(value)}
                         : text_of("");
}

static uint64_t number_at(const json_t *row, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(row, key));
}

/* The index of a word among names; it must be one of them. */
#define INDEX_OF(row, key, name, count)                                                            \
    __extension__({                                                                                \
        unsigned i_ = 0;                                                                           \
        while (i_ < (count) && !text_equal(text_at(row, key), text_of(name(i_))))                  \
            i_++;                                                                                  \
        if (i_ == (count))                                                                         \
            fail(key);                                                                             \
        i_;                                                                                        \
    })

static void read_event(const json_t *row, void *event_r)
{
    *(struct event *)event_r = (struct event){
            .time = number_at(row, "time"),
            .verdict = INDEX_OF(row, "verdict", verdict_name, VERDICT_PERMERROR + 1),
            .reason = INDEX_OF(row, "reason", reason_name, REASON_REFUSED + 1),
            .would_be = INDEX_OF(row, "would_be", reason_name, REASON_REFUSED + 1),
            .cause = text_at(row, "cause"),
            .user = text_at(row, "user"),
            .host = text_at(row, "host"),
            .receiving = text_at(row, "receiving"),
            .ip = text_at(row, "ip"),
            .asker = text_at(row, "asker"),
            .stamp = text_at(row, "stamp"),
            .issued = number_at(row, "issued"),
            .digest = text_at(row, "digest"),
            .listed = number_at(row, "listed") != 0,
            .milliseconds = (uint32_t)number_at(row, "ms"),
    };
}

static void read_mail(const json_t *row, void *event_r)
{
    const bool is_in = text_equal(text_at(row, "direction"), text_of("in"));

    *(struct mail_event *)event_r = (struct mail_event){
            .time = number_at(row, "time"),
            .direction = is_in ? MAIL_DIRECTION_IN : MAIL_DIRECTION_OUT,
            .action = INDEX_OF(row, "action", mail_action_name, MAIL_ACTION_DEFERRED + 1),
            .would_be = INDEX_OF(row, "would_be", mail_action_name, MAIL_ACTION_DEFERRED + 1),
            .verdict = is_in ? INDEX_OF(row, "verdict", verdict_name, VERDICT_PERMERROR + 1)
                             : VERDICT_NONE,
            .source = INDEX_OF(row, "source", mail_source_name, MAIL_SOURCE_PEER + 1),
            .secure = number_at(row, "secure") != 0,
            .reason = text_at(row, "reason"),
            .queue = text_at(row, "queue"),
            .message = text_at(row, "message"),
            .author = text_at(row, "author"),
            .login = text_at(row, "login"),
            .ip = text_at(row, "ip"),
            .receiving = text_at(row, "receiving"),
            .service = text_at(row, "service"),
            .lookup = text_at(row, "lookup"),
            .stamp = text_at(row, "stamp"),
            .milliseconds = (uint32_t)number_at(row, "ms"),
    };
}

static void write_rows(struct eventstore *store, const struct record_kind *kind, const json_t *rows)
{
    const bool is_mail = kind == &mail_event_kind;
    const size_t count = json_array_size(rows);
    char *events = calloc(count + 1, kind->size);

    if (events == NULL)
        fail("out of memory");
    for (size_t i = 0; i < count; i++)
        (is_mail ? read_mail : read_event)(json_array_get(rows, i), events + i * kind->size);
    if (!eventstore_write(store, events, count, NULL))
        fail(eventstore_error(store));
    free(events);
}

int main(int argc, char **argv)
{
    char error[EVENTSTORE_ERROR_MAX] = "";

    if (argc != 3)
        fail("expected ADDRESS TABLE");
    const struct record_kind *kind =
            strcmp(argv[2], mail_event_kind.table) == 0 ? &mail_event_kind : &event_kind;
    struct eventstore *store = eventstore_open(argv[1], kind, EVENTSTORE_RECORD, error);
    if (store == NULL)
        fail(error);
    json_error_t where;
    json_t *rows = json_loadf(stdin, JSON_ALLOW_NUL, &where);
    if (!json_is_array(rows))
        fail(where.text);
    write_rows(store, kind, rows);
    json_decref(rows);
    eventstore_close(&store);
    return 0;
}
