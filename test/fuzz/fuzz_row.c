// SPDX-License-Identifier: ISC
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "users/stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_lower(struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (text_lower(t.at[i]) != t.at[i])
            return false;
    return true;
}

static void check_rule(const struct rule *rule)
{
    must(rule->hosts.count <= ROW_HOSTS_MAX);
    must(rule->mode != RULE_HOSTS_DOMAIN || rule->hosts.count == 0);
    must(rule->mode != RULE_HOSTS_MORE || rule->hosts.count > 0);
    for (size_t i = 0; i < rule->hosts.count; i++) {
        const struct text name = text_of(rule->hosts.names[i]);
        must(domain_is_ldh(name) && is_lower(name));
    }
}

static void check_row(const struct row *row)
{
    struct address again;

    check_rule(&row->rule);
    if (!row->is_alias)
        return;
    must(row->rule.mode == RULE_HOSTS_DOMAIN && !row->rule.allow_unauthorized);
    must(address_parse(address_text(&row->alias), (struct text){NULL, 0}, &again));
    must(address_equal(&again, &row->alias));
}

/* Its text is a row, and that row's text and its octets are the same; it can be pinned, too. */
static void check_forms(struct row *row)
{
    char text_buffer[ROW_TEXT_MAX];
    char again_buffer[ROW_TEXT_MAX];
    char octets[STORED_MAX];
    char again_octets[STORED_MAX];
    char error[ROW_ERROR_MAX];
    struct writer text = writer_of(text_buffer, sizeof text_buffer);
    struct writer again_text = writer_of(again_buffer, sizeof again_buffer);
    struct writer stored = writer_of(octets, sizeof octets);
    struct writer again_stored = writer_of(again_octets, sizeof again_octets);
    static struct row again;

    check_row(row);
    must(row_format(row, &text) && stored_write(row, &stored));
    must(row_parse(writer_text(&text), &again, error));
    must(row_format(&again, &again_text) && stored_write(&again, &again_stored));
    must(text_equal(writer_text(&text), writer_text(&again_text)));
    must(text_equal(writer_text(&stored), writer_text(&again_stored)));
    must(stored_read(writer_text(&stored), &again));
    check_row(&again);
}

static void read_values(struct text values)
{
    char error[ROW_ERROR_MAX] = "";
    static struct row row;

    if (!row_parse(values, &row, error)) {
        must(error[0] != '\0' && memchr(error, '\0', sizeof error) != NULL);
        return;
    }
    check_forms(&row);
    row.pinned = true;
    check_forms(&row);
}

static void read_stored(struct text octets)
{
    char buffer[STORED_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    static struct row row;

    if (!stored_read(octets, &row))
        return;
    must(stored_write(&row, &w));
    must(text_equal(writer_text(&w), octets));
    check_row(&row);
}

/* A key is canonical, and the key of itself. */
static void read_user(struct text user)
{
    char buffer[ADDRESS_MAX + 1];
    char again_buffer[ADDRESS_MAX + 1];
    struct address address;
    struct text key;
    struct text again;

    if (!row_parse_user(user, buffer, &key))
        return;
    must(key.len <= ADDRESS_MAX);
    must(row_parse_user(key, again_buffer, &again) && text_equal(key, again));
    if (key.at[0] == '*' && key.at[1] == '@')
        must(domain_is_ldh((struct text){key.at + 2, key.len - 2}));
    else
        must(address_parse(key, (struct text){NULL, 0}, &address) &&
                text_equal(address_text(&address), key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct text rest = {(const char *)data + 1, size - 1};
    switch (data[0]) {
    case 'u':
        read_user(rest);
        break;
    case 's':
        read_stored(rest);
        break;
    default:
        read_values((struct text){(const char *)data, size});
        break;
    }
    return 0;
}
