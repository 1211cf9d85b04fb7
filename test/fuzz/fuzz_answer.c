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

    const struct text line = {(const char *)data, size};

    if (!answer_parse(line, true, &answer)) {
        must(answer.verdict == VERDICT_TEMPERROR);
        must(!answer_parse(line, false, &back));
        return 0;
    }
    must(answer_parse(line, false, &back) == (answer.verdict != VERDICT_YES));
    must(answer.verdict <= VERDICT_ALLOW && answer.ttl <= ANSWER_TTL_MAX);
    must(answer.reason == REASON_NONE || verdict_has_reason(answer.verdict, answer.reason));
    must(answer.reason != REASON_NONE || (answer.ttl == 0 && !answer.scope_domain));
    must(answer_format(&answer, &w));
    must(answer_parse(writer_text(&w), true, &back));
    must(answer.verdict == back.verdict && answer.reason == back.reason);
    must(answer.ttl == back.ttl);
    must(back.scope_domain == (answer.ttl > 0 && answer.scope_domain));
    /* A shorter answer, as from a connection that broke, is none. */
    must(!answer_parse((struct text){buffer, writer_text(&w).len - 1}, true, &back));
    must(!answer_parse((struct text){buffer, writer_text(&w).len - 2}, true, &back));
    return 0;
}
