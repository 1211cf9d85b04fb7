// SPDX-License-Identifier: ISC
#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture_events.h"
#include "folder.h"
#include "report/report.h"
#include "unit.h"

#define HOUR (FIXTURE_EVENTS_DAY / 24)

/* New stores of one backend for each test; PostgreSQL is the server that VERIMAIL_POSTGRESQL names.
 */
struct stores {
    struct folder folder;
    char path[FOLDER_PATH_MAX]; /* of the events, in SQLite */
    struct eventstore *events;
    struct eventstore *mail;
};

static void clear_postgresql(const char *address)
{
    PGconn *connection = PQconnectdb(address);
    PGresult *result = PQexec(connection,
            "SET client_min_messages = warning; DROP SCHEMA IF EXISTS verimail CASCADE");

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s", PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
}

static const struct unit_row backends[] = {
        {"sqlite", NULL},
        {"postgresql", "VERIMAIL_POSTGRESQL"},
};

static struct eventstore *store_open(
        const struct folder *folder, const char *name, const struct record_kind *kind)
{
    char path[FOLDER_PATH_MAX];
    char address[FOLDER_PATH_MAX + 16];

    folder_path(folder, name, path);
    snprintf(address, sizeof address, "sqlite:%s", path);
    return fixture_events_open_kind(address, kind, EVENTSTORE_RECORD);
}

static struct stores begin(const struct unit_row *backend)
{
    const char *server = getenv("VERIMAIL_POSTGRESQL");
    struct stores stores = {.folder = folder_make()};

    folder_path(&stores.folder, "events.db", stores.path);
    if (strcmp(backend->name, "postgresql") == 0) {
        clear_postgresql(server);
        stores.events = fixture_events_open_kind(server, &event_kind, EVENTSTORE_RECORD);
        stores.mail = fixture_events_open_kind(server, &mail_event_kind, EVENTSTORE_RECORD);
    } else {
        stores.events = store_open(&stores.folder, "events.db", &event_kind);
        stores.mail = store_open(&stores.folder, "mail.db", &mail_event_kind);
    }
    return stores;
}

static void end(struct stores *stores)
{
    eventstore_close(&stores->events);
    eventstore_close(&stores->mail);
    folder_remove(&stores->folder);
}

static json_t *make(const struct stores *stores, uint64_t since, uint64_t until, const char *domain)
{
    const struct report_wish wish = {stores->events, stores->mail, since, until, domain};
    char error[EVENTSTORE_ERROR_MAX] = "";
    json_t *report = report_make(&wish, error);

    if (report == NULL)
        fail_msg("%s", error);
    return report;
}

/* A member at a path with dots between. */
static json_t *member(const json_t *report, const char *path)
{
    struct reader names = reader_of(text_of(path));
    json_t *at = NULL;

    while (names.rest.len > 0) {
        char name[64];
        const struct text t = reader_field(&names, '.');
        snprintf(name, sizeof name, "%.*s", (int)t.len, t.at);
        at = json_object_get(at != NULL ? at : report, name);
    }
    return at;
}

static void expect(const json_t *report, const char *path, const char *want)
{
    char *got = json_dumps(member(report, path), JSON_ENCODE_ANY | JSON_COMPACT);

    if (got == NULL || strcmp(got, want) != 0)
        fail_msg("%s: got `%s`, want `%s`", path, got, want);
    free(got);
}

struct wanted {
    const char *path;
    const char *json;
};

static void expect_all(const json_t *report, const struct wanted *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(report, wanted[i].path, wanted[i].json);
}

static void write_events(struct eventstore *store, const struct event *events, size_t count)
{
    if (!eventstore_write(store, events, count, NULL))
        fail_msg("%s", eventstore_error(store));
}

static void write_mail(struct eventstore *store, const struct mail_event *events, size_t count)
{
    if (!eventstore_write(store, events, count, NULL))
        fail_msg("%s", eventstore_error(store));
}

