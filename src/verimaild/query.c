// SPDX-License-Identifier: ISC
#include "verimaild/query.h"

void query_read(const struct service *service, struct text line, struct query *query_r)
{
    struct query *q = query_r;

    q->classic_key = NULL;
    q->judge.payload_state = PAYLOAD_STATE_ABSENT;
    q->payload_result = PAYLOAD_OK;
    q->well_formed = question_parse(line, service_default_domain(service), &q->question);
    if (!q->well_formed || text_equal(q->question.payload, text_of("-")))
        return;
    q->judge.payload_state = PAYLOAD_STATE_UNOPENED;
    if (!classic_is_hex(q->question.payload)) /* seen at the first octets of a sealed one */
        return;
    struct classic_key *key = service_classic_key(service, address_domain(&q->question.user));
    if (key != NULL && classic_is_payload(key, q->question.payload))
        q->classic_key = key;
}

static enum payload_state query_open_payload(const struct service *service, struct query *q)
{
    if (q->judge.payload_state == PAYLOAD_STATE_ABSENT)
        return PAYLOAD_STATE_ABSENT;
    if (q->classic_key != NULL)
        return classic_open(q->classic_key, q->question.payload, &q->payload.classic)
                       ? PAYLOAD_STATE_CLASSIC
                       : PAYLOAD_STATE_UNOPENED;
    q->payload_result =
            payload_open(service_keyring(service), q->question.payload, &q->payload.sealed);
    return q->payload_result == PAYLOAD_OK ? PAYLOAD_STATE_SEALED : PAYLOAD_STATE_UNOPENED;
}

void query_open(const struct service *service, const struct rules_lookup *lookup, uint64_t purged,
        uint64_t unix_now, struct query *q)
{
    q->judge = (struct judge){
            .question = &q->question,
            .payload_state = query_open_payload(service, q),
            .sealed = &q->payload.sealed.is,
            .classic = &q->payload.classic,
            .rules = service_rules(service),
            .lookup = lookup,
            .purged = purged,
            .unix_now = unix_now,
    };
}

struct text query_host(const struct query *q)
{
    if (q->well_formed && q->judge.payload_state == PAYLOAD_STATE_SEALED)
        return q->payload.sealed.is.host;
    if (q->well_formed && q->judge.payload_state == PAYLOAD_STATE_CLASSIC)
        return q->payload.classic.host;
    return (struct text){NULL, 0};
}

bool query_answer(const struct query *q, struct writer *w)
{
    static const struct answer bare_no = {.verdict = VERDICT_NO};

    if (!q->well_formed)
        return answer_format(&bare_no, w);
    const struct answer answer = judge_answer(&q->judgement, &q->question);
    return answer_format(&answer, w);
}
