// SPDX-License-Identifier: ISC
#include "verimaild/stats.h"

void stats_init(
        struct stats *stats, struct keyuse *keyuse, struct counters *counters, struct ring *ring)
{
    *stats = (struct stats){
            .keyuse = keyuse, .counters = counters, .ring = ring, .alarm = {.counters = counters}};
    question_log_init(&stats->log);
}

static void stats_put_event(struct ring *ring, const struct query *query,
        const struct endpoint *source, uint64_t waited, uint64_t unix_ms)
{
    const struct judgement *judgement = &query->judgement;
    char asker[ENDPOINT_TEXT_MAX];

    endpoint_format_address(source, asker);
    const struct event event = {
            .time = unix_ms,
            .verdict = judgement->answer.verdict,
            .reason = judgement->answer.reason,
            .cause = text_of(judgement->cause),
            .user = address_text(&query->question.user),
            .host = query_host(query),
            .receiving = query->question.rcpt,
            .ip = query->question.ip,
            .asker = text_of(asker),
            .listed = judgement->listed,
            .milliseconds = waited < UINT32_MAX ? (uint32_t)waited : UINT32_MAX,
    };
    ring_put(ring, &event);
}

void stats_answered(struct stats *stats, const struct query *query, const struct endpoint *source,
        uint64_t waited, uint64_t mono_ms, uint64_t unix_ms)
{
    question_log_answered(&stats->log, query, source, waited, mono_ms);
    if (!query->well_formed) {
        counters_add(&stats->counters->malformed, 1);
        return;
    }
    if (query->judge.payload_state == PAYLOAD_STATE_SEALED)
        keyuse_note(stats->keyuse, query->payload.sealed.key, query->payload.sealed.is.issued,
                unix_ms / 1000);
    counters_note(stats->counters, query->judgement.answer.verdict, query->judgement.answer.reason,
            waited);
    stats_put_event(stats->ring, query, source, waited, unix_ms);
}

void stats_store(struct stats *stats, const struct replay_health *health, uint64_t mono_ms)
{
    const uint64_t more = health->failures - stats->failures;
    const bool was_troubled = stats->troubled;

    stats->counters->replay_entries = health->entries;
    stats->counters->replay_bytes = health->bytes;
    stats->failures = health->failures;
    stats->troubled = health->why[0] != '\0';
    counters_add(&stats->counters->replay_failures, more);
    if (more > 0 || (stats->troubled && !was_troubled))
        alarm_raise(&stats->alarm, COUNTER_ALARM_REPLAY, "", health->why, mono_ms);
}

void stats_tables(struct stats *stats, const char *error, uint64_t mono_ms)
{
    if (error != NULL)
        alarm_raise(&stats->alarm, COUNTER_ALARM_USERS, "", error, mono_ms);
}

void stats_uncounted(struct stats *stats, uint64_t mono_ms)
{
    counters_add(&stats->counters->replay_failures, 1);
    alarm_raise(&stats->alarm, COUNTER_ALARM_REPLAY, "",
            "more questions wait for the store than there is room for", mono_ms);
}

void stats_unanswered(
        struct stats *stats, const char *why, const struct endpoint *source, uint64_t mono_ms)
{
    counters_add(&stats->counters->unanswered, 1);
    question_log_unanswered(&stats->log, why, source, mono_ms);
}
