// SPDX-License-Identifier: ISC
#include "command/why_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "command/arguments.h"
#include "command/escape.h"
#include "protocol/answer.h"

#define MESSAGES_SHOWN 2                 /* what is shown fits one screen */
#define ANSWERS_SHOWN (WHY_ROWS_MAX - 1) /* about one message */
#define NEAR 30000 /* milliseconds between the service's answer and what the milter did with it */
#define SINCE "7d"

struct job {
    const struct invocation *invocation;
    struct problems *problems;
    struct config *config;
    struct record_addresses addresses;
    struct record record;
    struct time_argument since;
    char *subject; /* without <> */
    char *folded;  /* in lower case */
};

void why_rows_free(struct why_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        for (size_t c = 0; c < WHY_COLUMNS_MAX; c++)
            free(rows->at[i].texts[c]);
    rows->count = 0;
}

static bool why_take_row(void *context, const struct eventstore_value *values, size_t count)
{
    struct why_rows *rows = context;
    struct why_row *row = &rows->at[rows->count];

    *row = (struct why_row){0};
    for (size_t c = 0; c < count && c < WHY_COLUMNS_MAX; c++) {
        row->numbers[c] = values[c].number;
        row->texts[c] =
                values[c].is_text ? strndup(values[c].text.at, values[c].text.len) : strdup("");
        if (row->texts[c] == NULL)
            exit(STATUS_FAILURE); /* out of memory: nothing is half said */
    }
    rows->count++;
    return rows->count < WHY_ROWS_MAX;
}

/* SELECT from a record; false after a complaint. */
static bool why_query(const struct job *job, struct eventstore *store, const char *sql,
        const struct eventstore_value *parameters, size_t count, struct why_rows *rows_r)
{
    rows_r->count = 0;
    if (eventstore_query(store, sql, parameters, count, why_take_row, rows_r))
        return true;
    why_rows_free(rows_r);
    command_complain(job->invocation, "%s", eventstore_error(store));
    return false;
}

/* The messages, what went wrong first, then the newest. */
static bool why_find_mail(const struct job *job, struct why_rows *rows_r)
{
    const struct eventstore_value parameters[] = {record_number(job->since.milliseconds),
            record_text(text_of(job->subject)), record_text(text_of(job->folded))};

    return why_query(job, job->record.mail,
            "SELECT " WHY_MAIL_COLUMNS " FROM mail WHERE time >= $1 AND "
            "(queue = $2 OR message = $2 OR lower(author) = $3) ORDER BY CASE WHEN "
            "verdict = 'YES' OR action = 'stamped' THEN 1 ELSE 0 END, time DESC LIMIT 4",
            parameters, 3, rows_r);
}

static bool why_find_events(const struct job *job, struct why_rows *rows_r)
{
    const struct eventstore_value parameters[] = {
            record_number(job->since.milliseconds), record_text(text_of(job->folded))};

    return why_query(job, job->record.events,
            "SELECT " WHY_EVENT_COLUMNS " FROM event WHERE time >= $1 AND lower(\"user\") = $2 "
            "ORDER BY CASE WHEN verdict = 'YES' THEN 1 ELSE 0 END, time DESC LIMIT 4",
            parameters, 2, rows_r);
}

/* The answers to questions about a stamp: what receivers asked about mail that went out, or the
 * answer that mail got that came in. */
static bool why_find_by_stamp(
        const struct job *job, const struct why_row *mail, struct why_rows *rows_r)
{
    const int64_t time = mail->numbers[WHY_TIME];
    const bool is_in = strcmp(mail->texts[WHY_DIRECTION], "in") == 0;
    const struct eventstore_value parameters[] = {{.number = time - NEAR},
            {.number = is_in ? time + NEAR : INT64_MAX},
            record_text(text_of(mail->texts[WHY_STAMP]))};

    return why_query(job, job->record.events,
            "SELECT " WHY_EVENT_COLUMNS " FROM event WHERE time >= $1 AND time <= $2 AND "
            "stamp = $3 ORDER BY CASE WHEN verdict = 'YES' THEN 1 ELSE 0 END, time DESC LIMIT 4",
            parameters, 3, rows_r);
}

/* The same without a stamp that opened: by the user, and by what was answered. An answer from the
 * cache was given earlier, perhaps about another user of the domain. */
