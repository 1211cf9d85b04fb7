// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "base/clock.h"
#include "command/arguments.h"
#include "command/client.h"
#include "command/escape.h"
#include "command/jsontext.h"
#include "command/questionline.h"

#define TIME_LIMIT 5000 /* milliseconds for everything */
#define SHOWN_MAX 80    /* octets of what is no answer */

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

static void print_answer_json(const struct answer *answer)
{
    json_t *document = jsontext_object();

    jsontext_set(document, "verdict", jsontext_string(verdict_name(answer->verdict)));
    if (answer->reason != REASON_NONE)
        jsontext_set(document, "reason", jsontext_string(reason_name(answer->reason)));
    if (answer->ttl > 0)
        jsontext_set(document, "ttl", jsontext_number(answer->ttl));
    if (answer->scope_domain)
        jsontext_set(document, "scope", jsontext_string("domain"));
    jsontext_print(stdout, document);
}

/* `reply`: what came instead of an answer; NULL: `cause` says it all. */
static void print_temperror(
        const char *server, const char *cause, const struct client_reply *reply, bool as_json)
{
    const size_t len = reply == NULL ? 0 : reply->len < SHOWN_MAX ? reply->len : SHOWN_MAX;
    const struct text shown = {reply != NULL ? reply->octets : "", len};

    if (as_json) {
        json_t *document = jsontext_object();
        jsontext_set(document, "verdict", jsontext_string(verdict_name(VERDICT_TEMPERROR)));
        jsontext_set(document, "cause", jsontext_string(cause));
        if (reply != NULL)
            jsontext_set(document, "received", jsontext_of(shown));
        jsontext_print(stdout, document);
        return;
    }
    printf("%s ", verdict_name(VERDICT_TEMPERROR));
    escape_put(stdout, text_of(server));
    printf(": %s", cause);
    if (reply != NULL) {
        fputs(": ", stdout);
        escape_put(stdout, shown);
        if (len < reply->len)
            fputs("...", stdout);
    }
    putchar('\n');
}

static enum status ask(
        const struct client_server *server, const char *name, struct text line, bool as_json)
{
    char cause[CLIENT_CAUSE_MAX];
    struct client_reply reply;
    struct answer answer;

    if (!client_ask(server, line, clock_milliseconds() + TIME_LIMIT, &reply, cause)) {
        print_temperror(name, cause, NULL, as_json);
        return STATUS_TEMPERROR;
    }
    if (!answer_parse((struct text){reply.octets, reply.len}, &answer)) {
        print_temperror(name, "what came is no answer", &reply, as_json);
        return STATUS_TEMPERROR;
    }
    if (as_json)
        print_answer_json(&answer);
    else
        print_answer(&answer);
    return command_status(answer.verdict);
}

static enum status run(const struct invocation *invocation)
{
    struct questionline asked = {0};
    const char *name = NULL;
    const char *operands[2];
    bool as_json = false;
    const struct arguments_option options[] = {
            {"--server", .value = &name},
            {"--rcpt", .value = &asked.rcpt},
            {"--digest", .value = &asked.digest},
            {"--ip", .value = &asked.ip},
            {"--json", .flag = &as_json},
            {NULL},
    };
    char room[QUESTION_MAX];
    struct writer line = writer_of(room, sizeof room);
    struct client_server server;

    if (!arguments_read(invocation, options, 2, 2, operands))
        return STATUS_USAGE;
    if (name == NULL || !client_parse(name, &server)) {
        command_complain(invocation, "--server %s: expected HOST:PORT, with [..] around IPv6",
                name != NULL ? name : "is missing");
        return STATUS_USAGE;
    }
    asked.user = operands[0];
    asked.payload = operands[1];
    if (!questionline_write(&asked, invocation, &line))
        return STATUS_DATA;
    return ask(&server, name, writer_text(&line), as_json);
}

const struct command command_ask = {
        .name = "ask",
        .synopsis = "--server HOST[:PORT] USER PAYLOAD [--rcpt DOMAIN[,DOMAIN]...] "
                    "[--digest DIGEST] [--ip ADDRESS] [--json]",
        .summary = "ask a service one question",
        .help = "  --server HOST[:PORT]  the service; port 26 unless it is given\n"
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
        .run = run,
};