static struct event event_of(uint64_t time, enum verdict verdict, enum reason reason,
        const char *user, const char *host, const char *ip)
{
    struct event event = fixture_event(time);

    event.verdict = verdict;
    event.reason = reason;
    event.user = text_of(user);
    event.host = text_of(host);
    event.ip = text_of(ip);
    return event;
}

TEST_EACH(everything_is_told, backends)
{
    struct stores stores = begin(row);
    const uint64_t day = FIXTURE_EVENTS_JUNE;
    const uint64_t day2 = day + FIXTURE_EVENTS_DAY;
    const uint64_t day3 = day2 + FIXTURE_EVENTS_DAY;
    struct event events[] = {
            /* Before the period. */
            event_of(day - FIXTURE_EVENTS_DAY, VERDICT_YES, REASON_STAMPED, "alice@example.org",
                    "mail.example.org", "198.51.100.9"),
            event_of(day + HOUR, VERDICT_YES, REASON_STAMPED, "alice@example.org",
                    "mail.example.org", "192.0.2.1"),
            event_of(day + 2 * HOUR, VERDICT_YES, REASON_STAMPED, "bob@example.org",
                    "new.example.org", "2001:db8:7:1::1"),
            /* One's own: a stamp that opened; a network that sends genuine mail. */
            event_of(day + 3 * HOUR, VERDICT_NO, REASON_REFUSED, "shop@example.org",
                    "mail.example.org", "192.0.2.1"),
            event_of(day + 3 * HOUR, VERDICT_NO, REASON_UNSTAMPED, "printer@example.org", "",
                    "192.0.2.99"),
            event_of(day + 3 * HOUR, VERDICT_NO, REASON_FORGED, "printer@example.org", "",
                    "2001:db8:7:2::1"),
            /* Forgeries. */
            event_of(day2, VERDICT_NO, REASON_UNSTAMPED, "bob@example.org", "", "198.51.100.1"),
            event_of(day2, VERDICT_NO, REASON_UNSTAMPED, "bob@example.org", "", "198.51.100.2"),
            event_of(day2, VERDICT_NO, REASON_UNSTAMPED, "x@example.org", "", "2001:db8:8::5"),
            event_of(day2, VERDICT_NO, REASON_UNSTAMPED, "x@example.org", "", "::ffff:203.0.113.9"),
            event_of(day2, VERDICT_NO, REASON_UNSTAMPED, "x@example.org", "", ""),
            /* A genuine stamp under another's name. */
            event_of(day2, VERDICT_NO, REASON_FORGED, "carol@example.org", "mail.example.org",
                    "203.0.113.1"),
            event_of(day3, VERDICT_ALLOW, REASON_REPLAYED, "bob@example.org", "new.example.org",
                    "192.0.2.1"),
            event_of(day3, VERDICT_ALLOW, REASON_CHANGED, "bob@example.org", "new.example.org",
                    "192.0.2.1"),
            event_of(day3, VERDICT_ALLOW, REASON_CHANGED, "bob@example.org", "new.example.org",
                    "192.0.2.1"),
            /* Of another domain. */
            event_of(day3, VERDICT_ALLOW, REASON_CHANGED, "eve@example.com", "new.example.org",
                    "192.0.2.1"),
            event_of(day3, VERDICT_ALLOW, REASON_TESTING, "carol@example.org", "", "192.0.2.1"),
            event_of(day3, VERDICT_ALLOW, REASON_TESTING, "carol@example.org", "", "198.51.100.1"),
            /* After the period. */
            event_of(day3 + FIXTURE_EVENTS_DAY, VERDICT_NO, REASON_REFUSED, "late@example.org", "",
                    ""),
    };

    events[8].listed = events[9].listed = events[10].listed = false;
    events[9].receiving = text_of("example.com");
    events[14].digest = text_of("another");
    events[16].would_be = REASON_UNSTAMPED;
    events[17].would_be = REASON_FORGED;
    write_events(stores.events, events, sizeof events / sizeof *events);
    assert_true(
            eventstore_write(stores.events, NULL, 0, &(struct eventstore_gap){day + HOUR, 17, 5}));
    json_t *report = make(&stores, day, day3 + FIXTURE_EVENTS_DAY, "example.org");
    static const struct wanted wanted[] = {
            {"since", "\"2026-06-01T00:00:00Z\""},
            {"until", "\"2026-06-04T00:00:00Z\""},
            {"domain", "\"example.org\""},
            {"service.recorded_since", "\"2026-05-31T00:00:00Z\""},
            {"service.questions", "16"},
            {"service.yes", "2"},
            {"service.no", "9"},
            {"service.allow", "5"},
            {"service.lost", "17"},
            {"service.left_out", "5"},
            {"service.step_seconds", "86400"},
            {"service.times",
                    "[{\"begin\":\"2026-06-01T00:00:00Z\",\"yes\":2,\"no\":3,\"allow\":0},"
                    "{\"begin\":\"2026-06-02T00:00:00Z\",\"yes\":0,\"no\":6,\"allow\":0},"
                    "{\"begin\":\"2026-06-03T00:00:00Z\",\"yes\":0,\"no\":0,\"allow\":5}]"},
            {"service.reasons", "[{\"verdict\":\"NO\",\"reason\":\"unstamped\",\"questions\":6},"
                                "{\"verdict\":\"ALLOW\",\"reason\":\"changed\",\"questions\":2},"
                                "{\"verdict\":\"ALLOW\",\"reason\":\"testing\",\"questions\":2},"
                                "{\"verdict\":\"NO\",\"reason\":\"forged\",\"questions\":2},"
                                "{\"verdict\":\"YES\",\"reason\":\"stamped\",\"questions\":2},"
                                "{\"verdict\":\"ALLOW\",\"reason\":\"replayed\",\"questions\":1},"
                                "{\"verdict\":\"NO\",\"reason\":\"refused\",\"questions\":1}]"},
            {"service.refused.own.questions", "3"},
            {"service.refused.own.stamped",
                    "[{\"user\":\"shop@example.org\",\"host\":\"mail.example.org\","
                    "\"cause\":\"user\",\"questions\":1}]"},
            {"service.refused.own.networks",
                    "[{\"user\":\"printer@example.org\",\"network\":\"192.0.2.0/24\","
                    "\"reason\":\"unstamped\",\"questions\":1,\"genuine\":1},"
                    "{\"user\":\"printer@example.org\",\"network\":\"2001:db8:7::/48\","
                    "\"reason\":\"forged\",\"questions\":1,\"genuine\":1}]"},
            {"service.refused.forgeries.questions", "6"},
            {"service.refused.forgeries.users",
                    "[{\"user\":\"x@example.org\",\"questions\":3,\"listed\":false},"
                    "{\"user\":\"bob@example.org\",\"questions\":2,\"listed\":true},"
                    "{\"user\":\"carol@example.org\",\"questions\":1,\"listed\":true}]"},
            {"service.refused.forgeries.networks",
                    "[{\"network\":\"198.51.100.0/24\",\"questions\":2},"
                    "{\"network\":\"203.0.113.0/24\",\"questions\":2},"
                    "{\"network\":\"\",\"questions\":1},"
                    "{\"network\":\"2001:db8:8::/48\",\"questions\":1}]"},
            {"service.refused.forgeries.receiving",
                    "[{\"domain\":\"example.com\",\"questions\":6},"
                    "{\"domain\":\"example.net\",\"questions\":5}]"},
            {"service.testing.own.networks",
                    "[{\"user\":\"carol@example.org\",\"network\":\"192.0.2.0/24\","
                    "\"reason\":\"unstamped\",\"questions\":1,\"genuine\":1}]"},
            {"service.testing.own.stamped", "[]"},
            {"service.testing.forgeries.users",
                    "[{\"user\":\"carol@example.org\",\"questions\":1,\"listed\":true}]"},
            {"service.testing.forgeries.networks",
                    "[{\"network\":\"198.51.100.0/24\",\"questions\":1}]"},
            {"service.new_hosts",
                    "[{\"host\":\"new.example.org\",\"first\":\"2026-06-01T02:00:00Z\","
                    "\"questions\":4}]"},
            {"service.unlisted", "[{\"user\":\"x@example.org\",\"questions\":3}]"},
            {"service.replays", "[{\"user\":\"bob@example.org\",\"host\":\"new.example.org\","
                                "\"questions\":1}]"},
            {"service.stamps", "[{\"stamp\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\","
                               "\"user\":\"bob@example.org\",\"issued\":\"2026-05-31T23:43:20Z\","
                               "\"texts\":2,\"questions\":2}]"},
            {"mail.in.messages", "0"},
    };
    expect_all(report, wanted, sizeof wanted / sizeof *wanted);
    json_decref(report);
    end(&stores);
}

