// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>

#include "protocol/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char buffer[ANSWER_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct answer answer;
    struct answer back;

    if (!answer_parse((struct text){(const char *)data, size}, &answer)) {
        must(answer.verdict == VERDICT_TEMPERROR);
        return 0;
    }
    must(answer.verdict <= VERDICT_ALLOW && answer.ttl <= ANSWER_TTL_MAX);
    must(answer.reason == REASON_NONE || verdict_has_reason(answer.verdict, answer.reason));
    must(answer.reason != REASON_NONE || (answer.ttl == 0 && !answer.scope_domain));
    must(answer_format(&answer, &w));
    must(answer_parse(writer_text(&w), &back));
    must(answer.verdict == back.verdict && answer.reason == back.reason);
    must(answer.ttl == back.ttl);
    must(back.scope_domain == (answer.ttl > 0 && answer.scope_domain));
    /* A shorter answer, as from a connection that broke, is none. */
    must(!answer_parse((struct text){buffer, writer_text(&w).len - 1}, &back));
    must(!answer_parse((struct text){buffer, writer_text(&w).len - 2}, &back));
    return 0;
}
