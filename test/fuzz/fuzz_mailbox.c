// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>

#include "users/mailbox.h"
#include "users/row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* What is taken is a user with a key, which has nothing that could divide words. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text value = {(const char *)data, size};
    char buffer[ADDRESS_MAX + 1];
    char again_buffer[ADDRESS_MAX + 1];
    struct text key = {NULL, 0};
    struct text again;

    const enum mailbox_kind kind = mailbox_read(value, buffer, &key);
    if (kind == MAILBOX_FOREIGN || kind == MAILBOX_BAD) {
        must(key.at == NULL);
        must(kind == MAILBOX_BAD || memchr(value.at, ':', value.len) != NULL);
        return 0;
    }
    must(row_parse_user(key, again_buffer, &again) && text_equal(key, again));
    must(key.at[0] != '*' || key.at[1] != '@');
    for (size_t i = 0; i < key.len; i++)
        must(key.at[i] > ' ' && key.at[i] < 0x7f);
    return 0;
}
