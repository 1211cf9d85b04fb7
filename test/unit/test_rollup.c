// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/rollup.h"
#include "fixture_events.h"
#include "fixture_store.h"
#include "unit.h"

#define HOUR UINT64_C(3600000)
#define LINE 1024
#define LINES_MOST 20000
#define BATCH_MOST 400
#define ROUNDS 40

/* Lines of text, each a row of a roll-up. */
struct lines {
    size_t count;
    char *at[LINES_MOST];
};

static void lines_add(struct lines *lines, const char *line)
{
    assert_true(lines->count < LINES_MOST);
    lines->at[lines->count] = strdup(line);
    assert_non_null(lines->at[lines->count++]);
}

static void lines_clear(struct lines *lines)
{
    while (lines->count > 0)
        free(lines->at[--lines->count]);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_sort(struct lines *lines)
{
    qsort(lines->at, lines->count, sizeof *lines->at, compare_lines);
}

static void put_value(const struct eventstore_value *value, struct writer *w)
{
    char number[32];

    snprintf(number, sizeof number, "%" PRId64, value->number);
    if (value->is_text)
        writer_put(w, value->text);
    else
        writer_string(w, number);
    writer_char(w, '|');
}

static bool take_line(void *context, const struct eventstore_value *values, size_t count)
{
    char line[LINE];
    struct writer w = writer_of(line, sizeof line);

    for (size_t i = 0; i < count; i++)
        put_value(&values[i], &w);
    writer_char(&w, '\0');
    assert_false(w.failed);
    lines_add(context, line);
    return true;
}

/* The table as it stands, whatever its store divides its rows by. */
static void read_table(struct eventstore *store, const struct record_kind *kind,
        const struct rollup *rollup, const char *condition, struct lines *lines)
{
    char keys[512];
    char sql[2048];
    struct writer w = writer_of(keys, sizeof keys);
    struct writer q = writer_of(sql, sizeof sql);

    writer_string(&w, "time");
    for (size_t i = 0; i < rollup->keys_count; i++) {
        writer_string(&w, ", ");
        writer_string(&w, rollup->keys[i].name);
    }
    writer_char(&w, '\0');
    writer_string(&q, "SELECT ");
    writer_string(&q, keys);
    /* A largest value may be that of a row which is gone. */
    for (size_t i = 0; i + rollup->has_most < rollup->sums_count; i++) {
        writer_string(&q, ", CAST(sum(");
        writer_string(&q, rollup->sums[i]);
        writer_string(&q, ") AS bigint)");
    }
    writer_string(&q, " FROM ");
    writer_string(&q, kind->table);
    writer_string(&q, "_");
    writer_string(&q, rollup->suffix);
    writer_string(&q, condition);
    writer_string(&q, " GROUP BY ");
    writer_string(&q, keys);
    writer_char(&q, '\0');
    assert_false(w.failed || q.failed);
    if (!eventstore_query(store, sql, NULL, 0, take_line, lines))
        fail_msg("%s: %s", sql, eventstore_error(store));
    lines_sort(lines);
}

static bool take_row(void *context, const struct eventstore_value *values, size_t count)
{
    (void)count;
    rollup_note(context, values, 0);
    return true;
}

/* The same from all rows of the kind. */
static void scan_rows(struct eventstore *store, const struct record_kind *kind,
        const struct rollup *rollup, struct lines *lines)
{
    struct rollup_tally *tally = rollup_init(rollup);
    struct rollup_entry entry;
    char columns[1024];
    char sql[2048];
    struct writer w = writer_of(columns, sizeof columns);

    assert_non_null(tally);
    record_kind_put_columns(kind, "", "", &w);
    writer_char(&w, '\0');
    snprintf(sql, sizeof sql, "SELECT %s FROM %s", columns, kind->table);
    assert_true(eventstore_query(store, sql, NULL, 0, take_row, tally));
    assert_false(rollup_has_failed(tally));
    for (size_t i = 0; i < rollup_count(tally); i++) {
        struct eventstore_value values[1 + ROLLUP_KEYS_MAX + ROLLUP_SUMS_MAX];
        size_t count = 0;
        rollup_entry(tally, i, &entry);
        values[count++] = (struct eventstore_value){.number = entry.time};
        for (size_t k = 0; k < rollup->keys_count; k++)
            values[count++] = entry.keys[k];
        for (size_t k = 0; k + rollup->has_most < rollup->sums_count; k++)
            values[count++] = (struct eventstore_value){.number = entry.sums[k]};
        (void)take_line(lines, values, count);
    }
    rollup_free(&tally);
    lines_sort(lines);
}

/* The roll-ups say what the rows say. */
static void check_sums(struct eventstore *store, const struct record_kind *kind, const char *rows,
        const char *doing)
{
    static struct lines got;
    static struct lines want;

    for (size_t i = 0; kind->rollups[i] != NULL; i++) {
        read_table(store, kind, kind->rollups[i], rows, &got);
        scan_rows(store, kind, kind->rollups[i], &want);
        for (size_t k = 0; k < got.count || k < want.count; k++) {
            const char *is = k < got.count ? got.at[k] : "(nothing)";
            const char *should_be = k < want.count ? want.at[k] : "(nothing)";
            if (strcmp(is, should_be) != 0)
                fail_msg("%s, %s_%s: got %s, want %s", doing, kind->table, kind->rollups[i]->suffix,
                        is, should_be);
        }
        lines_clear(&got);
        lines_clear(&want);
    }
}

/* Chance */

static uint64_t chance_state;

static size_t chance(size_t below)
{
    chance_state = chance_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(chance_state >> 33) % below;
}

static struct text one_of(const char *const *words, size_t count)
{
    return text_of(words[chance(count)]);
}

/* Most of the time goes on; now and then the clock is put somewhere else. */
static uint64_t some_time(uint64_t *clock)
{
    if (chance(200) == 0)
        *clock = FIXTURE_EVENTS_JUNE + chance(20) * FIXTURE_EVENTS_DAY;
    *clock += chance(400000);
    return *clock;
}

static void some_event(uint64_t *clock, struct event *event)
{
    static const enum reason reasons[] = {
            REASON_UNSTAMPED, REASON_FORGED, REASON_REFUSED, REASON_REPLAYED, REASON_TESTING};
    static const char *const users[] = {"alice@example.org", "bob@example.com", "a'b\\c@x.example",
            "\xc3\xa4\n@example.org", "nobody", ""};
    static const char *const hosts[] = {"mail.example.org", "lists.example.com", ""};
    static const char *const lists[] = {"example.net", "example.net,b.example", "*", ""};
    static const char *const addresses[] = {
            "192.0.2.1", "192.0.2.77", "2001:db8:7::1", "::ffff:192.0.2.9", "rubbish", ""};

    *event = fixture_event(some_time(clock));
    event->verdict = chance(2) == 0 ? VERDICT_YES : (enum verdict)chance(3);
    event->reason = event->verdict == VERDICT_YES ? REASON_STAMPED : reasons[chance(5)];
    event->would_be = event->reason == REASON_TESTING ? REASON_REFUSED : REASON_NONE;
    event->user = one_of(users, 6);
    event->host = one_of(hosts, 3);
    event->receiving = one_of(lists, 4);
    event->ip = one_of(addresses, 6);
    event->asker = one_of(addresses, 6);
    event->listed = chance(3) > 0;
}

static void some_mail(uint64_t *clock, struct mail_event *event)
{
    static const char *const authors[] = {"alice@example.org", "bob@'.example", "\x1b@x", ""};
    static const char *const services[] = {"192.0.2.7:26", "[2001:db8::7]:26", ""};

    *event = fixture_mail(some_time(clock));
    event->direction = (enum mail_direction)chance(2);
    event->action = (enum mail_action)(1 + chance(MAIL_ACTION_DEFERRED));
    event->would_be = (enum mail_action)chance(MAIL_ACTION_DEFERRED + 1);
    event->verdict = (enum verdict)chance(VERDICT_PERMERROR + 1);
    event->source = (enum mail_source)chance(MAIL_SOURCE_PEER + 1);
    event->author = one_of(authors, 4);
    event->service = one_of(services, 3);
    event->login = one_of(authors, 4);
    event->milliseconds = (uint32_t)chance(3000);
}

static const struct record_kind *const kinds[] = {&event_kind, &mail_event_kind};

static void write_some(struct eventstore *store, bool is_mail, uint64_t *clock)
{
    static struct event events[BATCH_MOST];
    static struct mail_event mail[BATCH_MOST];
    const size_t count = chance(BATCH_MOST + 1);

    for (size_t i = 0; i < count; i++) {
        some_event(clock, &events[i]);
        some_mail(clock, &mail[i]);
    }
    if (!eventstore_write(store, is_mail ? (const void *)mail : events, count, NULL))
        fail_msg("write: %s", eventstore_error(store));
}

static void purge_some(struct eventstore *store)
{
    const uint64_t before =
            FIXTURE_EVENTS_JUNE + chance(20) * FIXTURE_EVENTS_DAY + chance(5) * HOUR;
    bool more = true;

    while (more && chance(4) > 0)
        if (!eventstore_purge(store, before, &more))
            fail_msg("purge: %s", eventstore_error(store));
}

/* Whatever is written and deleted, restarted, resized, and whatever the clock does. */
TEST_EACH(sums_are_those_of_the_rows, fixture_stores)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const bool is_mail = kinds[k] == &mail_event_kind;
        /* Mail of domains without Verimail has no rows. */
        const char *rows = is_mail ? " WHERE NOT (direction = 'in' AND verdict = 'none')" : "";
        struct fixture_store place = fixture_store_begin(row);
        struct eventstore *store =
                fixture_events_open_kind(place.address, kinds[k], EVENTSTORE_RECORD);
        uint64_t clock = FIXTURE_EVENTS_JUNE;

        chance_state = 7;
        for (int round = 0; round < ROUNDS; round++) {
            const char *doing = "write";
            switch (chance(6)) {
            case 0:
                doing = "purge";
                purge_some(store);
                break;
            case 1:
                doing = "restart";
                eventstore_close(&store);
                store = fixture_events_open_kind(place.address, kinds[k], EVENTSTORE_RECORD);
                break;
            case 2:
                doing = "size";
                eventstore_set_size(store, chance(2) == 0 ? 1 << 20 : UINT64_C(1) << 40);
                break;
            default:
                write_some(store, is_mail, &clock);
                break;
            }
            check_sums(store, kinds[k], rows, doing);
        }
        eventstore_close(&store);
        row->end(&place);
    }
}

