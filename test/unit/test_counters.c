// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "events/counters.h"
#include "recorder/metrics.h"
#include "unit.h"

static char *shown(const struct counters *counters)
{
    char *text = metrics_exposition(RECORDER_SERVICE, counters, 1000);

    assert_non_null(text);
    return text;
}

/* The exposition has exactly this line. */
static void has(const char *text, const char *line)
{
    char wanted[256];

    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (strstr(text, wanted) == NULL)
        fail_msg("got no line `%s` in\n%s", line, text);
}

TEST(what_was_counted_is_shown)
{
    static const struct {
        size_t at; /* in struct counters */
        const char *line;
    } table[] = {
            {offsetof(struct counters, questions[VERDICT_YES][REASON_STAMPED]),
                    "verimail_questions_total{verdict=\"YES\",reason=\"stamped\"} 7"},
            {offsetof(struct counters, questions[VERDICT_NO][REASON_FORGED]),
                    "verimail_questions_total{verdict=\"NO\",reason=\"forged\"} 7"},
            {offsetof(struct counters, malformed), "verimail_malformed_questions_total 7"},
            {offsetof(struct counters, unanswered), "verimail_unanswered_connections_total 7"},
            {offsetof(struct counters, left_out), "verimail_questions_left_out_total 7"},
            {offsetof(struct counters, replay_failures), "verimail_replay_failures_total 7"},
            {offsetof(struct counters, replay_entries), "verimail_replay_entries 7"},
            {offsetof(struct counters, replay_bytes), "verimail_replay_bytes 7"},
            {offsetof(struct counters, events_recorded), "verimail_events_recorded_total 7"},
            {offsetof(struct counters, events_dropped), "verimail_events_dropped_total 7"},
            {offsetof(struct counters, workers_restarted), "verimail_workers_restarted_total 7"},
            {offsetof(struct counters, recorders_restarted),
                    "verimail_recorders_restarted_total 7"},
            {offsetof(struct counters, alarms[COUNTER_ALARM_FORGERIES]),
                    "verimail_alarms_total{alarm=\"forgeries\"} 7"},
            {offsetof(struct counters, alarms[COUNTER_ALARM_TEXTS]),
                    "verimail_alarms_total{alarm=\"texts\"} 7"},
            {offsetof(struct counters, alarms[COUNTER_ALARM_KEY]),
                    "verimail_alarms_total{alarm=\"key\"} 7"},
            {offsetof(struct counters, latency.sum),
                    "verimail_question_duration_seconds_sum 0.007"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct counters *counters = counters_init(NULL);
        assert_non_null(counters);
        char *nothing = shown(counters);
        if (strstr(nothing, "} 7\n") != NULL || strstr(nothing, " 0.007\n") != NULL)
            fail_msg("something is counted at the start");
        free(nothing);
        counters_add((_Atomic uint64_t *)(void *)((char *)counters + table[i].at), 7);
        char *text = shown(counters);
        has(text, table[i].line);
        free(text);
        counters_free(&counters);
        assert_null(counters);
    }
}

TEST(durations)
{
    static const struct {
        uint64_t milliseconds;
        const char *first; /* the bucket that it is in, and the one before */
        const char *before;
    } table[] = {
            {0, "le=\"0.001\"} 1", ""},
            {1, "le=\"0.001\"} 1", ""},
            {2, "le=\"0.002\"} 1", "le=\"0.001\"} 0"},
            {3, "le=\"0.005\"} 1", "le=\"0.002\"} 0"},
            {1000, "le=\"1.000\"} 1", "le=\"0.500\"} 0"},
            {5000, "le=\"5.000\"} 1", "le=\"2.000\"} 0"},
            {5001, "le=\"+Inf\"} 1", "le=\"5.000\"} 0"},
            {UINT32_MAX, "le=\"+Inf\"} 1", "le=\"5.000\"} 0"},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct counters *counters = counters_init(NULL);
        counters_note(counters, VERDICT_NO, REASON_UNSTAMPED, table[i].milliseconds);
        char *text = shown(counters);
        if (strstr(text, table[i].first) == NULL || strstr(text, table[i].before) == NULL)
            fail_msg("%llu ms: want `%s` and `%s` in\n%s",
                    (unsigned long long)table[i].milliseconds, table[i].first, table[i].before,
                    text);
        has(text, "verimail_question_duration_seconds_bucket{le=\"+Inf\"} 1");
        has(text, "verimail_question_duration_seconds_count 1");
        has(text, "verimail_questions_total{verdict=\"NO\",reason=\"unstamped\"} 1");
        free(text);
        counters_free(&counters);
    }
}

/* Not of the service's verdicts: there is no place for them, and no other is hit. */
TEST(other_verdicts_are_only_timed)
{
    struct counters *counters = counters_init(NULL);

    assert_non_null(counters);
    counters_note(counters, VERDICT_TEMPERROR, REASON_NONE, 5);
    assert_int_equal(counters->latency.buckets[2], 1);
    for (size_t v = 0; v <= VERDICT_ALLOW; v++)
        for (size_t r = 0; r <= REASON_REFUSED; r++)
            assert_int_equal(counters->questions[v][r], 0);
    assert_int_equal(counters->malformed, 0);
    counters_free(&counters);
}

TEST(keys)
{
    struct counters *counters = counters_init(NULL);

    assert_non_null(counters);
    counters->keys[0] = (struct counter_key){"mail.example.org", "0011223344556677", 400};
    counters->keys[1] = (struct counter_key){"a\"b\\c\nd", "8899aabbccddeeff", 2000};
    counters->keys[3] = (struct counter_key){"not.reached", "0", 1};
    char *text = shown(counters);
    has(text, "verimail_key_age_seconds{host=\"mail.example.org\",key=\"0011223344556677\"} 600");
    has(text, "verimail_key_age_seconds{host=\"a\\\"b\\\\c\\nd\",key=\"8899aabbccddeeff\"} 0");
    assert_null(strstr(text, "not.reached"));
    free(text);
    counters->keys_changed = 1; /* the parent died in the middle of it */
    text = shown(counters);
    assert_null(strstr(text, "mail.example.org"));
    free(text);
    counters_free(&counters);
}

/* Every line is a comment or a sample; HELP, TYPE and all samples of a name stand together. */
TEST(the_form)
{
    struct counters *counters = counters_init(NULL);
    char name[128] = "";
    char *rest = NULL;

    assert_non_null(counters);
    char *text = shown(counters);
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
            line = strtok_r(NULL, "\n", &rest)) {
        char kind[16];
        if (strncmp(line, "# HELP ", 7) == 0) {
            assert_int_equal(sscanf(line, "# HELP %127s", name), 1);
            assert_non_null(strchr(line + 7, ' '));
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            char same[128];
            assert_int_equal(sscanf(line, "# TYPE %127s %15s", same, kind), 2);
            assert_string_equal(same, name);
            const size_t len = strlen(name);
            const bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;
            assert_int_equal(total, strcmp(kind, "counter") == 0);
        } else {
            assert_int_equal(strncmp(line, name, strlen(name)), 0);
            const char *space = strrchr(line, ' ');
            assert_non_null(space);
            assert_int_equal(strspn(space + 1, "0123456789."), strlen(space + 1));
        }
    }
    free(text);
    counters_free(&counters);
}

TEST(processes_share_them)
{
    struct counters *counters = counters_init(NULL);

    assert_non_null(counters);
    for (int i = 0; i < 2; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            for (int k = 0; k < 50000; k++)
                counters_note(counters, VERDICT_YES, REASON_STAMPED, 1);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        continue;
    assert_int_equal(counters->questions[VERDICT_YES][REASON_STAMPED], 100000);
    assert_int_equal(counters->latency.buckets[0], 100000);
    counters_free(&counters);
}