static struct mail_event mail_of(uint64_t time, enum mail_action action, enum verdict verdict,
        const char *reason, const char *author, const char *queue)
{
    struct mail_event mail = fixture_mail(time);

    mail.action = action;
    mail.verdict = verdict;
    mail.reason = text_of(reason);
    mail.author = text_of(author);
    mail.queue = text_of(queue);
    return mail;
}

static struct mail_event sent(
        uint64_t time, enum mail_action action, const char *reason, const char *queue)
{
    struct mail_event mail = mail_of(time, action, VERDICT_NONE, reason, "bob@example.org", queue);

    mail.direction = MAIL_DIRECTION_OUT;
    mail.login = text_of("bob");
    mail.service = mail.lookup = text_of("");
    mail.source = MAIL_SOURCE_NONE;
    return mail;
}

TEST_EACH(mail_is_told, backends)
{
    struct stores stores = begin(row);
    const uint64_t day = FIXTURE_EVENTS_JUNE;
    const uint64_t day2 = day + FIXTURE_EVENTS_DAY;
    struct mail_event mail[] = {
            mail_of(day - HOUR, MAIL_ACTION_REJECTED, VERDICT_NO, "unstamped", "a@example.com",
                    "0"),
            mail_of(day, MAIL_ACTION_PASSED, VERDICT_YES, "stamped", "a@example.com", "1"),
            mail_of(day, MAIL_ACTION_PASSED, VERDICT_YES, "stamped", "b@example.com", "2"),
            mail_of(day, MAIL_ACTION_PASSED, VERDICT_ALLOW, "changed", "a@example.net", "3"),
            mail_of(day, MAIL_ACTION_REJECTED, VERDICT_NO, "unstamped", "a@example.com", "4"),
            mail_of(day, MAIL_ACTION_PASSED, VERDICT_NO, "unstamped", "a@example.com", "5"),
            mail_of(day2, MAIL_ACTION_PASSED, VERDICT_NO, "unstamped", "a@example.com", "6"),
            mail_of(day2, MAIL_ACTION_PASSED, VERDICT_PERMERROR, "several-froms", "", "7"),
            mail_of(day2, MAIL_ACTION_PASSED, VERDICT_TEMPERROR, "dns", "a@example.com", "8"),
            mail_of(day2 + HOUR, MAIL_ACTION_PASSED, VERDICT_TEMPERROR, "dns", "b@example.com",
                    "9"),
            sent(day, MAIL_ACTION_STAMPED, "", "10"),
            sent(day2, MAIL_ACTION_STAMPED, "", "11"),
            sent(day2, MAIL_ACTION_REJECTED, "foreign-from", "12"),
            sent(day2, MAIL_ACTION_REJECTED, "foreign-from", "13"),
            sent(day2, MAIL_ACTION_PASSED, "long", "14"),
    };

    mail[2].milliseconds = 400;
    mail[3].service = text_of("192.0.2.8:26");
    mail[3].milliseconds = 30;
    mail[4].source = MAIL_SOURCE_CACHE;
    mail[4].milliseconds = 9000;
    mail[5].would_be = mail[6].would_be = mail[7].would_be = MAIL_ACTION_REJECTED;
    mail[8].source = mail[9].source = mail[7].source = MAIL_SOURCE_NONE;
    write_mail(stores.mail, mail, sizeof mail / sizeof *mail);
    assert_true(eventstore_write(stores.mail, NULL, 0, &(struct eventstore_gap){day, 1, 2}));
    json_t *report = make(&stores, day, day2 + FIXTURE_EVENTS_DAY, NULL);
    static const struct wanted wanted[] = {
            {"mail.recorded_since", "\"2026-05-31T23:00:00Z\""},
            {"mail.lost", "1"},
            {"mail.left_out", "2"},
            {"mail.in.messages", "9"},
            {"mail.in.yes", "2"},
            {"mail.in.no", "3"},
            {"mail.in.allow", "1"},
            {"mail.in.temperror", "2"},
            {"mail.in.permerror", "1"},
            {"mail.in.step_seconds", "3600"},
            {"mail.out.messages", "5"},
            {"mail.out.stamped", "2"},
            {"mail.out.passed", "1"},
            {"mail.out.rejected", "2"},
            {"mail.out.deferred", "0"},
            {"mail.domains", "[{\"domain\":\"example.com\",\"messages\":7,\"yes\":2,\"no\":3,"
                             "\"allow\":0,\"temperror\":2,\"permerror\":0},"
                             "{\"domain\":\"\",\"messages\":1,\"yes\":0,\"no\":0,\"allow\":0,"
                             "\"temperror\":0,\"permerror\":1},"
                             "{\"domain\":\"example.net\",\"messages\":1,\"yes\":0,\"no\":0,"
                             "\"allow\":1,\"temperror\":0,\"permerror\":0}]"},
            {"mail.would_refuse",
                    "[{\"author\":\"a@example.com\",\"verdict\":\"NO\",\"reason\":\"unstamped\","
                    "\"action\":\"rejected\",\"messages\":2,\"queue\":\"6\","
                    "\"last\":\"2026-06-02T00:00:00Z\"},"
                    "{\"author\":\"\",\"verdict\":\"permerror\",\"reason\":\"several-froms\","
                    "\"action\":\"rejected\",\"messages\":1,\"queue\":\"7\","
                    "\"last\":\"2026-06-02T00:00:00Z\"}]"},
            {"mail.refused",
                    "[{\"author\":\"a@example.com\",\"verdict\":\"NO\",\"reason\":\"unstamped\","
                    "\"action\":\"rejected\",\"messages\":1,\"queue\":\"4\","
                    "\"last\":\"2026-06-01T00:00:00Z\"}]"},
            {"mail.unreached", "[{\"domain\":\"example.com\",\"reason\":\"dns\",\"messages\":2,"
                               "\"first\":\"2026-06-02T00:00:00Z\","
                               "\"last\":\"2026-06-02T01:00:00Z\",\"service\":\"192.0.2.7:26\","
                               "\"lookup\":\"_verimail._tcp.example.org\"}]"},
            {"mail.slowest", "[{\"service\":\"192.0.2.7:26\",\"messages\":4,\"ms\":109,"
                             "\"ms_most\":400},{\"service\":\"192.0.2.8:26\",\"messages\":1,"
                             "\"ms\":30,\"ms_most\":30}]"},
            {"mail.unstamped", "[{\"author\":\"bob@example.org\",\"login\":\"bob\","
                               "\"reason\":\"foreign-from\",\"action\":\"rejected\","
                               "\"messages\":2,\"queue\":\"13\",\"last\":\"2026-06-02T00:00:00Z\"},"
                               "{\"author\":\"bob@example.org\",\"login\":\"bob\","
                               "\"reason\":\"long\",\"action\":\"passed\",\"messages\":1,"
                               "\"queue\":\"14\",\"last\":\"2026-06-02T00:00:00Z\"}]"},
            {"service.questions", "0"},
    };
    expect_all(report, wanted, sizeof wanted / sizeof *wanted);
    assert_int_equal(json_array_size(member(report, "mail.in.times")), 48);
    json_decref(report);
    end(&stores);
}

