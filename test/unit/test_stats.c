// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capture.h"
#include "fixture_service.h"
#include "unit.h"
#include "verimaild/stats.h"

static struct fixture_service fixture;
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

    question_log_init(&log);
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

TEST(questions_are_logged)
{
    char sealed[PAYLOAD_TEXT_MAX + 1];
    char line[QUESTION_MAX];

    fixture_service_seal("alice@example.org", FIXTURE_SERVICE_NOW, sealed);
    snprintf(line, sizeof line, "alice@example.org %s rcpt=example.net ip=198.51.100.7\n", sealed);
    check(line, "question verdict=YES reason=stamped user=alice@example.org host=mail.example.org "
                "source=192.0.2.1:4711 ms=12 ip=198.51.100.7 rcpt=example.net");
    check("bob@example.org -\n",
            "question verdict=ALLOW reason=unstamped user=bob@example.org source=192.0.2.1:4711 "
            "ms=12");
    check("eve@nowhere.org - x=y\n", "question verdict=NO reason=refused cause=domain "
                                     "user=eve@nowhere.org source=192.0.2.1:4711 ms=12");
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
    check("x\n", "malformed verdict=NO source=192.0.2.1:4711 ms=12");
    check("", "malformed verdict=NO source=192.0.2.1:4711 ms=12");
}

TEST(unanswered_connections_are_logged)
{
    const struct endpoint from = source("[2001:db8::1]:1");
    struct question_log log;

    question_log_init(&log);
    struct capture capture = catch ();
    question_log_unanswered(&log, "timeout", &from, 1000);
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
            question_log_unanswered(log, "room", &from, now);
        log_flush();
        capture_read(&capture, caught + (i > 0 ? strlen(caught) : 0), 4096);
    }
    log_buffer(false);
    capture_end(&capture);
    return count_lines();
}

TEST(what_anybody_can_send_is_limited)
{
    static const struct {
        const char *line; /* NULL: unanswered */
        int burst;
        int rate;
    } table[] = {
            {"x\n", 100, 10},
            {NULL, 100, 10},
            {"alice@example.org -\n", 1000, 100},
            {"a@nowhere.org - x=y\n", 1000, 100},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct question_log log;
        question_log_init(&log);
        assert_int_equal(logged(&log, table[i].line, table[i].burst, 5000), table[i].burst);
        assert_int_equal(log.left_out, 0);
        assert_int_equal(logged(&log, table[i].line, 5, 5000), 0);
        assert_int_equal(log.left_out, 5);
        assert_int_equal(logged(&log, table[i].line, 300, 6000), table[i].rate);
    }
}

/* Neither kind takes the other's share, and what is no NO has no limit. */
TEST(kinds_are_apart)
{
    struct question_log log;

    question_log_init(&log);
    assert_int_equal(logged(&log, "x\n", 200, 0), 100);
    assert_int_equal(logged(&log, NULL, 200, 0), 0); /* one share for both */
    assert_int_equal(logged(&log, "alice@example.org -\n", 1100, 0), 1000);
    assert_int_equal(logged(&log, "bob@example.org -\n", 1500, 0), 1500);
    assert_int_equal(log.left_out, 100 + 200 + 100);
}

TEST(left_out_is_said)
{
    struct question_log log;

    question_log_init(&log);
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
    (void)logged(&log, NULL, 101, 60000);
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
    question_log_init(&log);
    fixture_service_judge(&fixture, text_of(line), FIXTURE_SERVICE_NOW, &query);
    assert_true(query.well_formed);
    struct capture capture = catch ();
    question_log_answered(&log, &query, &from, UINT64_MAX, 0);
    release(&capture);
    assert_true(strlen(caught) <= LOG_LINE_MAX);
    assert_non_null(strstr(caught, " source=[2001:db8::1]:65535 ms=18446744073709551615 "));
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

    stats_init(&stats, NULL, &counters, NULL);
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
