// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "capture.h"
#include "events/alarm.h"
#include "unit.h"

static char caught[16384];

/* What is logged for an alarm, in `caught`. */
static void raise_alarm(
        struct alarm *alarm, enum counter_alarm about, const char *subject, uint64_t now)
{
    struct capture capture = capture_begin();

    log_init();
    log_configure(LOG_LEVEL_ALARM, LOG_FORMAT_TEXT);
    alarm_raise_with_remedy(alarm, about, subject, "it is so", "do it", now);
    capture_read(&capture, caught, sizeof caught);
    capture_end(&capture);
}

TEST(alarms_of_one_kind_are_told_once_a_minute)
{
    static const struct {
        uint64_t now;
        enum counter_alarm about;
        const char *subject;
        const char *line; /* without its event */
    } table[] = {
            {0, COUNTER_ALARM_REPLAY, "", "about=replay because=\"it is so\" remedy=\"do it\"\n"},
            {1, COUNTER_ALARM_REPLAY, "", ""},
            {2, COUNTER_ALARM_EVENTS, "", "about=events because=\"it is so\" remedy=\"do it\"\n"},
            {3, COUNTER_ALARM_FORGERIES, "alice@example.org",
                    "about=forgeries subject=alice@example.org because=\"it is so\" remedy=\"do "
                    "it\"\n"},
            {ALARM_EVERY - 1, COUNTER_ALARM_REPLAY, "", ""},
            {ALARM_EVERY + 1, COUNTER_ALARM_REPLAY, "",
                    "about=replay because=\"it is so\" remedy=\"do it\" left_out=2\n"},
            {ALARM_EVERY * 2, COUNTER_ALARM_REPLAY, "", ""},
            {ALARM_EVERY * 2 + 1, COUNTER_ALARM_REPLAY, "",
                    "about=replay because=\"it is so\" remedy=\"do it\" left_out=1\n"},
            {ALARM_EVERY * 9, COUNTER_ALARM_REPLAY, "",
                    "about=replay because=\"it is so\" remedy=\"do it\"\n"},
    };
    struct alarm alarm = {.counters = counters_init(NULL)};

    setenv("JOURNAL_STREAM", "8:1", 1); /* lines carry no time */
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        raise_alarm(&alarm, table[i].about, table[i].subject, table[i].now);
        const char *got = strstr(caught, "about=");
        if (got == NULL)
            got = "";
        if (strcmp(got, table[i].line) != 0)
            fail_msg("at %llu: got `%s`, want `%s`", (unsigned long long)table[i].now, caught,
                    table[i].line);
        if (*got != '\0')
            assert_int_equal(strncmp(caught, "<1>level=alarm event=alarm ", 27), 0);
    }
    assert_int_equal(alarm.counters->alarms[COUNTER_ALARM_REPLAY], 7);
    assert_int_equal(alarm.counters->alarms[COUNTER_ALARM_FORGERIES], 1);
    assert_int_equal(alarm.counters->alarms[COUNTER_ALARM_KEY], 0);
    counters_free(&alarm.counters);
}

/* A command in `...`, or an option in it: something to type. */
TEST(every_kind_says_what_to_do)
{
    for (unsigned about = 0; about < COUNTER_ALARMS; about++) {
        struct alarm alarm = {.counters = counters_init(NULL)};
        struct capture capture = capture_begin();
        const char *remedy = alarm_remedy((enum counter_alarm)about);
        assert_non_null(counters_alarm[about]);
        if (remedy == NULL || strchr(remedy, '`') == NULL ||
                strchr(strchr(remedy, '`') + 1, '`') == NULL || strchr(remedy, '\n') != NULL)
            fail_msg("%s: `%s` does not say what to type", counters_alarm[about], remedy);
        log_init();
        log_configure(LOG_LEVEL_ALARM, LOG_FORMAT_TEXT);
        alarm_raise(&alarm, (enum counter_alarm)about, "the-subject.example", "it is so", 1);
        capture_read(&capture, caught, sizeof caught);
        capture_end(&capture);
        const char *told = strstr(caught, " remedy=\"");
        if (told == NULL || strstr(caught, "{}") != NULL || strstr(caught, "...\"") != NULL ||
                (strstr(remedy, "{}") != NULL) != (strstr(told, "the-subject.example") != NULL))
            fail_msg("%s: got `%s`", counters_alarm[about], caught);
        counters_free(&alarm.counters);
    }
}
