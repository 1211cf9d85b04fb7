// SPDX-License-Identifier: ISC
#include "command/question_arguments.h"

#include "protocol/digest.h"
#include "protocol/stamp.h"

/* Stands for the default domain of the service, which only the service knows. */
#define ANY_DOMAIN "example.org"

static bool question_arguments_parse_rcpt(const char *rcpt, struct rcpt *rcpt_r)
{
    struct reader domains = reader_of(text_of(rcpt));
    char ascii[DOMAIN_MAX + 1] = "*";
    bool more = !text_equal(text_of(rcpt), text_of(ascii));

    if (!more)
        rcpt_add(rcpt_r, text_of(ascii));
    while (more) {
        const size_t before = domains.rest.len;
        const struct text domain = reader_field(&domains, ',');
        if (!domain_to_ascii(domain, ascii))
            return false;
        rcpt_add(rcpt_r, text_of(ascii));
        more = domain.len < before; /* there was a comma */
    }
    return true;
}

static bool question_arguments_complain(const struct invocation *invocation, const char *argument,
        const char *value, const char *expected)
{
    command_complain(invocation, "%s %s: expected %s", argument, value, expected);
    return false;
}

bool question_arguments_parse(const struct question_arguments *arguments,
        const struct invocation *invocation, struct rcpt *rcpt_r, struct question *question_r)
{
    *rcpt_r = (struct rcpt){0};
    *question_r = (struct question){
            .bare = strchr(arguments->user, '@') == NULL,
            .payload = text_of(arguments->payload),
            .digest = text_of(arguments->digest != NULL ? arguments->digest : ""),
            .ip = text_of(arguments->ip != NULL ? arguments->ip : ""),
    };
    if (!address_parse(text_of(arguments->user), text_of(ANY_DOMAIN), &question_r->user))
        return question_arguments_complain(
                invocation, "user", arguments->user, "canonical text, as in alice@example.org");
    if (!question_is_payload(question_r->payload) || question_r->payload.len > STAMP_PAYLOAD_MAX)
        return question_arguments_complain(
                invocation, "payload", arguments->payload, "a payload, or - for none");
    if (arguments->rcpt != NULL && !question_arguments_parse_rcpt(arguments->rcpt, rcpt_r))
        return question_arguments_complain(
                invocation, "--rcpt", arguments->rcpt, "domains with commas between them, or *");
    if (arguments->digest != NULL && !digest_is_text(question_r->digest))
        return question_arguments_complain(
                invocation, "--digest", arguments->digest, "the 43 octets of a message digest");
    if (arguments->ip != NULL && !question_is_ip(question_r->ip))
        return question_arguments_complain(invocation, "--ip", arguments->ip, "an IP address");
    question_r->rcpt = rcpt_text(rcpt_r);
    return true;
}
