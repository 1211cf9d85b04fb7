// SPDX-License-Identifier: ISC
#include "protocol/payload.h"

#include <sodium.h>
#include <string.h>

#include "protocol/address.h"
#include "protocol/digest.h"
#include "protocol/domain.h"
#include "protocol/receiving.h"

/* version | key id | nonce | box */
#define AT_KEY_ID 1
#define AT_NONCE (AT_KEY_ID + KEY_ID_OCTETS)
#define AT_BOX (AT_NONCE + PAYLOAD_NONCE)
#define OCTETS_MIN (AT_BOX + crypto_box_MACBYTES)
#define OCTETS_MAX (OCTETS_MIN + PAYLOAD_CONTENT_MAX)

_Static_assert(PAYLOAD_NONCE == crypto_box_NONCEBYTES, "a nonce");
_Static_assert((OCTETS_MAX * 4 + 2) / 3 <= PAYLOAD_TEXT_MAX, "the longest content has a text");

static const char *const result_texts[] = {
        [PAYLOAD_OK] = "opens",
        [PAYLOAD_NOT_SEALED] = "is not a sealed payload",
        [PAYLOAD_KEY] = "is sealed with a key that is none of ours",
        [PAYLOAD_BOX] = "does not open: it was made without the key, or altered",
        [PAYLOAD_CONTENT] = "opens, but the text inside is not well formed",
        [PAYLOAD_HOST] = "names another host than the one whose key opens it",
};

const char *payload_result_text(enum payload_result result)
{
    return result_texts[result];
}

/* Exactly canonical: address_parse() alone would let the domain be in upper case. */
static bool payload_is_user(struct text user)
{
    struct address address;

    return address_parse(user, (struct text){NULL, 0}, &address) &&
           text_equal(address_text(&address), user);
}

static bool payload_is_well_formed(const struct payload *payload)
{
    return domain_is_ldh(payload->host) && receiving_is_valid(payload->receiving) &&
           payload_is_user(payload->user) &&
           (text_equal(payload->digest, text_of("-")) || digest_is_text(payload->digest));
}

/* Takes the content apart; the texts are borrowed from it. What has a field too many has a space in
 * its last one, and that is no digest. */
static bool payload_parse(struct text content, struct payload *payload_r)
{
    struct reader r = reader_of(content);

    payload_r->host = reader_until(&r, ' ');
    payload_r->receiving = reader_until(&r, ' ');
    const struct text issued = reader_until(&r, ' ');
    payload_r->user = reader_until(&r, ' ');
    payload_r->digest = reader_rest(&r);
    return !r.failed && text_decimal(issued, UINT64_MAX, &payload_r->issued) &&
           payload_is_well_formed(payload_r);
}

static void payload_write_content(const struct payload *payload, struct writer *w)
{
    writer_put(w, payload->host);
    writer_char(w, ' ');
    writer_put(w, payload->receiving);
    writer_char(w, ' ');
    writer_decimal(w, payload->issued);
    writer_char(w, ' ');
    writer_put(w, payload->user);
    writer_char(w, ' ');
    writer_put(w, payload->digest);
}

bool payload_seal(const struct shared_key *key, const unsigned char nonce[PAYLOAD_NONCE],
        const struct payload *payload, struct writer *w)
{
    unsigned char octets[OCTETS_MAX];
    /* Written where the box will be, which is then made in place. */
    struct writer content = writer_of((char *)octets + OCTETS_MIN, PAYLOAD_CONTENT_MAX);

    if (!payload_is_well_formed(payload))
        return false;
    payload_write_content(payload, &content);
    const struct text text = writer_text(&content);
    if (!content.failed) {
        octets[0] = PAYLOAD_VERSION;
        memcpy(octets + AT_KEY_ID, key->id, KEY_ID_OCTETS);
        memcpy(octets + AT_NONCE, nonce, PAYLOAD_NONCE);
        (void)crypto_box_easy_afternm(
                octets + AT_BOX, (const unsigned char *)text.at, text.len, nonce, key->secret);
        writer_base64(w, octets, OCTETS_MIN + text.len);
    }
    sodium_memzero(octets, sizeof octets);
    return !content.failed && !w->failed;
}

static enum payload_result payload_open_box(const struct keyring *ring, const unsigned char *octets,
        size_t len, struct payload_opened *opened)
{
    const struct shared_key *key = keyring_find(ring, octets + AT_KEY_ID);

    if (key == NULL)
        return PAYLOAD_KEY;
    if (crypto_box_open_easy_afternm((unsigned char *)opened->content, octets + AT_BOX,
                len - AT_BOX, octets + AT_NONCE, key->secret) != 0)
        return PAYLOAD_BOX;
    opened->content_len = len - OCTETS_MIN;
    opened->key = key;
    memcpy(opened->nonce, octets + AT_NONCE, PAYLOAD_NONCE);
    return PAYLOAD_OK;
}

enum payload_result payload_open(
        const struct keyring *ring, struct text sealed, struct payload_opened *opened_r)
{
    unsigned char octets[OCTETS_MAX];
    size_t len;

    sodium_memzero(opened_r, sizeof *opened_r);
    if (!text_from_base64(sealed, octets, sizeof octets, &len) || len < OCTETS_MIN ||
            octets[0] != PAYLOAD_VERSION)
        return PAYLOAD_NOT_SEALED;
    const enum payload_result result = payload_open_box(ring, octets, len, opened_r);
    if (result != PAYLOAD_OK)
        return result;
    struct payload is = {.issued = 0};
    if (!payload_parse((struct text){opened_r->content, opened_r->content_len}, &is))
        return PAYLOAD_CONTENT;
    opened_r->is = is;
    return text_equal_fold(is.host, text_of(opened_r->key->host)) ? PAYLOAD_OK : PAYLOAD_HOST;
}
