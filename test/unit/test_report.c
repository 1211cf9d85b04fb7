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

/* A new store of one backend for each test; PostgreSQL is the server that VERIMAIL_POSTGRESQL
 * names.
 */
struct hostport {
    struct folder folder;
    char address[FOLDER_PATH_MAX + 16];
    struct eventstore *store;
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

static struct hostport begin(const struct unit_row *backend)
{
    const char *server = getenv("VERIMAIL_POSTGRESQL");
    struct hostport place = {.address = ""};
    char path[FOLDER_PATH_MAX];

    place.folder = folder_make();
    folder_path(&place.folder, "events.db", path);
    snprintf(place.address, sizeof place.address, "sqlite:%s", path);
    if (strcmp(backend->name, "postgresql") == 0) {
        snprintf(place.address, sizeof place.address, "%s", server);
        clear_postgresql(server);
    }
    place.store = fixture_events_open(place.address, EVENTSTORE_RECORD);
    return place;
}

static void end(struct hostport *place)
{
    eventstore_close(&place->store);
    folder_remove(&place->folder);
}

static json_t *make(struct hostport *place, const struct report_wish *wish)
{
    char error[EVENTSTORE_ERROR_MAX] = "";
    json_t *report = report_make(place->store, wish, error);

    if (report == NULL)
        fail_msg("%s", error);
    return report;
}

static void expect(const json_t *report, const char *key, const char *want)
{
    char *got = json_dumps(json_object_get(report, key), JSON_ENCODE_ANY | JSON_COMPACT);

    if (got == NULL || strcmp(got, want) != 0)
        fail_msg("%s: got `%s`, want `%s`", key, got, want);
    free(got);
}

static void write_events(struct hostport *place, const struct event *events, size_t count)
{
    if (!eventstore_write(place->store, events, count, NULL))
        fail_msg("%s", eventstore_error(place->store));
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
    struct hostport place = begin(row);
    const uint64_t day = FIXTURE_EVENTS_JUNE;
    struct event events[] = {
            event_of(day - FIXTURE_EVENTS_DAY, VERDICT_YES, REASON_STAMPED, "alice@example.org",
                    "mail.example.org", ""),
            event_of(day + HOUR, VERDICT_YES, REASON_STAMPED, "alice@example.org",
                    "mail.example.org", "192.0.2.1"),
            event_of(day + 2 * HOUR, VERDICT_YES, REASON_STAMPED, "bob@example.org",
                    "new.example.org", "192.0.2.1"),
            event_of(day + 3 * HOUR, VERDICT_NO, REASON_FORGED, "bob@example.org", "", "192.0.2.1"),
            event_of(day + FIXTURE_EVENTS_DAY, VERDICT_NO, REASON_UNSTAMPED, "bob@example.org", "",
                    "192.0.2.77"),
            event_of(day + FIXTURE_EVENTS_DAY, VERDICT_NO, REASON_UNSTAMPED, "carol@example.org",
                    "", "2001:db8:7:1::5"),
            event_of(day + FIXTURE_EVENTS_DAY, VERDICT_NO, REASON_REFUSED, "x@example.org", "", ""),
            event_of(day + FIXTURE_EVENTS_DAY, VERDICT_NO, REASON_REFUSED, "x@example.org", "",
                    "::ffff:192.0.2.9"),
            event_of(day + 2 * FIXTURE_EVENTS_DAY, VERDICT_ALLOW, REASON_REPLAYED,
                    "bob@example.org", "new.example.org", "192.0.2.1"),
            event_of(day + 2 * FIXTURE_EVENTS_DAY, VERDICT_ALLOW, REASON_CHANGED, "bob@example.org",
                    "new.example.org", "192.0.2.1"),
            event_of(day + 2 * FIXTURE_EVENTS_DAY, VERDICT_ALLOW, REASON_CHANGED, "eve@example.com",
                    "new.example.org", "192.0.2.1"),
            event_of(day + 2 * FIXTURE_EVENTS_DAY, VERDICT_ALLOW, REASON_TESTING,
                    "carol@example.org", "", "192.0.2.1"),
            event_of(day + 2 * FIXTURE_EVENTS_DAY, VERDICT_ALLOW, REASON_TESTING,
                    "carol@example.org", "", "198.51.100.1"),
            event_of(day + 3 * FIXTURE_EVENTS_DAY, VERDICT_NO, REASON_REFUSED, "late@example.org",
                    "", ""),
    };

    events[6].listed = events[7].listed = false;
    events[7].receiving = text_of("example.com");
    events[11].would_be = REASON_UNSTAMPED;
    events[12].would_be = REASON_FORGED;
    write_events(&place, events, sizeof events / sizeof *events);
    assert_true(
            eventstore_write(place.store, NULL, 0, &(struct eventstore_gap){day + HOUR, 17, 5}));
    const struct report_wish wish = {day, day + 3 * FIXTURE_EVENTS_DAY, "example.org"};
    json_t *report = make(&place, &wish);
    static const char *const wanted[][2] = {
            {"since", "\"2026-06-01T00:00:00Z\""},
            {"until", "\"2026-06-04T00:00:00Z\""},
            {"domain", "\"example.org\""},
            {"recorded_since", "\"2026-05-31T00:00:00Z\""},
            {"questions", "11"},
            {"yes", "2"},
            {"no", "5"},
            {"allow", "4"},
            {"lost", "17"},
            {"left_out", "5"},
            {"step_seconds", "86400"},
            {"times", "[{\"begin\":\"2026-06-01T00:00:00Z\",\"yes\":2,\"no\":1,\"allow\":0},"
                      "{\"begin\":\"2026-06-02T00:00:00Z\",\"yes\":0,\"no\":4,\"allow\":0},"
                      "{\"begin\":\"2026-06-03T00:00:00Z\",\"yes\":0,\"no\":0,\"allow\":4}]"},
            {"reasons", "[{\"verdict\":\"ALLOW\",\"reason\":\"testing\",\"questions\":2},"
                        "{\"verdict\":\"NO\",\"reason\":\"refused\",\"questions\":2},"
                        "{\"verdict\":\"NO\",\"reason\":\"unstamped\",\"questions\":2},"
                        "{\"verdict\":\"YES\",\"reason\":\"stamped\",\"questions\":2},"
                        "{\"verdict\":\"ALLOW\",\"reason\":\"changed\",\"questions\":1},"
                        "{\"verdict\":\"ALLOW\",\"reason\":\"replayed\",\"questions\":1},"
                        "{\"verdict\":\"NO\",\"reason\":\"forged\",\"questions\":1}]"},
            {"forgeries", "{\"users\":[{\"user\":\"bob@example.org\",\"questions\":2},"
                          "{\"user\":\"x@example.org\",\"questions\":2},"
                          "{\"user\":\"carol@example.org\",\"questions\":1}],"
                          "\"networks\":[{\"network\":\"192.0.2.0/24\",\"questions\":3},"
                          "{\"network\":\"2001:db8:7::/48\",\"questions\":1},"
                          "{\"network\":\"2001:db8::/48\",\"questions\":1}],"
                          "\"receiving\":[{\"domain\":\"example.com\",\"questions\":5},"
                          "{\"domain\":\"example.net\",\"questions\":4}]}"},
            {"testing", "{\"users\":[{\"user\":\"carol@example.org\",\"would_be\":\"forged\","
                        "\"questions\":1},{\"user\":\"carol@example.org\","
                        "\"would_be\":\"unstamped\",\"questions\":1}],"
                        "\"networks\":[{\"network\":\"192.0.2.0/24\",\"questions\":1},"
                        "{\"network\":\"198.51.100.0/24\",\"questions\":1}]}"},
            {"new_hosts", "[{\"host\":\"new.example.org\",\"first\":\"2026-06-01T02:00:00Z\","
                          "\"questions\":3}]"},
            {"unlisted", "{\"questions\":2,\"users\":[{\"user\":\"x@example.org\","
                         "\"questions\":2,\"no\":2}]}"},
            {"replays", "{\"questions\":1,\"users\":[{\"user\":\"bob@example.org\","
                        "\"host\":\"new.example.org\",\"questions\":1}]}"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        expect(report, wanted[i][0], wanted[i][1]);
    json_decref(report);
    end(&place);
}

TEST_EACH(an_empty_record, backends)
{
    struct hostport place = begin(row);
    const struct report_wish wish = {
            FIXTURE_EVENTS_JUNE, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, NULL};
    json_t *report = make(&place, &wish);

    expect(report, "questions", "0");
    expect(report, "domain", "null");
    expect(report, "recorded_since", "null");
    expect(report, "times", "[]");
    expect(report, "new_hosts", "null");
    json_decref(report);
    end(&place);
}

/* A host that was there 80 days ago is an old one; after 100 days it is new. */
TEST_EACH(old_hosts_are_remembered, backends)
{
    struct hostport place = begin(row);
    const uint64_t day = FIXTURE_EVENTS_JUNE;
    const struct event events[] = {
            event_of(day - 100 * FIXTURE_EVENTS_DAY, VERDICT_YES, REASON_STAMPED, "a@example.org",
                    "a.example.org", ""),
            event_of(day - 80 * FIXTURE_EVENTS_DAY, VERDICT_YES, REASON_STAMPED, "a@example.org",
                    "b.example.org", ""),
            event_of(day + HOUR, VERDICT_YES, REASON_STAMPED, "a@example.org", "b.example.org", ""),
            event_of(day + HOUR, VERDICT_YES, REASON_STAMPED, "a@example.org", "a.example.org", ""),
    };

    write_events(&place, events, sizeof events / sizeof *events);
    const struct report_wish wish = {day, day + FIXTURE_EVENTS_DAY, NULL};
    json_t *report = make(&place, &wish);
    expect(report, "new_hosts",
            "[{\"host\":\"a.example.org\",\"first\":\"2026-06-01T01:00:00Z\","
            "\"questions\":1}]");
    expect(report, "step_seconds", "3600");
    json_decref(report);
    end(&place);
}

TEST_EACH(lists_are_cut, backends)
{
    struct hostport place = begin(row);
    struct event events[100];
    char users[100][24];

    for (size_t i = 0; i < 100; i++) {
        snprintf(users[i], sizeof users[i], "user%zu@example.org", i);
        events[i] = event_of(FIXTURE_EVENTS_JUNE + i, VERDICT_NO, REASON_UNSTAMPED, users[i],
                "mail.example.org", "192.0.2.1");
    }
    write_events(&place, events, 100);
    const struct report_wish wish = {
            FIXTURE_EVENTS_JUNE, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, NULL};
    json_t *report = make(&place, &wish);
    json_t *forged = json_object_get(json_object_get(report, "forgeries"), "users");
    assert_int_equal(json_array_size(forged), 20);
    expect(report, "no", "100");
    json_decref(report);
    end(&place);
}

static void drop_table(const struct hostport *place)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(place->address + strlen("sqlite:"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE event", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

TEST(a_store_that_fails)
{
    struct hostport place = begin(&backends[0]);
    char error[EVENTSTORE_ERROR_MAX] = "";
    const struct report_wish wish = {
            FIXTURE_EVENTS_JUNE, FIXTURE_EVENTS_JUNE + FIXTURE_EVENTS_DAY, NULL};

    drop_table(&place);
    assert_null(report_make(place.store, &wish, error));
    assert_non_null(strstr(error, "no such table: event"));
    end(&place);
}

static char *printed(const json_t *report, const struct report_look *look)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    if (look != NULL)
        report_print(report, look, out);
    else
        report_print_html(report, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* What others may have written into the record, or somebody into its file. */
static json_t *hostile(void)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:i,"
                     " s:[{s:s, s:I, s:I, s:I}], s:[{s:s, s:s, s:i}],"
                     " s:{s:[{s:s, s:I}], s:[], s:[{s:s, s:I}]},"
                     " s:{s:[{s:s, s:s, s:i}], s:[{s:s, s:i}]}, s:n,"
                     " s:{s:i, s:[{s:s, s:i, s:i}]}, s:{s:i, s:[{s:s, s:s, s:i}]}}",
            "since", "2026-06-01T00:00:00Z", "until", "2026-06-08T00:00:00Z", "domain",
            "example.org", "recorded_since", "2026-06-02T00:00:00Z", "lost", (json_int_t)INT64_MAX,
            "questions", (json_int_t)INT64_MAX, "yes", (json_int_t)INT64_MAX - 2, "no",
            (json_int_t)1, "allow", (json_int_t)1, "step_seconds", 86400, "times", "begin",
            "2026-06-01T00:00:00Z", "yes", (json_int_t)INT64_MAX - 2, "no", (json_int_t)1, "allow",
            (json_int_t)1, "reasons", "verdict", "NO", "reason", "<b>'\"&", "questions", 1,
            "forgeries", "users", "user", "<script>alert(1)</script>\x1b]0;x\x07@example.org",
            "questions", (json_int_t)INT64_MAX, "networks", "receiving", "domain",
            "\xe2\x80\x8f\xc2\x9b\x7f", "questions", (json_int_t)1, "testing", "users", "user",
            "<b>\x1b", "would_be", "<i>", "questions", 1, "networks", "network", "<u>", "questions",
            1, "new_hosts", "unlisted", "questions", 1, "users", "user",
            "\"><img src=x onerror=alert(1)>@example.org", "questions", 1, "no", 1, "replays",
            "questions", 1, "users", "user", "", "host", "<host>&'\"", "questions", 1);
}

TEST(strangers_texts_are_escaped)
{
    json_t *report = hostile();

    assert_non_null(report);
    for (unsigned width = 0; width < 200; width += 8) {
        const struct report_look look = {width, false, false};
        const unsigned most = width < 40 ? 40 : width > 120 ? 120 : width;
        char *text = printed(report, &look);
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
            if (strcspn(line, "\n") > most && width >= 80)
                fail_msg("wider than %u: %.*s", most, (int)strcspn(line, "\n"), line);
        for (const char *at = text; *at != '\0'; at++)
            assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
        free(text);
    }
    char *page = printed(report, NULL);
    for (const char *at = page; *at != '\0'; at++)
        assert_true(*at == '\n' || (*at >= ' ' && *at < 0x7f));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "<b>"));
    assert_null(strstr(page, "<host>"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b]0;x\\x07@"));
    free(page);
    json_decref(report);
}

/* What no domain under test kept back takes no place. */
TEST(would_be_is_shown_where_there_is_any)
{
    static const struct report_look looks[] = {{60, false, false}, {120, false, false}};
    json_t *report = hostile();

    for (int any = 1; any >= 0; any--) {
        for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
            char *text = printed(report, &looks[i]);
            assert_int_equal(strstr(text, "Would be NO") != NULL, any);
            assert_non_null(strstr(text, "New sending hosts"));
            free(text);
        }
        char *page = printed(report, NULL);
        assert_int_equal(strstr(page, "Would be NO") != NULL, any);
        free(page);
        assert_int_equal(json_object_del(report, "testing"), any ? 0 : -1);
    }
    json_decref(report);
}

/* Whatever is missing or of another type: something is printed. */
TEST(any_json_can_be_printed)
{
    static const char *const members[] = {"since", "until", "domain", "recorded_since", "lost",
            "questions", "yes", "no", "allow", "step_seconds", "times", "reasons", "forgeries",
            "testing", "new_hosts", "unlisted", "replays"};
    const struct report_look look = {80, true, true};

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *report = hostile();
        assert_int_equal(json_object_del(report, members[i]), 0);
        free(printed(report, &look));
        free(printed(report, NULL));
        assert_int_equal(json_object_set_new(report, members[i], json_pack("[i, n, {}]", 1)), 0);
        free(printed(report, &look));
        free(printed(report, NULL));
        json_decref(report);
    }
}
