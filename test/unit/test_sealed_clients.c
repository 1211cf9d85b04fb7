// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <string.h>

#include "unit.h"
#include "verimaild/sealed_clients.h"

static const unsigned char seed[16] = {7};
static const unsigned char this_id[KEY_ID_OCTETS] = {1};
static const unsigned char other_id[KEY_ID_OCTETS] = {2};
static struct sealed_clients *clients;

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

BEFORE_EACH()
{
    clients = sealed_clients_init(seed);
    assert_non_null(clients);
}

AFTER_EACH()
{
    sealed_clients_free(&clients);
    assert_null(clients);
}

static void name_client(uint32_t number, unsigned char client_r[KEY_OCTETS])
{
    memset(client_r, 0, KEY_OCTETS);
    memcpy(client_r, &number, sizeof number);
}

static void keep(uint32_t number, bool is_genuine)
{
    unsigned char client[KEY_OCTETS];
    struct sealed_secret secret = {{0}};

    name_client(number, client);
    memcpy(secret.octets, &number, sizeof number);
    sealed_clients_keep(clients, this_id, client, &secret, is_genuine);
}

static bool is_kept(uint32_t number)
{
    unsigned char client[KEY_OCTETS];
    struct sealed_secret secret;

    name_client(number, client);
    if (!sealed_clients_find(clients, this_id, client, &secret))
        return false;
    assert_memory_equal(secret.octets, &number, sizeof number);
    return true;
}

TEST(a_secret_is_of_a_client_and_a_key)
{
    unsigned char client[KEY_OCTETS];
    struct sealed_secret secret;

    assert_false(is_kept(1));
    keep(1, false);
    assert_true(is_kept(1));
    assert_false(is_kept(2));
    name_client(1, client);
    assert_false(sealed_clients_find(clients, other_id, client, &secret));
}

/* However many strangers come, those whose payloads opened stay. */
TEST(strangers_take_no_genuine_place)
{
    const uint32_t genuine = SEALED_CLIENTS / 8;
    unsigned strangers = 0;
    unsigned lost = 0;

    for (uint32_t n = 0; n < genuine; n++)
        keep(n, true);
    for (uint32_t n = 0; n < genuine; n++)
        lost += !is_kept(n); /* of sets that have too many */
    for (uint32_t n = 0; n < 10 * SEALED_CLIENTS; n++)
        keep(1000000 + n, false);
    for (uint32_t n = 0; n < genuine; n++)
        lost -= !is_kept(n);
    assert_int_equal(lost, 0);
    for (uint32_t n = 0; n < 10 * SEALED_CLIENTS; n++)
        strangers += is_kept(1000000 + n);
    assert_in_range(strangers, SEALED_CLIENTS / 2, SEALED_CLIENTS - genuine);
}

TEST(a_stranger_becomes_genuine)
{
    keep(1, false);
    keep(1, true);
    for (uint32_t n = 2; n < 10 * SEALED_CLIENTS; n++)
        keep(n, false);
    assert_true(is_kept(1));
}

/* Among equals the one that was used longest ago goes. */
TEST(what_is_used_stays)
{
    for (uint32_t n = 0; n < 10 * SEALED_CLIENTS; n++) {
        keep(n, true);
        if (n > 0)
            assert_true(is_kept(n - 1));
        assert_true(is_kept(0));
    }
}
