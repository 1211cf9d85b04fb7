// SPDX-License-Identifier: ISC
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/classic.h"
#include "protocol/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The smallest that is taken, so that more can be tried in a second. */
static const char pem[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIICdQIBADANBgkqhkiG9w0BAQEFAASCAl8wggJbAgEAAoGBAMKTWUmOL9a+TjRk\n"
                          "MBlsApPOWjwXgsbJkRa3T6LU4owVBK9ZxF+wNZtzjKQgzOvQccq2S5rnYQklKGCU\n"
                          "8FaKGj/sHwkZ69HGnB3Gmhjn3rgK1KESpjIVFNC39hq9NagBdxTl6vExQAVkrseg\n"
                          "UL28UXya+ZEykH8s6B8NZ+RprQHHAgMBAAECgYBTeYuQtuNnKXW7nE/WWDQy3RBx\n"
                          "P1Tnm4oXSMVtgg8/MbU01ToeIyacblIkB75iXKa05MhCyIkkt0A/TyZcuhrQGUlF\n"
                          "QIMe62yeMaMbiXBRh4gNQjRXU+q7viMNYSSt1JmMA+eSZ5jDT674PEtrS4o/4+lU\n"
                          "CQ0SqenbpQe1B9PXYQJBAPWJrFDGwTkI5Zt9KwKVju9a2zS4bIv1SlQoksDcNUO9\n"
                          "y3B96SeO2SsJbgbrWASTjVch46+onkN8Q5POHio+xR0CQQDK3cegmvaP37AUqoWL\n"
                          "up6167nBNv/Xsy1MGqNMo1GDkNrDcUWF93Ab5+1v1+hCKZABb86PPgQHypKuMqYq\n"
                          "XyEzAkBKhsMasXksiprGmzNW0XZVCErIscGgqY8qBDam+y/fo9gACPef3ifkfDQ9\n"
                          "PWm12eNoswyc4J1I9oq8bi+RuwOxAkBV/Qm33tdyBou5RspSfuj1DZTv/CMXx+AE\n"
                          "aSocuwE7NjQ0MZgZf9dqTLWM+cR9/uYGZeD1QIEu2EOySM+8GBSXAkACkURYW2bI\n"
                          "jJ3Abnq5b4XxQQO1nHyDlpXFWnImVQ3HtXiIKYephryx8BcFLbppE1Ogsf+Z+Djk\n"
                          "8yd0GTUKIkUh\n"
                          "-----END PRIVATE KEY-----\n";

static void require(bool truth)
{
    if (!truth)
        abort();
}

static struct classic_key *fixed_key(void)
{
    static struct classic_key *key;
    const char *error;

    if (key == NULL)
        key = classic_key_init(text_of(pem), &error);
    require(key != NULL);
    return key;
}

static EVP_PKEY_CTX *sealing(void)
{
    static EVP_PKEY_CTX *ctx;

    if (ctx != NULL)
        return ctx;
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    EVP_PKEY_free(pkey);
    require(EVP_PKEY_encrypt_init(ctx) > 0);
    require(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
    return ctx;
}

static bool join_is(const struct classic_payload *opened, struct text content)
{
    char buffer[CLASSIC_OCTETS_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);

    writer_put(&w, opened->host);
    writer_char(&w, ' ');
    writer_put(&w, opened->receiving);
    writer_char(&w, ' ');
    writer_put(&w, opened->nonce);
    return text_equal(writer_text(&w), content);
}

static bool has_three_words(struct text content)
{
    size_t spaces = 0;
    char before = ' ';

    for (size_t i = 0; i < content.len; i++) {
        const char c = content.at[i];
        if (((unsigned char)c < ' ') || c == 0x7f || (c == ' ' && before == ' '))
            return false;
        spaces += c == ' ';
        before = c;
    }
    return spaces == 2 && before != ' ';
}

static bool check_open(struct text hex, struct classic_payload *opened_r)
{
    const bool opens = classic_open(fixed_key(), hex, opened_r);

    require(ERR_peek_error() == 0);
    require(!opens || classic_is_payload(fixed_key(), hex));
    require(opens || sodium_is_zero((const unsigned char *)opened_r, sizeof *opened_r));
    return opens;
}

/* Anybody may seal any text: it is taken just when it is three words, the first a name. */
static void check_content(struct text content)
{
    unsigned char sealed[CLASSIC_OCTETS_MAX];
    char hex[2 * CLASSIC_OCTETS_MAX + 1];
    size_t len = sizeof sealed;
    struct classic_payload opened;

    if (EVP_PKEY_encrypt(sealing(), sealed, &len, (const unsigned char *)content.at, content.len) <=
            0) {
        ERR_clear_error(); /* too long for the key */
        return;
    }
    sodium_bin2hex(hex, sizeof hex, sealed, len);
    struct reader r = reader_of(content);
    const bool fits = has_three_words(content) && domain_is_ldh(reader_field(&r, ' '));
    require(classic_is_payload(fixed_key(), (struct text){hex, 2 * len}));
    require(check_open((struct text){hex, 2 * len}, &opened) == fits);
    require(!fits || join_is(&opened, content));
}

/* The first octet says what the rest is: `s`ealed, `c`ontent or a `k`ey. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct classic_payload opened;
    const char *error = NULL;

    if (size == 0)
        return 0;
    const struct text rest = {(const char *)data + 1, size - 1};
    if (data[0] == 's') {
        (void)check_open(rest, &opened);
    } else if (data[0] == 'c') {
        check_content(rest);
    } else if (data[0] == 'k') {
        struct classic_key *key = classic_key_init(rest, &error);
        require((key == NULL) == (error != NULL) && ERR_peek_error() == 0);
        classic_key_free(&key);
    }
    return 0;
}
