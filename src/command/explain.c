// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "command/arguments.h"
#include "command/explain.h"
#include "command/question_arguments.h"
#include "command/read_message.h"

/* What it takes to explain one question. */
struct job {
    const struct invocation *invocation;
    struct problems *problems;
    struct config *config;
    struct service *service;
    struct message_parser *parser; /* NULL: a payload was given */
    struct question_arguments asked;
    uint64_t now;
    bool as_json;
};

static enum status explain_out_of_memory(const struct job *job)
{
    command_complain(job->invocation, "out of memory");
    return STATUS_FAILURE;
}

static enum status make_service(struct job *job)
{
    job->config = command_read_config(job->invocation, &job->problems);
    if (job->config == NULL)
        return STATUS_CONFIG;
    if (job->config->service_count == 0) {
        command_complain(job->invocation, "%s: no service section: this is for the origin's side",
                job->invocation->config_path);
        return STATUS_CONFIG;
    }
    job->service = service_init(job->config, job->problems);
    if (job->service == NULL)
        command_print_problems(job->problems);
    return job->service != NULL ? STATUS_OK : STATUS_CONFIG;
}

/* As a verifier does: the stamp by the author, if there is exactly one. */
static void choose_payload(struct job *job, const struct address *user)
{
    size_t count;
    const struct stamp *stamp = message_parser_stamp_by(job->parser, user, &count);

    if (stamp == NULL)
        command_complain(job->invocation, "the message has %s stamp by %s",
                count == 0 ? "no" : "more than one", user->text);
    job->asked.payload = stamp != NULL ? stamp->payload : "-";
}

/* --user; a bare one is one of the default domain. */
static const struct address *given_user(const struct job *job, struct address *buffer)
{
    if (address_parse(text_of(job->asked.user), service_default_domain(job->service), buffer))
        return buffer;
    command_complain(job->invocation,
            "--user %s: expected canonical text, as in alice@example.org; a bare name needs a "
            "domain with `default = true`",
            job->asked.user);
    return NULL;
}

static const struct address *author(const struct job *job)
{
    char error[READ_MESSAGE_ERROR_MAX];
    const struct address *user = read_message_author(job->parser, error);

    if (user == NULL)
        command_complain(job->invocation, "%s", error);
    return user;
}

/* The question about the message on standard input; what was given by hand stays. */
static enum status ask_about_message(struct job *job)
{
    struct address buffer;
    char error[READ_MESSAGE_ERROR_MAX];

    job->parser = message_parser_init(NULL);
    if (job->parser == NULL)
        return explain_out_of_memory(job);
    const enum status status = read_message_read(job->parser, error);
    if (status != STATUS_OK) {
        command_complain(job->invocation, "%s", error);
        return status;
    }
    const struct address *user = job->asked.user != NULL ? given_user(job, &buffer) : author(job);
    if (user == NULL)
        return STATUS_DATA;
    choose_payload(job, user);
    if (job->asked.user == NULL)
        job->asked.user = user->text;
    if (job->asked.digest == NULL && message_parser_digest(job->parser)[0] != '\0')
        job->asked.digest = message_parser_digest(job->parser);
    return STATUS_OK;
}

static enum status explain_explain(const struct job *job)
{
    char buffer[QUESTION_MAX];
    struct writer line = writer_of(buffer, sizeof buffer);
    struct address user;
    struct rcpt rcpt;
    struct question question;

    if (given_user(job, &user) == NULL ||
            !question_arguments_parse(&job->asked, job->invocation, &rcpt, &question) ||
            !question_format(&question, &line))
        return STATUS_DATA;
    const struct explanation_setup setup = {
            job->service, job->config, job->invocation->config_path, job->now};
    struct explanation *explanation = explanation_init(&setup, writer_text(&line));
    if (explanation == NULL)
        return explain_out_of_memory(job);
    if (job->as_json)
        explanation_print_json(explanation, stdout);
    else
        explanation_print(explanation, stdout);
    const enum status status = command_status(explanation_verdict(explanation));
    explanation_free(&explanation);
    return status;
}

static bool take_time(struct job *job, const char *at)
{
    if (at == NULL || text_decimal(text_of(at), INT64_MAX, &job->now))
        return true;
    command_complain(job->invocation, "--at %s: expected Unix seconds", at);
    return false;
}

static bool explain_take_arguments(struct job *job)
{
    const char *at = NULL;
    const struct arguments_option options[] = {
            {"--user", .value = &job->asked.user},
            {"--rcpt", .value = &job->asked.rcpt},
            {"--digest", .value = &job->asked.digest},
            {"--at", .value = &at},
            {"--json", .flag = &job->as_json},
            {NULL},
    };

    if (!arguments_read(job->invocation, options, 0, 1, &job->asked.payload) || !take_time(job, at))
        return false;
    if (job->asked.payload != NULL && job->asked.user == NULL) {
        command_complain(job->invocation, "a payload needs --user: whose mail it came with");
        return false;
    }
    return true;
}

static enum status explain_run(const struct invocation *invocation)
{
    struct job job = {.invocation = invocation, .now = unix_now()};

    if (!explain_take_arguments(&job))
        return STATUS_USAGE;
    enum status status = make_service(&job);
    if (status == STATUS_OK && job.asked.payload == NULL)
        status = ask_about_message(&job);
    if (status == STATUS_OK)
        status = explain_explain(&job);
    message_parser_free(&job.parser);
    service_free(&job.service);
    config_free(&job.config);
    problems_free(&job.problems);
    return status;
}

const struct command command_explain = {
        .name = "explain",
        .synopsis = "[--user USER] [--rcpt DOMAIN[,DOMAIN]...] [--digest DIGEST] "
                    "[--at UNIXTIME] [--json] [PAYLOAD | <MESSAGE]",
        .summary = "show what a stamp says and how the service judges it, step by step",
        .help = "  --user USER           about this user, not the author in From; a must with "
                "PAYLOAD\n"
                "  --rcpt DOMAIN[,...]   as if it had been received for these domains\n"
                "  --digest DIGEST       as if the message had this digest\n"
                "  --at UNIXTIME         as if it were this time\n"
                "  --json                print JSON\n"
                "\n"
                "For the origin's side: it opens the stamp with the service's keys. The message "
                "is\n"
                "read from standard input unless a PAYLOAD is given, or `-` for mail without one.\n"
                "Nothing is counted.\n",
        .run = explain_run,
};
