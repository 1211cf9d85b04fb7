// SPDX-License-Identifier: ISC
#include "base/memstream.h"
#include "recorder/metrics.h"
#include "version.h"

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

static void latency(
        FILE *out, const char *name, const char *help, const struct counters_latency *latency)
{
    uint64_t count = 0;

    head(out, name, "histogram", help);
    for (size_t i = 0; i < COUNTERS_LATENCIES; i++) {
        count += latency->buckets[i];
        fprintf(out, PREFIX "%s_bucket{le=\"", name);
        seconds(out, counters_latency[i]);
        fprintf(out, "\"} %" PRIu64 "\n", count);
    }
    count += latency->buckets[COUNTERS_LATENCIES];
    fprintf(out, PREFIX "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, count);
    fprintf(out, PREFIX "%s_sum ", name);
    seconds(out, latency->sum);
    fprintf(out, "\n" PREFIX "%s_count %" PRIu64 "\n", name, count);
}

/* Whether there can be such messages. What goes out has no verdict; its count is that of the
 * first. */
static bool exposition_has(unsigned direction, unsigned verdict, unsigned action)
{
    return direction == MAIL_DIRECTION_IN ? action != MAIL_ACTION_STAMPED : verdict == 0;
}

/* Of one section `milter`, which the labels name if it has a name. */
static void messages_of(FILE *out, const struct counters_mail *c)
{
    const bool is_named = c->name[0] != '\0';

    for (unsigned direction = 0; direction <= MAIL_DIRECTION_OUT; direction++)
        for (unsigned verdict = 0; verdict <= VERDICT_PERMERROR; verdict++)
            for (unsigned action = MAIL_ACTION_STAMPED; action <= MAIL_ACTION_DEFERRED; action++)
                if (exposition_has(direction, verdict, action))
                    fprintf(out,
                            PREFIX "messages_total{direction=\"%s\",verdict=\"%s\","
                                   "action=\"%s\"%s%s%s} %" PRIu64 "\n",
                            mail_direction_name((enum mail_direction)direction),
                            direction == MAIL_DIRECTION_IN ? verdict_name((enum verdict)verdict)
                                                           : "",
                            mail_action_name((enum mail_action)action),
                            is_named ? ",milter=\"" : "", c->name, is_named ? "\"" : "",
                            c->messages[direction][verdict][action]);
}

static void messages(FILE *out, const struct counters *c)
{
    head(out, "messages_total", "counter",
            "Messages decided about, by direction, verdict and action.");
    for (size_t i = 0; i < COUNTERS_MILTERS_MAX; i++)
        if (i == 0 || c->mail[i].name[0] != '\0')
            messages_of(out, &c->mail[i]);
}

/* Of all sections together. */
static struct counters_mail exposition_sum(const struct counters *c)
{
    enum { FIRST = offsetof(struct counters_mail, messages) };
    struct counters_mail sum = {0};
    _Atomic uint64_t *to = (void *)((char *)&sum + FIRST);

    for (size_t i = 0; i < COUNTERS_MILTERS_MAX; i++) {
        const _Atomic uint64_t *from = (const void *)((const char *)&c->mail[i] + FIRST);
        for (size_t k = 0; k < (sizeof sum - FIRST) / sizeof *to; k++)
            to[k] += from[k];
    }
    return sum;
}

static void asked(FILE *out, const struct client_counts *c)
{
    head(out, "asked_total", "counter",
            "Questions about messages, by where the outcome is from: the service's answer, the "
            "cache, or why there is none.");
    for (unsigned step = 0; step < CLIENT_STEPS; step++)
        fprintf(out, PREFIX "asked_total{outcome=\"%s\"} %" PRIu64 "\n",
                client_step_word((enum client_step)step), c->outcomes[step]);
    one(out, "cache_hits_total", "counter", "Questions that the cache answered.",
            c->outcomes[CLIENT_CACHED]);
    one(out, "budget_spent_total", "counter", "Questions that a domain's budget paid for.",
            c->budget_spent);
    one(out, "budget_exhausted_total", "counter",
            "Questions that were not asked, because a budget was spent.",
            c->outcomes[CLIENT_BUDGET]);
    one(out, "breaker_tripped_total", "counter",
            "Addresses of services that were given a rest, because they failed in a row.",
            c->breaker_tripped);
    one(out, "breaker_open", "gauge", "Addresses of services that have such a rest.",
            c->breaker_open);
    one(out, "lookups_waiting", "gauge", "Questions that wait for the DNS.", c->discoveries);
}

static void mail(FILE *out, const struct counters *c)
{
    const struct counters_mail sum = exposition_sum(c);

    messages(out, c);
    one(out, "messages_left_out_total", "counter",
            "Messages decided about that are not in the record: too many like them came.",
            c->left_out);
    latency(out, "message_duration_seconds", "Time from the end of a message to the decision.",
            &sum.latency);
    one(out, "sessions", "gauge", "SMTP sessions.", sum.sessions);
    one(out, "sessions_refused_total", "counter",
            "SMTP sessions whose mail was deferred: there were too many.", sum.sessions_refused);
    asked(out, &sum.client);
}

static void service(FILE *out, const struct counters *c)
{
    questions(out, c);
    latency(out, "question_duration_seconds", "Time from accept to answer.", &c->latency);
    one(out, "replay_failures_total", "counter", "Payloads that could not be counted.",
            c->replay_failures);
    one(out, "replay_entries", "gauge", "Counts in the store of replay counts.", c->replay_entries);
    one(out, "replay_bytes", "gauge", "Size of the store of replay counts.", c->replay_bytes);
}

static void processes(FILE *out, const struct counters *c)
{
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

char *metrics_exposition(enum recorder_daemon daemon, const struct counters *c, uint64_t unix_now)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    head(out, "build_info", "gauge", "The version.");
    fputs(PREFIX "build_info{version=\"" VERSION "\"} 1\n", out);
    if (daemon == RECORDER_MILTER)
        mail(out, c);
    else
        service(out, c);
    processes(out, c);
    alarms(out, c);
    if (daemon == RECORDER_SERVICE)
        keys(out, c, unix_now);
    if (memstream_close(out, &text))
        return text;
    free(text);
    return NULL;
}
