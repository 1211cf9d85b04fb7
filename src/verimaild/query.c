// SPDX-License-Identifier: ISC
#include "verimaild/query.h"

void query_read(const struct service *service, struct text line, struct query *inquiry_r)
{
    struct query *i = inquiry_r;

    i->classic_key = NULL;
    i->payload_state = PAYLOAD_STATE_ABSENT;
    i->payload_result = PAYLOAD_OK;
    i->well_formed = question_parse(line, service_default_domain(service), &i->question);
    if (!i->well_formed || text_equal(i->question.payload, text_of("-")))
        return;
    i->payload_state = PAYLOAD_STATE_UNOPENED;
    if (!classic_is_hex(i->question.payload)) /* seen at the first octets of a sealed one */
        return;
    struct classic_key *key = service_classic_key(service, address_domain(&i->question.user));
    if (key != NULL && classic_is_payload(key, i->question.payload))
        i->classic_key = key;
}

void query_open(const struct service *service, struct query *i)
{
    if (!i->well_formed || i->payload_state == PAYLOAD_STATE_ABSENT)
        return;
    if (i->classic_key != NULL) {
        if (classic_open(i->classic_key, i->question.payload, &i->payload.classic))
            i->payload_state = PAYLOAD_STATE_CLASSIC;
        return;
    }
    i->payload_result =
            payload_open(service_keyring(service), i->question.payload, &i->payload.sealed);
    if (i->payload_result == PAYLOAD_OK)
        i->payload_state = PAYLOAD_STATE_SEALED;
}

struct judge_case query_case(const struct service *service,
        const struct circumstances *circumstances, const struct query *i)
{
    return (struct judge_case){
            .question = &i->question,
            .payload_state = i->payload_state,
            .sealed = &i->payload.sealed.is,
            .classic = &i->payload.classic,
            .rules = service_rules(service),
            .elsewhere = circumstances->elsewhere,
            .replay = circumstances->replay,
            .purged = circumstances->purged,
            .now = circumstances->now,
    };
}

void query_judge(
        const struct service *service, const struct circumstances *circumstances, struct query *i)
{
    if (!i->well_formed)
        return;
    query_open(service, i);
    const struct judge_case judge_case = query_case(service, circumstances, i);
    judge(&judge_case, &i->judgement);
}

struct text query_host(const struct query *i)
{
    if (i->well_formed && i->payload_state == PAYLOAD_STATE_SEALED)
        return i->payload.sealed.is.host;
    if (i->well_formed && i->payload_state == PAYLOAD_STATE_CLASSIC)
        return i->payload.classic.host;
    return (struct text){NULL, 0};
}

bool query_answer(const struct query *i, struct writer *w)
{
    static const struct answer bare_no = {.verdict = VERDICT_NO};

    if (!i->well_formed)
        return answer_format(&bare_no, w);
    const struct answer answer = judge_answer(&i->judgement, &i->question);
    return answer_format(&answer, w);
}
