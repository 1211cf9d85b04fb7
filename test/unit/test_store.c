// SPDX-License-Identifier: ISC
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture_events.h"
#include "fixture_store.h"
#include "folder.h"
#include "unit.h"

#define ALL                                                                                        \
    "SELECT time, verdict, reason, would_be, cause, \"user\", domain, host, receiving, ip, "       \
    "asker, stamp, issued, digest, listed, ms FROM event ORDER BY id"
#define STAMP                                                                                      \
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX|1780271000|47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
#define PROCESSES 4
#define BATCHES 25
#define BATCH 20

TEST_EACH(what_is_written_is_read, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    struct event events[3] = {fixture_event(FIXTURE_EVENTS_JUNE),
            fixture_event(FIXTURE_EVENTS_JUNE + 1),
            {.time = FIXTURE_EVENTS_JUNE + 2, .verdict = VERDICT_YES, .reason = REASON_STAMPED}};

    assert_string_equal(eventstore_backend(store), row->row.name);
    assert_string_equal(fixture_events_rows(store, ALL), "");
    events[1].verdict = VERDICT_ALLOW;
    events[1].reason = REASON_TESTING;
    events[1].would_be = REASON_FORGED;
    events[1].listed = false;
    events[1].milliseconds = UINT32_MAX;
    assert_true(eventstore_write(store, events, 3, NULL));
    const char *want =
            "1780272000000|NO|unstamped||user|alice@example.org|example.org|mail.example.org|"
            "example.net,example.com|192.0.2.1|2001:db8::1|" STAMP "|1|12\n"
            "1780272000001|ALLOW|testing|forged|user|alice@example.org|example.org|mail.example."
            "org|"
            "example.net,example.com|192.0.2.1|2001:db8::1|" STAMP "|0|4294967295\n"
            "1780272000002|YES|stamped|||||||||"
            "|0||0|0\n";
    assert_string_equal(fixture_events_rows(store, ALL), want);
    eventstore_close(&store);
    assert_null(store);
    eventstore_close(&store);

    store = fixture_events_open(place.address, EVENTSTORE_READ);
    assert_string_equal(fixture_events_rows(store, ALL), want);
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(mail_that_is_written_is_read, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store =
            fixture_events_open_kind(place.address, &mail_event_kind, EVENTSTORE_RECORD);
    struct mail_event events[] = {fixture_mail(FIXTURE_EVENTS_JUNE),
            fixture_mail(FIXTURE_EVENTS_JUNE + 1),
            {.time = FIXTURE_EVENTS_JUNE + 2,
                    .direction = MAIL_DIRECTION_OUT,
                    .action = MAIL_ACTION_STAMPED}};
    const struct eventstore_gap gap = {FIXTURE_EVENTS_JUNE + 3, 7, 8};

    events[1].action = MAIL_ACTION_PASSED;
    events[1].would_be = MAIL_ACTION_QUARANTINED;
    events[1].login = text_of("bob");
    events[1].message = text_of("tab\there\\");
    events[1].secure = false;
    events[2].stamp = text_of("AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
    assert_true(eventstore_write(store, events, 3, &gap));
    eventstore_close(&store);

    store = fixture_events_open_kind(place.address, &mail_event_kind, EVENTSTORE_READ);
    assert_string_equal(
            fixture_events_rows(store,
                    "SELECT time, direction, action, would_be, verdict, reason, queue, message,"
                    " author, domain, login, ip, receiving, service, source, secure, lookup, stamp,"
                    " ms FROM mail ORDER BY id"),
            "1780272000000|in|rejected||NO|unstamped|4cXyZ12345|1@example.org|alice@example.org|"
            "example.org||192.0.2.1|example.net|192.0.2.7:26|service|1|_verimail._tcp.example.org||"
            "12\n"
            "1780272000001|in|passed|quarantined|NO|unstamped|4cXyZ12345|tab%09here\\|"
            "alice@example.org|example.org|bob|192.0.2.1|example.net|192.0.2.7:26|service|0|"
            "_verimail._tcp.example.org||12\n"
            "1780272000002|out|stamped|||||||||||||0||AAECAwQFBgcICQoLDA0ODxAREhMUFRYX|0\n");
    assert_string_equal(
            fixture_events_rows(store, "SELECT * FROM mail_gap"), "1780272000003|7|8\n");
    assert_int_equal(
            fixture_events_number(store, "SELECT count(*) FROM mail WHERE " MAIL_EVENT_UNUSUAL), 2);
    eventstore_close(&store);
    row->end(&place);
}

/* What a store never held of one kind is missing, whatever it holds of the other. */
TEST_EACH(the_kinds_are_apart, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    char error[EVENTSTORE_ERROR_MAX];

    errno = 0;
    assert_null(eventstore_open(place.address, &mail_event_kind, EVENTSTORE_READ, error));
    assert_int_equal(errno, ENOENT);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    errno = 0;
    assert_null(eventstore_open(place.address, &mail_event_kind, EVENTSTORE_READ, error));
    assert_int_equal(errno, ENOENT);

    struct eventstore *mail =
            fixture_events_open_kind(place.address, &mail_event_kind, EVENTSTORE_RECORD);
    const struct mail_event event = fixture_mail(FIXTURE_EVENTS_JUNE + 100);
    bool more = true;
    assert_true(eventstore_write(mail, &event, 1, NULL));
    assert_true(eventstore_purge(mail, FIXTURE_EVENTS_JUNE + 50, &more));
    assert_int_equal(fixture_events_number(mail, "SELECT count(*) FROM mail"), 1);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 3);
    assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + 200, &more));
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 0);
    assert_int_equal(fixture_events_number(mail, "SELECT count(*) FROM mail"), 1);
    eventstore_close(&store);
    eventstore_close(&mail);
    row->end(&place);
}

