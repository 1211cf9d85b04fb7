// SPDX-License-Identifier: ISC
#include "events/alarm.h"

#include "base/log.h"

void alarm_raise(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, uint64_t now)
{
    alarm_raise_with_remedy(alarm, about, subject, because, NULL, now);
}

void alarm_raise_with_remedy(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, const char *remedy, uint64_t now)
{
    struct log_line line;

    counters_add(&alarm->counters->alarms[about], 1);
    if (alarm->said[about] != 0 && now < alarm->said[about] + ALARM_EVERY) {
        alarm->left_out[about]++;
        return;
    }
    log_begin(&line, LOG_LEVEL_ALARM, "alarm");
    log_string(&line, "about", counters_alarm[about]);
    if (subject[0] != '\0')
        log_string(&line, "subject", subject);
    log_string(&line, "because", because);
    if (remedy != NULL)
        log_string(&line, "remedy", remedy);
    if (alarm->left_out[about] > 0)
        log_number(&line, "left_out", alarm->left_out[about]);
    log_end(&line);
    alarm->said[about] = now > 0 ? now : 1;
    alarm->left_out[about] = 0;
}
