// SPDX-License-Identifier: ISC
#include "config/host_keys.h"

#include <errno.h>

#include "base/keyfile.h"
#include "base/keyfolder.h"

static void host_keys_read_text(
        const struct config_text *option, host_keys_on_key *on_key, void *context)
{
    unsigned char public[KEY_OCTETS];
    const enum key_result result = key_parse(text_of(option->at), KEY_HOST_PUBLIC, public);

    errno = 0;
    on_key(context, option, option->at, public, result == KEY_OK ? NULL : key_result_text(result));
}

static void host_keys_read_path(
        const struct config_text *option, host_keys_on_key *on_key, void *context)
{
    unsigned char public[KEY_OCTETS] = {0};
    struct keyfolder list;
    const char *error = NULL;

    if (!keyfolder_list(option->at, KEY_HOST_PUBLIC, &list, &error))
        on_key(context, option, option->at, public, error);
    for (size_t i = 0; error == NULL && i < list.count; i++) {
        const char *fault = NULL;
        if (keyfile_read(list.paths[i], KEY_HOST_PUBLIC, public, &fault))
            on_key(context, option, list.paths[i], public, NULL);
        else
            on_key(context, option, list.paths[i], public, fault);
    }
    keyfolder_free(&list);
}

void host_keys_read(const struct config_host *host, host_keys_on_key *on_key, void *context)
{
    for (size_t i = 0; i < host->keys.count; i++) {
        const struct config_text *option = &host->keys.at[i];
        if (option->at[0] == '/')
            host_keys_read_path(option, on_key, context);
        else
            host_keys_read_text(option, on_key, context);
    }
}
