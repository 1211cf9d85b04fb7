// SPDX-License-Identifier: ISC
#include <sodium.h>

#include "exact.h"
#include "protocol/payload.h"
#include "protocol/receiving.h"
#include "unit.h"
#include "vectors.h"

static const char *const result_names[] = {
        [PAYLOAD_OK] = "ok",
        [PAYLOAD_NOT_SEALED] = "not-sealed",
        [PAYLOAD_KEY] = "key",
        [PAYLOAD_BOX] = "box",
        [PAYLOAD_CONTENT] = "content",
        [PAYLOAD_HOST] = "host",
};

#define RESULTS (sizeof result_names / sizeof *result_names)

static enum payload_result result_from(struct text name)
{
    for (size_t i = 0; i < RESULTS; i++)
        if (text_equal(name, text_of(result_names[i])))
            return (enum payload_result)i;
    fail_msg("unknown result");
    return PAYLOAD_OK;
}

static void octets_of(
        const struct vectors *v, const char *name, unsigned char *octets_r, size_t size)
{
    size_t len = 0;

    assert_true(text_from_hex(vectors_get(v, name), octets_r, size, &len));
    assert_int_equal(len, size);
}

/* The keys of both sides, for all records up to the next with keys. */
struct sides {
    char host[300];
    struct keyring *host_ring;
    struct keyring *service_ring;
};

static void free_sides(struct sides *sides)
{
    (void)keyring_free(&sides->host_ring);
    (void)keyring_free(&sides->service_ring);
}

static void make_sides(struct sides *sides, const char *host,
        const unsigned char host_secret[KEY_OCTETS], const unsigned char service_secret[KEY_OCTETS])
{
    unsigned char public[KEY_OCTETS];

    free_sides(sides);
    strcpy(sides->host, host);
    sides->host_ring = keyring_init(1);
    sides->service_ring = keyring_init(1);
    key_public(service_secret, public);
    assert_int_equal(
            keyring_add_sender(sides->host_ring, sides->host, host_secret, public), KEY_OK);
    key_public(host_secret, public);
    assert_int_equal(keyring_add(sides->service_ring, sides->host, public, service_secret), KEY_OK);
    keyring_seal(sides->host_ring);
    keyring_seal(sides->service_ring);
}

static void read_sides(const struct vectors *v, struct sides *sides)
{
    unsigned char host_secret[KEY_OCTETS];
    unsigned char service_secret[KEY_OCTETS];
    unsigned char read[KEY_OCTETS];
    char host[sizeof sides->host] = "";

    octets_of(v, "host_secret", host_secret, sizeof host_secret);
    octets_of(v, "service_secret", service_secret, sizeof service_secret);
    assert_int_equal(key_parse(vectors_get(v, "host_secret_text"), KEY_HOST_SECRET, read), KEY_OK);
    assert_memory_equal(read, host_secret, sizeof read);
    assert_int_equal(
            key_parse(vectors_get(v, "service_secret_text"), KEY_SERVICE_SECRET, read), KEY_OK);
    assert_memory_equal(read, service_secret, sizeof read);
    assert_in_range(vectors_get(v, "host").len, 1, sizeof host - 1);
    memcpy(host, vectors_get(v, "host").at, vectors_get(v, "host").len);
    make_sides(sides, host, host_secret, service_secret);
}

static void assert_wiped(const struct payload_opened *opened)
{
    assert_true(sodium_is_zero((const unsigned char *)opened, sizeof *opened));
}

static void check_fields(const struct vectors *v, const struct payload *is)
{
    uint64_t issued = 0;

    assert_true(text_decimal(vectors_get(v, "issued"), UINT64_MAX, &issued));
    assert_true(is->issued == issued);
    assert_true(text_equal(is->host, vectors_get(v, "sending_fqdn")));
    assert_true(text_equal(is->receiving, vectors_get(v, "receiving")));
    assert_true(text_equal(is->user, vectors_get(v, "user")));
    assert_true(text_equal(is->digest, vectors_get(v, "digest")));
}

static void check_sealing(
        const struct vectors *v, const struct sides *sides, const struct payload_opened *opened)
{
    unsigned char nonce[PAYLOAD_NONCE];
    char buffer[PAYLOAD_TEXT_MAX];
    const struct text want = vectors_get(v, "payload");

    octets_of(v, "nonce", nonce, sizeof nonce);
    assert_memory_equal(opened->nonce, nonce, sizeof nonce);
    struct writer w = writer_of(buffer, want.len);
    assert_true(payload_seal(keyring_at(sides->host_ring, 0), nonce, &opened->is, &w));
    assert_true(text_equal(writer_text(&w), want));
    w = writer_of(buffer, want.len - 1);
    assert_false(payload_seal(keyring_at(sides->host_ring, 0), nonce, &opened->is, &w));
}

