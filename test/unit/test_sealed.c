// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <string.h>

#include "exact.h"
#include "protocol/sealed.h"
#include "unit.h"

#define QUESTION "alice@example.org AQID rcpt=example.net"
#define ANSWER "YES stamped ttl=300"

static const unsigned char zero[SEALED_NONCE];

/* One client and one service, from fixed keys. */
struct ends {
    unsigned char client[KEY_OCTETS]; /* public, as the next two */
    unsigned char service[KEY_OCTETS];
    unsigned char id[KEY_ID_OCTETS];
    struct sealed_secret of_client;
    struct sealed_secret of_service;
    unsigned char nonce[SEALED_NONCE];
    unsigned char answer_nonce[SEALED_NONCE];
};

static struct ends make_ends(unsigned char which)
{
    struct ends e = {.nonce = {1, which}, .answer_nonce = {2, which}};
    const unsigned char client_secret[KEY_OCTETS] = {3, which};
    const unsigned char service_secret[KEY_OCTETS] = {4, which};

    key_public(client_secret, e.client);
    key_public(service_secret, e.service);
    sealed_key_id(e.service, e.id);
    assert_true(sealed_share(client_secret, e.service, &e.of_client));
    assert_true(sealed_share(service_secret, e.client, &e.of_service));
    assert_memory_equal(&e.of_client, &e.of_service, sizeof e.of_client);
    return e;
}

static struct text put_question(const struct ends *e, struct text question, char *buffer)
{
    struct writer w = writer_of(buffer, SEALED_QUESTION_MAX);

    assert_true(sealed_put_question(&e->of_client, e->id, e->client, e->nonce, question, &w));
    return writer_text(&w);
}

static struct text put_answer(const struct ends *e, struct text answer, char *buffer)
{
    struct writer w = writer_of(buffer, SEALED_ANSWER_MAX);

    assert_true(sealed_put_answer(&e->of_service, e->nonce, e->answer_nonce, answer, &w));
    return writer_text(&w);
}

/* Whether the service takes the line, from memory that ends where the line ends. */
static bool take_question(
        const struct ends *e, struct text line, char buffer[QUESTION_MAX], struct text *question_r)
{
    struct sealed_question question;
    const struct text in = exact_copy(line);
    const bool read = sealed_read_question(in, &question) == SEALED_OK;

    exact_free(in);
    return read && memcmp(question.key_id, e->id, sizeof e->id) == 0 &&
           memcmp(question.client, e->client, sizeof e->client) == 0 &&
           sealed_open_question(&e->of_service, &question, buffer, question_r);
}

static bool take_answer(
        const struct ends *e, struct text line, char buffer[ANSWER_MAX], struct text *answer_r)
{
    const struct text in = exact_copy(line);
    const bool taken = sealed_open_answer(&e->of_client, e->nonce, in, buffer, answer_r);

    exact_free(in);
    return taken;
}

static const struct {
    struct unit_row unit;
    size_t len;
    size_t padded;
} lengths[] = {
        {{"one octet"}, 1, 128},
        {{"one less than a step"}, 127, 128},
        {{"a step"}, 128, 128},
        {{"one more"}, 129, 256},
        {{"the longest answer"}, 512, 512},
        {{"the longest question less one"}, 4095, 4096},
        {{"the longest question"}, 4096, 4096},
};

