// SPDX-License-Identifier: ISC
#include "protocol/key.h"

#include <sodium.h>
#include <string.h>

_Static_assert(KEY_OCTETS == crypto_box_PUBLICKEYBYTES, "a public key");
_Static_assert(KEY_OCTETS == crypto_box_SECRETKEYBYTES, "a secret key");

#define HASH_OCTETS 32

static const char *const kind_names[] = {
        [KEY_SERVICE_SECRET] = "service-secret",
        [KEY_SERVICE_PUBLIC] = "service-public",
        [KEY_HOST_SECRET] = "host-secret",
        [KEY_HOST_PUBLIC] = "host-public",
        [KEY_ANSWER_SECRET] = "answer-secret",
        [KEY_ANSWER_PUBLIC] = "answer-public",
};

static const char *const result_texts[] = {
        [KEY_OK] = "is a key",
        [KEY_NOT_KEY] = "is not the text of a key",
        [KEY_WRONG_KIND] = "is a key of another kind",
        [KEY_CHECK] = "is mistyped: its check does not fit",
        [KEY_WEAK] = "is a public key with which no secret can be shared",
        [KEY_SEVERAL] = "has more than one key",
        [KEY_TWICE] = "is there already",
};

const char *key_kind_name(enum key_kind kind)
{
    return kind_names[kind];
}

const char *key_result_text(enum key_result result)
{
    return result_texts[result];
}

bool key_kind_from_name(struct text name, enum key_kind *kind_r)
{
    for (unsigned kind = KEY_SERVICE_SECRET; kind < KEY_KINDS; kind++) {
        if (text_equal(name, text_of(kind_names[kind]))) {
            *kind_r = (enum key_kind)kind;
            return true;
        }
    }
    return false;
}

static void hash_update(crypto_generichash_state *state, const void *octets, size_t len)
{
    (void)crypto_generichash_update(state, octets, len);
}

static void key_make_check(enum key_kind kind, const unsigned char key[KEY_OCTETS],
        unsigned char check_r[KEY_CHECK_OCTETS])
{
    crypto_generichash_state state;
    unsigned char hash[HASH_OCTETS];

    (void)crypto_generichash_init(&state, NULL, 0, sizeof hash);
    hash_update(&state, kind_names[kind], strlen(kind_names[kind]));
    hash_update(&state, ":", 1);
    hash_update(&state, key, KEY_OCTETS);
    (void)crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(check_r, hash, KEY_CHECK_OCTETS);
    sodium_memzero(&state, sizeof state);
    sodium_memzero(hash, sizeof hash);
}

bool key_kind_is_public(enum key_kind kind)
{
    return key_kind_public(kind) == kind;
}

enum key_kind key_kind_public(enum key_kind kind)
{
    static const enum key_kind kinds[KEY_KINDS] = {
            [KEY_SERVICE_SECRET] = KEY_SERVICE_PUBLIC,
            [KEY_SERVICE_PUBLIC] = KEY_SERVICE_PUBLIC,
            [KEY_HOST_SECRET] = KEY_HOST_PUBLIC,
            [KEY_HOST_PUBLIC] = KEY_HOST_PUBLIC,
            [KEY_ANSWER_SECRET] = KEY_ANSWER_PUBLIC,
            [KEY_ANSWER_PUBLIC] = KEY_ANSWER_PUBLIC,
    };

    return kinds[kind];
}

const char *key_kind_owner(enum key_kind kind)
{
    static const char *const owners[KEY_KINDS] = {
            [KEY_SERVICE_PUBLIC] = "a service",
            [KEY_HOST_PUBLIC] = "a sending host",
            [KEY_ANSWER_PUBLIC] = "a service's answers",
    };

    return owners[key_kind_public(kind)];
}

/* With a point of low order every scalar gives zero (scalars are multiples of 8), so that any will
 * do to find out. */
static bool is_weak(const unsigned char public[KEY_OCTETS])
{
    static const unsigned char scalar[KEY_OCTETS] = {8};
    unsigned char shared[KEY_OCTETS];

    return crypto_scalarmult(shared, scalar, public) != 0;
}

/* `octets`: the key and its check. The check comes first: of a mistyped text nothing is believed,
 * its kind neither. */
