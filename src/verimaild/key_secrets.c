// SPDX-License-Identifier: ISC
#include "verimaild/key_secrets.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/keyfile.h"
#include "base/keyfolder.h"
#include "config/unusable.h"

static void key_secrets_add_unusable(struct problems *problems, const struct config_text *option,
        enum key_kind kind, const char *path, const char *error)
{
    const bool is_answer = kind == KEY_ANSWER_SECRET;

    unusable_add(problems,
            &(struct unusable){.line = option->line,
                    .which = is_answer ? "answer key" : "service key",
                    .path = path,
                    .error = error,
                    .expected = is_answer ? "a file that `verimail keygen answer` made, and that "
                                            "verimaild can read"
                                          : "a file that `verimail keygen service` made, and that "
                                            "verimaild can read"});
}

/* Room for more secrets; what was there moves within guarded memory. */
static bool key_secrets_reserve(struct key_secrets *secrets, size_t more, struct problems *problems)
{
    unsigned char *larger = sodium_malloc((secrets->count + more) * KEY_OCTETS);

    if (larger == NULL) {
        problems_add_memory(problems);
        return false;
    }
    if (secrets->count > 0)
        memcpy(larger, secrets->octets, secrets->count * KEY_OCTETS);
    sodium_free(secrets->octets);
    secrets->octets = larger;
    return true;
}

static void key_secrets_read(const struct config_text *option, enum key_kind kind,
        struct key_secrets *secrets, struct problems *problems)
{
    struct keyfolder list = {0};
    const char *error = NULL;

    if (!keyfolder_list(option->at, kind, &list, &error))
        key_secrets_add_unusable(problems, option, kind, option->at, error);
    else if (!key_secrets_reserve(secrets, list.count, problems))
        error = "out of memory";
    for (size_t i = 0; error == NULL && i < list.count; i++) {
        const char *fault = NULL;
        if (keyfile_read(
                    list.paths[i], kind, secrets->octets + secrets->count * KEY_OCTETS, &fault))
            secrets->count++;
        else
            key_secrets_add_unusable(problems, option, kind, list.paths[i], fault);
    }
    keyfolder_free(&list);
}

void key_secrets_load(const struct config_list *option, enum key_kind kind,
        struct key_secrets *secrets_r, struct problems *problems)
{
    *secrets_r = (struct key_secrets){0};
    for (size_t i = 0; i < option->count; i++)
        key_secrets_read(&option->at[i], kind, secrets_r, problems);
}

void key_secrets_free(struct key_secrets *secrets)
{
    sodium_free(secrets->octets);
    *secrets = (struct key_secrets){0};
}