static bool why_find_by_user(
        const struct job *job, const struct why_row *mail, struct why_rows *rows_r)
{
    const int64_t time = mail->numbers[WHY_TIME];
    const bool is_cached = strcmp(mail->texts[WHY_SOURCE], "cache") == 0;
    const char *author = mail->texts[WHY_AUTHOR];
    const char *at = strrchr(author, '@');
    const struct eventstore_value parameters[] = {
            {.number = time - (is_cached ? INT64_C(1000) * ANSWER_TTL_MAX : NEAR)},
            {.number = time + (is_cached ? 0 : NEAR)}, record_text(text_of(author)),
            record_text(text_of(at != NULL ? at + 1 : "")),
            record_text(text_of(mail->texts[WHY_VERDICT])),
            record_text(text_of(mail->texts[WHY_REASON]))};

    return why_query(job, job->record.events,
            is_cached
                    ? "SELECT " WHY_EVENT_COLUMNS " FROM event WHERE time >= $1 AND time <= $2 AND "
                      "domain = $4 AND verdict = $5 AND reason = $6 AND stamp = '' ORDER BY CASE "
                      "WHEN \"user\" = $3 THEN 0 ELSE 1 END, time DESC LIMIT 1"
                    : "SELECT " WHY_EVENT_COLUMNS " FROM event WHERE time >= $1 AND time <= $2 AND "
                      "\"user\" = $3 AND domain = $4 AND verdict = $5 AND reason = $6 AND "
                      "stamp = '' ORDER BY time DESC LIMIT 1",
            parameters, 6, rows_r);
}

/* Whether the service of this configuration speaks for the author. */
static bool why_is_served(const struct job *job, const char *author)
{
    const char *at = strrchr(author, '@');

    for (size_t i = 0; at != NULL && i < job->config->domains_count; i++)
        if (strcasecmp(job->config->domains[i].name.at, at + 1) == 0)
            return true;
    return false;
}

static struct why_place why_place(const struct job *job)
{
    return (struct why_place){job->config, job->invocation->config_path};
}

/* What is known of the service's side of a message: at most so many answers. */
static enum status why_join(const struct job *job, const struct why_row *mail, size_t most)
{
    const bool has_stamp = mail->texts[WHY_STAMP][0] != '\0';
    const bool is_in = strcmp(mail->texts[WHY_DIRECTION], "in") == 0;
    const bool is_answered = mail->texts[WHY_SOURCE][0] != '\0';
    const struct why_place place = why_place(job);
    const int64_t cached_at =
            strcmp(mail->texts[WHY_SOURCE], "cache") == 0 ? mail->numbers[WHY_TIME] : 0;
    struct why_rows rows = {.count = 0};
    bool good = true;

    if (is_in ? !is_answered : !has_stamp)
        return STATUS_OK;
    if (job->record.events == NULL) {
        if (is_in)
            puts("  the service runs elsewhere: its side says why, by the same command");
        return STATUS_OK;
    }
    if (has_stamp)
        good = why_find_by_stamp(job, mail, &rows);
    if (good && rows.count == 0 && is_in)
        good = why_find_by_user(job, mail, &rows);
    for (size_t i = 0; i < rows.count && i < most; i++)
        why_print_event(&place, &rows.at[i], cached_at);
    if (good && rows.count == 0)
        puts(is_in ? why_is_served(job, mail->texts[WHY_AUTHOR])
                                ? "  the service of this configuration has no record of the answer"
                                : "  the service of the author's domain runs elsewhere: its side "
                                  "says "
                                  "why, by the same command"
                   : "  no receiver has asked about it");
    why_rows_free(&rows);
    return good ? STATUS_OK : STATUS_INPUT;
}

static void why_say_more(const struct why_rows *rows, size_t shown)
{
    if (rows->count > shown)
        puts("There are more: ask about one of them, or see `verimail report`.");
}

static enum status why_say_nothing(const struct job *job)
{
    char *shown = NULL;
    size_t len;
    FILE *out = open_memstream(&shown, &len);

    if (out != NULL) {
        escape_put(out, text_of(job->subject));
        fclose(out);
    }
    command_complain(job->invocation,
            "%s: no record of it in this time. Mail of domains that do not use Verimail has none, "
            "and of a flood only a part has. The log may have it: "
            "`journalctl -u verimail-milter -g %s`",
            shown != NULL ? shown : "", shown != NULL ? shown : "");
    free(shown);
    return STATUS_NO;
}