TEST_EACH(an_empty_record, backends)
{
    struct stores stores = begin(row);
    json_t *report =
            make(&stores, FIXTURE_EVENTS_JUNE, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, NULL);
    static const struct wanted wanted[] = {
            {"domain", "null"},
            {"service.questions", "0"},
            {"service.recorded_since", "null"},
            {"service.new_hosts", "null"},
            {"service.refused.forgeries.networks", "[]"},
            {"mail.recorded_since", "null"},
            {"mail.in.messages", "0"},
            {"mail.unreached", "[]"},
    };

    expect_all(report, wanted, sizeof wanted / sizeof *wanted);
    json_decref(report);
    end(&stores);
}

TEST(one_record_of_two)
{
    struct stores stores = begin(&backends[0]);
    struct stores one = stores;

    one.mail = NULL;
    json_t *report = make(&one, FIXTURE_EVENTS_JUNE, FIXTURE_EVENTS_JUNE + HOUR, NULL);
    expect(report, "mail", "null");
    expect(report, "service.questions", "0");
    json_decref(report);
    one = stores;
    one.events = NULL;
    report = make(&one, FIXTURE_EVENTS_JUNE, FIXTURE_EVENTS_JUNE + HOUR, NULL);
    expect(report, "service", "null");
    expect(report, "mail.out.messages", "0");
    json_decref(report);
    end(&stores);
}

