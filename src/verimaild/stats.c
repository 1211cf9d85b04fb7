// SPDX-License-Identifier: ISC
#include "verimaild/stats.h"

#include <sodium.h>

#include "base/log.h"
#include "events/event.h"

#define SAY_EVERY 10000 /* milliseconds */

void question_log_init(struct question_log *log, struct ration *ration)
{
    *log = (struct question_log){.ration = ration};
}

static void put_source(struct log_line *line, const struct endpoint *source)
{
    char text[ENDPOINT_TEXT_MAX];

    if (!line->wanted)
        return;
    endpoint_format(source, text);
    log_string(line, "source", text);
}

static void put_if_any(struct log_line *line, const char *name, struct text value)
{
    if (value.len > 0)
        log_text(line, name, value);
}

static void put_question(struct log_line *line, const struct query *query)
{
    const struct judgement *judgement = &query->judgement;

    log_string(line, "verdict", verdict_name(judgement->answer.verdict));
    log_string(line, "reason", reason_name(judgement->answer.reason));
    put_if_any(line, "would_be", text_of(reason_name(judgement->would_be)));
    put_if_any(line, "cause", text_of(judgement->cause));
    if (query->payload_result != PAYLOAD_OK)
        log_string(line, "payload", payload_result_text(query->payload_result));
    log_text(line, "user", address_text(&query->question.user));
    put_if_any(line, "host", query_host(query));
}

/* The longest values come last: a line that is cut still says who asked. */
static void put_names(struct log_line *line, const struct question *question)
{
    put_if_any(line, "ip", question->ip);
    put_if_any(line, "rcpt", question->rcpt);
}

/* Answers YES are not rationed: a payload gets no more of them than it allows. */
static bool question_log_may(struct question_log *log, const struct query *query,
        const struct endpoint *source, uint64_t mono_ms)
{
    enum ration_class class = RATION_OPENED;

    if (!query->well_formed)
        class = RATION_UNANSWERED;
    else if (query->judge.payload_state == PAYLOAD_STATE_ABSENT ||
             query->judge.payload_state == PAYLOAD_STATE_UNOPENED)
        class = RATION_UNOPENED;
    else if (query->judgement.answer.verdict == VERDICT_YES)
        return true;
    return ration_take(log->ration, class, source, mono_ms);
}

bool question_log_answered(struct question_log *log, const struct query *query,
        const struct endpoint *source, uint64_t waited, uint64_t mono_ms)
{
    struct log_line line;

    if (!question_log_may(log, query, source, mono_ms)) {
        log->left_out++;
        return false;
    }
    log_begin(&line, LOG_LEVEL_INFO, query->well_formed ? "question" : "malformed");
    if (query->well_formed)
        put_question(&line, query);
    else
        log_string(&line, "verdict", verdict_name(VERDICT_NO));
    put_source(&line, source);
    log_string(&line, "channel", sealed_channel(query->seal.is_sealed));
    log_number(&line, "ms", waited);
    if (query->well_formed)
        put_names(&line, &query->question);
    log_end(&line);
    return true;
}

void question_log_unanswered(struct question_log *log, const char *why, const unsigned char *key_id,
        const struct endpoint *source, uint64_t mono_ms)
{
    char id[2 * KEY_ID_OCTETS + 1];
    struct log_line line;

    if (!ration_take(log->ration, RATION_UNANSWERED, source, mono_ms)) {
        log->left_out++;
        return;
    }
    log_begin(&line, LOG_LEVEL_INFO, "unanswered");
    log_string(&line, "why", why);
    if (key_id != NULL)
        log_string(&line, "answer_key", sodium_bin2hex(id, sizeof id, key_id, KEY_ID_OCTETS));
    put_source(&line, source);
    log_end(&line);
}

uint64_t question_log_due(const struct question_log *log)
{
    return log->left_out > 0 ? log->said + SAY_EVERY : UINT64_MAX;
}

void question_log_flush(struct question_log *log, uint64_t mono_ms, bool last)
{
    struct log_line line;

    if (log->left_out == 0 || (!last && mono_ms < question_log_due(log)))
        return;
    log_begin(&line, LOG_LEVEL_INFO, "left-out");
    log_number(&line, "count", log->left_out);
    log_end(&line);
    log->left_out = 0;
    log->said = mono_ms;
}

void stats_init(struct stats *stats, struct keyuse *keyuse, struct counters *counters,
        struct ring *ring, struct ration *ration)
{
    *stats = (struct stats){
            .keyuse = keyuse, .counters = counters, .ring = ring, .alarm = {.counters = counters}};
    question_log_init(&stats->log, ration);
}