static enum payload_result check_record(const struct vectors *v, const struct sides *sides)
{
    const enum payload_result want = result_from(vectors_get(v, "result"));
    const struct text in = exact_copy(vectors_get(v, "payload"));
    struct payload_opened opened;

    memset(&opened, 0x55, sizeof opened);
    const enum payload_result got = payload_open(sides->service_ring, in, &opened);
    exact_free(in);
    if (got != want) {
        print_error("payloads.txt:%u: got %s, want %s\n", vectors_line(v), result_names[got],
                result_names[want]);
        fail();
    }
    if (got == PAYLOAD_OK) {
        check_fields(v, &opened.is);
        check_sealing(v, sides, &opened);
    }
    if (got == PAYLOAD_OK || got == PAYLOAD_CONTENT || got == PAYLOAD_HOST) {
        const struct text content = {opened.content, opened.content_len};
        assert_true(text_equal(content, vectors_get(v, "content")));
        assert_ptr_equal(opened.key, keyring_at(sides->service_ring, 0));
    } else {
        assert_wiped(&opened);
    }
    return got;
}

BEFORE_ALL()
{
    assert_true(sodium_init() >= 0);
}

TEST(vectors_hold)
{
    struct vectors *v = vectors_open("payloads.txt");
    struct sides sides = {.host_ring = NULL};
    unsigned counts[RESULTS] = {0};

    while (vectors_next(v)) {
        if (vectors_has(v, "host"))
            read_sides(v, &sides);
        else
            counts[check_record(v, &sides)]++;
    }
    vectors_free(&v);
    free_sides(&sides);
    for (size_t i = 0; i < RESULTS; i++)
        assert_true(counts[i] > 2);
}

static const char digest[] = "69xd8t3WQXJToPcjzYveIj8cmA5FSwn7euieZeKhK4o";

static struct payload usual(void)
{
    return (struct payload){
            .host = text_of("mail.example.org"),
            .receiving = text_of("example.net:1"),
            .issued = 1767225600,
            .user = text_of("alice@example.org"),
            .digest = text_of(digest),
    };
}

static void usual_sides(struct sides *sides)
{
    static const unsigned char host_secret[KEY_OCTETS] = {8};
    static const unsigned char service_secret[KEY_OCTETS] = {16};

    make_sides(sides, "mail.example.org", host_secret, service_secret);
}

TEST(sealing_refuses_what_does_not_open)
{
    struct {
        const char *about;
        struct payload payload;
        bool ok;
    } table[] = {
            {"as usual", usual(), true},
            {"empty host", usual(), false},
            {"host with a space", usual(), false},
            {"empty receiving", usual(), false},
            {"receiving in upper case", usual(), false},
            {"empty user", usual(), false},
            {"bare user", usual(), false},
            {"user's domain in upper case", usual(), false},
            {"empty digest", usual(), false},
            {"digest with a field behind it", usual(), false},
            {"no digest", usual(), true},
    };
    static const unsigned char nonce[PAYLOAD_NONCE] = {3};
    struct sides sides = {.host_ring = NULL};

    usual_sides(&sides);
    table[1].payload.host = (struct text){NULL, 0};
    table[2].payload.host = text_of("mail example.org");
    table[3].payload.receiving = (struct text){NULL, 0};
    table[4].payload.receiving = text_of("Example.net:1");
    table[5].payload.user = (struct text){NULL, 0};
    table[6].payload.user = text_of("alice");
    table[7].payload.user = text_of("alice@EXAMPLE.org");
    table[8].payload.digest = (struct text){NULL, 0};
    table[9].payload.digest = text_of("- -");
    table[10].payload.digest = text_of("-");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char buffer[PAYLOAD_TEXT_MAX];
        struct writer w = writer_of(buffer, sizeof buffer);
        const bool ok = payload_seal(keyring_at(sides.host_ring, 0), nonce, &table[i].payload, &w);
        if (ok != table[i].ok || (writer_text(&w).len > 0) != ok) {
            print_error("%s: got %d, want %d\n", table[i].about, ok, table[i].ok);
            fail();
        }
    }
    free_sides(&sides);
}

/* A user of which the text inside has `total` octets. */
static struct text user_for(size_t total, char buffer[PAYLOAD_CONTENT_MAX])
{
    struct writer w = writer_of(buffer, PAYLOAD_CONTENT_MAX);
    const size_t len =
            total - strlen("mail.example.org  1767225600  ") - RECEIVING_MAX - strlen(digest);

    for (size_t i = 0; i < 30; i++)
        writer_string(&w, "%20");
    writer_char(&w, '@');
    while (writer_text(&w).len < len)
        writer_char(&w, writer_text(&w).len % 50 == 49 ? '.' : 'x');
    return writer_text(&w);
}

