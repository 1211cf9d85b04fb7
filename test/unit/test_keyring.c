// SPDX-License-Identifier: ISC
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "protocol/keyring.h"
#include "unit.h"

struct pair {
    unsigned char secret[KEY_OCTETS];
    unsigned char public[KEY_OCTETS];
};

/* Not in the first octet: X25519 does not look at its three lowest bits. */
static struct pair pair_of(unsigned number)
{
    struct pair pair = {.secret = {0, (unsigned char)number, (unsigned char)(number >> 8)}};

    key_public(pair.secret, pair.public);
    return pair;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(both_sides_share_a_key)
{
    const struct pair host = pair_of(1);
    const struct pair service = pair_of(2);
    struct keyring *theirs = keyring_init(1);
    struct keyring *ours = keyring_init(1);
    unsigned char id[KEY_ID_OCTETS];
    unsigned char secret[KEY_OCTETS];

    assert_non_null(theirs);
    assert_non_null(ours);
    assert_int_equal(keyring_add(ours, "mail.example.org", host.public, service.secret), KEY_OK);
    assert_int_equal(
            keyring_add_sender(theirs, "mail.example.org", host.secret, service.public), KEY_OK);
    keyring_seal(ours);
    keyring_seal(theirs);
    key_id(host.public, service.public, id);
    assert_int_equal(crypto_box_beforenm(secret, host.public, service.secret), 0);
    const struct shared_key *key = keyring_find(ours, id);
    assert_non_null(key);
    assert_memory_equal(key->secret, secret, sizeof secret);
    assert_string_equal(key->host, "mail.example.org");
    key = keyring_find(theirs, id);
    assert_non_null(key);
    assert_ptr_equal(key, keyring_at(theirs, 0));
    assert_memory_equal(key->secret, secret, sizeof secret);
    keyring_free(&ours);
    keyring_free(&theirs);
    assert_null(ours);
}

/* Every one of many is found under its id, and none under an id beside it. */
TEST(all_are_found)
{
    enum { COUNT = 300 };
    const struct pair service = pair_of(9999);
    struct keyring *ring = keyring_init(COUNT);

    assert_non_null(ring);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(keyring_add(ring, "h", pair_of(i).public, service.secret), KEY_OK);
    keyring_seal(ring);
    assert_int_equal(keyring_count(ring), COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned char id[KEY_ID_OCTETS];
        key_id(pair_of(i).public, service.public, id);
        const struct shared_key *key = keyring_find(ring, id);
        assert_non_null(key);
        assert_memory_equal(key->id, id, sizeof id);
        id[KEY_ID_OCTETS - 1] ^= 1;
        assert_null(keyring_find(ring, id));
        if (i > 0)
            assert_true(memcmp(keyring_at(ring, i - 1)->id, keyring_at(ring, i)->id,
                                KEY_ID_OCTETS) < 0);
    }
    keyring_free(&ring);
}

TEST(empty_ring_finds_nothing)
{
    static const unsigned char id[KEY_ID_OCTETS];
    struct keyring *ring = keyring_init(0);

    assert_non_null(ring);
    keyring_seal(ring);
    keyring_relock(ring);
    assert_int_equal(keyring_count(ring), 0);
    assert_null(keyring_find(ring, id));
    keyring_free(&ring);
    keyring_free(&ring);
    assert_null(keyring_init(SIZE_MAX / 8));
}

TEST(pair_is_taken_once)
{
    const struct pair host = pair_of(1);
    const struct pair service = pair_of(2);
    struct pair same = host;
    struct keyring *ring = keyring_init(3);

    assert_non_null(ring);
    same.public[KEY_OCTETS - 1] |= 0x80; /* RFC 7748: a bit that does not count */
    assert_int_equal(keyring_add(ring, "a.example.org", host.public, service.secret), KEY_OK);
    assert_int_equal(keyring_add(ring, "b.example.org", host.public, service.secret), KEY_TWICE);
    assert_int_equal(keyring_add(ring, "b.example.org", same.public, service.secret), KEY_TWICE);
    assert_int_equal(keyring_count(ring), 1);
    assert_string_equal(keyring_at(ring, 0)->host, "a.example.org");
    assert_int_equal(keyring_add(ring, "b.example.org", pair_of(3).public, service.secret), KEY_OK);
    assert_int_equal(keyring_add(ring, "a.example.org", host.public, pair_of(4).secret), KEY_OK);
    assert_int_equal(keyring_count(ring), 3);
    keyring_free(&ring);
}

TEST(weak_keys_are_refused)
{
    static const unsigned char weak[][KEY_OCTETS] = {{0}, {1}};
    const struct pair ours = pair_of(1);
    struct keyring *ring = keyring_init(1);

    assert_non_null(ring);
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        assert_int_equal(keyring_add(ring, "h", weak[i], ours.secret), KEY_WEAK);
        assert_int_equal(keyring_add_sender(ring, "h", ours.secret, weak[i]), KEY_WEAK);
    }
    assert_int_equal(keyring_count(ring), 0);
    keyring_free(&ring);
}

/* Ends the child, by a signal or an exit that a sanitizer makes of it, or returns. */
static bool ends_the_program(void (*act)(struct keyring *), struct keyring *ring)
{
    static const struct rlimit no_core;
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        act(ring);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status != 0;
}

static void add_one(struct keyring *ring)
{
    (void)!keyring_add(ring, "h", pair_of(77).public, pair_of(78).secret);
}

static void look_and_relock(struct keyring *ring)
{
    keyring_relock(ring);
    if (keyring_count(ring) != 1 || keyring_find(ring, keyring_at(ring, 0)->id) == NULL)
        _exit(1);
}

TEST(ring_is_guarded)
{
    struct keyring *ring = keyring_init(2);

    assert_non_null(ring);
    assert_int_equal(keyring_add(ring, "h", pair_of(1).public, pair_of(2).secret), KEY_OK);
    assert_false(ends_the_program(add_one, ring));
    keyring_seal(ring);
    assert_true(ends_the_program(add_one, ring));
    assert_false(ends_the_program(look_and_relock, ring));
    keyring_free(&ring);

    ring = keyring_init(1);
    assert_int_equal(keyring_add(ring, "h", pair_of(1).public, pair_of(2).secret), KEY_OK);
    assert_true(ends_the_program(add_one, ring)); /* a pair too many */
    keyring_free(&ring);
}

/* A ring that cannot be opened to be wiped is left as it is, and its owner is told. */
TEST(ring_that_cannot_be_wiped)
{
    struct keyring *ring = keyring_init(1);

    assert_non_null(ring);
    assert_int_equal(keyring_add(ring, "h", pair_of(1).public, pair_of(2).secret), KEY_OK);
    keyring_seal(ring);
    struct keyring *left = ring;
    fault_once("mprotect", 1);
    assert_false(keyring_free(&ring));
    assert_int_equal(fault_end(), 1);
    assert_null(ring);
    assert_string_equal(keyring_at(left, 0)->host, "h");
    assert_true(keyring_free(&left));
}
