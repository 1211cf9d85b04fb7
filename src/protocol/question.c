// SPDX-License-Identifier: ISC
#include "protocol/question.h"

#include <arpa/inet.h>
#include <string.h>

#include "protocol/digest.h"
#include "protocol/line.h"

bool question_is_ip(struct text t)
{
    char literal[QUESTION_IP_MAX + 1];
    struct in6_addr address; /* room for either kind */

    if (t.len == 0 || t.len > QUESTION_IP_MAX)
        return false;
    memcpy(literal, t.at, t.len);
    literal[t.len] = '\0';
    if (strlen(literal) != t.len)
        return false;
    return inet_pton(AF_INET, literal, &address) == 1 ||
           inet_pton(AF_INET6, literal, &address) == 1;
}

/* The names we know. The checks get one octet or more. */
static const struct {
    const char *name;
    size_t offset; /* of a struct text */
    bool (*is_valid)(struct text value);
} names[] = {
        {"rcpt", offsetof(struct question, rcpt), rcpt_is_valid},
        {"digest", offsetof(struct question, digest), digest_is_text},
        {"ip", offsetof(struct question, ip), question_is_ip},
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

bool question_is_stamped(const struct question *question)
{
    return !text_equal(question->payload, text_of(QUESTION_UNSTAMPED));
}

static struct text question_without_end(struct text line)
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
    line_init(&words, question_without_end(line));
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

static void question_write_name(const char *name, struct text value, struct writer *w)
{
    if (value.len == 0)
        return;
    writer_char(w, ' ');
    writer_string(w, name);
    writer_char(w, '=');
    writer_put(w, value);
}

/* The user and rcpt were checked when they were made; the others are texts of any origin. */
static bool question_is_sound(const struct question *question)
{
    return question_is_payload(question->payload) &&
           (question->digest.len == 0 || digest_is_text(question->digest)) &&
           (question->ip.len == 0 || question_is_ip(question->ip));
}

bool question_format(const struct question *question, struct writer *w)
{
    const size_t before = writer_text(w).len;

    writer_put(w, question->bare ? address_local(&question->user) : address_text(&question->user));
    writer_char(w, ' ');
    writer_put(w, question->payload);
    question_write_name("rcpt", question->rcpt, w);
    question_write_name("digest", question->digest, w);
    question_write_name("ip", question->ip, w);
    writer_string(w, "\r\n");
    return !w->failed && writer_text(w).len - before <= QUESTION_MAX && question_is_sound(question);
}
