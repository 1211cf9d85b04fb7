// SPDX-License-Identifier: ISC
#include "verimaild/stats.h"

void stats_init(
        struct stats *books, struct keyuse *keyuse, struct counters *counters, struct ring *ring)
{
    *books = (struct stats){
            .keyuse = keyuse, .counters = counters, .ring = ring, .alarm = {.counters = counters}};
    question_log_init(&books->log);
}

static void stats_put_event(
        struct ring *ring, const struct asked *asked, uint64_t waited, uint64_t today)
{
    const struct query *inquiry = &asked->inquiry;
    const struct judgement *judgement = &inquiry->judgement;
    char asker[ENDPOINT_TEXT_MAX];

    endpoint_format_address(&asked->source, asker);
    const struct event event = {
            .time = today,
            .verdict = judgement->answer.verdict,
            .reason = judgement->answer.reason,
            .cause = text_of(judgement->cause),
            .user = address_text(&inquiry->question.user),
            .host = query_host(inquiry),
            .receiving = inquiry->question.rcpt,
            .ip = inquiry->question.ip,
            .asker = text_of(asker),
            .listed = judgement->listed,
            .milliseconds = waited < UINT32_MAX ? (uint32_t)waited : UINT32_MAX,
    };
    ring_put(ring, &event);
}

void stats_answered(struct stats *books, const struct asked *asked, uint64_t now, uint64_t today)
{
    const struct query *inquiry = &asked->inquiry;
    const uint64_t waited = now - asked->since;

    question_log_answered(&books->log, inquiry, &asked->source, waited, now);
    if (!inquiry->well_formed) {
        counters_add(&books->counters->malformed, 1);
        return;
    }
    if (inquiry->judge.payload_state == PAYLOAD_STATE_SEALED)
        keyuse_note(books->keyuse, inquiry->payload.sealed.key, inquiry->payload.sealed.is.issued,
                today / 1000);
    counters_note(books->counters, inquiry->judgement.answer.verdict,
            inquiry->judgement.answer.reason, waited);
    stats_put_event(books->ring, asked, waited, today);
}

void stats_store(struct stats *books, const struct replay_health *health, uint64_t now)
{
    const uint64_t more = health->failures - books->failures;
    const bool was_troubled = books->troubled;

    books->counters->replay_entries = health->entries;
    books->counters->replay_bytes = health->bytes;
    books->failures = health->failures;
    books->troubled = health->why[0] != '\0';
    counters_add(&books->counters->replay_failures, more);
    if (more > 0 || (books->troubled && !was_troubled))
        alarm_raise(&books->alarm, COUNTER_ALARM_REPLAY, "", health->why, now);
}

void stats_tables(struct stats *books, const char *error, uint64_t now)
{
    if (error != NULL)
        alarm_raise(&books->alarm, COUNTER_ALARM_USERS, "", error, now);
}

void stats_uncounted(struct stats *books, uint64_t now)
{
    counters_add(&books->counters->replay_failures, 1);
    alarm_raise(&books->alarm, COUNTER_ALARM_REPLAY, "",
            "more questions wait for the store than there is room for", now);
}

void stats_unanswered(
        struct stats *books, const char *why, const struct endpoint *source, uint64_t now)
{
    counters_add(&books->counters->unanswered, 1);
    question_log_unanswered(&books->log, why, source, now);
}
