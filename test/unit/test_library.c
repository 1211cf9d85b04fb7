// SPDX-License-Identifier: ISC
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fixture_library.h"
#include "unit.h"

/* The library as an integrator has it: by verimail.h alone. What it seals is opened here with
 * libsodium and nothing else, as verimail(7) says. */

#define PAYLOAD_OPENED_MAX 640
#define BOX_AT (1 + 8 + crypto_box_NONCEBYTES) /* version, key id, nonce */
#define KEY_TEXT_SIZE 64
#define RECIPIENTS_MAX 32

struct pair {
    unsigned char host_secret[32];
    unsigned char service_secret[32];
};

static void unhex(const struct vectors *v, const char *name, unsigned char octets_r[32])
{
    const struct text hex = vectors_get(v, name);
    size_t len = 0;

    assert_int_equal(sodium_hex2bin(octets_r, 32, hex.at, hex.len, NULL, &len, NULL), 0);
    assert_int_equal(len, 32);
}

static size_t unbase64(const char *t, unsigned char *octets_r, size_t size)
{
    size_t len = 0;

    assert_int_equal(sodium_base642bin(octets_r, size, t, strlen(t), NULL, &len, NULL,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING),
            0);
    return len;
}

/* `service-public:` and base64url of the key and the first 4 octets of BLAKE2b-256 of all this. */
static void service_public_text(const unsigned char secret[32], char text_r[KEY_TEXT_SIZE])
{
    static const char kind[] = "service-public:";
    unsigned char octets[sizeof kind - 1 + 32 + crypto_generichash_BYTES];
    unsigned char *key = octets + sizeof kind - 1;

    memcpy(octets, kind, sizeof kind - 1);
    assert_int_equal(crypto_scalarmult_base(key, secret), 0);
    assert_int_equal(crypto_generichash(key + 32, crypto_generichash_BYTES, octets,
                             sizeof kind - 1 + 32, NULL, 0),
            0);
    memcpy(text_r, kind, sizeof kind - 1);
    sodium_bin2base64(text_r + sizeof kind - 1, KEY_TEXT_SIZE - sizeof kind + 1, key, 32 + 4,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* What the service does with a payload; the text inside gets a NUL. */
static void open_payload(
        const char *payload, const struct pair *pair, char content_r[PAYLOAD_OPENED_MAX + 1])
{
    unsigned char octets[VERIMAIL_PAYLOAD_SIZE];
    unsigned char host_public[32];
    const size_t len = unbase64(payload, octets, sizeof octets);

    assert_true(len > BOX_AT + crypto_box_MACBYTES);
    assert_true(len <= BOX_AT + crypto_box_MACBYTES + PAYLOAD_OPENED_MAX);
    assert_int_equal(crypto_scalarmult_base(host_public, pair->host_secret), 0);
    assert_int_equal(crypto_box_open_easy((unsigned char *)content_r, octets + BOX_AT, len - BOX_AT,
                             octets + 9, host_public, pair->service_secret),
            0);
    content_r[len - BOX_AT - crypto_box_MACBYTES] = '\0';
}

/* Takes `domain:count,...` apart, in place. */
static size_t split_receiving(
        char *receiving, struct verimail_recipients recipients_r[RECIPIENTS_MAX])
{
    char *rest = NULL;
    size_t count = 0;

    for (char *entry = strtok_r(receiving, ",", &rest); entry != NULL;
            entry = strtok_r(NULL, ",", &rest)) {
        char *colon = strchr(entry, ':');
        assert_non_null(colon);
        assert_true(count < RECIPIENTS_MAX);
        *colon = '\0';
        recipients_r[count].domain = entry;
        recipients_r[count++].count = (uint32_t)strtoul(colon + 1, NULL, 10);
    }
    return count;
}

/* What must be asked, written down here from the vector alone. */
static void wanted_question(const struct vectors *v, const char *payload, char *want, size_t size)
{
    const struct text user = vectors_get(v, "user");
    const struct text bound = vectors_get(v, "digest");
    char *receiving = word(v, "receiving");
    struct verimail_recipients recipients[RECIPIENTS_MAX];
    const size_t count = split_receiving(receiving, recipients);
    int len = snprintf(want, size, "%.*s %s rcpt=", (int)user.len, user.at, payload);

    for (size_t i = 0; i < count; i++)
        len += snprintf(
                want + len, size - (size_t)len, "%s%s", i > 0 ? "," : "", recipients[i].domain);
    if (!is(bound, "-"))
        len += snprintf(want + len, size - (size_t)len, " digest=%.*s", (int)bound.len, bound.at);
    len += snprintf(want + len, size - (size_t)len, " ip=2001:db8::1\r\n");
    assert_true((size_t)len < size);
    free(receiving);
}

static void check_conversation(const struct vectors *v, const char *user, const char *payload,
        const struct verimail_recipients *recipients, size_t count)
{
    static const char answer[] = "YES stamped\r\n";
    const char *rcpt[RECIPIENTS_MAX];
    char line[VERIMAIL_QUESTION_SIZE];
    char want[VERIMAIL_QUESTION_SIZE];
    size_t len;
    enum verimail_verdict verdict;
    enum verimail_reason reason;
    uint32_t ttl;
    bool scope_domain;
    char *bound = word(v, "digest");

    for (size_t i = 0; i < count; i++)
        rcpt[i] = recipients[i].domain;
    check_result("question", 0,
            verimail_question(user, payload, rcpt, count, strcmp(bound, "-") != 0 ? bound : NULL,
                    "2001:db8::1", line, sizeof line, &len),
            VERIMAIL_OK);
    free(bound);
    wanted_question(v, payload, want, sizeof want);
    assert_string_equal(line, want);
    assert_int_equal(len, strlen(want));
    check_result("answer", 0,
            verimail_answer(
                    payload, answer, sizeof answer - 1, &verdict, &reason, &ttl, &scope_domain),
            VERIMAIL_OK);
    assert_int_equal(verdict, VERIMAIL_VERDICT_YES);
    assert_int_equal(reason, VERIMAIL_REASON_STAMPED);
}

/* Reads the field as a receiver does, opens its payload as the service does, and asks. */
static void check_trip(const struct vectors *v, struct text field, const struct pair *pair,
        const struct verimail_recipients *recipients, size_t count)
{
    char user[VERIMAIL_USER_SIZE];
    char payload[VERIMAIL_PAYLOAD_SIZE];
    char content[PAYLOAD_OPENED_MAX + 1];
    const struct text value = exact_copy((struct text){field.at + 9, field.len - 9});
    const struct text want = vectors_get(v, "content");
    const struct text wanted_payload = vectors_get(v, "payload");
    const size_t host_len = vectors_get(v, "sending_fqdn").len;

    assert_memory_equal(field.at, "Verimail:", 9);
    check_result("parse", 0,
            verimail_stamp_parse(value.at, value.len, user, sizeof user, payload, sizeof payload),
            VERIMAIL_OK);
    exact_free(value);
    assert_true(is(vectors_get(v, "user"), user));
    /* Version and key id are those of the vector, what is random and sealed is as long. */
    assert_int_equal(strlen(payload), wanted_payload.len);
    assert_memory_equal(payload, wanted_payload.at, 12);
    open_payload(payload, pair, content);
    if (strlen(content) != want.len || strncasecmp(content, want.at, host_len) != 0 ||
            memcmp(content + host_len, want.at + host_len, want.len - host_len) != 0) {
        print_error("payloads.txt:%u: got %s\n", vectors_line(v), content);
        fail();
    }
    check_conversation(v, user, payload, recipients, count);
}

/* What the vectors hold that the library does not write: a time beyond the year 9999, and a payload
 * that is too long for a field. */
static enum verimail_result wanted_stamp(const struct vectors *v, uint64_t issued)
{
    if (issued == UINT64_MAX)
        return VERIMAIL_ISSUED;
    return vectors_get(v, "payload").len > 890 ? VERIMAIL_STAMP_LENGTH : VERIMAIL_OK;
}

static void stamp_record(
        const struct vectors *v, const struct verimail_stamper *stamper, const struct pair *pair)
{
    struct verimail_recipients recipients[RECIPIENTS_MAX];
    char field[VERIMAIL_STAMP_SIZE];
    size_t field_len;
    char *user = word(v, "user");
    char *receiving = word(v, "receiving");
    char *issued = word(v, "issued");
    char *bound = word(v, "digest");
    const size_t count = split_receiving(receiving, recipients);
    const uint64_t at = strtoull(issued, NULL, 10);
    const enum verimail_result want = wanted_stamp(v, at);

    check_result("payloads.txt", vectors_line(v),
            verimail_stamp(stamper, user, recipients, count, at,
                    strcmp(bound, "-") != 0 ? bound : NULL, VERIMAIL_CRLF, field, sizeof field,
                    &field_len),
            want);
    assert_int_equal(field_len, strlen(field));
    assert_int_equal(field_len == 0, want != VERIMAIL_OK);
    if (want == VERIMAIL_OK)
        check_trip(v, (struct text){field, field_len}, pair, recipients, count);
    free(user);
    free(receiving);
    free(issued);
    free(bound);
}

/* Comes first: eight threads begin at once with a library that none has made ready. Then they share
 * a stamper. */
static void *stamp_in_a_thread(void *context)
{
    struct verimail_stamper *const *shared = context;
    struct verimail_stamper *own = NULL;
    char field[VERIMAIL_STAMP_SIZE];
    size_t len;
    bool ok = verimail_init() == VERIMAIL_OK;

    ok = ok && verimail_stamper_new("a", host_key, service_key, &own) == VERIMAIL_OK;
    for (int i = 0; ok && i < 50; i++)
        ok = verimail_stamp(*shared != NULL ? *shared : own, "alice@example.org", &one_recipient, 1,
                     ISSUED, some_digest, VERIMAIL_LF, field, sizeof field, &len) == VERIMAIL_OK;
    verimail_stamper_free(&own);
    return ok ? context : NULL;
}

TEST(threads)
{
    struct verimail_stamper *shared = NULL;

    for (size_t round = 0; round < 2; round++) {
        pthread_t thread[8];
        for (size_t i = 0; i < 8; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, stamp_in_a_thread, &shared), 0);
        for (size_t i = 0; i < 8; i++) {
            void *ok = NULL;
            assert_int_equal(pthread_join(thread[i], &ok), 0);
            assert_non_null(ok);
        }
        if (round == 0)
            shared = stamper_of("mail.example.org");
    }
    verimail_stamper_free(&shared);
}

TEST(vector_payloads)
{
    struct vectors *v = vectors_open("payloads.txt");
    struct verimail_stamper *stamper = NULL;
    struct pair pair;
    size_t stamped = 0;

    while (vectors_next(v)) {
        if (vectors_has(v, "host")) {
            char service_text[KEY_TEXT_SIZE];
            char *host = word(v, "host");
            char *host_text = word(v, "host_secret_text");
            unhex(v, "host_secret", pair.host_secret);
            unhex(v, "service_secret", pair.service_secret);
            service_public_text(pair.service_secret, service_text);
            verimail_stamper_free(&stamper);
            check_result("payloads.txt", vectors_line(v),
                    verimail_stamper_new(host, host_text, service_text, &stamper), VERIMAIL_OK);
            free(host_text);
            free(host);
        } else if (vectors_has(v, "sending_fqdn")) {
            stamp_record(v, stamper, &pair);
            stamped++;
        }
    }
    verimail_stamper_free(&stamper);
    vectors_free(&v);
    assert_true(stamped > 5);
}

/* Each domain in whatever form it came, once, with its recipients added up. */
TEST(recipients_are_added_up)
{
    static const struct verimail_recipients recipients[] = {{"example.net", 1},
            {"B\xc3\xbc"
             "cher.example",
                    2},
            {"EXAMPLE.net", 3}, {"xn--bcher-kva.example", 4}};
    static const struct verimail_recipients with_any[] = {{"example.net", 1}, {"*", 2}};
    static const struct pair zero;
    static const char zero_key[] = "host-secret:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADDpE3S";
    struct verimail_stamper *stamper;
    char service_text[KEY_TEXT_SIZE];
    char field[VERIMAIL_STAMP_SIZE];
    char user[VERIMAIL_USER_SIZE];
    char payload[VERIMAIL_PAYLOAD_SIZE];
    char content[PAYLOAD_OPENED_MAX + 1];
    size_t len;

    service_public_text(zero.service_secret, service_text);
    check_result("new", 0,
            verimail_stamper_new("Mail.EXAMPLE.org", zero_key, service_text, &stamper),
            VERIMAIL_OK);
    for (size_t i = 0; i < 2; i++) {
        check_result("stamp", 0,
                verimail_stamp(stamper, "Alice@EXAMPLE.org", i == 0 ? recipients : with_any,
                        i == 0 ? 4 : 2, 0, NULL, VERIMAIL_LF, field, sizeof field, &len),
                VERIMAIL_OK);
        check_result("parse", 0,
                verimail_stamp_parse(
                        field + 9, len - 9, user, sizeof user, payload, sizeof payload),
                VERIMAIL_OK);
        assert_string_equal(user, "Alice@example.org");
        open_payload(payload, &zero, content);
        assert_string_equal(
                content, i == 0 ? "mail.example.org example.net:4,xn--bcher-kva.example:6 0 "
                                  "Alice@example.org -"
                                : "mail.example.org *:3 0 Alice@example.org -");
    }
    verimail_stamper_free(&stamper);
}
