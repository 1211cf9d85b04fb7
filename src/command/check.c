// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/arguments.h"
#include "command/check_milter.h"
#include "command/escape.h"
#include "command/json_text.h"
#include "command/read_message.h"
#include "command/verify_setup.h"
#include "protocol/question.h"

#define PAYLOAD_SHOWN 24 /* octets of a payload */

/* What it takes to check one message. */
struct job {
    const struct invocation *invocation;
    struct verify_setup setup;
    struct message_parser *parser;
    struct rcpt rcpt;
    const char *mail_from; /* NULL: was not given */
    const char *ip;        /* NULL: was not given */
    bool explain;
    bool as_json;
    struct arguments_values recipients;
    struct check_milter milter;
    struct verification found;
};

/* USER@DOMAIN, or a domain alone. A domain that a question cannot name is `*`, as in the milter. */
static void check_add_recipient(struct job *job, const char *address)
{
    const char *at = strrchr(address, '@');
    char ascii[DOMAIN_MAX + 1];

    if (domain_to_ascii(text_of(at != NULL ? at + 1 : address), ascii))
        rcpt_add(&job->rcpt, text_of(ascii));
    else
        rcpt_add(&job->rcpt, text_of("*"));
}

static bool check_take_ip(const struct job *job)
{
    if (job->ip == NULL || question_is_ip(text_of(job->ip)))
        return true;
    command_complain(job->invocation, "--ip %s: expected an IPv4 or IPv6 address", job->ip);
    return false;
}

/* With these options, and only with them, a milter is asked. */
static bool check_take_milter(struct job *job)
{
    struct check_milter *milter = &job->milter;
    const bool is_of_milter =
            milter->login != NULL || milter->daemon_name != NULL || milter->timeout != NULL;

    milter->mail_from = job->mail_from;
    milter->rcpt = &job->recipients;
    milter->ip = job->ip;
    milter->as_json = job->as_json;
    if (milter->socket == NULL && is_of_milter)
        command_complain(job->invocation, "--login, --daemon and --timeout need --milter");
    else if (milter->socket != NULL && job->explain)
        command_complain(job->invocation, "a milter does not say what --explain prints");
    else
        return true;
    return false;
}

static bool check_take_arguments(struct job *job)
{
    const struct arguments_option options[] = {
            {"--mail-from", .value = &job->mail_from},
            {"--rcpt", .values = &job->recipients},
            {"--ip", .value = &job->ip},
            {"--explain", .flag = &job->explain},
            {"--json", .flag = &job->as_json},
            {"--milter", .value = &job->milter.socket},
            {"--login", .value = &job->milter.login},
            {"--daemon", .value = &job->milter.daemon_name},
            {"--timeout", .value = &job->milter.timeout},
            {NULL},
    };
    const bool good = arguments_read(job->invocation, options, 0, 0, NULL) && check_take_ip(job) &&
                      check_take_milter(job);

    for (size_t i = 0; good && i < job->recipients.count; i++)
        check_add_recipient(job, job->recipients.at[i]);
    return good;
}

/* Everything that the message or the network brought is escaped. */
static void print_named(const char *name, const char *value)
{
    printf("%-9s ", name);
    escape_put(stdout, text_of(value));
    putchar('\n');
}

static void check_print_action(const struct job *job)
{
    printf("%-9s %s%s", "action", action_name(job->found.reply.action),
            verifier_is_monitor(job->setup.verifier) ? ", if it were not `mode = monitor`" : "");
    if (job->found.reply.action == ACTION_REJECT || job->found.reply.action == ACTION_TEMPFAIL)
        printf(": %s %s %s", job->found.reply.code, job->found.reply.status, job->found.reply.text);
    putchar('\n');
}

static void check_print_outcome(const struct client_outcome *outcome)
{
    char text[DISCOVERY_ERROR_MAX];

    if (outcome->attempt.connected) {
        printf("%-9s ", "from");
        verify_setup_print_source(stdout, outcome);
        putchar('\n');
    }
    if (outcome->verdict == VERDICT_TEMPERROR || outcome->verdict == VERDICT_NONE) {
        client_outcome_text(outcome, text, sizeof text);
        print_named("because", text);
    }
    printf("%-9s %llu ms\n", "took", (unsigned long long)outcome->milliseconds);
}

