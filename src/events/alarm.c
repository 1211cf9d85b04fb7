// SPDX-License-Identifier: ISC
#include "events/alarm.h"

#include <string.h>

#include "base/log.h"
#include "protocol/address.h"

#define SUBJECT "{}"
#define ALARM_REMEDY_MAX (512 + 2 * ADDRESS_MAX)

static const char *const alarm_remedies[COUNTER_ALARMS] = {
        [COUNTER_ALARM_FORGERIES] =
                "`verimail report --since 1d` shows where they come from and that they were "
                "refused; nothing has to be done about {}",
        [COUNTER_ALARM_TEXTS] = "`verimail revoke {} --sent` takes back what was stamped until now",
        [COUNTER_ALARM_REPLAY] =
                "mend what `because` says: room and owner of the folder (`df -h`, `ls -l`), or the "
                "Redis server (`redis-cli ping`); it is tried again by itself",
        [COUNTER_ALARM_USERS] =
                "`verimail table sync` or `verimail table build` writes the table anew; `verimail "
                "table get` shows whether it can be read",
        [COUNTER_ALARM_EVENTS] =
                "mend what `because` says: room and owner of the folder (`df -h`, `ls -l`), or the "
                "PostgreSQL server (`psql`); it is tried again by itself, and no mail waits",
        [COUNTER_ALARM_KEY] =
                "`verimail keygen host` on the host makes a new key: give its public half to the "
                "service, reload both, then remove the old one",
        [COUNTER_ALARM_HOST] = "set a later `expires` in the section host \"{}\", or remove the "
                               "section",
        [COUNTER_ALARM_SENDING] =
                "`verimail revoke {}` if it was not the user: then change the password, and "
                "`verimail restore {}`; else nothing, so much is usual from now on",
        [COUNTER_ALARM_CLOCK] = "on {}: `timedatectl set-ntp true`, and `chronyc makestep`; if its "
                                "clock is right, the same on this machine",
};

const char *alarm_remedy(enum counter_alarm about)
{
    return alarm_remedies[about];
}

void alarm_raise(struct alarm *alarm, enum counter_alarm about, const char *subject,
        const char *because, uint64_t now)
{
    char remedy[ALARM_REMEDY_MAX];
    struct writer w = writer_of(remedy, sizeof remedy - 1);

    for (const char *at = alarm_remedy(about); *at != '\0'; at++) {
        if (strncmp(at, SUBJECT, strlen(SUBJECT)) == 0) {
            writer_string(&w, subject);
            at += strlen(SUBJECT) - 1;
        } else {
            writer_char(&w, *at);
        }
    }
    remedy[writer_text(&w).len] = '\0';
    alarm_raise_with_remedy(alarm, about, subject, because, remedy, now);
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
    log_string(&line, "remedy", remedy);
    if (alarm->left_out[about] > 0)
        log_number(&line, "left_out", alarm->left_out[about]);
    log_end(&line);
    alarm->said[about] = now > 0 ? now : 1;
    alarm->left_out[about] = 0;
}
