// SPDX-License-Identifier: ISC
#include "protocol/sealer.h"

#include <stdlib.h>

#include "protocol/keyring.h"
#include "protocol/stamp.h"

struct sealer {
    const char *host;
    struct keyring *ring; /* of one pair */
};

struct sealer *sealer_init(const char *host, const unsigned char host_secret[KEY_OCTETS],
        const unsigned char service_public[KEY_OCTETS], enum key_result *result_r)
{
    struct sealer *sealer = calloc(1, sizeof *sealer);

    *result_r = KEY_OK;
    if (sealer == NULL)
        return NULL;
    sealer->host = host;
    sealer->ring = keyring_init(1);
    if (sealer->ring != NULL)
        *result_r = keyring_add_sender(sealer->ring, host, host_secret, service_public);
    if (sealer->ring == NULL || *result_r != KEY_OK) {
        (void)sealer_free(&sealer); /* no key is in there */
        return NULL;
    }
    keyring_seal(sealer->ring);
    return sealer;
}

bool sealer_free(struct sealer **sealer)
{
    if (*sealer == NULL)
        return true;
    const bool freed = keyring_free(&(*sealer)->ring);
    free(*sealer);
    *sealer = NULL;
    return freed;
}

enum sealer_result sealer_seal(const struct sealer *sealer,
        const unsigned char nonce[PAYLOAD_NONCE], const struct sealer_message *message,
        const char *eol, struct writer *w)
{
    char receiving_buffer[RECEIVING_MAX];
    char payload_buffer[PAYLOAD_TEXT_MAX];
    struct writer receiving = writer_of(receiving_buffer, sizeof receiving_buffer);
    struct writer payload = writer_of(payload_buffer, sizeof payload_buffer);

    if (!receiving_format(message->receiving, &receiving))
        return SEALER_RECEIVING;
    const struct payload content = {
            .host = text_of(sealer->host),
            .receiving = writer_text(&receiving),
            .issued = message->issued,
            .user = address_text(message->user),
            .digest = message->digest,
    };
    if (!payload_seal(keyring_at(sealer->ring, 0), nonce, &content, &payload) ||
            !stamp_format(message->user, writer_text(&payload), eol, w))
        return SEALER_LENGTH;
    return SEALER_OK;
}
