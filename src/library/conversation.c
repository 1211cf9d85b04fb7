// SPDX-License-Identifier: ISC
#include "library/conversation.h"

#include "library/output.h"
#include "protocol/answer.h"
#include "protocol/digest.h"
#include "protocol/domain.h"
#include "protocol/question.h"
#include "protocol/stamp.h"

_Static_assert(VERIMAIL_QUESTION_SIZE == QUESTION_MAX + 1, "room for any question");
_Static_assert(VERIMAIL_ANSWER_MAX == ANSWER_MAX, "any answer");
/* ` rcpt=` and the like, spaces and line end need less than 100: the parts' limits keep the whole
 * inside its own. */
_Static_assert(
        ADDRESS_MAX + STAMP_PAYLOAD_MAX + QUESTION_RCPT_MAX + DIGEST_TEXT + QUESTION_IP_MAX + 100 <=
                QUESTION_MAX,
        "a question cannot be too long");

/* By our own word for it. */
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

static bool conversation_is_named(struct text rcpt, struct text domain)
{
    struct reader r = reader_of(rcpt);

    while (r.rest.len > 0)
        if (text_equal(reader_field(&r, ','), domain))
            return true;
    return false;
}

/* The value of rcpt=, each domain once; `*` as soon as it is too long or one of them is that. False
 * when one is no domain, wherever it stands. */
static bool conversation_write_rcpt(const char *const *domains, size_t count, struct writer *w)
{
    const struct writer before = *w;
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        char ascii[DOMAIN_MAX + 1];
        if (strcmp(domains[i], "*") == 0) {
            any = true;
            continue;
        }
        if (!domain_to_ascii(text_of(domains[i]), ascii))
            return false;
        if (w->failed || conversation_is_named(writer_text(w), text_of(ascii)))
            continue;
        if (writer_text(w).len > 0)
            writer_char(w, ',');
        writer_string(w, ascii);
    }
    if (any || w->failed) {
        *w = before;
        writer_char(w, '*');
    }
    return true;
}

/* Fills in what is known to be good; the address the message came from is known only when the
 * question is written. The texts are borrowed. */
static enum verimail_result make_question(const char *user, const char *payload, const char *digest,
        const char *ip, struct question *question_r)
{
    question_r->payload = text_of(payload != NULL ? payload : "-");
    if (!address_parse(text_of(user), text_of(""), &question_r->user))
        return VERIMAIL_USER;
    if (!question_is_payload(question_r->payload) || question_r->payload.len > STAMP_PAYLOAD_MAX)
        return VERIMAIL_PAYLOAD;
    if (digest != NULL) {
        question_r->digest = text_of(digest);
        if (!digest_is_text(question_r->digest))
            return VERIMAIL_DIGEST;
    }
    if (ip != NULL) {
        question_r->ip = text_of(ip);
        if (question_r->ip.len == 0) /* a name that is absent, to question_format() */
            return VERIMAIL_IP;
    }
    return VERIMAIL_OK;
}

enum verimail_result verimail_question(const char *user, const char *payload,
        const char *const *rcpt, size_t rcpt_count, const char *digest, const char *ip,
        char *line_r, size_t line_size, size_t *line_len_r)
{
    char rcpt_room[QUESTION_RCPT_MAX];
    struct writer rcpt_text = writer_of(rcpt_room, sizeof rcpt_room);
    char room[QUESTION_MAX];
    struct writer line = writer_of(room, sizeof room);
    struct question question = {.named = false};

    output_clear(line_r, line_size);
    *line_len_r = 0;
    enum verimail_result result = make_question(user, payload, digest, ip, &question);
    if (result != VERIMAIL_OK)
        return result;
    if (!conversation_write_rcpt(rcpt, rcpt_count, &rcpt_text))
        return VERIMAIL_RCPT;
    question.rcpt = writer_text(&rcpt_text);
    if (!question_format(&question, &line))
        return VERIMAIL_IP;
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