/* A batch goes to two partitions of PostgreSQL, and the older one goes. */
TEST_EACH(sums_go_with_partitions, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    bool more = true;

    eventstore_set_size(store, 32 << 20); /* 4,096 events in a partition */
    for (uint64_t i = 0; i < 9; i++)
        fixture_events_write(store, FIXTURE_EVENTS_JUNE + i * HOUR / 2, 1000);
    check_sums(store, &event_kind, "", "write");
    for (int i = 0; i < 5; i++)
        assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + 2 * HOUR + HOUR / 2, &more));
    check_sums(store, &event_kind, "", "purge");
    assert_int_equal(fixture_events_number(store, "SELECT CAST(sum(count) AS bigint) FROM "
                                                  "event_hour"),
            4000);
    eventstore_close(&store);
    row->end(&place);
}

/* What is counted, from a row of each sort. */
TEST_EACH(what_events_count_in, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    struct event events[6];

    for (size_t i = 0; i < 6; i++)
        events[i] = fixture_event(FIXTURE_EVENTS_JUNE + i * HOUR);
    events[1].verdict = VERDICT_YES;
    events[1].reason = REASON_STAMPED;
    events[2] = events[1];
    events[2].listed = false;
    events[3].verdict = VERDICT_ALLOW;
    events[3].reason = REASON_REPLAYED;
    events[3].time -= 1;
    events[4].verdict = VERDICT_ALLOW;
    events[4].reason = REASON_TESTING;
    events[4].would_be = REASON_FORGED;
    events[4].ip = text_of("");
    events[5] = events[0];
    assert_true(eventstore_write(store, events, 6, NULL));
    assert_string_equal(
            fixture_events_rows(store,
                    "SELECT (time - 1780272000000) / 3600000, verdict, reason, would_be, domain,"
                    " host, listed, network, count FROM event_hour ORDER BY time, verdict, listed"),
            "0|NO|unstamped||example.org|mail.example.org|1||2\n"
            "1|YES|stamped||example.org|mail.example.org|0|192.0.2.0/24|1\n"
            "1|YES|stamped||example.org|mail.example.org|1|192.0.2.0/24|1\n"
            "2|ALLOW|replayed||example.org|mail.example.org|1||1\n"
            "4|ALLOW|testing|forged|example.org|mail.example.org|1||1\n");
    assert_string_equal(
            fixture_events_rows(store, "SELECT what, name, verdict, reason, would_be, domain, host,"
                                       " listed, count FROM event_day ORDER BY what, name, verdict,"
                                       " reason"),
            "network||ALLOW|testing|forged|example.org||1|1\n"
            "network|192.0.2.0/24|NO|unstamped||example.org||1|2\n"
            "receiving|example.com|ALLOW|testing|forged|example.org||1|1\n"
            "receiving|example.com|NO|unstamped||example.org||1|2\n"
            "receiving|example.net|ALLOW|testing|forged|example.org||1|1\n"
            "receiving|example.net|NO|unstamped||example.org||1|2\n"
            "user|alice@example.org|ALLOW|replayed||example.org|mail.example.org|1|1\n"
            "user|alice@example.org|ALLOW|testing|forged|example.org||1|1\n"
            "user|alice@example.org|NO|unstamped||example.org||1|2\n"
            "user|alice@example.org|YES|stamped||example.org||0|1\n");
    eventstore_close(&store);
    row->end(&place);
}

