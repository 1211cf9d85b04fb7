// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>

#include "users/rule_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Whatever a directory says of hosts, it stays one word of the row, and says nothing else. */
static void read_hosts(struct text value)
{
    char hosts_buffer[ROW_TEXT_MAX];
    char words_buffer[ROW_TEXT_MAX * 2];
    char error[ROW_ERROR_MAX] = "";
    struct writer hosts = writer_of(hosts_buffer, sizeof hosts_buffer);
    struct writer words = writer_of(words_buffer, sizeof words_buffer);
    static struct row row;

    if (!rule_words_add_hosts(value, &hosts, error)) {
        must(error[0] != '\0');
        return;
    }
    const struct text got = writer_text(&hosts);
    for (size_t i = 0; i < got.len; i++)
        must(!text_is_white(got.at[i]));
    rule_words_put(&words, "hosts", got);
    if (!row_parse(writer_text(&words), &row, error))
        return;
    must(row.rule.mode == RULE_HOSTS_ONLY && !row.rule.allow_unauthorized && !row.pinned &&
            !row.is_alias);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text value = {(const char *)data, size};
    char error[ROW_ERROR_MAX] = "";
    bool flag = false;

    read_hosts(value);
    if (!rule_words_flag(value, &flag, error))
        must(error[0] != '\0' && !flag);
    return 0;
}