static enum key_result key_look_at(enum key_kind found, enum key_kind wanted,
        const unsigned char octets[KEY_OCTETS + KEY_CHECK_OCTETS])
{
    unsigned char check[KEY_CHECK_OCTETS];

    key_make_check(found, octets, check);
    if (sodium_memcmp(check, octets + KEY_OCTETS, sizeof check) != 0)
        return KEY_CHECK;
    if (found != wanted)
        return KEY_WRONG_KIND;
    return key_kind_is_public(found) && is_weak(octets) ? KEY_WEAK : KEY_OK;
}

enum key_result key_parse(struct text t, enum key_kind kind, unsigned char key_r[KEY_OCTETS])
{
    unsigned char octets[KEY_OCTETS + KEY_CHECK_OCTETS];
    size_t len;
    struct reader r = reader_of(t);
    enum key_kind found;
    enum key_result result = KEY_NOT_KEY;

    memset(key_r, 0, KEY_OCTETS);
    if (key_kind_from_name(reader_until(&r, ':'), &found) &&
            text_from_base64(reader_rest(&r), octets, sizeof octets, &len) && len == sizeof octets)
        result = key_look_at(found, kind, octets);
    if (result == KEY_OK)
        memcpy(key_r, octets, KEY_OCTETS);
    sodium_memzero(octets, sizeof octets);
    return result;
}

enum key_result key_parse_file(
        struct text content, enum key_kind kind, unsigned char key_r[KEY_OCTETS])
{
    struct reader r = reader_of(content);
    size_t keys = 0;

    memset(key_r, 0, KEY_OCTETS);
    while (r.rest.len > 0) {
        const struct text line = text_trim(reader_field(&r, '\n'));
        if (line.len == 0 || line.at[0] == '#')
            continue;
        const enum key_result result = key_parse(line, kind, key_r);
        if (result != KEY_OK)
            return result;
        keys++;
    }
    if (keys > 1)
        sodium_memzero(key_r, KEY_OCTETS);
    return keys == 0 ? KEY_NOT_KEY : keys == 1 ? KEY_OK : KEY_SEVERAL;
}

/* The line that has the key. */
static struct text key_find_line(struct text content)
{
    struct reader r = reader_of(content);
    struct text line = {NULL, 0};

    while (r.rest.len > 0 && (line.len == 0 || line.at[0] == '#'))
        line = text_trim(reader_field(&r, '\n'));
    return line;
}

const char *key_fault_text(enum key_result result, struct text content)
{
    static const char *const texts[] = {
            [KEY_SERVICE_SECRET] = "is a key of another kind: the secret half of a service's",
            [KEY_SERVICE_PUBLIC] = "is a key of another kind: the public half of a service's",
            [KEY_HOST_SECRET] = "is a key of another kind: the secret half of a host's",
            [KEY_HOST_PUBLIC] = "is a key of another kind: the public half of a host's",
            [KEY_ANSWER_SECRET] = "is a key of another kind: the secret half of an answer key",
            [KEY_ANSWER_PUBLIC] = "is a key of another kind: the public half of an answer key",
    };
    struct reader r = reader_of(key_find_line(content));
    enum key_kind found;

    if (result == KEY_WRONG_KIND && key_kind_from_name(reader_until(&r, ':'), &found))
        return texts[found];
    return key_result_text(result);
}

void key_format(
        enum key_kind kind, const unsigned char key[KEY_OCTETS], char text_r[KEY_TEXT_MAX + 1])
{
    unsigned char octets[KEY_OCTETS + KEY_CHECK_OCTETS];
    struct writer w = writer_of(text_r, KEY_TEXT_MAX + 1);

    memcpy(octets, key, KEY_OCTETS);
    key_make_check(kind, key, octets + KEY_OCTETS);
    writer_string(&w, kind_names[kind]);
    writer_char(&w, ':');
    writer_base64(&w, octets, sizeof octets);
    writer_char(&w, '\0');
    sodium_memzero(octets, sizeof octets);
}

void key_public(const unsigned char secret[KEY_OCTETS], unsigned char public_r[KEY_OCTETS])
{
    (void)crypto_scalarmult_base(public_r, secret);
}

void key_id(const unsigned char host_public[KEY_OCTETS],
        const unsigned char service_public[KEY_OCTETS], unsigned char id_r[KEY_ID_OCTETS])
{
    unsigned char both[2 * KEY_OCTETS];
    unsigned char hash[HASH_OCTETS];

    memcpy(both, host_public, KEY_OCTETS);
    memcpy(both + KEY_OCTETS, service_public, KEY_OCTETS);
    (void)crypto_generichash(hash, sizeof hash, both, sizeof both, NULL, 0);
    memcpy(id_r, hash, KEY_ID_OCTETS);
}