TEST_EACH(queries_of_one_moment, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 3);
    struct eventstore *reader = fixture_events_open(place.address, EVENTSTORE_READ);

    assert_true(eventstore_begin(reader));
    assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), 3);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE + 10, 4);
    /* A query that is not read to its end leaves the others as they are. */
    struct fixture_events_rows rows = {.most = 1};
    assert_true(
            eventstore_query(reader, "SELECT id FROM event", NULL, 0, fixture_events_row, &rows));
    assert_int_equal(rows.count, 1);
    assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), 3);
    eventstore_end(reader);
    assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), 7);
    eventstore_close(&reader);
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(ids_grow, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);

    for (uint64_t i = 0; i < 5; i++)
        fixture_events_write(store, FIXTURE_EVENTS_JUNE - i * 1000, 3);
    eventstore_close(&store);
    store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE - 5000, 1);
    assert_int_equal(
            fixture_events_number(store, "SELECT count(*) FROM event AS a JOIN event AS b ON "
                                         "a.id < b.id AND a.time / 1000 < b.time / 1000"),
            0);
    assert_int_equal(fixture_events_number(store, "SELECT count(DISTINCT id) FROM event"), 16);
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(gaps, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    const struct event event = fixture_event(FIXTURE_EVENTS_JUNE);
    bool more = true;

    assert_true(eventstore_write(store, NULL, 0, NULL));
    static const struct eventstore_gap gaps[] = {{FIXTURE_EVENTS_JUNE + 1, 7, 0},
            {FIXTURE_EVENTS_JUNE + 2, 8, 3}, {FIXTURE_EVENTS_JUNE + 3, UINT64_MAX, UINT64_MAX}};
    assert_true(eventstore_write(store, NULL, 0, &gaps[0]));
    assert_true(eventstore_write(store, &event, 1, &gaps[1]));
    assert_true(eventstore_write(store, NULL, 0, &gaps[2]));
    assert_string_equal(
            fixture_events_rows(store, "SELECT time, lost, left_out FROM event_gap ORDER BY time"),
            "1780272000001|7|0\n1780272000002|8|3\n"
            "1780272000003|9223372036854775807|9223372036854775807\n");
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 1);
    assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + 2, &more));
    assert_false(more);
    assert_int_equal(fixture_events_number(store, "SELECT min(time) FROM event_gap"),
            FIXTURE_EVENTS_JUNE + 2);
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(what_is_old_goes_in_steps, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    int steps = 0;
    bool more = true;

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 25000);
    assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE, &more));
    assert_false(more);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 25000);
    for (more = true; more; steps++)
        assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + 24000, &more));
    assert_in_range(steps, 2, 10);
    assert_string_equal(fixture_events_rows(store, "SELECT count(*), min(time) FROM event"),
            "1000|1780272024000\n");
    assert_true(eventstore_purge(store, UINT64_MAX, &more));
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 0);
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(any_time, fixture_stores)
{
    static const uint64_t times[] = {0, 1, FIXTURE_EVENTS_JUNE - 400 * FIXTURE_EVENTS_DAY,
            FIXTURE_EVENTS_JUNE, FIXTURE_EVENTS_JUNE + 40 * FIXTURE_EVENTS_DAY,
            FIXTURE_EVENTS_JUNE + 4000 * FIXTURE_EVENTS_DAY, INT64_MAX - 1, INT64_MAX, UINT64_MAX};
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        fixture_events_write(store, times[i], 1);
        assert_true(eventstore_write(store, NULL, 0, &(struct eventstore_gap){times[i], 1, 0}));
    }
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 9);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event_gap"), 9);
    assert_int_equal(fixture_events_number(store, "SELECT max(time) FROM event"), INT64_MAX);
    assert_int_equal(fixture_events_number(store, "SELECT min(time) FROM event"), 0);
    eventstore_close(&store);
    row->end(&place);
}

