// SPDX-License-Identifier: ISC
#include "protocol/sealed.h"

#include <sodium.h>
#include <string.h>

#define MAC crypto_box_MACBYTES

/* Of a question: version | key id | client's public key | nonce | box */
#define AT_KEY_ID 1
#define AT_CLIENT (AT_KEY_ID + KEY_ID_OCTETS)
#define AT_NONCE (AT_CLIENT + KEY_OCTETS)
#define AT_BOX (AT_NONCE + SEALED_NONCE)
#define QUESTION_OCTETS (AT_BOX + MAC + QUESTION_MAX)
/* Of an answer: nonce | box */
#define ANSWER_OCTETS (SEALED_NONCE + MAC + ANSWER_MAX)

#define BASE64(octets) (((octets)*4 + 2) / 3)

_Static_assert(2 * SEALED_NONCE == crypto_box_NONCEBYTES, "two halves are a nonce");
_Static_assert(SEALED_SECRET == crypto_box_BEFORENMBYTES, "a shared secret");
_Static_assert(sizeof((struct sealed_question *)0)->box == QUESTION_MAX + MAC, "the longest box");
_Static_assert(QUESTION_MAX % SEALED_STEP == 0, "the longest question is whole steps");
_Static_assert(ANSWER_MAX % SEALED_STEP == 0, "the longest answer is whole steps");
_Static_assert(2 + BASE64(QUESTION_OCTETS) + 2 == SEALED_QUESTION_MAX, "the longest question");
_Static_assert(2 + BASE64(ANSWER_OCTETS) + 2 == SEALED_ANSWER_MAX, "the longest answer");

void sealed_key_id(const unsigned char answer_public[KEY_OCTETS], unsigned char id_r[KEY_ID_OCTETS])
{
    unsigned char hash[32];

    (void)crypto_generichash(hash, sizeof hash, answer_public, KEY_OCTETS, NULL, 0);
    memcpy(id_r, hash, KEY_ID_OCTETS);
}

bool sealed_share(const unsigned char secret[KEY_OCTETS], const unsigned char public[KEY_OCTETS],
        struct sealed_secret *secret_r)
{
    if (crypto_box_beforenm(secret_r->octets, public, secret) == 0)
        return true;
    sodium_memzero(secret_r, sizeof *secret_r);
    return false;
}

const char *sealed_channel(bool is_sealed)
{
    return is_sealed ? "sealed" : "plain";
}

bool sealed_is(struct text line)
{
    return line.len >= 2 && line.at[0] == '*' && line.at[1] == ' ';
}

static void sealed_make_nonce(const unsigned char first[SEALED_NONCE],
        const unsigned char second[SEALED_NONCE], unsigned char nonce_r[2 * SEALED_NONCE])
{
    memcpy(nonce_r, first, SEALED_NONCE);
    memcpy(nonce_r + SEALED_NONCE, second, SEALED_NONCE);
}

static const unsigned char no_nonce[SEALED_NONCE];

/* Makes the box of a text and the spaces behind it. Returns its octets; 0 when it is longer than
 * `max`. */
static size_t sealed_make_box(const struct sealed_secret *secret,
        const unsigned char nonce[2 * SEALED_NONCE], struct text text, size_t max,
        unsigned char *box_r)
{
    const size_t padded = (text.len + SEALED_STEP - 1) / SEALED_STEP * SEALED_STEP;

    if (text.len == 0 || padded > max || text.at[text.len - 1] == ' ')
        return 0;
    memcpy(box_r + MAC, text.at, text.len);
    memset(box_r + MAC + text.len, ' ', padded - text.len);
    (void)crypto_box_easy_afternm(box_r, box_r + MAC, padded, nonce, secret->octets);
    return MAC + padded;
}

static bool sealed_open_box(const struct sealed_secret *secret,
        const unsigned char nonce[2 * SEALED_NONCE], const unsigned char *box, size_t len,
        char *buffer, struct text *text_r)
{
    size_t end = len - MAC;

    if (crypto_box_open_easy_afternm((unsigned char *)buffer, box, len, nonce, secret->octets) != 0)
        return false;
    while (end > 0 && buffer[end - 1] == ' ')
        end--;
    *text_r = (struct text){buffer, end};
    return true;
}

