// SPDX-License-Identifier: ISC
#include "recorder/lookout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"
#include "events/privacy.h"
#include "recorder/alarm_history.h"
#include "recorder/forgeries.h"
#include "recorder/spread.h"
#include "recorder/texts.h"

#define LEARNED_SERVICE "sending" /* files in the state folder */
#define LEARNED_MAIL "sending-mail"
#define SAVE_EVERY 300000 /* milliseconds */
#define AHEAD 60           /* seconds */

struct lookout {
    const struct recorder_setup *setup;
    struct alarm *alarm;
    struct forgeries *forgeries; /* NULL: the alarm is off */
    struct texts *texts;         /* NULL: the alarm is off */
    struct spread *spread;       /* NULL: the alarm is off */
    char *learned;               /* the file of what it learned */
    bool has_learned;            /* since it was written */
    uint64_t save_at;            /* monotonic milliseconds */
    /* The host whose clock is farthest ahead, of those that wait to be reported. */
    char ahead[DOMAIN_MAX + 1]; /* empty: none waits */
    uint64_t ahead_by;          /* seconds */
};

static void lookout_complain(const struct lookout *l)
{
    log_errno(LOG_LEVEL_WARNING, "state-not-written", "folder", l->setup->state);
}

static bool lookout_begin_spread(struct lookout *l)
{
    const char *name = l->setup->daemon == RECORDER_MILTER ? LEARNED_MAIL : LEARNED_SERVICE;

    l->spread = spread_init(l->setup->alarm_sending, SPREAD_USERS);
    if (l->spread == NULL || asprintf(&l->learned, "%s/%s", l->setup->state, name) < 0)
        return false;
    if (!spread_load(l->spread, l->learned))
        log_errno(LOG_LEVEL_WARNING, "state-not-read", "file", l->learned);
    l->save_at = mono_ms() + SAVE_EVERY;
    return true;
}

static void lookout_save(struct lookout *l, uint64_t now)
{
    if (l->has_learned && !spread_save(l->spread, l->learned))
        lookout_complain(l);
    l->has_learned = false;
    l->save_at = now + SAVE_EVERY;
}

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
            (setup->alarm_texts == 0 || l->texts != NULL) &&
            (setup->alarm_sending == 0 || lookout_begin_spread(l)))
        return l;
    lookout_free(&l);
    return NULL;
}

void lookout_free(struct lookout **lookout)
{
    if (*lookout == NULL)
        return;
    if ((*lookout)->learned != NULL)
        lookout_save(*lookout, mono_ms());
    forgeries_free(&(*lookout)->forgeries);
    texts_free(&(*lookout)->texts);
    spread_free(&(*lookout)->spread);
    free((*lookout)->learned);
    free(*lookout);
    *lookout = NULL;
}

/* A clock that is so far ahead is wrong, and soon too far: see JUDGE_FUTURE. The payload opened, so
 * its host has written it. */
static void lookout_note_clock(struct lookout *l, const struct event *event)
{
    const uint64_t seconds = event->time / 1000;

    if (event->stamp.len == 0 || event->host.len == 0 || event->issued <= seconds + AHEAD ||
            event->issued - seconds <= l->ahead_by)
        return;
    const size_t len = event->host.len < DOMAIN_MAX ? event->host.len : DOMAIN_MAX;
    memcpy(l->ahead, event->host.at, len);
    l->ahead[len] = '\0';
    l->ahead_by = event->issued - seconds;
}

static bool lookout_is_any(struct text receiving)
{
    return receiving.len == 0 || text_equal(receiving, text_of("*"));
}

static void lookout_note_sending(struct lookout *l, struct text user, struct text receiving)
{
    spread_note(l->spread, user, receiving, unix_now());
    l->has_learned = true;
}

void lookout_note(struct lookout *l, const struct event *event, uint64_t now)
{
    if (l->forgeries != NULL)
        forgeries_note(l->forgeries, event, now);
    if (l->texts != NULL)
        texts_note(l->texts, event, now);
    if (l->spread != NULL && event->verdict == VERDICT_YES)
        lookout_note_sending(
                l, event->user, lookout_is_any(event->receiving) ? event->asker : event->receiving);
    lookout_note_clock(l, event);
}