/* A host that was there 80 days ago is an old one; after 100 days it is new. */
TEST_EACH(old_hosts_are_remembered, backends)
{
    struct stores stores = begin(row);
    const uint64_t day = FIXTURE_EVENTS_JUNE;
    const struct event events[] = {
            event_of(day - 100 * FIXTURE_EVENTS_DAY, VERDICT_YES, REASON_STAMPED, "a@example.org",
                    "a.example.org", ""),
            event_of(day - 80 * FIXTURE_EVENTS_DAY, VERDICT_YES, REASON_STAMPED, "a@example.org",
                    "b.example.org", ""),
            event_of(day + HOUR, VERDICT_YES, REASON_STAMPED, "a@example.org", "b.example.org", ""),
            event_of(day + HOUR, VERDICT_YES, REASON_STAMPED, "a@example.org", "a.example.org", ""),
    };

    write_events(stores.events, events, sizeof events / sizeof *events);
    json_t *report = make(&stores, day, day + FIXTURE_EVENTS_DAY, NULL);
    expect(report, "service.new_hosts",
            "[{\"host\":\"a.example.org\",\"first\":\"2026-06-01T01:00:00Z\","
            "\"questions\":1}]");
    expect(report, "service.step_seconds", "3600");
    json_decref(report);
    end(&stores);
}

