// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <string.h>

#include "exact.h"
#include "protocol/sealed.h"
#include "unit.h"
#include "vectors.h"

/* What the records of the file share. */
struct keys {
    unsigned char answer_secret[KEY_OCTETS];
    unsigned char client_public[KEY_OCTETS];
    unsigned char id[KEY_ID_OCTETS];
    struct sealed_secret secret;
};

static void octets_of(const struct vectors *v, const char *name, void *octets_r, size_t size)
{
    size_t len = 0;

    assert_true(text_from_hex(vectors_get(v, name), octets_r, size, &len));
    assert_int_equal(len, size);
}

static void take_keys(const struct vectors *v, struct keys *keys_r)
{
    unsigned char client[KEY_OCTETS];
    unsigned char public[KEY_OCTETS];
    unsigned char want_id[KEY_ID_OCTETS];
    struct sealed_secret want;
    struct sealed_secret other;

    octets_of(v, "answer_secret", keys_r->answer_secret, KEY_OCTETS);
    octets_of(v, "client_secret", client, sizeof client);
    octets_of(v, "key_id", want_id, sizeof want_id);
    octets_of(v, "secret", want.octets, sizeof want.octets);
    key_public(keys_r->answer_secret, public);
    key_public(client, keys_r->client_public);
    sealed_key_id(public, keys_r->id);
    assert_memory_equal(keys_r->id, want_id, sizeof want_id);
    assert_true(sealed_share(client, public, &keys_r->secret));
    assert_true(sealed_share(keys_r->answer_secret, keys_r->client_public, &other));
    assert_memory_equal(keys_r->secret.octets, want.octets, sizeof want.octets);
    assert_memory_equal(other.octets, want.octets, sizeof want.octets);
}

/* As a service reads it. */
static const char *open_line(const struct keys *keys, struct text line,
        struct sealed_question *sealed, char buffer[QUESTION_MAX], struct text *question_r)
{
    struct sealed_secret secret;

    if (!sealed_is(line))
        return "plain";
    switch (sealed_read_question(line, sealed)) {
    case SEALED_PLAIN:
        return "plain";
    case SEALED_UNREADABLE:
        return "unreadable";
    case SEALED_OK:
        break;
    }
    if (memcmp(sealed->key_id, keys->id, sizeof keys->id) != 0)
        return "key";
    return sealed_share(keys->answer_secret, sealed->client, &secret) &&
                           sealed_open_question(&secret, sealed, buffer, question_r)
                   ? "ok"
                   : "box";
}

static void check_question(const struct vectors *v, const struct keys *keys)
{
    const struct text line = exact_copy(vectors_get(v, "line"));
    char buffer[QUESTION_MAX];
    char again[SEALED_QUESTION_MAX];
    struct sealed_question sealed;
    struct text question;
    const char *result = open_line(keys, line, &sealed, buffer, &question);

    if (!text_equal(vectors_get(v, "result"), text_of(result)))
        fail_msg("line %u: got %s", vectors_line(v), result);
    if (strcmp(result, "ok") == 0) {
        struct writer w = writer_of(again, sizeof again);
        unsigned char nonce[SEALED_NONCE];
        octets_of(v, "nonce", nonce, sizeof nonce);
        assert_true(text_equal(question, vectors_get(v, "question")));
        assert_memory_equal(sealed.nonce, nonce, sizeof nonce);
        assert_true(sealed_put_question(
                &keys->secret, keys->id, keys->client_public, nonce, question, &w));
        assert_true(text_equal(writer_text(&w), line));
    }
    exact_free(line);
}

static void check_answer(const struct vectors *v, const struct keys *keys)
{
    const struct text line = exact_copy(vectors_get(v, "answer_line"));
    unsigned char asked[SEALED_NONCE];
    unsigned char nonce[SEALED_NONCE];
    char buffer[ANSWER_MAX];
    char again[SEALED_ANSWER_MAX];
    struct text answer;

    octets_of(v, "question_nonce", asked, sizeof asked);
    const bool opens = sealed_open_answer(&keys->secret, asked, line, buffer, &answer);
    if (!text_equal(vectors_get(v, "result"), text_of(opens ? "ok" : "box")))
        fail_msg("line %u: got %d", vectors_line(v), opens);
    if (opens) {
        struct writer w = writer_of(again, sizeof again);
        octets_of(v, "answer_nonce", nonce, sizeof nonce);
        assert_true(text_equal(answer, vectors_get(v, "answer")));
        assert_true(sealed_put_answer(&keys->secret, asked, nonce, answer, &w));
        assert_true(text_equal(writer_text(&w), line));
    }
    exact_free(line);
}

TEST_IF(each_vector, "VERIMAIL_VECTORS")
{
    struct vectors *v = vectors_open("sealed.txt");
    struct keys keys;
    unsigned questions = 0;
    unsigned answers = 0;

    assert_true(sodium_init() >= 0);
    while (vectors_next(v)) {
        if (vectors_has(v, "answer_secret")) {
            take_keys(v, &keys);
        } else if (vectors_has(v, "line")) {
            check_question(v, &keys);
            questions++;
        } else {
            check_answer(v, &keys);
            answers++;
        }
    }
    assert_true(questions > 0 && answers > 0);
    vectors_free(&v);
}
