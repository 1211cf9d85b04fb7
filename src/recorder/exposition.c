// SPDX-License-Identifier: ISC
#include "recorder/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIX "verimail_"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    head(out, name, type, help);
    fprintf(out, PREFIX "%s %" PRIu64 "\n", name, value);
}

static void questions(FILE *out, const struct counters *c)
{
    head(out, "questions_total", "counter", "Questions answered.");
    for (unsigned verdict = 0; verdict <= VERDICT_ALLOW; verdict++)
        for (unsigned reason = 0; reason <= REASON_REFUSED; reason++)
            if (verdict_has_reason((enum verdict)verdict, (enum reason)reason))
                fprintf(out, PREFIX "questions_total{verdict=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
                        verdict_name((enum verdict)verdict), reason_name((enum reason)reason),
                        c->questions[verdict][reason]);
    one(out, "malformed_questions_total", "counter", "Lines that were no question.", c->malformed);
    one(out, "unanswered_connections_total", "counter",
            "Connections that were closed without an answer.", c->unanswered);
    one(out, "questions_left_out_total", "counter",
            "Questions answered that are not in log and record: too many like them came.",
            c->left_out);
}

static void seconds(FILE *out, uint64_t milliseconds)
{
    fprintf(out, "%" PRIu64 ".%03u", milliseconds / 1000, (unsigned)(milliseconds % 1000));
}

static void latency(FILE *out, const struct counters *c)
{
    uint64_t count = 0;

    head(out, "question_duration_seconds", "histogram", "Time from accept to answer.");
    for (size_t i = 0; i < COUNTERS_LATENCIES; i++) {
        count += c->latency[i];
        fputs(PREFIX "question_duration_seconds_bucket{le=\"", out);
        seconds(out, counters_latency[i]);
        fprintf(out, "\"} %" PRIu64 "\n", count);
    }
    count += c->latency[COUNTERS_LATENCIES];
    fprintf(out, PREFIX "question_duration_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", count);
    fputs(PREFIX "question_duration_seconds_sum ", out);
    seconds(out, c->latency_sum);
    fprintf(out, "\n" PREFIX "question_duration_seconds_count %" PRIu64 "\n", count);
}

static void stores(FILE *out, const struct counters *c)
{
    one(out, "replay_failures_total", "counter", "Payloads that could not be counted.",
            c->replay_failures);
    one(out, "replay_entries", "gauge", "Counts in the store of replay counts.", c->replay_entries);
    one(out, "replay_bytes", "gauge", "Size of the store of replay counts.", c->replay_bytes);
    one(out, "events_recorded_total", "counter", "Events that were recorded.", c->events_recorded);
    one(out, "events_dropped_total", "counter", "Events that could not be recorded.",
            c->events_dropped);
    one(out, "workers_restarted_total", "counter", "Workers that died and were replaced.",
            c->workers_restarted);
    one(out, "recorders_restarted_total", "counter", "Recorders that died and were replaced.",
            c->recorders_restarted);
}

static void alarms(FILE *out, const struct counters *c)
{
    head(out, "alarms_total", "counter", "Alarms, also those that were not logged.");
    for (size_t i = 0; i < COUNTER_ALARMS; i++)
        fprintf(out, PREFIX "alarms_total{alarm=\"%s\"} %" PRIu64 "\n", counters_alarm[i],
                c->alarms[i]);
}

/* Writes a label's value, escaped as the format requires. */
static void value_of_label(FILE *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            fprintf(out, "\\%c", *value);
        else
            fputc(*value, out);
    }
}

static void print_keys(
        FILE *out, const struct counter_key keys[COUNTERS_KEYS_MAX], uint64_t unix_now)
{
    head(out, "key_age_seconds", "gauge",
            "Age of a pair of keys of a sending host and the service.");
    for (size_t i = 0; i < COUNTERS_KEYS_MAX && keys[i].since > 0; i++) {
        fputs(PREFIX "key_age_seconds{host=\"", out);
        value_of_label(out, keys[i].host);
        fputs("\",key=\"", out);
        value_of_label(out, keys[i].id);
        fprintf(out, "\"} %" PRIu64 "\n", unix_now > keys[i].since ? unix_now - keys[i].since : 0);
    }
}

/* All of one time. None when the supervisor does not stop writing. */
static void keys(FILE *out, const struct counters *c, uint64_t unix_now)
{
    struct counter_key *copy = malloc(sizeof c->keys);

    for (int tries = 0; copy != NULL && tries < 100; tries++) {
        const uint64_t before = c->keys_changed;
        memcpy(copy, c->keys, sizeof c->keys);
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 && c->keys_changed == before) {
            print_keys(out, copy, unix_now);
            break;
        }
    }
    free(copy);
}

char *counters_exposition(const struct counters *c, uint64_t unix_now)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    head(out, "build_info", "gauge", "The version.");
    fputs(PREFIX "build_info{version=\"" VERSION "\"} 1\n", out);
    questions(out, c);
    latency(out, c);
    stores(out, c);
    alarms(out, c);
    keys(out, c, unix_now);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