static void check_print_uncertain(const struct verification *found)
{
    print_named("because", message_parser_error_text(found->error));
    printf("%-9s %s %s\n", "and", found->meant[0] != '\0' ? found->meant : "a domain",
            uncertain_text(found->uncertain));
}

static void check_print(const struct job *job)
{
    const struct verification *found = &job->found;

    printf("%s", verdict_name(found->verdict));
    if (found->reason.len > 0)
        printf(" %.*s", (int)found->reason.len, found->reason.at);
    putchar('\n');
    if (found->author != NULL)
        print_named("author", found->author->text);
    else
        check_print_uncertain(found);
    if (found->asked)
        check_print_outcome(&found->outcome);
    if (job->found.field[0] != '\0') {
        printf("%-9s %s: ", "field", RESULTS_NAME);
        escape_controls(stdout, text_of(job->found.field));
        putchar('\n');
    }
    check_print_action(job);
}

static void check_explain_author(const struct job *job)
{
    const struct verification *found = &job->found;

    if (job->mail_from != NULL) {
        fputs("envelope: the sender ", stdout);
        escape_put(stdout, text_of(job->mail_from));
        fputs(found->author != NULL ? " is ignored: the question is about the author\n"
                                    : " counts where a mailbox in From has no domain\n",
                stdout);
    }
    const bool is_from =
            found->error == MESSAGE_PARSER_FROM || found->error == MESSAGE_PARSER_MISLEADING;
    if (found->author == NULL) {
        printf("author: none: the message %s%s%s\n", message_parser_error_text(found->error),
                is_from ? ": it " : "",
                is_from ? from_result_text(message_parser_from_result(job->parser)) : "");
        return;
    }
    printf("author: %s, the one mailbox in the one From field\n", found->author->text);
    printf("stamp: %zu by the author", found->stamps);
    printf(found->stamps == 1 ? "\n" : ", so the question is asked without one\n");
}

static void check_explain_policy(const struct discovery_answer *discovery)
{
    char text[POLICY_RECORD_MAX];
    struct writer w = writer_of(text, sizeof text);

    if (discovery->policy_result == POLICY_RECORD_OK) {
        policy_record_format(&discovery->policy, &w);
        printf("policy record: %.*s\n", (int)writer_text(&w).len, text);
    } else if (discovery->policy_result == POLICY_RECORD_NONE) {
        puts("policy record: none");
    } else {
        printf("policy record: it %s, so it counts as none\n",
                policy_record_result_text(discovery->policy_result));
    }
}

/* `author`: its domain, which was looked up first. */
static void check_explain_discovery(const struct client_outcome *outcome, const char *author)
{
    const struct discovery_answer *discovery = &outcome->discovery;
    char text[ENDPOINT_TEXT_MAX];

    if (discovery->result == DISCOVERY_FOUND && outcome->is_peer) {
        endpoint_format(&discovery->servers[0].endpoint, text);
        printf("discovery: none: the peer \"%s\" of the configuration, at %s, is asked directly\n",
                discovery->domain, text);
        return;
    }
    if (discovery->result == DISCOVERY_NONE)
        printf("discovery: there is no service: no SRV record _verimail._tcp.%s%s%s (DNS %s)\n",
                author, strcmp(author, discovery->domain) != 0 ? ", nor _verimail._tcp." : "",
                strcmp(author, discovery->domain) != 0 ? discovery->domain : "",
                discovery->secure ? "secure" : "insecure");
    else if (discovery->result != DISCOVERY_FOUND)
        printf("discovery: failed: %s\n", discovery->cause);
    else
        printf("discovery: _verimail._tcp.%s, DNS %s\n", discovery->domain,
                discovery->secure ? "secure" : "insecure");
    for (size_t i = 0; discovery->result == DISCOVERY_FOUND && i < discovery->count; i++) {
        endpoint_format(&discovery->servers[i].endpoint, text);
        printf("  %zu. %s (%s)%s%s\n", i + 1, text, discovery->servers[i].target,
                outcome->acl_results[i] == TARGET_ACL_OK ? "" : ": not asked: ",
                outcome->acl_results[i] == TARGET_ACL_OK
                        ? ""
                        : target_acl_result_text(outcome->acl_results[i]));
    }
    if (discovery->result == DISCOVERY_FOUND)
        check_explain_policy(discovery);
}

