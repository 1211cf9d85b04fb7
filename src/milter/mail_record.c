// SPDX-License-Identifier: ISC
#include "milter/mail_record.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "events/ration.h"
#include "milter/tally.h"

static struct mail_record {
    struct ring *ring;     /* NULL: nothing is recorded, as in tests of other parts */
    atomic_bool is_on;     /* the configuration has a record */
    pthread_mutex_t lock;  /* of the ring's writing side, and of: */
    struct ration *ration; /* NULL without a ring */
} mail_record = {.is_on = true, .lock = PTHREAD_MUTEX_INITIALIZER};

bool mail_record_start(struct ring *ring)
{
    unsigned char seed[16];

    ration_free(&mail_record.ration);
    mail_record.ring = ring;
    if (ring == NULL)
        return true;
    randombytes_buf(seed, sizeof seed);
    mail_record.ration = ration_init(1, seed);
    return mail_record.ration != NULL;
}

void mail_record_switch(bool on)
{
    atomic_store(&mail_record.is_on, on);
}

/* What users of ours send is not rationed: strangers cannot make it. */
static bool mail_record_may(const struct mail_event *event, const struct endpoint *from)
{
    enum ration_class class = RATION_UNOPENED;

    if (event->direction == MAIL_DIRECTION_OUT || event->verdict == VERDICT_NONE)
        return true;
    if (event->verdict == VERDICT_YES)
        class = RATION_CONFIRMED;
    else if (event->verdict == VERDICT_ALLOW && event->stamp.len > 0)
        class = RATION_OPENED;
    return ration_take(mail_record.ration, class, from, mono_ms());
}

/* A message of a domain that does not use Verimail is only counted. */
static struct mail_event mail_record_count_of(const struct mail_event *event)
{
    return (struct mail_event){.time = event->time,
            .direction = event->direction,
            .action = event->action,
            .would_be = event->would_be,
            .verdict = event->verdict,
            .milliseconds = event->milliseconds};
}

void mail_record_put(const struct decision_event *decided, enum mail_action instead)
{
    struct mail_event event = decided->event;

    if (mail_record.ring == NULL || !decided->is_made)
        return;
    if (event.direction == MAIL_DIRECTION_IN && event.verdict == VERDICT_NONE)
        event = mail_record_count_of(&event);
    if (instead != MAIL_ACTION_NONE) {
        event.action = instead;
        event.reason = text_of("not-changed");
    }
    pthread_mutex_lock(&mail_record.lock);
    event.left_out = !mail_record_may(&event, decided->from);
    if (atomic_load(&mail_record.is_on))
        ring_put(mail_record.ring, &event);
    pthread_mutex_unlock(&mail_record.lock);
    tally_message(&event);
}