TEST_EACH(a_text_of_any_length_comes_through, lengths)
{
    const struct ends e = make_ends(0);
    char text[QUESTION_MAX];
    char line[SEALED_QUESTION_MAX];
    char buffer[QUESTION_MAX];
    struct text got;

    memset(text, 'x', sizeof text);
    const struct text question = {text, row->len};
    struct text sealed = put_question(&e, question, line);
    assert_int_equal(sealed.len, 2 + text_base64_len(53 + 16 + row->padded) + 2);
    assert_true(take_question(&e, sealed, buffer, &got));
    assert_true(text_equal(got, question));
    sealed.len -= 2; /* without a line end, as at the end of a connection */
    assert_true(take_question(&e, sealed, buffer, &got));
    if (row->len > ANSWER_MAX)
        return;
    sealed = put_answer(&e, question, line);
    assert_int_equal(sealed.len, 2 + text_base64_len(12 + 16 + row->padded) + 2);
    assert_true(take_answer(&e, sealed, buffer, &got));
    assert_true(text_equal(got, question));
    sealed = (struct text){line, sealed.len > 2 ? sealed.len - 2 : 0};
    assert_false(take_answer(&e, sealed, buffer, &got));
}

static const struct {
    struct unit_row unit;
    const char *text;
    size_t len;
} not_sealed[] = {
        {{"nothing"}, "", 0},
        {{"a space at the end"}, "alice - ", 8},
        {{"too long"}, NULL, QUESTION_MAX + 1},
};

TEST_EACH(what_is_not_sealed, not_sealed)
{
    const struct ends e = make_ends(0);
    char text[QUESTION_MAX + 1];
    char line[SEALED_QUESTION_MAX + 200];

    memset(text, 'x', sizeof text);
    const struct text in = {row->text != NULL ? row->text : text, row->len};
    struct writer w = writer_of(line, sizeof line);
    assert_false(sealed_put_question(&e.of_client, e.id, e.client, e.nonce, in, &w));
    w = writer_of(line, sizeof line);
    assert_false(sealed_put_answer(&e.of_service, e.nonce, e.answer_nonce, in, &w));
}

TEST(a_line_that_does_not_fit_is_not_written)
{
    const struct ends e = make_ends(0);
    char line[SEALED_QUESTION_MAX];
    const size_t question = put_question(&e, text_of(QUESTION), line).len;
    const size_t answer = put_answer(&e, text_of(ANSWER), line).len;
    struct writer w = writer_of(line, question - 1);

    assert_false(sealed_put_question(&e.of_client, e.id, e.client, e.nonce, text_of(QUESTION), &w));
    w = writer_of(line, answer - 1);
    assert_false(sealed_put_answer(&e.of_service, e.nonce, e.answer_nonce, text_of(ANSWER), &w));
}

/* Each octet of a line becomes each other one. No two lines may mean the same. */
TEST(a_line_with_another_octet_is_refused)
{
    const struct ends e = make_ends(0);
    char line[SEALED_QUESTION_MAX];
    char buffer[QUESTION_MAX];
    struct text got;
    struct text sealed = put_question(&e, text_of(QUESTION), line);

    for (size_t i = 0; i < sealed.len - 2; i++) {
        const char good = line[i];
        for (unsigned c = 0; c < 256; c++) {
            line[i] = (char)c;
            assert_int_equal(take_question(&e, sealed, buffer, &got), (char)c == good);
        }
        line[i] = good;
    }
    sealed = put_answer(&e, text_of(ANSWER), line);
    for (size_t i = 0; i < sealed.len; i++) {
        const char good = line[i];
        for (unsigned c = 0; c < 256; c++) {
            line[i] = (char)c;
            assert_int_equal(take_answer(&e, sealed, buffer, &got), (char)c == good);
        }
        line[i] = good;
    }
}

TEST(a_line_that_is_cut_is_refused)
{
    const struct ends e = make_ends(0);
    char line[SEALED_QUESTION_MAX];
    char buffer[QUESTION_MAX];
    struct text got;
    const struct text question = put_question(&e, text_of(QUESTION), line);

    for (size_t len = 0; len < question.len - 2; len++)
        assert_false(take_question(&e, (struct text){line, len}, buffer, &got));
    const struct text answer = put_answer(&e, text_of(ANSWER), line);
    for (size_t len = 0; len < answer.len; len++)
        assert_false(take_answer(&e, (struct text){line, len}, buffer, &got));
}