/* The steps begin where the record does, but one hour alone is no chart. */
TEST_EACH(a_young_record_has_some_steps, backends)
{
    struct stores stores = begin(row);
    const uint64_t day = FIXTURE_EVENTS_JUNE;

    fixture_events_write(stores.events, day + HOUR / 2, 1);
    json_t *report = make(&stores, day - 6 * FIXTURE_EVENTS_DAY, day + HOUR - 1, NULL);
    const json_t *times = member(report, "service.times");
    assert_int_equal(json_array_size(times), 12);
    assert_string_equal(json_string_value(json_object_get(json_array_get(times, 0), "begin")),
            "2026-05-31T13:00:00Z");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(times, 11), "no")), 1);
    expect(report, "service.no", "1");
    json_decref(report);
    report = make(&stores, day, day + HOUR - 1, NULL);
    assert_int_equal(json_array_size(member(report, "service.times")), 1);
    json_decref(report);
    end(&stores);
}

/* Whatever is counted, and in however many lists: no list is longer than it may be. */
TEST_EACH(lists_are_cut, backends)
{
    struct stores stores = begin(row);
    struct event events[100];
    char users[100][24];

    for (size_t i = 0; i < 100; i++) {
        snprintf(users[i], sizeof users[i], "user%zu@example.org", i);
        events[i] = event_of(
                FIXTURE_EVENTS_JUNE + i, VERDICT_NO, REASON_UNSTAMPED, users[i], "", "192.0.2.1");
    }
    write_events(stores.events, events, 100);
    json_t *report =
            make(&stores, FIXTURE_EVENTS_JUNE, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, NULL);
    assert_int_equal(json_array_size(member(report, "service.refused.forgeries.users")), 20);
    expect(report, "service.no", "100");
    json_decref(report);
    end(&stores);
}

