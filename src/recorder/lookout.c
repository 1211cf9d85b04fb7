// SPDX-License-Identifier: ISC
#include "recorder/lookout.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"
#include "events/privacy.h"
#include "recorder/alarm_history.h"
#include "recorder/forgeries.h"
#include "recorder/texts.h"

struct lookout {
    const struct recorder_setup *setup;
    struct alarm *alarm;
    struct forgeries *forgeries; /* NULL: the alarm is off */
    struct texts *texts;         /* NULL: the alarm is off */
};

struct lookout *lookout_init(const struct recorder_setup *setup, struct alarm *alarm)
{
    struct lookout *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->setup = setup;
    l->alarm = alarm;
    if (setup->alarm_forgeries > 0)
        l->forgeries = forgeries_init(setup->alarm_forgeries, FORGERIES_USERS);
    if (setup->alarm_texts > 0)
        l->texts = texts_init(setup->alarm_texts, TEXTS_OCTETS);
    if ((setup->alarm_forgeries == 0 || l->forgeries != NULL) &&
            (setup->alarm_texts == 0 || l->texts != NULL))
        return l;
    lookout_free(&l);
    return NULL;
}

void lookout_free(struct lookout **lookout)
{
    if (*lookout == NULL)
        return;
    forgeries_free(&(*lookout)->forgeries);
    texts_free(&(*lookout)->texts);
    free(*lookout);
    *lookout = NULL;
}

void lookout_note(struct lookout *l, const struct event *event, uint64_t now)
{
    if (l->forgeries != NULL)
        forgeries_note(l->forgeries, event, now);
    if (l->texts != NULL)
        texts_note(l->texts, event, now);
}

static void lookout_raise_forgery(struct lookout *l, const struct forgery *forgery, uint64_t now)
{
    char because[128];
    char network[PRIVACY_TEXT_MAX];
    struct writer w = writer_of(because, sizeof because - 1);

    writer_string(&w, "more than ");
    writer_decimal(&w, l->setup->alarm_forgeries);
    writer_string(&w, " forgeries in an hour");
    if (forgery->network != 0) {
        writer_string(&w, ", most from ");
        writer_put(&w, privacy_prefix_text(forgery->network, network));
    }
    because[writer_text(&w).len] = '\0';
    alarm_raise(l->alarm, COUNTER_ALARM_FORGERIES, forgery->user, because, now);
}

/* Whether no earlier process raised the alarm, too. */
static bool lookout_is_news(const struct lookout *l, const char *subject, uint64_t keep)
{
    const char *state = l->setup->state;

    if (alarm_history_has(state, subject, unix_now()))
        return false;
    if (!alarm_history_add(state, subject, keep, unix_now()))
        log_errno(LOG_LEVEL_WARNING, "state-not-written", "folder", state);
    return true;
}

/* Reports forgeries. An alarm is logged at most once a minute, so further users wait. */
static void lookout_tell_forgeries(struct lookout *l, uint64_t now)
{
    const uint64_t said = l->alarm->said[COUNTER_ALARM_FORGERIES];
    struct forgery forgery;

    if (l->forgeries == NULL || (said != 0 && now - said < ALARM_EVERY))
        return;
    while (forgeries_next(l->forgeries, &forgery)) {
        if (lookout_is_news(l, forgery.user, ALARM_HISTORY_KEEP)) {
            lookout_raise_forgery(l, &forgery, now);
            return;
        }
    }
}

static void lookout_raise_texts(struct lookout *l, const struct texts_alarm *texts, uint64_t now)
{
    char because[160];
    char remedy[ADDRESS_MAX + 96];
    char issued[DATE_TEXT_MAX];
    char after[DATE_TEXT_MAX];

    date_format(texts->issued, issued);
    date_format(texts->issued + 1, after);
    snprintf(because, sizeof because,
            "more than %llu different texts came with one stamp, %s, issued at %s",
            (unsigned long long)l->setup->alarm_texts, texts->stamp, issued);
    snprintf(remedy, sizeof remedy, "not_before = %s in the rule of %s", after, texts->user);
    alarm_raise_with_remedy(l->alarm, COUNTER_ALARM_TEXTS, texts->user, because, remedy, now);
}

/* Reports payloads with too many texts, one a minute, too. */
static void lookout_tell_texts(struct lookout *l, uint64_t now)
{
    const uint64_t said = l->alarm->said[COUNTER_ALARM_TEXTS];
    struct texts_alarm texts;

    if (l->texts == NULL || (said != 0 && now - said < ALARM_EVERY))
        return;
    while (texts_next(l->texts, &texts)) {
        if (lookout_is_news(l, texts.stamp, ALARM_HISTORY_KEEP_TEXTS)) {
            lookout_raise_texts(l, &texts, now);
            return;
        }
    }
}

void lookout_tell(struct lookout *l, uint64_t now)
{
    lookout_tell_forgeries(l, now);
    lookout_tell_texts(l, now);
}
