// SPDX-License-Identifier: ISC
#include "verimaild/query.h"

#include <sodium.h>
#include <string.h>

#include "verimaild/answer_keys.h"

static bool query_open_seal(const struct service *service, struct sealed_clients *clients,
        const struct sealed_question *sealed, char buffer[QUESTION_MAX], struct text *question_r,
        struct query_seal *seal)
{
    const unsigned char *key = answer_keys_find(service_answer_keys(service), sealed->key_id);

    return key != NULL &&
           (sealed_clients_find(clients, sealed->key_id, sealed->client, &seal->secret) ||
                   sealed_share(key, sealed->client, &seal->secret)) &&
           sealed_open_question(&seal->secret, sealed, buffer, question_r);
}

enum query_unsealed query_unseal(const struct service *service, struct sealed_clients *clients,
        struct text line, char buffer[QUESTION_MAX], struct text *question_r,
        struct query_seal *seal_r)
{
    struct sealed_question sealed;

    seal_r->is_sealed = false;
    if (!sealed_is(line))
        return QUERY_PLAIN;
    const enum sealed_result result = sealed_read_question(line, &sealed);
    if (result == SEALED_PLAIN)
        return QUERY_PLAIN;
    memset(seal_r->key_id, 0, sizeof seal_r->key_id);
    if (result == SEALED_UNREADABLE)
        return QUERY_NOT_OPENED;
    memcpy(seal_r->key_id, sealed.key_id, sizeof seal_r->key_id);
    memcpy(seal_r->client, sealed.client, sizeof seal_r->client);
    memcpy(seal_r->nonce, sealed.nonce, sizeof seal_r->nonce);
    seal_r->is_sealed = query_open_seal(service, clients, &sealed, buffer, question_r, seal_r);
    if (!seal_r->is_sealed)
        sodium_memzero(&seal_r->secret, sizeof seal_r->secret);
    return seal_r->is_sealed ? QUERY_OPENED : QUERY_NOT_OPENED;
}

void query_read(const struct service *service, struct text line, struct query *query_r)
{
    struct query *q = query_r;

    q->classic_key = NULL;
    q->judge.payload_state = PAYLOAD_STATE_ABSENT;
    q->payload_result = PAYLOAD_OK;
    /* What was sealed has no line end. */
    q->well_formed = !(q->seal.is_sealed && memchr(line.at, '\n', line.len) != NULL) &&
                     question_parse(line, service_default_domain(service), &q->question);
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

static bool query_put_answer(const struct query *q, struct writer *w)
{
    static const struct answer bare_no = {.verdict = VERDICT_NO};

    if (!q->well_formed)
        return answer_format(&bare_no, w);
    const struct answer answer = judge_answer(&q->judgement, &q->question);
    return answer_format(&answer, w);
}

bool query_answer(const struct query *q, struct writer *w)
{
    char buffer[ANSWER_MAX];
    struct writer plain = writer_of(buffer, sizeof buffer);
    unsigned char nonce[SEALED_NONCE];

    if (!q->seal.is_sealed)
        return query_put_answer(q, w);
    if (!query_put_answer(q, &plain))
        return false;
    struct text answer = writer_text(&plain);
    answer.len -= 2; /* CRLF */
    do
        randombytes_buf(nonce, sizeof nonce);
    while (sodium_is_zero(nonce, sizeof nonce));
    return sealed_put_answer(&q->seal.secret, q->seal.nonce, nonce, answer, w);
}
