// SPDX-License-Identifier: ISC
#include <openssl/err.h>
#include <sodium.h>

#include "exact.h"
#include "protocol/classic.h"
#include "unit.h"
#include "vectors.h"

static void check_refused_key(const struct vectors *v)
{
    static const struct {
        const char *name;
        const char *error;
    } table[] = {
            {"pass-phrase", "is protected by a pass phrase"},
            {"not-key", "is not a private key in PEM form"},
            {"not-rsa", "is not an RSA key"},
            {"size", "is an RSA key of less than 1024 or more than 4096 bits"},
            {"trial", "cannot open what was sealed for it (RSA-OAEP with SHA-1)"},
    };
    const struct text pem = exact_copy(vectors_get(v, "key"));
    const char *error = NULL;
    const char *want = NULL;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (text_equal(vectors_get(v, "refused"), text_of(table[i].name)))
            want = table[i].error;
    assert_non_null(want);
    assert_null(classic_key_init(pem, &error));
    assert_non_null(error);
    if (strcmp(error, want) != 0) {
        print_error("classic.txt:%u: got \"%s\", want \"%s\"\n", vectors_line(v), error, want);
        fail();
    }
    exact_free(pem);
}

static struct classic_key *read_key(const struct vectors *v)
{
    const struct text pem = exact_copy(vectors_get(v, "key"));
    const char *error = "";
    struct classic_key *key = classic_key_init(pem, &error);
    uint64_t bits;

    if (key == NULL)
        print_error("classic.txt:%u: the key %s\n", vectors_line(v), error);
    assert_non_null(key);
    assert_null(error);
    assert_true(text_decimal(vectors_get(v, "bits"), CLASSIC_BITS_MAX, &bits));
    assert_int_equal(classic_key_bits(key), bits);
    assert_int_equal(classic_key_octets(key), bits / 8);
    exact_free(pem);
    return key;
}

static void check_words(const struct vectors *v, const struct classic_payload *opened)
{
    assert_true(text_equal(opened->host, vectors_get(v, "host")));
    assert_true(text_equal(opened->receiving, vectors_get(v, "receiving")));
    assert_true(text_equal(opened->nonce, vectors_get(v, "nonce")));
}

static void check_payload(const struct vectors *v, struct classic_key *key)
{
    const bool opens = !vectors_has(v, "result");
    const bool is_payload = opens || text_equal(vectors_get(v, "result"), text_of("refused"));
    const struct text in = exact_copy(vectors_get(v, "payload"));
    struct classic_payload opened;

    memset(&opened, 0x55, sizeof opened);
    if (classic_is_payload(key, in) != is_payload || classic_open(key, in, &opened) != opens) {
        print_error("classic.txt:%u: want a payload: %d, which opens: %d\n", vectors_line(v),
                is_payload, opens);
        fail();
    }
    if (opens)
        check_words(v, &opened);
    else
        assert_true(sodium_is_zero((const unsigned char *)&opened, sizeof opened));
    exact_free(in);
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(vectors_hold)
{
    struct vectors *v = vectors_open("classic.txt");
    struct classic_key *key = NULL;
    unsigned payloads = 0;

    while (vectors_next(v)) {
        if (vectors_has(v, "refused")) {
            check_refused_key(v);
        } else if (vectors_has(v, "key")) {
            classic_key_free(&key);
            key = read_key(v);
        } else {
            check_payload(v, key);
            payloads++;
        }
        /* Nothing piles up behind us. */
        assert_int_equal(ERR_peek_error(), 0);
    }
    classic_key_free(&key);
    classic_key_free(&key);
    vectors_free(&v);
    assert_true(payloads > 40);
}

/* A payload that does not open leaves no trace in the context that opens the next. */
TEST(key_opens_again_after_a_failure)
{
    struct vectors *v = vectors_open("classic.txt");
    struct classic_payload opened;

    assert_true(vectors_next(v));
    struct classic_key *key = read_key(v);
    assert_true(vectors_next(v));
    char hex[2 * CLASSIC_OCTETS_MAX];
    const struct text in = {hex, vectors_get(v, "payload").len};
    memcpy(hex, vectors_get(v, "payload").at, in.len);
    for (unsigned i = 0; i < 70; i++) {
        assert_true(classic_open(key, in, &opened));
        check_words(v, &opened);
        hex[i] = hex[i] == '0' ? '1' : '0';
        assert_false(classic_open(key, in, &opened));
        hex[i] = vectors_get(v, "payload").at[i];
    }
    classic_key_free(&key);
    vectors_free(&v);
}
