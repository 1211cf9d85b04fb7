// SPDX-License-Identifier: ISC
#include <sodium.h>

#include "protocol/keyring.h"
#include "protocol/sealer.h"
#include "protocol/stamp.h"
#include "unit.h"

#define HOST "mail.example.org"
#define DIGEST "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const unsigned char host_secret[KEY_OCTETS] = {1};
static const unsigned char service_secret[KEY_OCTETS] = {2};
static const unsigned char nonce[PAYLOAD_NONCE] = {3};

static struct sealer *make_sealer(void)
{
    unsigned char service_public[KEY_OCTETS];
    enum key_result result;

    assert_true(sodium_init() >= 0);
    key_public(service_secret, service_public);
    struct sealer *sealer = sealer_init(HOST, host_secret, service_public, &result);
    assert_non_null(sealer);
    assert_int_equal(result, KEY_OK);
    return sealer;
}

static struct receiving *receiving_of(const char *domain, uint32_t recipients)
{
    struct receiving *receiving = receiving_init();

    assert_non_null(receiving);
    if (recipients > 0)
        assert_true(receiving_add(receiving, text_of(domain), recipients));
    return receiving;
}

static struct address user_of(const char *canonical)
{
    struct address user;

    assert_true(address_parse(text_of(canonical), text_of(""), &user));
    return user;
}

/* What the service makes of the stamp. */
TEST(opened_by_the_service)
{
    unsigned char host_public[KEY_OCTETS];
    struct sealer *sealer = make_sealer();
    struct keyring *ring = keyring_init(1);
    struct receiving *receiving = receiving_of("example.net", 3);
    const struct address user = user_of("alice@example.org");
    const struct sealer_message message = {&user, receiving, 1700000000, text_of(DIGEST)};
    char buffer[STAMP_FIELD_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct payload_opened opened;
    struct stamp stamp;

    assert_non_null(ring);
    key_public(host_secret, host_public);
    assert_int_equal(keyring_add(ring, HOST, host_public, service_secret), KEY_OK);
    assert_int_equal(sealer_seal(sealer, nonce, &message, "\r\n", &w), SEALER_OK);
    assert_true(stamp_parse(writer_text(&w), &stamp));
    assert_true(address_equal(&stamp.user, &user));
    assert_int_equal(payload_open(ring, text_of(stamp.payload), &opened), PAYLOAD_OK);
    assert_true(text_equal(opened.is.host, text_of(HOST)));
    assert_true(text_equal(opened.is.receiving, text_of("example.net:3")));
    assert_true(text_equal(opened.is.user, text_of("alice@example.org")));
    assert_true(text_equal(opened.is.digest, text_of(DIGEST)));
    assert_int_equal(opened.is.issued, 1700000000);
    assert_memory_equal(opened.nonce, nonce, sizeof nonce);
    receiving_free(&receiving);
    assert_true(sealer_free(&sealer));
    assert_true(sealer_free(&sealer));
    (void)keyring_free(&ring);
}

TEST(what_cannot_be_sealed)
{
    char long_user[ADDRESS_MAX + 1] = "";
    static const struct {
        const char *domain; /* of the recipients; NULL: a long one */
        uint32_t recipients;
        bool is_long; /* the user */
        enum sealer_result want;
    } table[] = {
            {"*", 1, false, SEALER_OK}, {"*", 0, false, SEALER_RECEIVING},
            {"*", 1, true, SEALER_LENGTH}, /* the field would be too long */
            {NULL, 1, false, SEALER_OK},
            {NULL, 1, true, SEALER_LENGTH}, /* so would the text inside the payload */
    };
    char long_domain[DOMAIN_MAX + 1] = "example";
    struct sealer *sealer = make_sealer();

    for (size_t i = 0; i < ADDRESS_LOCAL_MAX; i++)
        strcat(long_user, "%40");
    strcat(long_user, "@d");
    for (size_t i = 0; i < 10; i++)
        strcat(long_user, ".example.example.example");
    for (size_t i = 0; i < 10; i++)
        strcat(long_domain, ".example.example.example");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct receiving *receiving = receiving_of(
                table[i].domain != NULL ? table[i].domain : long_domain, table[i].recipients);
        const struct address user = user_of(table[i].is_long ? long_user : "alice@example.org");
        const struct sealer_message message = {&user, receiving, 1, text_of("-")};
        char buffer[STAMP_FIELD_MAX];
        struct writer w = writer_of(buffer, sizeof buffer);
        assert_int_equal(sealer_seal(sealer, nonce, &message, "\n", &w), table[i].want);
        receiving_free(&receiving);
    }
    assert_true(sealer_free(&sealer));
}

TEST(keys_that_share_nothing)
{
    const unsigned char weak[KEY_OCTETS] = {0};
    enum key_result result;

    assert_true(sodium_init() >= 0);
    assert_null(sealer_init(HOST, host_secret, weak, &result));
    assert_int_equal(result, KEY_WEAK);
}
