// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* What is a date is written in one way, which is the same date, and one word of a row. */
static void read_date(struct text value)
{
    char date[DATE_TEXT_MAX];
    char again[DATE_TEXT_MAX];
    char error[ROW_ERROR_MAX] = "";
    char buffer[DATE_TEXT_MAX + sizeof " not_before="];
    struct writer words = writer_of(buffer, sizeof buffer);
    static struct row row;
    uint64_t at = 0;

    if (!rule_words_date(value, date, error)) {
        must(error[0] != '\0');
        return;
    }
    must(date_parse(text_of(date), &at));
    date_format(at, again);
    must(strcmp(date, again) == 0);
    rule_words_put(&words, "not_before", text_of(date));
    must(!words.failed && row_parse(writer_text(&words), &row, error));
    must(row.rule.not_before == at && row.rule.mode == RULE_HOSTS_DOMAIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct text value = {(const char *)data, size};
    char error[ROW_ERROR_MAX] = "";
    bool flag = false;

    read_hosts(value);
    read_date(value);
    if (!rule_words_flag(value, &flag, error))
        must(error[0] != '\0' && !flag);
    return 0;
}
