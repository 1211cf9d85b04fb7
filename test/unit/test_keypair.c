// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/keypair.h"
#include "unit.h"

#define NOW UINT64_C(1764561600) /* 2025-12-01T04:00:00Z */

struct pair_row {
    struct unit_row unit;
    enum key_kind secret, public;
    const char *called;
};

static const struct pair_row pair_rows[] = {
        {{"service"}, KEY_SERVICE_SECRET, KEY_SERVICE_PUBLIC, "a service"},
        {{"host"}, KEY_HOST_SECRET, KEY_HOST_PUBLIC, "a sending host"},
};

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST_EACH(file_has_the_secret_half_of_the_public_text, pair_rows)
{
    struct keypair pair;
    unsigned char secret[KEY_OCTETS];
    unsigned char public[KEY_OCTETS];
    unsigned char wanted[KEY_OCTETS];
    char head[160];

    assert_true(keypair_make(row->secret, NOW, &pair));
    assert_int_equal(
            key_parse_file((struct text){pair.content, pair.len}, row->secret, secret), KEY_OK);
    assert_int_equal(key_parse(text_of(pair.public), row->public, public), KEY_OK);
    key_public(secret, wanted);
    assert_memory_equal(public, wanted, KEY_OCTETS);
    snprintf(head, sizeof head,
            "# Verimail, secret key of %s, made 2025-12-01T04:00:00Z\n# Public key: %s\n",
            row->called, pair.public);
    assert_true(pair.len > strlen(head) && memcmp(pair.content, head, strlen(head)) == 0);
    keypair_free(&pair);
    assert_null(pair.content);
}

TEST(no_two_are_alike)
{
    struct keypair one;
    struct keypair other;

    assert_true(keypair_make(KEY_HOST_SECRET, NOW, &one));
    assert_true(keypair_make(KEY_HOST_SECRET, NOW, &other));
    assert_string_not_equal(one.public, other.public);
    keypair_free(&one);
    keypair_free(&other);
}
