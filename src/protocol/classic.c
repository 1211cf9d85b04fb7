// SPDX-License-Identifier: ISC
#include "protocol/classic.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/domain.h"

/* The context is made ready once: when a payload comes, nothing is parsed, fetched or set up, and a
 * process that is shut in asks for nothing that it does not have. */
struct classic_key {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *opening;
    size_t octets;
};

/* Without a callback of ours OpenSSL would ask at the terminal. */
static int classic_refuse_pass_phrase(char *buffer, int size, int writing, void *asked)
{
    (void)buffer;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

static EVP_PKEY *classic_read_pem(struct text pem, const char **error_r)
{
    bool asked = false;
    EVP_PKEY *pkey = NULL;
    BIO *bio = pem.len <= INT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;

    if (bio != NULL)
        pkey = PEM_read_bio_PrivateKey(bio, NULL, classic_refuse_pass_phrase, &asked);
    BIO_free(bio);
    ERR_clear_error();
    if (asked)
        *error_r = "is protected by a pass phrase";
    else if (pkey == NULL)
        *error_r = "is not a private key in PEM form";
    return pkey;
}

static bool classic_is_usable(const EVP_PKEY *pkey, const char **error_r)
{
    const int bits = EVP_PKEY_get_bits(pkey);

    if (!EVP_PKEY_is_a(pkey, "RSA")) {
        *error_r = "is not an RSA key";
        return false;
    }
    if (bits < CLASSIC_BITS_MIN || bits > CLASSIC_BITS_MAX) {
        *error_r = "is an RSA key of less than 1024 or more than 4096 bits";
        return false;
    }
    return true;
}

/* RSA-OAEP with SHA-1 and MGF1-SHA-1: what node's crypto did by default in 2013. */
static bool set_padding(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, "SHA1", NULL) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, "SHA1", NULL) > 0;
}

static EVP_PKEY_CTX *classic_prepare(EVP_PKEY *pkey, int (*begin)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (ctx != NULL && begin(ctx) > 0 && set_padding(ctx))
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

/* Seals a known text with the public half and opens it. */
static bool classic_trial_opens(struct classic_key *key)
{
    static const unsigned char content[] = "localhost localhost 0";
    unsigned char sealed[CLASSIC_OCTETS_MAX];
    size_t len = sizeof sealed;
    char hex[2 * CLASSIC_OCTETS_MAX + 1];
    struct classic_payload payload;
    EVP_PKEY_CTX *sealing = classic_prepare(key->pkey, EVP_PKEY_encrypt_init);
    const bool is_sealed = sealing != NULL &&
                           EVP_PKEY_encrypt(sealing, sealed, &len, content, sizeof content - 1) > 0;

    EVP_PKEY_CTX_free(sealing);
    if (!is_sealed)
        return false;
    sodium_bin2hex(hex, sizeof hex, sealed, len);
    return classic_open(key, (struct text){hex, 2 * len}, &payload) &&
           text_equal(payload.nonce, text_of("0"));
}

struct classic_key *classic_key_init(struct text pem, const char **error_r)
{
    struct classic_key *key = calloc(1, sizeof *key);

    *error_r = "cannot be read: out of memory";
    if (key == NULL)
        return NULL;
    key->pkey = classic_read_pem(pem, error_r);
    if (key->pkey == NULL || !classic_is_usable(key->pkey, error_r))
        goto failed;
    key->octets = (size_t)EVP_PKEY_get_size(key->pkey);
    *error_r = "cannot open what was sealed for it (RSA-OAEP with SHA-1)";
    key->opening = classic_prepare(key->pkey, EVP_PKEY_decrypt_init);
    if (key->opening == NULL || !classic_trial_opens(key))
        goto failed;
    *error_r = NULL;
    return key;

failed:
    ERR_clear_error();
    classic_key_free(&key);
    return NULL;
}

void classic_key_free(struct classic_key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_CTX_free((*key)->opening);
    EVP_PKEY_free((*key)->pkey);
    free(*key);
    *key = NULL;
}

size_t classic_key_octets(const struct classic_key *key)
{
    return key->octets;
}

unsigned classic_key_bits(const struct classic_key *key)
{
    return (unsigned)EVP_PKEY_get_bits(key->pkey);
}

static bool is_hex(char c)
{
    const char lower = text_lower(c);

    return text_is_digit(c) || (lower >= 'a' && lower <= 'f');
}

bool classic_is_hex(struct text payload)
{
    for (size_t i = 0; i < payload.len; i++)
        if (!is_hex(payload.at[i]))
            return false;
    return payload.len > 0;
}

bool classic_is_payload(const struct classic_key *key, struct text payload)
{
    return payload.len == 2 * key->octets && classic_is_hex(payload);
}

static bool has_control(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.at[i] < ' ' || t.at[i] == 0x7f)
            return true;
    return false;
}

/* `sending_fqdn receiving_fqdn nonce` */
static bool classic_parse(struct text content, struct classic_payload *payload)
{
    struct reader r = reader_of(content);

    payload->host = reader_until(&r, ' ');
    payload->receiving = reader_until(&r, ' ');
    payload->nonce = reader_rest(&r);
    return !has_control(content) && domain_is_ldh(payload->host) && payload->receiving.len > 0 &&
           payload->nonce.len > 0 && memchr(payload->nonce.at, ' ', payload->nonce.len) == NULL;
}

bool classic_open(struct classic_key *key, struct text hex, struct classic_payload *payload_r)
{
    unsigned char sealed[CLASSIC_OCTETS_MAX];
    size_t sealed_len;
    size_t len = sizeof payload_r->content;

    if (classic_is_payload(key, hex) && text_from_hex(hex, sealed, sizeof sealed, &sealed_len) &&
            EVP_PKEY_decrypt(key->opening, (unsigned char *)payload_r->content, &len, sealed,
                    sealed_len) > 0 &&
            classic_parse((struct text){payload_r->content, len}, payload_r))
        return true;
    /* The cause of a failure must not be told to anyone, and the queue of errors must not grow. */
    ERR_clear_error();
    sodium_memzero(payload_r, sizeof *payload_r);
    return false;
}
