// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "base/clock.h"
#include "client/attempt.h"
#include "command/arguments.h"
#include "command/escape.h"
#include "command/hostport.h"
#include "command/json_text.h"
#include "command/question_arguments.h"
#include "command/verify_setup.h"

#define SHOWN_MAX 80 /* octets of what is no answer */

static void ask_print_answer(const struct answer *answer)
{
    printf("%s", verdict_name(answer->verdict));
    if (answer->reason != REASON_NONE)
        printf(" %s", reason_name(answer->reason));
    if (answer->ttl > 0)
        printf(" ttl=%u", answer->ttl);
    if (answer->scope_domain)
        printf(" scope=domain");
    putchar('\n');
}

static void ask_print_none(const char *domain, bool as_json)
{
    if (as_json) {
        json_t *document = json_text_object();
        json_text_set(document, "verdict", json_text_string(verdict_name(VERDICT_NONE)));
        json_text_print(stdout, document);
        return;
    }
    printf("%s %s does not use Verimail\n", verdict_name(VERDICT_NONE), domain);
}

static void ask_print_answer_json(const struct answer *answer)
{
    json_t *document = json_text_object();

    json_text_set(document, "verdict", json_text_string(verdict_name(answer->verdict)));
    if (answer->reason != REASON_NONE)
        json_text_set(document, "reason", json_text_string(reason_name(answer->reason)));
    if (answer->ttl > 0)
        json_text_set(document, "ttl", json_text_number(answer->ttl));
    if (answer->scope_domain)
        json_text_set(document, "scope", json_text_string("domain"));
    json_text_print(stdout, document);
}

/* `received`: what came instead of an answer. */
static void ask_print_temperror(
        const char *asked, const char *error, struct text received, bool as_json)
{
    const struct text shown = {received.at, received.len < SHOWN_MAX ? received.len : SHOWN_MAX};

    if (as_json) {
        json_t *document = json_text_object();
        json_text_set(document, "verdict", json_text_string(verdict_name(VERDICT_TEMPERROR)));
        json_text_set(document, "cause", json_text_string(error));
        if (shown.len > 0)
            json_text_set(document, "received", json_text_of(shown));
        json_text_print(stdout, document);
        return;
    }
    printf("%s ", verdict_name(VERDICT_TEMPERROR));
    escape_put(stdout, text_of(asked));
    printf(": %s", error);
    if (shown.len > 0) {
        fputs(": ", stdout);
        escape_put(stdout, shown);
        if (shown.len < received.len)
            fputs("...", stdout);
    }
    putchar('\n');
}

/* `asked`: the server or the domain. */
static enum status ask_print_outcome(
        const char *asked, const struct client_outcome *outcome, bool as_json)
{
    const struct attempt *attempt = &outcome->attempt;
    char error[DISCOVERY_ERROR_MAX];

    if (outcome->verdict == VERDICT_NONE) {
        ask_print_none(asked, as_json);
    } else if (outcome->verdict == VERDICT_TEMPERROR) {
        client_outcome_text(outcome, error, sizeof error);
        ask_print_temperror(
                asked, error, (struct text){attempt->reply, attempt->reply_len}, as_json);
    } else if (as_json) {
        ask_print_answer_json(&attempt->answer);
    } else {
        ask_print_answer(&attempt->answer);
    }
    return command_status(outcome->verdict);
}

/* Asks the server that --server names. */
static enum status ask_server(const struct hostport *hostport, const char *server,
        const struct question *question, bool as_json)
{
    const uint64_t deadline = mono_ms() + CLIENT_TIMEOUT;
    struct endpoint endpoints[ATTEMPT_ADDRESSES_MAX];
    char error[HOSTPORT_ERROR_MAX];
    struct client_outcome outcome;
    const size_t count = hostport_find(hostport, deadline, endpoints, ATTEMPT_ADDRESSES_MAX, error);

    if (count == 0) {
        ask_print_temperror(server, error, text_of(""), as_json);
        return STATUS_TEMPERROR;
    }
    client_ask_at(endpoints, count, question, deadline, &outcome);
    return ask_print_outcome(server, &outcome, as_json);
}

/* Asks the service that the DNS names. */
static enum status ask_domain(const struct invocation *invocation, const struct question *question,
        bool is_plain, bool as_json)
{
    struct verify_setup setup;
    struct client_outcome outcome;
    enum status status = verify_setup_init(invocation, &setup);

    if (status == STATUS_OK) {
        struct client_policy policy = *verifier_policy(setup.verifier);
        policy.plain = is_plain;
        client_ask(setup.client, &policy, question, question->ip, &outcome);
        status = ask_print_outcome(address_domain(&question->user).at, &outcome, as_json);
    }
    verify_setup_clear(&setup);
    return status;
}

static enum status ask_run(const struct invocation *invocation)
{
    struct question_arguments asked = {0};
    const char *server = NULL;
    const char *operands[2];
    bool as_json = false;
    bool is_plain = false;
    const struct arguments_option options[] = {
            {"--server", .value = &server},
            {"--plain", .flag = &is_plain},
            {"--rcpt", .value = &asked.rcpt},
            {"--digest", .value = &asked.digest},
            {"--ip", .value = &asked.ip},
            {"--json", .flag = &as_json},
            {NULL},
    };
    struct hostport hostport;
    struct rcpt rcpt;
    struct question question;

    if (!arguments_read(invocation, options, 2, 2, operands))
        return STATUS_USAGE;
    if (server != NULL && !hostport_parse(server, &hostport)) {
        command_complain(
                invocation, "--server %s: expected HOST:PORT, with [..] around IPv6", server);
        return STATUS_USAGE;
    }
    asked.user = operands[0];
    asked.payload = operands[1];
    if (!question_arguments_parse(&asked, invocation, &rcpt, &question))
        return STATUS_DATA;
    if (server != NULL)
        return ask_server(&hostport, server, &question, as_json);
    if (question.bare) {
        command_complain(invocation, "user %s: without --server it needs its domain", asked.user);
        return STATUS_DATA;
    }
    return ask_domain(invocation, &question, is_plain, as_json);
}

const struct command command_ask = {
        .name = "ask",
        .synopsis = "[--server HOST[:PORT]] USER PAYLOAD [--rcpt DOMAIN[,DOMAIN]...] "
                    "[--digest DIGEST] [--ip ADDRESS] [--plain] [--json]",
        .summary = "ask a service one question",
        .help = "  --server HOST[:PORT]  this service, at port 26 unless it is given; without it "
                "the\n"
                "                        one that the DNS names for the user's domain\n"
                "  --rcpt DOMAIN[,...]   the receiving domains, or `*`\n"
                "  --digest DIGEST       the message's digest\n"
                "  --ip ADDRESS          where the message came from\n"
                "  --plain               not sealed, even where the service has an answer key;\n"
                "                        --server always asks so\n"
                "  --json                print JSON\n"
                "\n"
                "USER is the author in canonical text, PAYLOAD what the stamp has behind it, or "
                "`-`.\n"
                "Without --rcpt, --digest and --ip it is the bare question of 2013, and the "
                "answer\n"
                "is the verdict alone. Everything together may take 5 seconds.\n",
        .run = ask_run,
};