static enum status why_explain_mail(const struct job *job, const struct why_rows *rows)
{
    const struct why_place place = why_place(job);
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < rows->count && i < MESSAGES_SHOWN; i++) {
        why_print_mail(&place, &rows->at[i]);
        status = why_join(job, &rows->at[i], rows->count == 1 ? ANSWERS_SHOWN : 1);
    }
    why_say_more(rows, MESSAGES_SHOWN);
    return status;
}

/* An address that only the service knows of. */
static enum status why_explain_events(const struct job *job)
{
    const struct why_place place = why_place(job);
    struct why_rows rows = {.count = 0};

    if (job->record.events == NULL)
        return why_say_nothing(job);
    if (!why_find_events(job, &rows))
        return STATUS_INPUT;
    for (size_t i = 0; i < rows.count && i < ANSWERS_SHOWN; i++)
        why_print_event(&place, &rows.at[i], 0);
    why_say_more(&rows, ANSWERS_SHOWN);
    const enum status status = rows.count > 0 ? STATUS_OK : why_say_nothing(job);
    why_rows_free(&rows);
    return status;
}

static enum status why_do(struct job *job)
{
    struct why_rows rows = {.count = 0};
    enum status status = record_find(job->invocation, &job->addresses);

    if (status == STATUS_OK)
        status = record_open(job->invocation, &job->addresses, &job->record);
    if (status != STATUS_OK)
        return status;
    if (job->record.mail != NULL && !why_find_mail(job, &rows))
        return STATUS_INPUT;
    status = rows.count > 0 ? why_explain_mail(job, &rows) : why_explain_events(job);
    why_rows_free(&rows);
    return status;
}

/* A Message-ID may come with its brackets. */
static bool why_take_subject(struct job *job, const char *subject)
{
    const size_t len = strlen(subject);
    const bool bracketed = len > 2 && subject[0] == '<' && subject[len - 1] == '>';

    job->subject = bracketed ? strndup(subject + 1, len - 2) : strdup(subject);
    job->folded = job->subject != NULL ? strdup(job->subject) : NULL;
    for (char *c = job->folded; c != NULL && *c != '\0'; c++)
        *c = text_lower(*c);
    if (job->folded == NULL)
        command_complain(job->invocation, "out of memory");
    return job->folded != NULL;
}

static enum status why_run(const struct invocation *invocation)
{
    struct job job = {.invocation = invocation};
    const char *since = NULL;
    const char *subject = NULL;
    const struct arguments_option options[] = {{"--since", .value = &since}, {NULL}};
    enum status status = STATUS_CONFIG;

    if (!arguments_read(invocation, options, 1, 1, &subject))
        return STATUS_USAGE;
    if (since == NULL)
        since = SINCE;
    if (!time_argument_parse(since, unix_ms(), &job.since)) {
        command_complain(invocation, "--since %s: " TIME_ARGUMENT_EXPECTED, since);
        return STATUS_USAGE;
    }
    if (!why_take_subject(&job, subject)) {
        free(job.subject);
        return STATUS_FAILURE;
    }
    job.config = command_read_config(invocation, &job.problems);
    if (job.config != NULL)
        status = why_do(&job);
    record_close(&job.record);
    record_addresses_free(&job.addresses);
    config_free(&job.config);
    problems_free(&job.problems);
    free(job.subject);
    free(job.folded);
    return status;
}

const struct command command_why = {
        .name = "why",
        .synopsis = "QUEUE-ID | MESSAGE-ID | ADDRESS [--since TIME]",
        .summary = "say what became of a message, why, and which line would change it",
        .help = "  QUEUE-ID       of the mail server, as it stands in its log\n"
                "  MESSAGE-ID     of the message\n"
                "  ADDRESS        of an author: what went wrong first, then the newest\n"
                "  --since TIME   look so far back (12h, 7d, 4w), or to 2026-11-24; default: 7d\n"
                "\n"
                "It joins what the milter did with the message and what the service answered, as\n"
                "far as they are in the records of this machine. Status 1: there is no record.\n",
        .run = why_run,
};
