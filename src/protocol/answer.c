// SPDX-License-Identifier: ISC
#include "protocol/answer.h"

#include "protocol/line.h"

bool answer_format(const struct answer *answer, struct writer *w)
{
    if (answer->verdict > VERDICT_ALLOW || answer->ttl > ANSWER_TTL_MAX)
        return false;
    writer_string(w, verdict_name(answer->verdict));
    if (answer->reason != REASON_NONE) {
        if (!verdict_has_reason(answer->verdict, answer->reason))
            return false;
        writer_char(w, ' ');
        writer_string(w, reason_name(answer->reason));
        if (answer->ttl > 0) {
            writer_string(w, " ttl=");
            writer_decimal(w, answer->ttl);
        }
        if (answer->ttl > 0 && answer->scope_domain)
            writer_string(w, " scope=domain");
    }
    writer_string(w, "\r\n");
    return !w->failed;
}

static bool answer_take_name(struct answer *answer, struct text name, struct text value)
{
    if (text_equal(name, text_of("ttl"))) {
        uint64_t ttl;
        if (!text_decimal(value, ANSWER_TTL_MAX, &ttl))
            return false;
        answer->ttl = (uint32_t)ttl;
    } else if (text_equal(name, text_of("scope"))) {
        answer->scope_domain = text_equal(value, text_of("domain"));
        return answer->scope_domain;
    }
    return true;
}

static bool answer_take_words(struct line *words, struct answer *answer)
{
    if (!verdict_from_wire(line_word(words), &answer->verdict))
        return false;
    const struct text reason = line_word(words);
    if (reason.len == 0)
        return true;
    const bool known = reason_from_wire(reason, &answer->reason);
    if (known ? !verdict_has_reason(answer->verdict, answer->reason) : !text_is_token(reason))
        return false;
    for (struct text name, value; line_name(words, &name, &value);)
        if (!answer_take_name(answer, name, value))
            return false;
    if (!known)
        *answer = (struct answer){.verdict = answer->verdict};
    return !words->failed;
}

bool answer_parse(struct text line, bool stamped, struct answer *answer_r)
{
    struct answer answer = {.reason = REASON_NONE};

    /* Without its whole line end the rest may be missing: what came is then no answer. */
    *answer_r = (struct answer){.verdict = VERDICT_TEMPERROR};
    if (line.len < 2 || line.len > ANSWER_MAX || line.at[line.len - 2] != '\r' ||
            line.at[line.len - 1] != '\n')
        return false;
    struct line words;
    line_init(&words, (struct text){line.at, line.len - 2});
    if (!answer_take_words(&words, &answer) || (answer.verdict == VERDICT_YES && !stamped))
        return false;
    *answer_r = answer;
    return true;
}