/* The octets of a line without its line end. Returns how many; 0 when it is no sealed line. */
static size_t sealed_decode(struct text line, unsigned char *octets_r, size_t size)
{
    size_t len = 0;

    if (!sealed_is(line) ||
            !text_from_base64((struct text){line.at + 2, line.len - 2}, octets_r, size, &len))
        return 0;
    return len;
}

static struct text sealed_without_end(struct text line)
{
    if (line.len > 0 && line.at[line.len - 1] == '\n')
        line.len -= line.len > 1 && line.at[line.len - 2] == '\r' ? 2 : 1;
    return line;
}

static bool sealed_put(const unsigned char *octets, size_t len, struct writer *w)
{
    writer_string(w, "* ");
    writer_base64(w, octets, len);
    writer_string(w, "\r\n");
    return !w->failed;
}

bool sealed_put_question(const struct sealed_secret *secret,
        const unsigned char key_id[KEY_ID_OCTETS], const unsigned char client[KEY_OCTETS],
        const unsigned char nonce[SEALED_NONCE], struct text question, struct writer *w)
{
    unsigned char octets[QUESTION_OCTETS];
    unsigned char whole[2 * SEALED_NONCE];

    octets[0] = SEALED_VERSION;
    memcpy(octets + AT_KEY_ID, key_id, KEY_ID_OCTETS);
    memcpy(octets + AT_CLIENT, client, KEY_OCTETS);
    memcpy(octets + AT_NONCE, nonce, SEALED_NONCE);
    sealed_make_nonce(nonce, no_nonce, whole);
    const size_t len = sealed_make_box(secret, whole, question, QUESTION_MAX, octets + AT_BOX);
    return len > 0 && sealed_put(octets, AT_BOX + len, w);
}

enum sealed_result sealed_read_question(struct text line, struct sealed_question *question_r)
{
    unsigned char octets[QUESTION_OCTETS];
    const size_t len = sealed_decode(sealed_without_end(line), octets, sizeof octets);

    if (len == 0)
        return SEALED_PLAIN;
    if (len < AT_BOX + MAC || octets[0] != SEALED_VERSION)
        return SEALED_UNREADABLE;
    memcpy(question_r->key_id, octets + AT_KEY_ID, KEY_ID_OCTETS);
    memcpy(question_r->client, octets + AT_CLIENT, KEY_OCTETS);
    memcpy(question_r->nonce, octets + AT_NONCE, SEALED_NONCE);
    question_r->box_len = len - AT_BOX;
    memcpy(question_r->box, octets + AT_BOX, question_r->box_len);
    return SEALED_OK;
}

bool sealed_open_question(const struct sealed_secret *secret,
        const struct sealed_question *question, char buffer[QUESTION_MAX], struct text *question_r)
{
    unsigned char nonce[2 * SEALED_NONCE];

    sealed_make_nonce(question->nonce, no_nonce, nonce);
    return sealed_open_box(secret, nonce, question->box, question->box_len, buffer, question_r);
}

bool sealed_put_answer(const struct sealed_secret *secret,
        const unsigned char question_nonce[SEALED_NONCE], const unsigned char nonce[SEALED_NONCE],
        struct text answer, struct writer *w)
{
    unsigned char octets[ANSWER_OCTETS];
    unsigned char whole[2 * SEALED_NONCE];

    if (sodium_is_zero(nonce, SEALED_NONCE))
        return false;
    memcpy(octets, nonce, SEALED_NONCE);
    sealed_make_nonce(question_nonce, nonce, whole);
    const size_t len = sealed_make_box(secret, whole, answer, ANSWER_MAX, octets + SEALED_NONCE);
    return len > 0 && sealed_put(octets, SEALED_NONCE + len, w);
}

bool sealed_open_answer(const struct sealed_secret *secret,
        const unsigned char question_nonce[SEALED_NONCE], struct text line, char buffer[ANSWER_MAX],
        struct text *answer_r)
{
    unsigned char octets[ANSWER_OCTETS];
    unsigned char nonce[2 * SEALED_NONCE];

    if (line.len < 2 || memcmp(line.at + line.len - 2, "\r\n", 2) != 0)
        return false;
    const size_t len = sealed_decode(sealed_without_end(line), octets, sizeof octets);
    if (len < SEALED_NONCE + MAC || sodium_is_zero(octets, SEALED_NONCE))
        return false;
    sealed_make_nonce(question_nonce, octets, nonce);
    return sealed_open_box(
            secret, nonce, octets + SEALED_NONCE, len - SEALED_NONCE, buffer, answer_r);
}