/* The line that was sent, with the payload cut short. */
static void check_explain_question(const struct client_outcome *outcome)
{
    struct reader line = reader_of(text_trim((struct text){outcome->line, outcome->line_len}));
    const struct text user = reader_field(&line, ' ');
    const struct text payload = reader_field(&line, ' ');
    const bool is_long = payload.len > PAYLOAD_SHOWN;

    printf("question: %.*s %.*s%s %.*s\n", (int)user.len, user.at,
            (int)(is_long ? PAYLOAD_SHOWN : payload.len), payload.at, is_long ? "..." : "",
            (int)line.rest.len, line.rest.at);
}

static void check_explain_channel(const struct client_outcome *outcome)
{
    if (!outcome->sealed)
        puts("channel: plain: who is on the path can read it, and forge the answer");
    else if (outcome->authenticated)
        puts("channel: sealed and authenticated");
    else
        puts("channel: sealed; not authenticated, since DNSSEC does not vouch for the answer key");
}

static void check_explain_answer(const struct client_outcome *outcome)
{
    const struct attempt *attempt = &outcome->attempt;
    char cause[DISCOVERY_ERROR_MAX];

    if (attempt->reply_len > 0) {
        fputs("answer: ", stdout);
        escape_put(stdout, text_trim((struct text){attempt->reply, attempt->reply_len}));
        putchar('\n');
    }
    if (outcome->verdict == VERDICT_TEMPERROR) {
        client_outcome_text(outcome, cause, sizeof cause);
        printf("no answer: %s\n", cause);
    }
}

static void check_explain(const struct job *job)
{
    const struct verification *found = &job->found;

    check_explain_author(job);
    if (found->asked) {
        check_explain_discovery(&found->outcome, address_domain(found->author).at);
        if (found->outcome.discovery.result == DISCOVERY_FOUND) {
            check_explain_question(&found->outcome);
            check_explain_channel(&found->outcome);
            check_explain_answer(&found->outcome);
        }
    }
    putchar('\n');
}

static void check_print_json(const struct job *job)
{
    const struct verification *found = &job->found;
    const struct client_outcome *outcome = &found->outcome;
    json_t *document = json_text_object();
    char text[DISCOVERY_ERROR_MAX];

    json_text_set(document, "verdict", json_text_string(verdict_name(found->verdict)));
    if (found->reason.len > 0)
        json_text_set(document, "reason", json_text_of(found->reason));
    if (found->author != NULL) {
        json_text_set(document, "author", json_text_string(found->author->text));
    } else {
        json_text_set(document, "by", json_text_string(uncertain_word(found->uncertain)));
        if (found->meant[0] != '\0')
            json_text_set(document, "meant", json_text_string(found->meant));
    }
    if (found->asked && outcome->attempt.connected) {
        const struct discovery_server *server = &outcome->discovery.servers[outcome->attempt.which];
        endpoint_format(&server->endpoint, text);
        json_text_set(document, "server", json_text_string(text));
        if (server->target[0] != '\0')
            json_text_set(document, "target", json_text_string(server->target));
        json_text_set(document, outcome->is_peer ? "peer" : "srv",
                json_text_string(outcome->discovery.domain));
    }
    if (found->asked) {
        client_outcome_text(outcome, text, sizeof text);
        json_text_set(document, "by", json_text_string(client_step_word(outcome->step)));
        if (outcome->verdict == VERDICT_TEMPERROR)
            json_text_set(document, "cause", json_text_string(text));
        json_text_set(document, "source", json_text_string(client_source_word(outcome)));
        if (!outcome->is_peer)
            json_text_set(
                    document, "dns", json_text_string(outcome->secure ? "secure" : "insecure"));
        json_text_set(document, "channel", json_text_string(sealed_channel(outcome->sealed)));
        json_text_set(document, "authenticated", json_boolean(outcome->authenticated));
        json_text_set(document, "defer", json_boolean(outcome->defer));
        json_text_set(document, "milliseconds", json_text_number(outcome->milliseconds));
    }
    if (job->found.field[0] != '\0')
        json_text_set(document, "field", json_text_string(job->found.field));
    json_text_set(document, "action", json_text_string(action_name(job->found.reply.action)));
    if (job->found.reply.text[0] != '\0')
        json_text_set(document, "reply", json_text_string(job->found.reply.text));
    json_text_print(stdout, document);
}

