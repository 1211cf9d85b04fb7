// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* A text is a key of one kind at most, and then the only text of this key. */
static void check_text(struct text in)
{
    unsigned char key[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];
    unsigned taken = 0;

    for (unsigned kind = KEY_SERVICE_SECRET; kind < KEY_KINDS; kind++) {
        const enum key_result result = key_parse(in, (enum key_kind)kind, key);
        require((result == KEY_OK) || sodium_is_zero(key, sizeof key));
        require(strlen(key_result_text(result)) > 0 && result != KEY_SEVERAL);
        if (result != KEY_OK)
            continue;
        taken++;
        key_format((enum key_kind)kind, key, text);
        require(text_equal(text_of(text), in));
    }
    require(taken <= 1);
}

/* A file that is taken has the key on one of its lines. */
static void check_file(struct text content)
{
    unsigned char key[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];
    struct reader r = reader_of(content);
    unsigned lines = 0;

    const enum key_result result = key_parse_file(content, KEY_HOST_SECRET, key);
    require(result == KEY_OK || sodium_is_zero(key, sizeof key));
    if (result != KEY_OK)
        return;
    key_format(KEY_HOST_SECRET, key, text);
    while (r.rest.len > 0)
        lines += text_equal(text_trim(reader_field(&r, '\n')), text_of(text));
    require(lines == 1);
}

/* From octets, so that the check fits: only a public key can be refused. `change` alters a place of
 * its text by something. */
static void check_octets(
        enum key_kind kind, const unsigned char key[KEY_OCTETS], const uint8_t change[2])
{
    const bool is_public = key_kind_is_public(kind);
    unsigned char back[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1];

    key_format(kind, key, text);
    const enum key_result result = key_parse(text_of(text), kind, back);
    require(result == KEY_OK || (result == KEY_WEAK && is_public));
    require(result == KEY_WEAK || memcmp(back, key, sizeof back) == 0);
    const size_t len = strlen(text);
    text[change[0] % len] ^= (char)change[1];
    if (change[1] != 0)
        require(key_parse((struct text){text, len}, kind, back) != KEY_OK);
    check_file((struct text){text, len});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text in = {(const char *)data, size};

    check_text(in);
    check_file(in);
    if (size == 1 + KEY_OCTETS + 2)
        check_octets((enum key_kind)(data[0] % KEY_KINDS), data + 1, data + 1 + KEY_OCTETS);
    return 0;
}
