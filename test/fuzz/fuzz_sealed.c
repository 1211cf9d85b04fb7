// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/sealed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first octet: what the rest is. A line that a service gets, one that a client gets, or a text
 * that is sealed, changed in one digit, and opened. */

static const unsigned char service[KEY_OCTETS] = "a service's secret answer key...";
static const unsigned char client[KEY_OCTETS] = "a client's secret key of an hour";
static const unsigned char nonce[SEALED_NONCE] = "abcdefghijkl";

/* In the line of a question: what stands in front of it tells the service which secret to use. */
#define NONCE_AT 58

static void require(bool truth)
{
    if (!truth)
        abort();
}

struct ends {
    unsigned char id[KEY_ID_OCTETS];
    unsigned char client_public[KEY_OCTETS];
    struct sealed_secret secret;
};

static struct ends make_ends(void)
{
    struct ends e;
    unsigned char public[KEY_OCTETS];
    struct sealed_secret again;

    require(sodium_init() >= 0);
    key_public(service, public);
    key_public(client, e.client_public);
    sealed_key_id(public, e.id);
    require(sealed_share(client, public, &e.secret) &&
            sealed_share(service, e.client_public, &again));
    require(memcmp(&again, &e.secret, sizeof again) == 0);
    return e;
}

static bool opens(const struct ends *e, struct text line, struct text *question_r, char *buffer)
{
    struct sealed_question question;

    return sealed_read_question(line, &question) == SEALED_OK &&
           sealed_open_question(&e->secret, &question, buffer, question_r);
}

/* Changes a nonce or a box, behind `from` of a line. */
static void flip(char *line, size_t from, size_t len, const uint8_t *where)
{
    const size_t at = from + ((size_t)where[0] << 8 | where[1]) % (len - from - 2);

    line[at] = line[at] == 'A' ? 'B' : 'A';
}

static void check_sealed(const struct ends *e, const uint8_t *data, size_t size)
{
    char line[SEALED_QUESTION_MAX];
    char answer[SEALED_ANSWER_MAX];
    char buffer[QUESTION_MAX];
    struct text got;
    const struct text text = {(const char *)data + 2, size - 2};
    struct writer w = writer_of(line, sizeof line);

    if (!sealed_put_question(&e->secret, e->id, e->client_public, nonce, text, &w)) {
        require(text.len == 0 || text.len > QUESTION_MAX || text.at[text.len - 1] == ' ');
        return;
    }
    const struct text sent = writer_text(&w);
    require(opens(e, sent, &got, buffer) && text_equal(got, text));
    /* It is no answer to itself. */
    require(!sealed_open_answer(&e->secret, nonce, sent, buffer, &got));
    flip(line, NONCE_AT, sent.len, data);
    require(!opens(e, sent, &got, buffer));
    w = writer_of(answer, sizeof answer);
    if (!sealed_put_answer(&e->secret, nonce, nonce, text, &w)) {
        require(text.len > ANSWER_MAX);
        return;
    }
    const struct text answered = writer_text(&w);
    require(sealed_open_answer(&e->secret, nonce, answered, buffer, &got) && text_equal(got, text));
    flip(answer, 2, answered.len, data);
    require(!sealed_open_answer(&e->secret, nonce, answered, buffer, &got));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ends e = make_ends();
    char buffer[QUESTION_MAX];
    struct text got;

    if (size < 3)
        return 0;
    const struct text line = {(const char *)data + 1, size - 1};
    switch (data[0] % 3) {
    case 0:
        if (opens(&e, line, &got, buffer))
            require(got.len <= QUESTION_MAX);
        break;
    case 1:
        if (sealed_open_answer(&e.secret, nonce, line, buffer, &got))
            require(got.len <= ANSWER_MAX);
        break;
    default:
        check_sealed(&e, data + 1, size - 1);
    }
    return 0;
}
