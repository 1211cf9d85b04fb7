// SPDX-License-Identifier: ISC
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char nonce[PAYLOAD_NONCE] = "abcdefghijklmnopqrstuvwx";

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* The keys of the first record of test/vectors/payloads.txt, with which the corpus is sealed. */
static const struct keyring *fixed_ring(void)
{
    static struct keyring *ring;
    unsigned char host[KEY_OCTETS];
    unsigned char service[KEY_OCTETS];

    if (ring != NULL)
        return ring;
    require(sodium_init() >= 0);
    ring = keyring_init(1);
    require(key_parse(text_of("host-secret:O8KFhtlsmTVUOJsjTJRpzcj3YcJ5uZQBBlV61H8bACNa8rdk"),
                    KEY_HOST_SECRET, host) == KEY_OK);
    require(key_parse(text_of("service-secret:AKjR097XHZjaxYVeCUxbR8xrSJJ0OFU3fHoyOXu6ROOYqGVf"),
                    KEY_SERVICE_SECRET, service) == KEY_OK);
    key_public(host, host);
    require(keyring_add(ring, "mail.example.org", host, service) == KEY_OK);
    keyring_seal(ring);
    return ring;
}

/* What opens is the one text of what it says; what does not leaves nothing behind. */
static enum payload_result check_open(struct text sealed, struct payload_opened *opened_r)
{
    const struct shared_key *key = keyring_at(fixed_ring(), 0);
    const enum payload_result result = payload_open(fixed_ring(), sealed, opened_r);
    char buffer[PAYLOAD_TEXT_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    require(strlen(payload_result_text(result)) > 0);
    if (result == PAYLOAD_OK || result == PAYLOAD_HOST) {
        require(payload_seal(key, opened_r->nonce, &opened_r->is, &w));
        require(text_equal(writer_text(&w), sealed));
        require((result == PAYLOAD_OK) == text_equal_fold(opened_r->is.host, text_of(key->host)));
    } else if (result != PAYLOAD_CONTENT) {
        require(sodium_is_zero((const unsigned char *)opened_r, sizeof *opened_r));
    }
    return result;
}

/* A listed host may seal any text. An octet of what is sent is altered by `change`. */
static void check_content(struct text content, size_t place, char change)
{
    const struct shared_key *key = keyring_at(fixed_ring(), 0);
    unsigned char octets[1 + KEY_ID_OCTETS + PAYLOAD_NONCE + crypto_box_MACBYTES +
                         PAYLOAD_CONTENT_MAX] = {PAYLOAD_VERSION};
    unsigned char *box = octets + 1 + KEY_ID_OCTETS + PAYLOAD_NONCE;
    char buffer[PAYLOAD_TEXT_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct payload_opened opened;

    if (content.len > PAYLOAD_CONTENT_MAX)
        return;
    memcpy(octets + 1, key->id, KEY_ID_OCTETS);
    memcpy(octets + 1 + KEY_ID_OCTETS, nonce, PAYLOAD_NONCE);
    require(crypto_box_easy_afternm(
                    box, (const unsigned char *)content.at, content.len, nonce, key->secret) == 0);
    writer_base64(&w, octets, (size_t)(box - octets) + crypto_box_MACBYTES + content.len);
    enum payload_result result = check_open(writer_text(&w), &opened);
    require(result == PAYLOAD_OK || result == PAYLOAD_CONTENT || result == PAYLOAD_HOST);
    require(text_equal((struct text){opened.content, opened.content_len}, content));
    require(opened.key == key && memcmp(opened.nonce, nonce, sizeof nonce) == 0);
    if (change == 0)
        return;
    buffer[place % writer_text(&w).len] ^= change;
    result = check_open(writer_text(&w), &opened);
    require(result == PAYLOAD_NOT_SEALED || result == PAYLOAD_KEY || result == PAYLOAD_BOX);
}

/* What can be sealed opens, and says the same. The fields are divided by LF. */
static void check_fields(struct text fields)
{
    struct reader r = reader_of(fields);
    const struct text issued = reader_field(&r, '\n');
    struct payload payload = {.issued = 0};
    char buffer[PAYLOAD_TEXT_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    struct payload_opened opened;

    for (size_t i = 0; i < issued.len; i++)
        payload.issued = payload.issued << 8 | (unsigned char)issued.at[i];
    payload.host = reader_field(&r, '\n');
    payload.receiving = reader_field(&r, '\n');
    payload.user = reader_field(&r, '\n');
    payload.digest = reader_field(&r, '\n');
    if (!payload_seal(keyring_at(fixed_ring(), 0), nonce, &payload, &w)) {
        require(writer_text(&w).len == 0);
        return;
    }
    const enum payload_result result = check_open(writer_text(&w), &opened);
    require(result == PAYLOAD_OK || result == PAYLOAD_HOST);
    require(text_equal(opened.is.host, payload.host));
    require(text_equal(opened.is.receiving, payload.receiving));
    require(opened.is.issued == payload.issued);
    require(text_equal(opened.is.user, payload.user));
    require(text_equal(opened.is.digest, payload.digest));
}

/* The first octet says what the rest is: `s`ealed; `c`ontent, behind three octets of which two say
 * where to alter what is sealed and one how; or `f`ields. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct payload_opened opened;

    if (size == 0)
        return 0;
    const struct text rest = {(const char *)data + 1, size - 1};
    if (data[0] == 's')
        (void)check_open(rest, &opened);
    else if (data[0] == 'c' && rest.len >= 3)
        check_content((struct text){rest.at + 3, rest.len - 3}, (size_t)(data[1] << 8 | data[2]),
                rest.at[2]);
    else if (data[0] == 'f')
        check_fields(rest);
    return 0;
}
