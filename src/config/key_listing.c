// SPDX-License-Identifier: ISC
#include "config/key_listing.h"

#include "base/keyfolder.h"

void key_listing_print(FILE *out, const char *option, enum key_kind kind, size_t most)
{
    struct keyfolder list = {0};
    const char *error;
    const bool ok = option[0] == '/' && keyfolder_list(option, kind, &list, &error);

    for (size_t i = 0; ok && i < list.count && i < most; i++)
        fprintf(out, "read: %s\n", list.paths[i]);
    keyfolder_free(&list);
}