TEST(an_answer_is_good_for_its_own_question_alone)
{
    const struct ends e = make_ends(0);
    struct ends other = make_ends(0);
    const struct ends another_client = make_ends(1);
    char line[SEALED_ANSWER_MAX];
    char buffer[ANSWER_MAX];
    struct text got;
    const struct text answer = put_answer(&e, text_of(ANSWER), line);

    other.nonce[SEALED_NONCE - 1] ^= 1;
    assert_true(take_answer(&e, answer, buffer, &got));
    assert_false(take_answer(&other, answer, buffer, &got));
    assert_false(take_answer(&another_client, answer, buffer, &got));
}

/* On the path a question's box becomes its answer's: only an all zero nonce would open it. */
TEST(a_question_is_not_its_own_answer)
{
    const struct ends e = make_ends(0);
    char line[SEALED_QUESTION_MAX];
    char reflected[SEALED_ANSWER_MAX];
    char buffer[ANSWER_MAX];
    unsigned char octets[SEALED_NONCE + 16 + ANSWER_MAX] = {0};
    struct sealed_question question;
    struct text got;
    struct writer w = writer_of(reflected, sizeof reflected);

    assert_int_equal(
            sealed_read_question(put_question(&e, text_of(ANSWER), line), &question), SEALED_OK);
    memcpy(octets + SEALED_NONCE, question.box, question.box_len);
    writer_string(&w, "* ");
    writer_base64(&w, octets, SEALED_NONCE + question.box_len);
    writer_string(&w, "\r\n");
    assert_false(w.failed);
    assert_false(take_answer(&e, writer_text(&w), buffer, &got));
    w = writer_of(reflected, sizeof reflected);
    assert_false(sealed_put_answer(&e.of_service, e.nonce, zero, text_of(ANSWER), &w));
}

/* Points of low order, which give all zero with every secret (RFC 7748, section 6.1). */
TEST(nothing_is_shared_with_a_key_of_low_order)
{
    static const unsigned char low[][KEY_OCTETS] = {{0}, {1},
            {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
                    0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05,
                    0x16, 0x5f, 0x49, 0xb8, 0x00}};
    const unsigned char secret[KEY_OCTETS] = {5};
    struct sealed_secret shared;

    for (size_t i = 0; i < sizeof low / sizeof *low; i++) {
        memset(&shared, 0xff, sizeof shared);
        assert_false(sealed_share(secret, low[i], &shared));
        assert_true(sodium_is_zero(shared.octets, sizeof shared.octets));
    }
}

static const struct {
    struct unit_row unit;
    const char *line;
} plain[] = {
        {{"nothing"}, ""},
        {{"a plain question"}, "alice@example.org -\r\n"},
        {{"an asterisk"}, "*"},
        {{"an asterisk and a space"}, "* "},
        {{"a space too many"}, "*  AQID\r\n"},
        {{"a name behind it"}, "* AQID rcpt=example.net\r\n"},
        {{"a tab"}, "*\tAQID\r\n"},
        {{"what is not base64"}, "* A!ID\r\n"},
        {{"padding"}, "* AQI=\r\n"},
};

TEST_EACH(what_is_no_sealed_question, plain)
{
    struct sealed_question question;
    const struct text in = exact_copy(text_of(row->line));

    assert_int_not_equal(sealed_read_question(in, &question), SEALED_OK);
    exact_free(in);
}

TEST(another_version_is_no_sealed_question)
{
    const struct ends e = make_ends(0);
    char line[SEALED_QUESTION_MAX];
    struct sealed_question question;
    const struct text sealed = put_question(&e, text_of(QUESTION), line);

    assert_int_equal(sealed_read_question(sealed, &question), SEALED_OK);
    assert_memory_equal(line, "* AQ", 3); /* the first six bits of version 1 are zero */
    line[3] = (char)(line[3] + 16);       /* version 2 */
    assert_int_not_equal(sealed_read_question(sealed, &question), SEALED_OK);
}
