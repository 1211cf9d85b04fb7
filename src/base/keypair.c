// SPDX-License-Identifier: ISC
#include "base/keypair.h"

#include <sodium.h>

#include "base/date.h"
#include "base/keyfile.h"

static void keypair_write(
        struct keypair *pair, enum key_kind kind, uint64_t now, const char *secret_text)
{
    struct writer w = writer_of(pair->content, KEYFILE_MAX);
    char date[DATE_TEXT_MAX];

    date_format(now, date);
    writer_string(&w, "# Verimail, secret key of ");
    writer_string(&w, kind == KEY_SERVICE_SECRET ? "a service" : "a sending host");
    writer_string(&w, ", made ");
    writer_string(&w, date);
    writer_string(&w, "\n# Public key: ");
    writer_string(&w, pair->public);
    writer_string(&w, "\n");
    writer_string(&w, secret_text);
    writer_string(&w, "\n");
    pair->len = w.failed ? 0 : writer_text(&w).len;
}

bool keypair_make(enum key_kind kind, uint64_t now, struct keypair *pair_r)
{
    unsigned char *secret = sodium_malloc(KEY_OCTETS);
    unsigned char public[KEY_OCTETS];
    char *text = sodium_malloc(KEY_TEXT_MAX + 1);

    *pair_r = (struct keypair){.content = sodium_malloc(KEYFILE_MAX)};
    if (secret != NULL && text != NULL && pair_r->content != NULL) {
        randombytes_buf(secret, KEY_OCTETS);
        key_public(secret, public);
        key_format(kind == KEY_SERVICE_SECRET ? KEY_SERVICE_PUBLIC : KEY_HOST_PUBLIC, public,
                pair_r->public);
        key_format(kind, secret, text);
        keypair_write(pair_r, kind, now, text);
    }
    sodium_free(secret);
    sodium_free(text);
    return pair_r->len > 0;
}

void keypair_free(struct keypair *pair)
{
    sodium_free(pair->content);
    *pair = (struct keypair){0};
}
