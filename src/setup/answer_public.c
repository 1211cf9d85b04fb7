// SPDX-License-Identifier: ISC
#include "setup/answer_public.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/keyfolder.h"

static bool answer_public_read_file(const char *path, unsigned char *secret,
        struct answer_public *public, char error_r[ANSWER_PUBLIC_ERROR_MAX])
{
    const char *error = NULL;

    if (!keyfile_read(path, KEY_ANSWER_SECRET, secret, &error)) {
        snprintf(error_r, ANSWER_PUBLIC_ERROR_MAX, "%s %s", path, error);
        return false;
    }
    if (public->count < ANSWER_PUBLIC_MAX)
        key_public(secret, public->keys[public->count++]);
    return true;
}

static bool answer_public_read_path(const char *path, unsigned char *secret,
        struct answer_public *public, char error_r[ANSWER_PUBLIC_ERROR_MAX])
{
    struct keyfolder list;
    const char *error = NULL;
    bool ok = keyfolder_list(path, KEY_ANSWER_SECRET, &list, &error);

    if (!ok)
        snprintf(error_r, ANSWER_PUBLIC_ERROR_MAX, "%s %s", path, error);
    for (size_t i = 0; ok && i < list.count; i++)
        ok = answer_public_read_file(list.paths[i], secret, public, error_r);
    keyfolder_free(&list);
    return ok;
}

bool answer_public_read(const struct config *config, struct answer_public *public_r,
        char error_r[ANSWER_PUBLIC_ERROR_MAX])
{
    unsigned char *secret = sodium_malloc(KEY_OCTETS);
    bool ok = secret != NULL;

    *public_r = (struct answer_public){0};
    snprintf(error_r, ANSWER_PUBLIC_ERROR_MAX, "out of memory");
    for (size_t i = 0; ok && config->service_count > 0 && i < config->service->answer_keys.count;
            i++)
        ok = answer_public_read_path(
                config->service->answer_keys.at[i].at, secret, public_r, error_r);
    sodium_free(secret);
    return ok;
}

bool answer_public_fits(const struct answer_public *public, const struct policy_record *record)
{
    bool fits = !record->has_key;

    for (size_t i = 0; i < public->count; i++)
        fits = fits || memcmp(public->keys[i], record->key, KEY_OCTETS) == 0;
    return fits;
}

bool answer_public_format(const struct answer_public *public, struct writer *w)
{
    struct policy_record record = {.has_key = public->count > 0};

    if (!record.has_key)
        return false;
    memcpy(record.key, public->keys[0], KEY_OCTETS);
    policy_record_format(&record, w);
    return !w->failed;
}
