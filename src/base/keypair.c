// SPDX-License-Identifier: ISC
#include "base/keypair.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/keyfile.h"

static void keypair_write(
        struct keypair *pair, enum key_kind kind, uint64_t now, const char *secret_text)
{
    struct writer w = writer_of(pair->content, KEYFILE_MAX);
    char date[DATE_TEXT_MAX];

    date_format(now, date);
    writer_string(&w, "# Verimail, secret key of ");
    writer_string(&w, key_kind_owner(kind));
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
        key_format(key_kind_public(kind), public, pair_r->public);
        key_format(kind, secret, text);
        keypair_write(pair_r, kind, now, text);
    }
    sodium_free(secret);
    sodium_free(text);
    return pair_r->len > 0;
}

void keypair_public_file(const char *public, char content_r[KEYPAIR_PUBLIC_FILE_MAX])
{
    struct reader r = reader_of(text_of(public));
    enum key_kind kind = KEY_SERVICE_PUBLIC;

    (void)!key_kind_from_name(reader_until(&r, ':'), &kind);
    snprintf(content_r, KEYPAIR_PUBLIC_FILE_MAX, "# Verimail, public key of %s\n%.*s\n",
            key_kind_owner(kind), KEY_TEXT_MAX, public);
}

void keypair_free(struct keypair *pair)
{
    sodium_free(pair->content);
    *pair = (struct keypair){0};
}