/* What the payload says. */
static void stats_put_stamp(
        struct event *event, const struct payload_opened *payload, char stamp_r[EVENT_STAMP + 1])
{
    _Static_assert(EVENT_STAMP == PAYLOAD_NONCE / 3 * 4, "the name of a payload is its nonce");
    sodium_bin2base64(stamp_r, EVENT_STAMP + 1, payload->nonce, sizeof payload->nonce,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    event->stamp = (struct text){stamp_r, EVENT_STAMP};
    event->issued = payload->is.issued;
    event->changed = event->digest.len > 0 && !text_equal(event->digest, payload->is.digest);
}

static void stats_put_event(struct ring *ring, const struct query *query,
        const struct endpoint *source, bool left_out, uint64_t waited, uint64_t unix_ms)
{
    const struct judgement *judgement = &query->judgement;
    char asker[ENDPOINT_TEXT_MAX];
    char stamp[EVENT_STAMP + 1];

    endpoint_format_address(source, asker);
    struct event event = {
            .time = unix_ms,
            .verdict = judgement->answer.verdict,
            .reason = judgement->answer.reason,
            .would_be = judgement->would_be,
            .cause = text_of(judgement->cause),
            .user = address_text(&query->question.user),
            .host = query_host(query),
            .receiving = query->question.rcpt,
            .ip = query->question.ip,
            .asker = text_of(asker),
            .digest = query->question.digest,
            .left_out = left_out,
            .listed = judgement->listed,
            .sealed = query->seal.is_sealed,
            .milliseconds = waited < UINT32_MAX ? (uint32_t)waited : UINT32_MAX,
    };
    if (query->judge.payload_state == PAYLOAD_STATE_SEALED)
        stats_put_stamp(&event, &query->payload.sealed, stamp);
    ring_put(ring, &event);
}

void stats_answered(struct stats *stats, const struct query *query, const struct endpoint *source,
        uint64_t waited, uint64_t mono_ms, uint64_t unix_ms)
{
    const bool left_out = !question_log_answered(&stats->log, query, source, waited, mono_ms);
    if (!query->well_formed) {
        counters_add(&stats->counters->malformed, 1);
        return;
    }
    if (left_out)
        counters_add(&stats->counters->left_out, 1);
    if (query->judge.payload_state == PAYLOAD_STATE_SEALED)
        keyuse_note(stats->keyuse, query->payload.sealed.key, query->payload.sealed.is.issued,
                unix_ms / 1000);
    counters_note(stats->counters, query->judgement.answer.verdict, query->judgement.answer.reason,
            waited);
    stats_put_event(stats->ring, query, source, left_out, waited, unix_ms);
}

void stats_store(struct stats *stats, const struct replay_health *health, uint64_t mono_ms)
{
    const uint64_t more = health->failures - stats->failures;
    const bool was_troubled = stats->troubled;

    stats->counters->replay_entries = health->entries;
    stats->counters->replay_bytes = health->bytes;
    stats->failures = health->failures;
    stats->troubled = health->error[0] != '\0';
    counters_add(&stats->counters->replay_failures, more);
    if (more > 0)
        alarm_raise(&stats->alarm, COUNTER_ALARM_REPLAY, "", health->failure, mono_ms);
    else if (stats->troubled && !was_troubled)
        alarm_raise(&stats->alarm, COUNTER_ALARM_REPLAY, "", health->error, mono_ms);
}

void stats_tables(struct stats *stats, const char *error, uint64_t mono_ms)
{
    if (error != NULL)
        alarm_raise(&stats->alarm, COUNTER_ALARM_USERS, "", error, mono_ms);
}

void stats_uncounted(struct stats *stats, uint64_t mono_ms)
{
    counters_add(&stats->counters->replay_failures, 1);
    alarm_raise_with_remedy(&stats->alarm, COUNTER_ALARM_REPLAY, "",
            "more questions wait for the store than there is room for",
            "give the store a faster disk or a nearer Redis server; `iostat -x 1` or "
            "`redis-cli --latency` shows how slow it is",
            mono_ms);
}

void stats_unanswered(
        struct stats *stats, const char *why, const struct endpoint *source, uint64_t mono_ms)
{
    counters_add(&stats->counters->unanswered, 1);
    question_log_unanswered(&stats->log, why, NULL, source, mono_ms);
}

void stats_not_opened(struct stats *stats, const unsigned char *key_id,
        const struct endpoint *source, uint64_t mono_ms)
{
    counters_add(&stats->counters->unanswered, 1);
    question_log_unanswered(&stats->log, "not-opened", key_id, source, mono_ms);
}
