// SPDX-License-Identifier: ISC
#include "protocol/question.h"

#include <arpa/inet.h>
#include <string.h>

#include "protocol/digest.h"
#include "protocol/line.h"

static bool is_rcpt(struct text t)
{
    struct reader domains = reader_of(t);

    if (t.len > QUESTION_RCPT_MAX || t.at[t.len - 1] == ',')
        return false;
    if (text_equal(t, text_of("*")))
        return true;
    while (domains.rest.len > 0)
        if (!domain_is_ldh(reader_field(&domains, ',')))
            return false;
    return true;
}

static bool is_ip(struct text t)
{
    char literal[QUESTION_IP_MAX + 1];
    struct in6_addr address; /* room for either kind */

    if (t.len > QUESTION_IP_MAX)
        return false;
    memcpy(literal, t.at, t.len);
    literal[t.len] = '\0';
    if (strlen(literal) != t.len)
        return false;
    return inet_pton(AF_INET, literal, &address) == 1 ||
           inet_pton(AF_INET6, literal, &address) == 1;
}

/* The names we know, in the order in which they are written. The checks get one octet or more. */
static const struct {
    const char *name;
    size_t offset; /* of a struct text */
    bool (*is_valid)(struct text value);
} names[] = {
        {"rcpt", offsetof(struct question, rcpt), is_rcpt},
        {"digest", offsetof(struct question, digest), digest_is_text},
        {"ip", offsetof(struct question, ip), is_ip},
};

#define NAMES (sizeof names / sizeof *names)

static bool question_take_name(struct question *question, struct text name, struct text value)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (text_equal(name, text_of(names[i].name))) {
            memcpy((char *)question + names[i].offset, &value, sizeof value);
            return names[i].is_valid(value);
        }
    }
    return true;
}

bool question_is_payload(struct text t)
{
    return text_is_token(t);
}

static struct text without_end(struct text line)
{
    if (line.len > 0 && line.at[line.len - 1] == '\n') {
        line.len--;
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
    }
    return line;
}

bool question_parse(struct text line, struct text default_domain, struct question *question_r)
{
    if (line.len > QUESTION_MAX)
        return false;
    struct line words;
    line_init(&words, without_end(line));
    const struct text user = line_word(&words);
    *question_r = (struct question){.payload = line_word(&words)};
    if (!question_is_payload(question_r->payload) ||
            !address_parse(user, default_domain, &question_r->user))
        return false;
    for (struct text name, value; line_name(&words, &name, &value);) {
        question_r->named = true;
        if (!question_take_name(question_r, name, value))
            return false;
    }
    return !words.failed;
}

static bool write_name(const struct question *question, size_t i, struct writer *w)
{
    struct text value;

    memcpy(&value, (const char *)question + names[i].offset, sizeof value);
    if (value.len == 0)
        return true;
    writer_char(w, ' ');
    writer_string(w, names[i].name);
    writer_char(w, '=');
    writer_put(w, value);
    return names[i].is_valid(value);
}

bool question_format(const struct question *question, struct writer *w)
{
    const size_t before = writer_text(w).len;
    struct question sent = *question;
    bool ok = question_is_payload(sent.payload) &&
              address_parse(address_text(&question->user), text_of(""), &sent.user);

    if (sent.rcpt.len > QUESTION_RCPT_MAX)
        sent.rcpt = text_of("*");
    writer_put(w, address_text(&question->user));
    writer_char(w, ' ');
    writer_put(w, sent.payload);
    for (size_t i = 0; i < NAMES; i++)
        ok = ok && write_name(&sent, i, w);
    writer_string(w, "\r\n");
    return ok && !w->failed && writer_text(w).len - before <= QUESTION_MAX;
}
