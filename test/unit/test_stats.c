// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capture.h"
#include "events/event.h"
#include "fixture_service.h"
#include "unit.h"
#include "verimaild/stats.h"

static struct fixture_service fixture;
static struct ration *ration; /* a new one for each test */
static char caught[1024 * 1024];

static struct capture catch (void)
{
    struct capture capture = capture_begin();

    setenv("JOURNAL_STREAM", "8:1", 1);
    log_init();
    log_configure(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    return capture;
}

static void release(struct capture *capture)
{
    capture_read(capture, caught, sizeof caught);
    capture_end(capture);
}

static struct endpoint source(const char *text)
{
    struct endpoint endpoint;

    assert_true(endpoint_parse(text, &endpoint));
    return endpoint;
}

/* What is logged of a question, without its priority and level. */
static void check(const char *line, const char *want)
{
    const struct endpoint from = source("[::ffff:192.0.2.1]:4711");
    struct question_log log;
    struct query query;
    char whole[2048];

    question_log_init(&log, ration);
    fixture_service_judge(&fixture, text_of(line), FIXTURE_SERVICE_NOW, &query);
    struct capture capture = catch ();
    question_log_answered(&log, &query, &from, 12, 1000);
    release(&capture);
    snprintf(whole, sizeof whole, "<6>level=info event=%s\n", want);
    assert_string_equal(caught, whole);
    assert_int_equal(question_log_due(&log), UINT64_MAX);
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
    fixture = fixture_service_open("",
            "domain example.org { hosts = " FIXTURE_SERVICE_HOST " user alice { }\n"
            " user bob { allow_unauthorized = yes } }\n");
    assert_string_equal(problems_text(fixture.conf.problems), "");
}

AFTER_ALL()
{
    fixture_service_close(&fixture);
}

static void new_ration(void)
{
    static const unsigned char seed[16];

    ration_free(&ration);
    ration = ration_init(1, seed);
    assert_non_null(ration);
}

BEFORE_EACH()
{
    new_ration();
}

AFTER_EACH()
{
    ration_free(&ration);
}

TEST(questions_are_logged)
{
    char sealed[PAYLOAD_TEXT_MAX + 1];
    char line[QUESTION_MAX];

    fixture_service_seal("alice@example.org", FIXTURE_SERVICE_NOW, sealed);
    snprintf(line, sizeof line, "alice@example.org %s rcpt=example.net ip=198.51.100.7\n", sealed);
    check(line, "question verdict=YES reason=stamped user=alice@example.org host=mail.example.org "
                "source=192.0.2.1:4711 channel=plain ms=12 ip=198.51.100.7 rcpt=example.net");
    check("bob@example.org -\n",
            "question verdict=ALLOW reason=unstamped user=bob@example.org source=192.0.2.1:4711 "
            "channel=plain ms=12");
    check("eve@nowhere.org - x=y\n",
            "question verdict=NO reason=refused cause=domain "
            "user=eve@nowhere.org source=192.0.2.1:4711 channel=plain ms=12");
}

static int count_lines(void)
{
    int lines = 0;

    for (const char *at = caught; *at != '\0'; at++)
        lines += *at == '\n';
    return lines;
}

TEST(malformed_lines_are_logged)
{
    check("x\n", "malformed verdict=NO source=192.0.2.1:4711 channel=plain ms=12");
    check("", "malformed verdict=NO source=192.0.2.1:4711 channel=plain ms=12");
}

TEST(unanswered_connections_are_logged)
{
    const struct endpoint from = source("[2001:db8::1]:1");
    struct question_log log;

    question_log_init(&log, ration);
    struct capture capture = catch ();
    question_log_unanswered(&log, "timeout", NULL, &from, 1000);
    release(&capture);
    assert_string_equal(
            caught, "<6>level=info event=unanswered why=timeout source=[2001:db8::1]:1\n");
}

/* At one moment `count` of a kind; how many lines they make. */
static int logged(struct question_log *log, const char *line, int count, uint64_t now)
{
    const struct endpoint from = source("192.0.2.1:1");
    struct query query;
    struct capture capture = catch ();

    if (line != NULL)
        fixture_service_judge(&fixture, text_of(line), FIXTURE_SERVICE_NOW, &query);
    log_buffer(true);
    for (int i = 0; i < count; i++) {
        if (line != NULL)
            question_log_answered(log, &query, &from, 0, now);
        else
            question_log_unanswered(log, "room", NULL, &from, now);
        log_flush();
        capture_read(&capture, caught + (i > 0 ? strlen(caught) : 0), 4096);
    }
    log_buffer(false);
    capture_end(&capture);
    return count_lines();
}

TEST(what_anybody_can_send_is_limited)
{
    char sealed[PAYLOAD_TEXT_MAX + 1];
    char stamped[QUESTION_MAX];
    char changed[QUESTION_MAX];

    fixture_service_seal("alice@example.org", FIXTURE_SERVICE_NOW, sealed);
    snprintf(stamped, sizeof stamped, "alice@example.org %s\n", sealed);
    snprintf(changed, sizeof changed,
            "alice@example.org %s digest=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\n", sealed);
    const struct {
        const char *line; /* NULL: unanswered */
        int burst;
        int rate;
    } table[] = {
            {"x\n", 100, 2},
            {NULL, 100, 2},
            {"alice@example.org -\n", 100, 2},
            {"bob@example.org -\n", 100, 2},
            {"alice@example.org AAAA x=y\n", 100, 2},
            {"a@nowhere.org - x=y\n", 100, 2},
            {changed, 2000, 50},
            {stamped, 4000, 300},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct question_log log;
        new_ration();
        question_log_init(&log, ration);
        assert_int_equal(logged(&log, table[i].line, table[i].burst, 5000), table[i].burst);
        assert_int_equal(log.left_out, 0);
        if (table[i].line == stamped) /* what we sent is never left out */
            continue;
        assert_int_equal(logged(&log, table[i].line, 5, 5000), 0);
        assert_int_equal(log.left_out, 5);
        assert_int_equal(logged(&log, table[i].line, 300, 6000), table[i].rate);
    }
}

/* No class takes another's ration. */
TEST(classes_are_apart)
{
    struct question_log log;

    question_log_init(&log, ration);
    assert_int_equal(logged(&log, "x\n", 200, 0), 100);
    assert_int_equal(logged(&log, NULL, 200, 0), 0); /* one ration for both */
    assert_int_equal(logged(&log, "alice@example.org -\n", 1100, 0), 100);
    assert_int_equal(logged(&log, "bob@example.org -\n", 150, 0), 0); /* one for both, too */
    assert_int_equal(log.left_out, 100 + 200 + 1000 + 150);
}

TEST(left_out_is_said)
{
    struct question_log log;

    question_log_init(&log, ration);
    (void)logged(&log, NULL, 103, 50000);
    assert_true(question_log_due(&log) <= 50000);
    struct capture capture = catch ();
    question_log_flush(&log, 50000, false);
    release(&capture);
    assert_string_equal(caught, "<6>level=info event=left-out count=3\n");
    assert_int_equal(question_log_due(&log), UINT64_MAX);
    /* at most once in ten seconds */
    (void)logged(&log, NULL, 2, 50000);
    assert_int_equal(question_log_due(&log), 60000);
    capture = catch ();
    question_log_flush(&log, 59999, false);
    release(&capture);
    assert_string_equal(caught, "");
    capture = catch ();
    question_log_flush(&log, 60000, false);
    release(&capture);
    assert_string_equal(caught, "<6>level=info event=left-out count=2\n");
    /* unless it is the last time */
    (void)logged(&log, NULL, 21, 60000);
    capture = catch ();
    question_log_flush(&log, 60000, true);
    question_log_flush(&log, 60000, true);
    release(&capture);
    assert_string_equal(caught, "<6>level=info event=left-out count=1\n");
}

/* The longest question there is: the line still says who asked. */
TEST(longest_question)
{
    const struct endpoint from = source("[2001:db8::1]:65535");
    char line[QUESTION_MAX + 1] = "";
    struct question_log log;
    struct query query;

    strcpy(line, "alice@example.org - ip=2001:db8::2 rcpt=");
    for (int i = 0; i < 38; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), "%s%040d.example.org",
                i > 0 ? "," : "", i);
    strcat(line, "\n");
    question_log_init(&log, ration);
    fixture_service_judge(&fixture, text_of(line), FIXTURE_SERVICE_NOW, &query);
    assert_true(query.well_formed);
    struct capture capture = catch ();
    question_log_answered(&log, &query, &from, UINT64_MAX, 0);
    release(&capture);
    assert_true(strlen(caught) <= LOG_LINE_MAX);
    assert_non_null(
            strstr(caught, " source=[2001:db8::1]:65535 channel=plain ms=18446744073709551615 "));
    assert_string_equal(caught + strlen(caught) - 5, "...\"\n");
}