void lookout_note_mail(struct lookout *l, const struct mail_event *event)
{
    if (l->spread != NULL && event->action == MAIL_ACTION_STAMPED &&
            !lookout_is_any(event->receiving))
        lookout_note_sending(l, event->author, event->receiving);
}

/* Whether one of this kind may be logged now. */
static bool lookout_may_tell(const struct lookout *l, enum counter_alarm about, uint64_t now)
{
    return l->alarm->said[about] == 0 || now - l->alarm->said[about] >= ALARM_EVERY;
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
        lookout_complain(l);
    return true;
}

/* Reports forgeries. An alarm is logged at most once a minute, so further users wait. */
static void lookout_tell_forgeries(struct lookout *l, uint64_t now)
{
    struct forgery forgery;

    if (l->forgeries == NULL || !lookout_may_tell(l, COUNTER_ALARM_FORGERIES, now))
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
    char remedy[2 * ADDRESS_MAX + 128];
    char issued[DATE_TEXT_MAX];
    char after[DATE_TEXT_MAX];

    date_format(texts->issued, issued);
    date_format(texts->issued + 1, after);
    snprintf(because, sizeof because,
            "more than %llu different texts came with one stamp, %s, issued at %s",
            (unsigned long long)l->setup->alarm_texts, texts->stamp, issued);
    snprintf(remedy, sizeof remedy,
            "`not_before = %s` in the rule of %s; `verimail revoke %s --sent` sets it to now",
            after, texts->user, texts->user);
    alarm_raise_with_remedy(l->alarm, COUNTER_ALARM_TEXTS, texts->user, because, remedy, now);
}

/* Reports payloads with too many texts, one a minute, too. */
static void lookout_tell_texts(struct lookout *l, uint64_t now)
{
    struct texts_alarm texts;

    if (l->texts == NULL || !lookout_may_tell(l, COUNTER_ALARM_TEXTS, now))
        return;
    while (texts_next(l->texts, &texts)) {
        if (lookout_is_news(l, texts.stamp, ALARM_HISTORY_KEEP_TEXTS)) {
            lookout_raise_texts(l, &texts, now);
            return;
        }
    }
}

static void lookout_raise_sending(
        struct lookout *l, const struct spread_alarm *sending, uint64_t now)
{
    char because[128];

    snprintf(because, sizeof because, "sent to some %u receiving domains within %s; usual: %s%u",
            sending->domains, sending->in_a_day ? "a day" : "an hour",
            sending->usual > 0 ? "at most " : "not known, below ",
            sending->usual > 0 ? sending->usual : (unsigned)l->setup->alarm_sending);
    alarm_raise(l->alarm, COUNTER_ALARM_SENDING, sending->user, because, now);
    lookout_save(l, now);
}

static void lookout_tell_sending(struct lookout *l, uint64_t now)
{
    struct spread_alarm sending;
    char subject[sizeof sending.user + 16];

    if (l->spread == NULL || !lookout_may_tell(l, COUNTER_ALARM_SENDING, now))
        return;
    while (spread_next(l->spread, &sending)) {
        snprintf(subject, sizeof subject, "sending:%s", sending.user);
        if (lookout_is_news(l, subject, ALARM_HISTORY_KEEP_SENDING)) {
            lookout_raise_sending(l, &sending, now);
            return;
        }
    }
}

static void lookout_tell_clock(struct lookout *l, uint64_t now)
{
    char because[160];
    char subject[sizeof l->ahead + 16];

    if (l->ahead[0] == '\0' || !lookout_may_tell(l, COUNTER_ALARM_CLOCK, now))
        return;
    snprintf(subject, sizeof subject, "clock:%s", l->ahead);
    snprintf(because, sizeof because,
            "a payload of this host is from %llu seconds in the future: its clock is ahead",
            (unsigned long long)l->ahead_by);
    if (lookout_is_news(l, subject, ALARM_HISTORY_KEEP))
        alarm_raise(l->alarm, COUNTER_ALARM_CLOCK, l->ahead, because, now);
    l->ahead[0] = '\0';
    l->ahead_by = 0;
}

void lookout_tell(struct lookout *l, uint64_t now)
{
    lookout_tell_forgeries(l, now);
    lookout_tell_texts(l, now);
    lookout_tell_sending(l, now);
    lookout_tell_clock(l, now);
    if (l->learned != NULL && now >= l->save_at)
        lookout_save(l, now);
}