TEST_EACH(what_mail_counts_in, fixture_stores)
{
    struct fixture_store place = fixture_store_begin(row);
    struct eventstore *store =
            fixture_events_open_kind(place.address, &mail_event_kind, EVENTSTORE_RECORD);
    struct mail_event events[7];
    bool more = true;

    for (size_t i = 0; i < 7; i++)
        events[i] = fixture_mail(FIXTURE_EVENTS_JUNE + i);
    events[1].verdict = VERDICT_YES;
    events[1].action = MAIL_ACTION_PASSED;
    events[1].milliseconds = 1000;
    events[2] = events[1];
    events[2].milliseconds = 999;
    events[3].direction = events[4].direction = MAIL_DIRECTION_OUT;
    events[3].action = MAIL_ACTION_STAMPED;
    events[4].action = MAIL_ACTION_PASSED;
    events[4].login = text_of("alice");
    events[5] = events[6] = (struct mail_event){.time = FIXTURE_EVENTS_JUNE,
            .action = MAIL_ACTION_PASSED,
            .verdict = VERDICT_NONE,
            .milliseconds = 5};
    assert_true(eventstore_write(store, events, 7, NULL));
    assert_int_equal(fixture_events_number(store, "SELECT count(*) FROM mail"), 5);
    assert_string_equal(
            fixture_events_rows(store,
                    "SELECT direction, action, would_be, verdict, reason, domain, service, source,"
                    " count, ms, ms_most FROM mail_hour ORDER BY direction, action, verdict"),
            "in|passed||YES|unstamped|example.org|192.0.2.7:26|service|2|1999|1000\n"
            "in|passed||none|||||2|10|5\n"
            "in|rejected||NO|unstamped|example.org|192.0.2.7:26|service|1|12|12\n"
            "out|passed|||unstamped|example.org|192.0.2.7:26|service|1|12|12\n"
            "out|stamped|||unstamped|example.org|192.0.2.7:26|service|1|12|12\n");
    assert_string_equal(
            fixture_events_rows(store, "SELECT what, name, direction, action, verdict, reason,"
                                       " domain, count FROM mail_day ORDER BY what, name,"
                                       " direction"),
            "author|alice@example.org|in|rejected|NO|unstamped|example.org|1\n"
            "author|alice@example.org|out|passed||unstamped|example.org|1\n"
            "login|alice|out|passed||unstamped|example.org|1\n"
            "network|192.0.2.0/24|in|rejected|NO|unstamped|example.org|1\n");
    /* What has no row goes with its hour. */
    assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + HOUR - 1, &more));
    assert_string_equal(
            fixture_events_rows(store, "SELECT verdict, count FROM mail_hour"), "none|2\n");
    assert_true(eventstore_purge(store, FIXTURE_EVENTS_JUNE + HOUR, &more));
    assert_string_equal(fixture_events_rows(store, "SELECT verdict, count FROM mail_hour"), "");
    eventstore_close(&store);
    row->end(&place);
}