/* A store that failed and is well again by the time of the look: the alarm says why it failed. */
TEST(an_alarm_about_the_store_has_a_cause)
{
    static const struct {
        const char *error;
        const char *failure;
        uint64_t failures; /* more than at the last look */
        const char *want;  /* NULL: no alarm */
    } table[] = {
            {"", "", 0, NULL},
            {"", "disk full", 3, "disk full"},
            {"is down", "disk full", 0, "is down"},
            {"is down", "disk full", 0, NULL},
            {"is down", "too late", 1, "too late"},
            {"", "too late", 0, NULL},
            {"", "too late", 1, "too late"},
    };
    struct counters counters = {0};
    struct stats stats;
    struct replay_health health = {0};

    stats_init(&stats, NULL, &counters, NULL, ration);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char want[256] = "";
        health.failures += table[i].failures;
        snprintf(health.error, sizeof health.error, "%s", table[i].error);
        snprintf(health.failure, sizeof health.failure, "%s", table[i].failure);
        struct capture capture = catch ();
        stats_store(&stats, &health, 100000 * (i + 1));
        release(&capture);
        if (table[i].want != NULL)
            snprintf(want, sizeof want, "because=\"%s\"", table[i].want);
        if (table[i].want != NULL ? strstr(caught, want) == NULL : caught[0] != '\0')
            fail_msg("row %zu: got %s, want %s", i, caught, want);
    }
}

