// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static size_t written_len(const struct question *q)
{
    return q->user.len + 1 + q->payload.len + (q->rcpt.len > 0 ? q->rcpt.len + 6 : 0) +
           (q->digest.len > 0 ? q->digest.len + 8 : 0) + (q->ip.len > 0 ? q->ip.len + 4 : 0) + 2;
}

static void same(const struct question *a, const struct question *b)
{
    must(text_equal(address_text(&a->user), address_text(&b->user)));
    must(text_equal(a->payload, b->payload));
    must(text_equal(a->rcpt, b->rcpt));
    must(text_equal(a->digest, b->digest));
    must(text_equal(a->ip, b->ip));
}

/* What was understood is written in one way, which is understood as the same. */
static void round_trip(const struct question *question)
{
    char buffer[QUESTION_MAX + 512];
    char again[QUESTION_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct question back;

    const bool ok = question_format(question, &w);
    must(ok == (written_len(question) <= QUESTION_MAX));
    if (!ok)
        return;
    must(writer_text(&w).len == written_len(question));
    must(question_parse(writer_text(&w), text_of(""), &back));
    same(question, &back);
    must(back.named == (back.rcpt.len > 0 || back.digest.len > 0 || back.ip.len > 0));
    struct writer w2 = writer_of(again, sizeof again);
    must(question_format(&back, &w2));
    must(text_equal(writer_text(&w), writer_text(&w2)));
}

/* How the line ends makes no difference. */
static void any_line_end(struct text line, const struct question *question)
{
    char buffer[QUESTION_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct question back;

    if (line.at[line.len - 1] == '\n' || line.len + 2 > sizeof buffer)
        return;
    writer_put(&w, line);
    writer_char(&w, '\n');
    must(question_parse(writer_text(&w), text_of("example.org"), &back));
    same(question, &back);
    w.at[-1] = '\r';
    must(!question_parse(writer_text(&w), text_of("example.org"), &back));
    writer_char(&w, '\n');
    must(question_parse(writer_text(&w), text_of("example.org"), &back));
    same(question, &back);
    must(question->named == back.named);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text line = {(const char *)data, size};
    struct question question;
    struct question without_default;

    if (!question_parse(line, text_of("example.org"), &question))
        return 0;
    must(size <= QUESTION_MAX && memchr(data, '\0', size) == NULL);
    must(question_is_payload(question.payload));
    must(question.rcpt.len <= RCPT_MAX);
    if (question_parse(line, text_of(""), &without_default))
        same(&question, &without_default);
    round_trip(&question);
    any_line_end(line, &question);
    return 0;
}
