// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "base/clock.h"
#include "command/arguments.h"
#include "command/escape.h"
#include "command/hostport.h"
#include "command/json_text.h"
#include "command/question_line.h"
#include "command/verify_setup.h"

#define SHOWN_MAX 80 /* octets of what is no answer */

static void print_answer(const struct answer *answer)
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

static void print_none(const char *domain, bool as_json)
{
    if (as_json) {
        json_t *document = json_text_object();
        json_text_set(document, "verdict", json_text_string(verdict_name(VERDICT_NONE)));
        json_text_print(stdout, document);
        return;
    }
    printf("%s %s does not use Verimail\n", verdict_name(VERDICT_NONE), domain);
}

static void print_answer_json(const struct answer *answer)
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

/* `asking`: what came instead of an answer; NULL: nobody could be asked. */
static void print_temperror(
        const char *server, const char *cause, const struct asking *asking, bool as_json)
{
    const size_t came = asking == NULL ? 0 : asking->reply_len;
    const struct text shown = {
            asking != NULL ? asking->reply : "", came < SHOWN_MAX ? came : SHOWN_MAX};

    if (as_json) {
        json_t *document = json_text_object();
        json_text_set(document, "verdict", json_text_string(verdict_name(VERDICT_TEMPERROR)));
        json_text_set(document, "cause", json_text_string(cause));
        if (came > 0)
            json_text_set(document, "received", json_text_of(shown));
        json_text_print(stdout, document);
        return;
    }
    printf("%s ", verdict_name(VERDICT_TEMPERROR));
    escape_put(stdout, text_of(server));
    printf(": %s", cause);
    if (came > 0) {
        fputs(": ", stdout);
        escape_put(stdout, shown);
        if (shown.len < came)
            fputs("...", stdout);
    }
    putchar('\n');
}

static enum status print_asking(const char *server, const struct asking *asking, bool as_json)
{
    char cause[DISCOVERY_ERROR_MAX];

    if (asking->result != ASKING_ANSWERED) {
        asking_describe(asking, cause, sizeof cause);
        print_temperror(server, cause, asking, as_json);
        return STATUS_TEMPERROR;
    }
    if (as_json)
        print_answer_json(&asking->answer);
    else
        print_answer(&asking->answer);
    return command_status(asking->answer.verdict);
}

/* Where we were told to. */
static enum status ask_place(
        const struct hostport *place, const char *name, struct text line, bool as_json)
{
    const uint64_t deadline = mono_ms() + CLIENT_TIMEOUT;
    struct endpoint endpoints[ASKING_ENDPOINTS_MAX];
    char cause[HOSTPORT_ERROR_MAX];
    struct asking asking;
    const size_t count = hostport_find(place, deadline, endpoints, ASKING_ENDPOINTS_MAX, cause);

    if (count == 0) {
        print_temperror(name, cause, NULL, as_json);
        return STATUS_TEMPERROR;
    }
    asking_run(endpoints, count, line, deadline, &asking);
    return print_asking(name, &asking, as_json);
}

/* The service that the DNS names. The line is the question; it was looked at. */
static enum status ask_domain(const struct invocation *invocation,
        const struct question_line *asked, struct text line, bool as_json)
{
    struct verify_setup receiver;
    struct client_outcome outcome;
    struct question question;
    char cause[DISCOVERY_ERROR_MAX];
    enum status status = verify_setup_init(invocation, &receiver);

    if (status == STATUS_OK && !question_parse(line, text_of(""), &question)) {
        command_complain(invocation, "user %s: without --server it needs its domain", asked->user);
        status = STATUS_DATA;
    }
    if (status != STATUS_OK) {
        verify_setup_clear(&receiver);
        return status;
    }
    const bool unstamped = text_equal(question.payload, text_of("-"));
    const struct client_question about = {
            .author = &question.user,
            .payload = unstamped ? text_of("") : question.payload,
            .rcpt = question.rcpt,
            .digest = question.digest,
            .ip = question.ip,
    };
    client_ask(receiver.client, verifier_policy(receiver.verifier), &about, &outcome);
    const struct text domain = address_domain(&question.user);
    if (outcome.step == CLIENT_ANSWERED || outcome.step == CLIENT_NO_ANSWER) {
        status = print_asking(domain.at, &outcome.asking, as_json);
    } else if (outcome.verdict == VERDICT_NONE) {
        print_none(domain.at, as_json);
        status = STATUS_NONE;
    } else {
        client_outcome_text(&outcome, cause, sizeof cause);
        print_temperror(domain.at, cause, NULL, as_json);
        status = STATUS_TEMPERROR;
    }
    verify_setup_clear(&receiver);
    return status;
}

static enum status ask_run(const struct invocation *invocation)
{
    struct question_line asked = {0};
    const char *server = NULL;
    const char *operands[2];
    bool as_json = false;
    const struct arguments_option options[] = {
            {"--server", .value = &server},
            {"--rcpt", .value = &asked.rcpt},
            {"--digest", .value = &asked.digest},
            {"--ip", .value = &asked.ip},
            {"--json", .flag = &as_json},
            {NULL},
    };
    char room[QUESTION_MAX];
    struct writer line = writer_of(room, sizeof room);
    struct hostport place;

    if (!arguments_read(invocation, options, 2, 2, operands))
        return STATUS_USAGE;
    if (server != NULL && !hostport_parse(server, &place)) {
        command_complain(
                invocation, "--server %s: expected HOST:PORT, with [..] around IPv6", server);
        return STATUS_USAGE;
    }
    asked.user = operands[0];
    asked.payload = operands[1];
    if (!question_line_write(&asked, invocation, &line))
        return STATUS_DATA;
    return server != NULL ? ask_place(&place, server, writer_text(&line), as_json)
                          : ask_domain(invocation, &asked, writer_text(&line), as_json);
}

const struct command command_ask = {
        .name = "ask",
        .synopsis = "[--server HOST[:PORT]] USER PAYLOAD [--rcpt DOMAIN[,DOMAIN]...] "
                    "[--digest DIGEST] [--ip ADDRESS] [--json]",
        .summary = "ask a service one question",
        .help = "  --server HOST[:PORT]  this service, at port 26 unless it is given; without it "
                "the\n"
                "                        one that the DNS names for the user's domain\n"
                "  --rcpt DOMAIN[,...]   the receiving domains, or `*`\n"
                "  --digest DIGEST       the message's digest\n"
                "  --ip ADDRESS          where the message came from\n"
                "  --json                print JSON\n"
                "\n"
                "USER is the author in canonical text, PAYLOAD what the stamp has behind it, or "
                "`-`.\n"
                "Without --rcpt, --digest and --ip it is the bare question of 2013, and the "
                "answer\n"
                "is the verdict alone. Everything together may take 5 seconds.\n",
        .run = ask_run,
};
