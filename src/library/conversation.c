// SPDX-License-Identifier: ISC
#include "library/conversation.h"

#include "library/output.h"
#include "protocol/answer.h"
#include "protocol/digest.h"
#include "protocol/domain.h"
#include "protocol/stamp.h"

_Static_assert(VERIMAIL_QUESTION_SIZE == QUESTION_MAX + 1, "room for any question");
_Static_assert(VERIMAIL_ANSWER_MAX == ANSWER_MAX, "any answer");
/* ` rcpt=` and the like, spaces and line end need less than 100: a question of parts that are
 * within their limits is within its own. */
_Static_assert(ADDRESS_MAX + STAMP_PAYLOAD_MAX + RCPT_MAX + DIGEST_TEXT + QUESTION_IP_MAX + 100 <=
                       QUESTION_MAX,
        "a question cannot be too long");

/* By the word of verimail.h. */
static const enum verdict verdicts[] = {
        [VERIMAIL_VERDICT_TEMPERROR] = VERDICT_TEMPERROR,
        [VERIMAIL_VERDICT_YES] = VERDICT_YES,
        [VERIMAIL_VERDICT_ALLOW] = VERDICT_ALLOW,
        [VERIMAIL_VERDICT_NO] = VERDICT_NO,
        [VERIMAIL_VERDICT_NONE] = VERDICT_NONE,
};

static const enum reason reasons[] = {
        [VERIMAIL_REASON_NONE] = REASON_NONE,
        [VERIMAIL_REASON_STAMPED] = REASON_STAMPED,
        [VERIMAIL_REASON_REDIRECTED] = REASON_REDIRECTED,
        [VERIMAIL_REASON_CHANGED] = REASON_CHANGED,
        [VERIMAIL_REASON_REPLAYED] = REASON_REPLAYED,
        [VERIMAIL_REASON_EXPIRED] = REASON_EXPIRED,
        [VERIMAIL_REASON_UNCOUNTED] = REASON_UNCOUNTED,
        [VERIMAIL_REASON_CLASSIC] = REASON_CLASSIC,
        [VERIMAIL_REASON_UNSTAMPED] = REASON_UNSTAMPED,
        [VERIMAIL_REASON_HOST] = REASON_HOST,
        [VERIMAIL_REASON_UNSERVED] = REASON_UNSERVED,
        [VERIMAIL_REASON_FORGED] = REASON_FORGED,
        [VERIMAIL_REASON_REFUSED] = REASON_REFUSED,
};

#define VERDICTS (sizeof verdicts / sizeof *verdicts)
#define REASONS (sizeof reasons / sizeof *reasons)

const char *verimail_verdict_name(enum verimail_verdict verdict)
{
    return (size_t)verdict < VERDICTS ? verdict_name(verdicts[verdict]) : "";
}

const char *verimail_reason_name(enum verimail_reason reason)
{
    return (size_t)reason < REASONS ? reason_name(reasons[reason]) : "";
}

/* False when one is no domain, wherever it stands. */
static bool conversation_read_rcpt(const char *const *domains, size_t count, struct rcpt *rcpt_r)
{
    *rcpt_r = (struct rcpt){0};
    for (size_t i = 0; i < count; i++) {
        char ascii[DOMAIN_MAX + 1] = "*";
        if (strcmp(domains[i], ascii) != 0 && !domain_to_ascii(text_of(domains[i]), ascii))
            return false;
        rcpt_add(rcpt_r, text_of(ascii));
    }
    return true;
}

enum verimail_result conversation_read(const char *user, const char *payload,
        const char *const *rcpt, size_t rcpt_count, const char *digest, const char *ip,
        struct rcpt *rcpt_r, struct question *question_r)
{
    *question_r = (struct question){
            .payload = text_of(payload != NULL ? payload : QUESTION_UNSTAMPED),
            .digest = text_of(digest != NULL ? digest : ""),
            .ip = text_of(ip != NULL ? ip : ""),
    };
    if (!address_parse(text_of(user), text_of(""), &question_r->user))
        return VERIMAIL_USER;
    if (!question_is_payload(question_r->payload) || question_r->payload.len > STAMP_PAYLOAD_MAX)
        return VERIMAIL_PAYLOAD;
    if (digest != NULL && !digest_is_text(question_r->digest))
        return VERIMAIL_DIGEST;
    if (!conversation_read_rcpt(rcpt, rcpt_count, rcpt_r))
        return VERIMAIL_RCPT;
    if (ip != NULL && !question_is_ip(question_r->ip))
        return VERIMAIL_IP;
    question_r->rcpt = rcpt_text(rcpt_r);
    return VERIMAIL_OK;
}

enum verimail_result verimail_question(const char *user, const char *payload,
        const char *const *rcpt, size_t rcpt_count, const char *digest, const char *ip,
        char *line_r, size_t line_size, size_t *line_len_r)
{
    char buffer[QUESTION_MAX];
    struct writer line = writer_of(buffer, sizeof buffer);
    struct rcpt domains;
    struct question question;

    output_clear(line_r, line_size);
    *line_len_r = 0;
    enum verimail_result result =
            conversation_read(user, payload, rcpt, rcpt_count, digest, ip, &domains, &question);
    if (result != VERIMAIL_OK)
        return result;
    (void)!question_format(&question, &line); /* all of it was checked */
    result = output_put(writer_text(&line), line_r, line_size);
    if (result == VERIMAIL_OK)
        *line_len_r = writer_text(&line).len;
    return result;
}

enum verimail_verdict conversation_verdict(enum verdict verdict)
{
    size_t i = 0;

    while (i < VERDICTS && verdicts[i] != verdict)
        i++;
    return i < VERDICTS ? (enum verimail_verdict)i : VERIMAIL_VERDICT_TEMPERROR;
}

enum verimail_reason conversation_reason(enum reason reason)
{
    size_t i = 0;

    while (i < REASONS && reasons[i] != reason)
        i++;
    return i < REASONS ? (enum verimail_reason)i : VERIMAIL_REASON_NONE;
}

enum verimail_result verimail_answer(const char *line, size_t line_len,
        enum verimail_verdict *verdict_r, enum verimail_reason *reason_r, uint32_t *ttl_r,
        bool *scope_domain_r)
{
    struct answer answer;
    const bool ok = answer_parse((struct text){line, line_len}, &answer);

    *verdict_r = conversation_verdict(answer.verdict);
    *reason_r = conversation_reason(answer.reason);
    *ttl_r = answer.ttl;
    *scope_domain_r = answer.scope_domain;
    return ok ? VERIMAIL_OK : VERIMAIL_ANSWER;
}