/* One text that no store should ever see breaks no batch. */
TEST_EACH(texts_that_are_not_plain, fixture_stores)
{
    static const struct {
        struct text text;
        const char *want;
    } table[] = {
            {{"a\0b", 3}, "a%00b"},
            {{"\xff\xfe", 2}, "%FF%FE"},
            {{"\xc3\xa4", 2}, "%C3%A4"},
            {{"\xc3", 1}, "%C3"},
            {{"a\tb\nc\rd\x7f", 8}, "a%09b%0Ac%0Dd%7F"},
            {{"\\N", 2}, "\\N"},
            {{"\\.", 2}, "\\."},
            {{"a\\", 2}, "a\\"},
            {{"\\x41\\101\\t", 10}, "\\x41\\101\\t"},
            {{"'; DROP TABLE event; --", 23}, "'; DROP TABLE event; --"},
            {{"\"%27\"", 5}, "\"%27\""},
            {{"%00", 3}, "%00"},
            {{" ", 1}, " "},
    };
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    const size_t count = sizeof table / sizeof *table;
    struct event events[sizeof table / sizeof *table];
    char want[FIXTURE_EVENTS_MAX] = "";

    for (size_t i = 0; i < count; i++) {
        events[i] = fixture_event(FIXTURE_EVENTS_JUNE);
        events[i].cause = events[i].user = events[i].host = events[i].receiving = table[i].text;
        events[i].ip = events[i].asker = table[i].text;
        for (int k = 0; k < 6; k++) {
            const size_t len = strlen(want);
            snprintf(want + len, sizeof want - len, "%s%c", table[i].want, k < 5 ? '|' : '\n');
        }
    }
    assert_true(eventstore_write(store, events, count, NULL));
    assert_string_equal(
            fixture_events_rows(store, "SELECT cause, \"user\", host, receiving, ip, asker "
                                       "FROM event ORDER BY id"),
            want);
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(queries_have_parameters, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    struct fixture_events_rows rows = {0};
    const struct eventstore_value parameters[] = {
            {.number = (int64_t)FIXTURE_EVENTS_JUNE + 2},
            {.is_text = true, .text = {"alice@example.org and more", 17}},
            {.is_text = true},
            {.is_text = true, .text = {"it's \"$1\" \\ %", 13}},
    };

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 5);
    assert_true(eventstore_query(store,
            "SELECT time - $1, \"user\", $4 FROM event WHERE time >= $1 AND \"user\" = $2 AND "
            "verdict <> $3 ORDER BY time DESC",
            parameters, 4, fixture_events_row, &rows));
    assert_string_equal(rows.text, "2|alice@example.org|it's \"$1\" \\ %\n"
                                   "1|alice@example.org|it's \"$1\" \\ %\n"
                                   "0|alice@example.org|it's \"$1\" \\ %\n");
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(values_of_queries, fixture_stores)
{
    static const struct {
        const char *sql;
        const char *want;
    } table[] = {
            {"SELECT count(*), sum(ms), min(time), max(\"user\") FROM event",
                    "5|60|1780272000000|alice@example.org\n"},
            {"SELECT max(time), count(*), coalesce(sum(ms), 0) FROM event WHERE time < 5",
                    "0|0|0\n"},
            {"SELECT CAST(avg(ms) AS bigint), '' FROM event", "12|\n"},
            {"SELECT verdict, reason, count(*) FROM event GROUP BY verdict, reason ORDER BY 3",
                    "NO|unstamped|5\n"},
            {"SELECT (time - 1780272000000) / 2 AS half, count(*) FROM event GROUP BY half "
             "ORDER BY half",
                    "0|2\n1|2\n2|1\n"},
            {"SELECT CASE WHEN listed = 1 THEN 'yes' ELSE 'no' END FROM event LIMIT 1", "yes\n"},
            {"SELECT 1 FROM event WHERE time < 0", ""},
    };
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 5);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const char *got = fixture_events_rows(store, table[i].sql);
        if (strcmp(got, table[i].want) != 0)
            fail_msg("%s: got `%s`, want `%s`", table[i].sql, got, table[i].want);
    }
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(queries_that_end_early, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    struct fixture_events_rows rows = {.most = 3};

    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 20000);
    assert_true(eventstore_query(store, ALL, NULL, 0, fixture_events_row, &rows));
    assert_int_equal(rows.count, 3);
    assert_false(eventstore_query(
            store, "SELECT nonsense FROM event", NULL, 0, fixture_events_row, &rows));
    assert_non_null(strstr(eventstore_error(store), "nonsense"));
    assert_false(eventstore_query(store, "no SQL", NULL, 0, fixture_events_row, &rows));
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 20000);
    fixture_events_write(store, FIXTURE_EVENTS_JUNE, 1);
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM event"), 20001);
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(readers_beside_a_recorder, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    char error[EVENTSTORE_ERROR_MAX] = "";

    assert_null(eventstore_open(place.address, &event_kind, EVENTSTORE_READ, error));
    assert_true(error[0] != '\0');
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    struct eventstore *reader = fixture_events_open(place.address, EVENTSTORE_READ);
    for (int i = 1; i <= 5; i++) {
        fixture_events_write(store, FIXTURE_EVENTS_JUNE, 10);
        assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), i * 10);
    }
    struct fixture_events_rows rows = {0};
    assert_false(eventstore_query(reader, "DELETE FROM event", NULL, 0, fixture_events_row, &rows));
    assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), 50);
    eventstore_close(&store);
    assert_int_equal(fixture_events_number(reader, "SELECT count(*) FROM event"), 50);
    eventstore_close(&reader);
    row->end(&place);
}

