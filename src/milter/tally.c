// SPDX-License-Identifier: ISC
#include "milter/tally.h"

static struct counters *tally;           /* NULL: nothing is counted */
static struct counters_mail *tally_mail; /* of our section */

void tally_open(struct counters *counters, size_t section)
{
    tally = counters;
    tally_mail = &counters->mail[section];
    tally_mail->sessions = 0;
    tally_mail->client.breaker_open = 0;
    tally_mail->client.discoveries = 0;
}

void tally_message(const struct mail_event *event)
{
    /* What goes out has no verdict: it counts as the first. */
    const enum verdict verdict = event->direction == MAIL_DIRECTION_IN ? event->verdict : 0;

    if (tally == NULL)
        return;
    counters_add(&tally_mail->messages[event->direction][verdict][event->action], 1);
    counters_note_latency(&tally_mail->latency, event->milliseconds);
    counters_add(&tally->left_out, event->left_out);
}

void tally_session(int change)
{
    if (tally != NULL)
        counters_add(&tally_mail->sessions, (uint64_t)change);
}

void tally_refused_session(void)
{
    if (tally != NULL)
        counters_add(&tally_mail->sessions_refused, 1);
}