TEST(content_of_640_octets_is_the_longest)
{
    static const unsigned char nonce[PAYLOAD_NONCE] = {3};
    struct sides sides = {.host_ring = NULL};
    struct payload payload = usual();
    struct payload_opened opened;
    char receiving[RECEIVING_MAX];
    char user[PAYLOAD_CONTENT_MAX];
    char buffer[PAYLOAD_TEXT_MAX];

    usual_sides(&sides);
    struct writer w = writer_of(receiving, sizeof receiving);
    for (unsigned i = 100; i < 149; i++) {
        writer_decimal(&w, i);
        writer_string(&w, ":1,");
    }
    while (!w.failed && writer_text(&w).len < sizeof receiving - 2)
        writer_char(&w, 'z');
    writer_string(&w, ":1");
    payload.receiving = writer_text(&w);
    assert_int_equal(payload.receiving.len, RECEIVING_MAX);
    assert_true(receiving_is_valid(payload.receiving));

    payload.user = user_for(PAYLOAD_CONTENT_MAX, user);
    w = writer_of(buffer, sizeof buffer);
    assert_true(payload_seal(keyring_at(sides.host_ring, 0), nonce, &payload, &w));
    assert_int_equal(payload_open(sides.service_ring, writer_text(&w), &opened), PAYLOAD_OK);
    assert_int_equal(opened.content_len, PAYLOAD_CONTENT_MAX);
    assert_true(text_equal(opened.is.user, payload.user));

    payload.user = user_for(PAYLOAD_CONTENT_MAX + 1, user);
    w = writer_of(buffer, sizeof buffer);
    assert_false(payload_seal(keyring_at(sides.host_ring, 0), nonce, &payload, &w));
    free_sides(&sides);
}

/* No bit of a sealed payload can be altered, and none of its octets left out. */
TEST(any_bit_counts)
{
    static const unsigned char nonce[PAYLOAD_NONCE] = {3};
    const struct payload payload = usual();
    struct sides sides = {.host_ring = NULL};
    struct payload_opened opened;
    char buffer[PAYLOAD_TEXT_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    usual_sides(&sides);
    assert_true(payload_seal(keyring_at(sides.host_ring, 0), nonce, &payload, &w));
    const struct text sealed = writer_text(&w);
    for (size_t i = 0; i < 8 * sealed.len; i++) {
        buffer[i / 8] ^= (char)(1 << i % 8);
        if (payload_open(sides.service_ring, sealed, &opened) == PAYLOAD_OK) {
            print_error("bit %zu does not count\n", i);
            fail();
        }
        assert_wiped(&opened);
        buffer[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t len = 0; len < sealed.len; len++) {
        const struct text in = exact_copy((struct text){buffer, len});
        assert_int_not_equal(payload_open(sides.service_ring, in, &opened), PAYLOAD_OK);
        exact_free(in);
    }
    assert_int_equal(payload_open(sides.service_ring, sealed, &opened), PAYLOAD_OK);
    free_sides(&sides);
}

/* Each of several hosts opens under its own key alone. */
TEST(key_names_the_host)
{
    static const unsigned char nonce[PAYLOAD_NONCE] = {3};
    static const unsigned char secrets[3][KEY_OCTETS] = {{8}, {16}, {24}};
    static const char *const hosts[] = {"a.example.org", "b.example.org", "c.example.org"};
    static const unsigned char service_secret[KEY_OCTETS] = {32};
    unsigned char public[KEY_OCTETS];
    struct keyring *ring = keyring_init(3);
    struct payload_opened opened;

    assert_non_null(ring);
    for (size_t i = 0; i < 3; i++) {
        key_public(secrets[i], public);
        assert_int_equal(keyring_add(ring, hosts[i], public, service_secret), KEY_OK);
    }
    keyring_seal(ring);
    for (size_t i = 0; i < 9; i++) {
        char buffer[PAYLOAD_TEXT_MAX];
        struct writer w = writer_of(buffer, sizeof buffer);
        struct payload payload = usual();
        payload.host = text_of(hosts[i % 3]);
        assert_true(payload_seal(keyring_at(ring, i / 3), nonce, &payload, &w));
        const bool own = text_equal(payload.host, text_of(keyring_at(ring, i / 3)->host));
        assert_int_equal(
                payload_open(ring, writer_text(&w), &opened), own ? PAYLOAD_OK : PAYLOAD_HOST);
        assert_true(text_equal(opened.is.host, payload.host));
        assert_ptr_equal(opened.key, keyring_at(ring, i / 3));
    }
    (void)keyring_free(&ring);
}
