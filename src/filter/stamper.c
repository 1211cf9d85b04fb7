// SPDX-License-Identifier: ISC
#include "filter/stamper.h"

#include <sodium.h>
#include <stdlib.h>

#include "protocol/keyring.h"
#include "protocol/payload.h"

#define MESSAGE_ID_RANDOM 16 /* octets */

struct stamper {
    const struct config_stamp *stamp;
    struct keyring *ring; /* of the one key */
};

static enum key_result make_ring(const struct config_stamp *stamp,
        const unsigned char secret[KEY_OCTETS], struct keyring *ring)
{
    unsigned char service[KEY_OCTETS];
    enum key_result result = key_parse(text_of(stamp->service_key.at), KEY_SERVICE_PUBLIC, service);

    if (result == KEY_OK)
        result = keyring_add_sender(ring, stamp->host.at, secret, service);
    keyring_seal(ring);
    return result;
}

struct stamper *stamper_init(const struct config_stamp *stamp,
        const unsigned char secret[KEY_OCTETS], const char **error_r)
{
    struct stamper *stamper = calloc(1, sizeof *stamper);

    *error_r = "out of memory";
    if (stamper == NULL)
        return NULL;
    stamper->stamp = stamp;
    stamper->ring = keyring_init(1);
    if (stamper->ring == NULL) {
        stamper_free(&stamper);
        return NULL;
    }
    const enum key_result result = make_ring(stamp, secret, stamper->ring);
    if (result != KEY_OK) {
        *error_r = key_result_text(result);
        stamper_free(&stamper);
    }
    return stamper;
}

void stamper_free(struct stamper **stamper)
{
    if (*stamper == NULL)
        return;
    keyring_free(&(*stamper)->ring);
    free(*stamper);
    *stamper = NULL;
}

bool stamper_is_ours(const struct stamper *stamper, const struct address *user)
{
    const struct config_list *domains = &stamper->stamp->domains;

    for (size_t i = 0; i < domains->count; i++)
        if (text_equal_fold(address_domain(user), text_of(domains->at[i].at)))
            return true;
    return false;
}

void stamper_make_missing(const struct stamper *stamper, uint64_t now, char date_r[DATE_TEXT_MAX],
        char message_id_r[STAMPER_MESSAGE_ID_MAX])
{
    unsigned char random[MESSAGE_ID_RANDOM];
    struct writer w = writer_of(message_id_r, STAMPER_MESSAGE_ID_MAX);

    date_format_date(now, date_r);
    randombytes_buf(random, sizeof random);
    writer_char(&w, '<');
    writer_base64(&w, random, sizeof random);
    writer_char(&w, '@');
    writer_string(&w, stamper->stamp->host.at);
    writer_string(&w, ">");
    writer_char(&w, '\0');
}

enum stamper_result stamper_seal(const struct stamper *stamper, const struct address *user,
        const struct receiving *receiving, uint64_t now, struct text digest, const char *eol,
        struct writer *w)
{
    char receiving_room[RECEIVING_MAX];
    char payload_room[PAYLOAD_TEXT_MAX];
    struct writer list = writer_of(receiving_room, sizeof receiving_room);
    struct writer payload = writer_of(payload_room, sizeof payload_room);
    unsigned char nonce[PAYLOAD_NONCE];

    if (!receiving_format(receiving, &list))
        return STAMPER_RECEIVING;
    const struct payload content = {
            .host = text_of(stamper->stamp->host.at),
            .receiving = writer_text(&list),
            .issued = now,
            .user = address_text(user),
            .digest = digest,
    };
    randombytes_buf(nonce, sizeof nonce);
    if (!payload_seal(keyring_at(stamper->ring, 0), nonce, &content, &payload) ||
            !stamp_format(user, writer_text(&payload), eol, w))
        return STAMPER_LONG;
    return STAMPER_OK;
}
