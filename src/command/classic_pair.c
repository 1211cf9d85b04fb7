// SPDX-License-Identifier: ISC
#include "command/classic_pair.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

/* What was written to a memory BIO, with a NUL; wiped there when the BIO is freed. */
static bool take_out(BIO *bio, char *room, size_t size, size_t *len_r)
{
    char *at = NULL;
    const long len = BIO_get_mem_data(bio, &at);

    if (len <= 0 || (size_t)len >= size)
        return false;
    memcpy(room, at, (size_t)len);
    room[len] = '\0';
    *len_r = (size_t)len;
    return true;
}

bool classic_pair_make(char *secret_r, size_t size, size_t *len_r, char public_r[CLASSIC_PAIR_MAX])
{
    EVP_PKEY *pair = EVP_RSA_gen(CLASSIC_PAIR_BITS);
    BIO *secret = BIO_new(BIO_s_mem());
    BIO *public = BIO_new(BIO_s_mem());
    size_t public_len;

    const bool ok = pair != NULL && secret != NULL && public != NULL &&
                    PEM_write_bio_PrivateKey(secret, pair, NULL, NULL, 0, NULL, NULL) == 1 &&
                    PEM_write_bio_PUBKEY(public, pair) == 1 &&
                    take_out(secret, secret_r, size, len_r) &&
                    take_out(public, public_r, CLASSIC_PAIR_MAX, &public_len);
    BIO_free(secret);
    BIO_free(public);
    EVP_PKEY_free(pair);
    return ok;
}
