// SPDX-License-Identifier: ISC
#include "command/question_line.h"

/* Only octets that may stand in a word: so that no part can be two. */
static bool question_line_is_word(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] <= ' ' || t.at[i] >= '\x7f')
            return false;
    return t.len > 0;
}

/* Domains as A-labels. A list that a question has no room for is said as `*`, as a verifier does.
 */
static bool question_line_write_rcpt(const char *rcpt, struct writer *w)
{
    struct reader domains = reader_of(text_of(rcpt));
    char ascii[DOMAIN_MAX + 1];
    bool more = true;

    while (more && !text_equal(text_of(rcpt), text_of("*"))) {
        const size_t before = domains.rest.len;
        const struct text domain = reader_field(&domains, ',');
        if (!domain_to_ascii(domain, ascii))
            return false;
        if (w->at != w->start)
            writer_char(w, ',');
        writer_string(w, ascii);
        more = domain.len < before;
    }
    if (w->at == w->start || w->failed) {
        *w = writer_of(w->start, (size_t)(w->end - w->start));
        writer_char(w, '*');
    }
    return true;
}

static bool is_question(const struct writer *w)
{
    struct question question;

    /* Any default domain will do: what is asked is whether this could be a question to somebody. */
    return !w->failed && question_parse(writer_text(w), text_of("example.org"), &question);
}

struct part {
    const char *called; /* as the command line calls it */
    const char *before; /* in the question */
    struct text value;
    const char *expected;
};

/* Whatever question_parse() takes with this part, and did without it, is good. */
static bool put_part(const struct part *part, const struct invocation *invocation, struct writer *w)
{
    writer_string(w, part->before);
    writer_put(w, part->value);
    if (question_line_is_word(part->value) && is_question(w))
        return true;
    command_complain(invocation, "%s %.*s: expected %s", part->called, (int)part->value.len,
            part->value.at, part->expected);
    return false;
}

static bool question_line_is_user(const char *user)
{
    struct address address;

    return address_parse(text_of(user), text_of("example.org"), &address);
}

bool question_line_write(
        const struct question_line *asked, const struct invocation *invocation, struct writer *w)
{
    char room[QUESTION_RCPT_MAX];
    struct writer rcpt = writer_of(room, sizeof room);

    if (!question_line_is_user(asked->user)) {
        command_complain(invocation, "user %s: expected canonical text, as in alice@example.org",
                asked->user);
        return false;
    }
    if (asked->rcpt != NULL && !question_line_write_rcpt(asked->rcpt, &rcpt)) {
        command_complain(invocation, "--rcpt %s: expected domains with commas between them, or *",
                asked->rcpt);
        return false;
    }
    const struct part parts[] = {
            {"payload", " ", text_of(asked->payload), "a payload, or - for none"},
            {"--rcpt", " rcpt=", writer_text(&rcpt), "domains with commas between them, or *"},
            {"--digest", " digest=", text_of(asked->digest != NULL ? asked->digest : ""),
                    "the 43 octets of a message digest"},
            {"--ip", " ip=", text_of(asked->ip != NULL ? asked->ip : ""), "an IP address"},
    };
    const bool given[] = {true, asked->rcpt != NULL, asked->digest != NULL, asked->ip != NULL};
    writer_string(w, asked->user);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (given[i] && !put_part(&parts[i], invocation, w))
            return false;
    writer_string(w, "\r\n");
    return !w->failed;
}