/* In a process of its own. */
static bool record_much(void *context)
{
    struct eventstore *store = fixture_events_open(context, EVENTSTORE_RECORD);

    for (int i = 0; i < BATCHES; i++)
        fixture_events_write(store, FIXTURE_EVENTS_JUNE, BATCH);
    eventstore_close(&store);
    return true;
}

/* From the first moment on: all want to make what is not there. */
TEST_EACH(many_recorders, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);

    for (int i = 0; i < PROCESSES; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(record_much(place.address) ? 0 : 1);
    }
    int status = 0;
    int ended = 0;
    while (wait(&status) > 0) {
        assert_int_equal(status, 0);
        ended++;
    }
    assert_int_equal(ended, PROCESSES);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_READ);
    assert_int_equal(fixture_events_number(store, "SELECT count(DISTINCT id) FROM event"),
            PROCESSES * BATCHES * BATCH);
    eventstore_close(&store);
    row->end(&place);
}

TEST(none_keeps_nothing)
{
    char error[EVENTSTORE_ERROR_MAX] = "";
    const struct event event = fixture_event(FIXTURE_EVENTS_JUNE);
    bool more = true;

    struct eventstore *store = fixture_events_open("none", EVENTSTORE_RECORD);
    assert_string_equal(eventstore_backend(store), "none");
    assert_true(eventstore_write(store, &event, 1, &(struct eventstore_gap){1, 1, 1}));
    assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE, &more));
    assert_false(more);
    eventstore_close(&store);
    assert_null(eventstore_open("none", &event_kind, EVENTSTORE_READ, error));
    assert_non_null(strstr(error, "nothing is recorded"));
}

TEST(other_addresses)
{
    static const char *const addresses[] = {"", "mysql://x", "sqlit", "SQLITE:/x", "nonesuch"};
    char error[EVENTSTORE_ERROR_MAX];

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        error[0] = '\0';
        if (eventstore_open(addresses[i], &event_kind, EVENTSTORE_RECORD, error) != NULL)
            fail_msg("%s: got a store, want none", addresses[i]);
        assert_non_null(strstr(error, "there is no such kind of store"));
    }
}
