// SPDX-License-Identifier: ISC
#include "users/mailbox.h"

#include "protocol/from.h"
#include "users/row.h"

static bool is_type_char(char c)
{
    return text_is_digit(c) || (text_lower(c) >= 'a' && text_lower(c) <= 'z') || c == '-' ||
           c == '_' || c == '.';
}

/* Cuts the type off; empty if there is none. */
static struct text cut_type(struct text *value)
{
    size_t len = 0;

    while (len < value->len && is_type_char(value->at[len]))
        len++;
    if (len == 0 || len == value->len || value->at[len] != ':')
        return (struct text){NULL, 0};
    const struct text type = {value->at, len};
    *value = (struct text){value->at + len + 1, value->len - len - 1};
    return type;
}

static enum mailbox_kind mailbox_kind_of(struct text type)
{
    const struct text mail = text_of("SMTP");

    if (type.len == 0)
        return MAILBOX_PLAIN;
    if (!text_equal_fold(type, mail))
        return MAILBOX_FOREIGN;
    return text_equal(type, mail) ? MAILBOX_PRIMARY : MAILBOX_OTHER;
}

/* from_parse() takes names and comments too, which do not belong here. */
static bool is_bare(struct text value)
{
    return value.len > 0 && memchr(value.at, '<', value.len) == NULL &&
           memchr(value.at, '(', value.len) == NULL;
}

enum mailbox_kind mailbox_read(struct text value, char buffer[ADDRESS_MAX + 1], struct text *key_r)
{
    struct writer w = writer_of(buffer, ADDRESS_MAX + 1);
    struct address address;

    const enum mailbox_kind kind = mailbox_kind_of(cut_type(&value));
    if (kind == MAILBOX_FOREIGN)
        return kind;
    if (!is_bare(value) || from_parse(value, &address) != FROM_OK ||
            !row_key(address_local(&address), address_domain(&address), &w))
        return MAILBOX_BAD;
    *key_r = writer_text(&w);
    return kind;
}
