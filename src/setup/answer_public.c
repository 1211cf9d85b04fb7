// SPDX-License-Identifier: ISC
#include "setup/answer_public.h"

#include <stdio.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/keyfolder.h"

static bool answer_public_fail(
        const char *path, const char *error, char error_r[ANSWER_PUBLIC_ERROR_MAX])
{
    snprintf(error_r, ANSWER_PUBLIC_ERROR_MAX, "%s %s", path, error);
    return false;
}

static bool answer_public_read_path(
        const char *path, struct answer_public *public, char error_r[ANSWER_PUBLIC_ERROR_MAX])
{
    struct keyfolder list;
    unsigned char key[KEY_OCTETS];
    const char *error = NULL;
    bool ok = keyfolder_list(path, KEY_ANSWER_SECRET, &list, &error) ||
              answer_public_fail(path, error, error_r);

    for (size_t i = 0; ok && i < list.count; i++) {
        ok = keyfile_read_public(list.paths[i], KEY_ANSWER_SECRET, key, &error) ||
             answer_public_fail(list.paths[i], error, error_r);
        if (ok && public->count < ANSWER_PUBLIC_MAX)
            memcpy(public->keys[public->count++], key, sizeof key);
    }
    keyfolder_free(&list);
    return ok;
}

bool answer_public_read(const struct config *config, struct answer_public *public_r,
        char error_r[ANSWER_PUBLIC_ERROR_MAX])
{
    bool ok = true;

    *public_r = (struct answer_public){0};
    for (size_t i = 0; ok && config->service_count > 0 && i < config->service->answer_keys.count;
            i++)
        ok = answer_public_read_path(config->service->answer_keys.at[i].at, public_r, error_r);
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