/* What somebody wrote into the record is data in SQL, too. */
TEST_EACH(a_hostile_record, backends)
{
    struct stores stores = begin(row);
    const uint64_t day = FIXTURE_EVENTS_JUNE;
    struct event events[] = {
            event_of(day, VERDICT_YES, REASON_STAMPED, "a@example.org", "h.example.org",
                    "192.0.2.1"),
            event_of(
                    day, VERDICT_NO, REASON_UNSTAMPED, "') OR 1=1 --@example.org", "", "192.0.2.2"),
            event_of(day, VERDICT_NO, REASON_UNSTAMPED, "<script>@example.org", "", "'||'x"),
            event_of(day, VERDICT_NO, REASON_UNSTAMPED, "%s%n@example.org", "", "%'%:"),
    };

    write_events(stores.events, events, sizeof events / sizeof *events);
    json_t *report = make(&stores, day, day + HOUR, NULL);
    expect(report, "service.refused.own.questions", "1");
    expect(report, "service.refused.forgeries.questions", "2");
    expect(report, "service.refused.forgeries.networks", "[{\"network\":\"\",\"questions\":2}]");
    json_decref(report);
    end(&stores);
}

/* A short report looks at the events, a long one at sums by day: both say the same. */
TEST_EACH(short_and_long_reports_agree, backends)
{
    static const char *const paths[] = {"service.refused", "service.testing", "service.unlisted",
            "service.replays", "service.stamps", "service.reasons", "service.new_hosts"};
    static const char *const addresses[] = {"192.0.2.1", "192.0.2.9", "::ffff:192.0.2.3",
            "2001:db8:7::1", "2001:db8:8::1", "2001:db8::1", "198.51.100.4", "rubbish", ""};
    static const char *const users[] = {"a@example.org", "b@example.org", "c@example.org"};
    struct stores stores = begin(row);
    const uint64_t day = FIXTURE_EVENTS_JUNE;
    struct event events[240];

    for (size_t i = 0; i < 240; i++) {
        struct event *e = &events[i];
        *e = event_of(day + i * HOUR / 10, VERDICT_NO, REASON_UNSTAMPED, users[i % 3], "",
                addresses[i * 7 % 9]);
        e->listed = i % 2 == 0;
        if (i % 5 == 0 && i % 9 < 4) {
            e->verdict = VERDICT_YES;
            e->reason = REASON_STAMPED;
        } else if (i % 11 == 0) {
            e->reason = REASON_REFUSED;
            e->host = text_of("mail.example.org");
        } else if (i % 7 == 0) {
            e->verdict = VERDICT_ALLOW;
            e->reason = i % 2 == 0 ? REASON_TESTING : REASON_REPLAYED;
            e->would_be = i % 2 == 0 ? REASON_UNSTAMPED : REASON_NONE;
        }
    }
    write_events(stores.events, events, 240);
    json_t *short_one = make(&stores, day, day + FIXTURE_EVENTS_DAY, NULL);
    json_t *long_one = make(&stores, day - 2 * FIXTURE_EVENTS_DAY, day + FIXTURE_EVENTS_DAY, NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char *want = json_dumps(member(short_one, paths[i]), JSON_COMPACT | JSON_ENCODE_ANY);
        expect(long_one, paths[i], want);
        free(want);
    }
    assert_true(json_integer_value(member(long_one, "service.refused.own.questions")) > 0);
    assert_true(json_integer_value(member(long_one, "service.refused.forgeries.questions")) > 0);
    json_decref(short_one);
    json_decref(long_one);
    end(&stores);
}

static void drop_table(const struct stores *stores)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(stores->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE event", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

TEST(a_store_that_fails)
{
    struct stores stores = begin(&backends[0]);
    char error[EVENTSTORE_ERROR_MAX] = "";
    const struct report_wish wish = {stores.events, stores.mail, FIXTURE_EVENTS_JUNE,
            FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, NULL};

    drop_table(&stores);
    assert_null(report_make(&wish, error));
    assert_non_null(strstr(error, "no such table: event"));
    end(&stores);
}
