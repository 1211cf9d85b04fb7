// SPDX-License-Identifier: ISC
#include "filter/stamper.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/log.h"

#define MESSAGE_ID_RANDOM 16 /* octets */

struct stamper {
    const struct config_stamp *stamp;
    struct sealer *sealer;
};

static struct sealer *stamper_make_sealer(const struct config_stamp *stamp,
        const unsigned char secret[KEY_OCTETS], enum key_result *result_r)
{
    unsigned char service[KEY_OCTETS];

    *result_r = key_parse(text_of(stamp->service_key.at), KEY_SERVICE_PUBLIC, service);
    return *result_r == KEY_OK ? sealer_init(stamp->host.at, secret, service, result_r) : NULL;
}

struct stamper *stamper_init(const struct config_stamp *stamp,
        const unsigned char secret[KEY_OCTETS], const char **error_r)
{
    struct stamper *stamper = calloc(1, sizeof *stamper);
    enum key_result result;

    *error_r = "out of memory";
    if (stamper == NULL)
        return NULL;
    stamper->stamp = stamp;
    stamper->sealer = stamper_make_sealer(stamp, secret, &result);
    if (stamper->sealer == NULL) {
        if (result != KEY_OK)
            *error_r = key_result_text(result);
        stamper_free(&stamper);
    }
    return stamper;
}

void stamper_free(struct stamper **stamper)
{
    if (*stamper == NULL)
        return;
    if (!sealer_free(&(*stamper)->sealer))
        log_errno(LOG_LEVEL_WARNING, "keys-not-freed", NULL, NULL);
    free(*stamper);
    *stamper = NULL;
}

bool stamper_is_ours(const struct stamper *stamper, const struct address *user)
{
    const struct config_list *domains = &stamper->stamp->domains;
    const struct text domain = address_domain(user);

    for (size_t i = 0; i < domains->count; i++)
        if (text_equal_fold(domain, text_of(domains->at[i].at)))
            return true;
    return text_equal_fold(domain, text_of(stamper->stamp->host.at));
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

enum sealer_result stamper_seal(const struct stamper *stamper, const struct address *user,
        const struct receiving *receiving, uint64_t now, struct text digest, const char *eol,
        struct writer *w)
{
    const struct sealer_message message = {user, receiving, now, digest};
    unsigned char nonce[PAYLOAD_NONCE];

    randombytes_buf(nonce, sizeof nonce);
    return sealer_seal(stamper->sealer, nonce, &message, eol, w);
}