/* The event has what the payload says, and whether the message is another one. */
TEST(events_name_the_stamp)
{
    static const struct {
        const char *digest;
        bool changed;
    } table[] = {
            {"", false},
            {" digest=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU", true},
    };
    const struct endpoint from = source("192.0.2.1:1");
    static struct counters counters;
    static char buffer[EVENT_OCTETS_MAX];
    struct ring *ring = ring_init(&event_kind);
    struct keyuse *keyuse = keyuse_init(service_keyring(fixture.service));
    struct stats stats;

    assert_non_null(ring);
    assert_non_null(keyuse);
    stats_init(&stats, keyuse, &counters, ring, ration);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char sealed[PAYLOAD_TEXT_MAX + 1];
        char line[QUESTION_MAX];
        struct query query;
        struct event event;
        fixture_service_seal("alice@example.org", FIXTURE_SERVICE_NOW, sealed);
        snprintf(line, sizeof line, "alice@example.org %s%s\n", sealed, table[i].digest);
        fixture_service_judge(&fixture, text_of(line), FIXTURE_SERVICE_NOW, &query);
        struct capture capture = catch ();
        stats_answered(&stats, &query, &from, 1, 1000, 1000);
        release(&capture);
        assert_int_equal(ring_look(ring, &event, 1, buffer, sizeof buffer), 1);
        /* The name is what stands in the payload from its 13th octet on. */
        assert_int_equal(event.stamp.len, EVENT_STAMP);
        assert_memory_equal(event.stamp.at, sealed + 12, EVENT_STAMP);
        assert_int_equal(event.issued, FIXTURE_SERVICE_NOW);
        assert_int_equal(event.changed, table[i].changed);
        assert_int_equal(event.digest.len, table[i].changed ? DIGEST_TEXT : 0);
        assert_false(event.left_out);
        ring_take(ring);
    }
    keyuse_free(&keyuse);
    ring_free(&ring);
}