static enum status check(struct job *job)
{
    char error[READ_MESSAGE_ERROR_MAX];

    job->parser = message_parser_init(NULL);
    if (job->parser == NULL) {
        command_complain(job->invocation, "out of memory");
        return STATUS_FAILURE;
    }
    const enum status status = read_message_read(job->parser, error);
    /* What is no message has a verdict like others. */
    if (status != STATUS_OK)
        command_complain(job->invocation, "%s", error);
    if (status != STATUS_OK && status != STATUS_DATA)
        return status;
    const struct verifier_envelope envelope = {
            text_of(job->mail_from != NULL ? job->mail_from : ""), rcpt_text(&job->rcpt),
            text_of(job->ip != NULL ? job->ip : "")};
    verifier_judge(
            job->setup.verifier, job->setup.client, job->parser, &envelope, NULL, "", &job->found);
    if (job->as_json) {
        check_print_json(job);
    } else {
        if (job->explain)
            check_explain(job);
        check_print(job);
    }
    return command_status(job->found.verdict);
}

static enum status check_run(const struct invocation *invocation)
{
    struct job *job = calloc(1, sizeof *job);
    enum status status = STATUS_USAGE;

    if (job == NULL) {
        command_complain(invocation, "out of memory");
        return STATUS_FAILURE;
    }
    job->invocation = invocation;
    const bool good = check_take_arguments(job);
    if (good && job->milter.socket != NULL) {
        status = check_milter(invocation, &job->milter);
    } else if (good) {
        status = verify_setup_init(invocation, &job->setup);
        if (status == STATUS_OK)
            status = check(job);
        message_parser_free(&job->parser);
        verify_setup_clear(&job->setup);
    }
    free(job->recipients.at);
    free(job);
    return status;
}

const struct command command_check = {
        .name = "check",
        .synopsis = "[--mail-from ADDRESS] [--rcpt ADDRESS]... [--ip ADDRESS] [--explain] "
                    "[--json] [--milter SOCKET [--login NAME] [--daemon NAME] "
                    "[--timeout SECONDS]] <MESSAGE",
        .summary = "ask the author's domain about a message, as the milter does",
        .help = "  --mail-from ADDRESS   the envelope's sender\n"
                "  --rcpt ADDRESS        a recipient, or a domain; may be repeated\n"
                "  --ip ADDRESS          where the message came from\n"
                "  --explain             print every step\n"
                "  --json                print JSON\n"
                "  --milter SOCKET       give the message to a milter, as a mail server does:\n"
                "                        unix:/PATH, inet:PORT@ADDRESS or inet6:PORT@ADDRESS\n"
                "  --login NAME          the client logged in as NAME\n"
                "  --daemon NAME         the mail server's {daemon_name}\n"
                "  --timeout SECONDS     for the whole conversation; 60 by default\n"
                "\n"
                "Of the configuration the section `verify` is used, or its defaults where there "
                "is none.\n"
                "Nothing is done to the message; `action` is what the milter would do.\n"
                "With --milter no configuration is read; without --ip and --login the message\n"
                "comes from elsewhere.\n",
        .run = check_run,
};
