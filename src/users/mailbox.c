// SPDX-License-Identifier: ISC
#include "users/mailbox.h"

#include <stdlib.h>

#include "protocol/from.h"
#include "users/row.h"

static bool is_type_char(char c)
{
    return text_is_digit(c) || (text_lower(c) >= 'a' && text_lower(c) <= 'z') || c == '-' ||
           c == '_' || c == '.';
}

/* Removes the type and returns it; empty if there is none. */
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

enum mailbox_kind mailbox_read(struct text value, char buffer[ADDRESS_MAX + 1], struct text *key_r)
{
    struct writer w = writer_of(buffer, ADDRESS_MAX + 1);
    struct address address;

    const enum mailbox_kind kind = mailbox_kind_of(cut_type(&value));
    if (kind == MAILBOX_FOREIGN)
        return kind;
    /* from_parse() also accepts names and comments, which are not allowed here. */
    const bool is_bare = value.len > 0 && memchr(value.at, '<', value.len) == NULL &&
                         memchr(value.at, '(', value.len) == NULL;
    if (!is_bare || from_parse(value, &address) != FROM_OK ||
            !row_key(address_local(&address), address_domain(&address), &w))
        return MAILBOX_BAD;
    *key_r = writer_text(&w);
    return kind;
}

/* `precedence`: 0 for an address marked as primary, else 1 and the rank. */
struct one {
    char key[ADDRESS_MAX + 1];
    size_t len;
    size_t precedence;
};

struct account {
    struct one *ones;
    size_t count;
    size_t size;
};

struct account *account_init(void)
{
    return calloc(1, sizeof(struct account));
}

void account_free(struct account **account)
{
    if (*account == NULL)
        return;
    free((*account)->ones);
    free(*account);
    *account = NULL;
}

void account_clear(struct account *p)
{
    p->count = 0;
}

static struct one *next_one(struct account *p)
{
    if (p->count == p->size) {
        const size_t size = p->size > 0 ? p->size * 2 : 16;
        struct one *larger = reallocarray(p->ones, size, sizeof *larger);
        if (larger == NULL)
            return NULL;
        p->ones = larger;
        p->size = size;
    }
    return &p->ones[p->count];
}

enum account_result account_add(struct account *p, struct text value, size_t rank)
{
    struct one *one = next_one(p);
    struct text key;

    if (one == NULL)
        return ACCOUNT_NO_MEMORY;
    const enum mailbox_kind kind = mailbox_read(value, one->key, &key);
    if (kind == MAILBOX_FOREIGN)
        return ACCOUNT_FOREIGN;
    if (kind == MAILBOX_BAD)
        return ACCOUNT_BAD;
    one->len = key.len;
    one->precedence = kind == MAILBOX_PRIMARY ? 0 : rank + 1;
    p->count++;
    return ACCOUNT_TAKEN;
}

struct text account_address(const struct account *p, size_t index)
{
    return (struct text){p->ones[index].key, p->ones[index].len};
}

static int account_by_key(const void *a, const void *b)
{
    const struct one *left = a;
    const struct one *right = b;
    const int by_octets =
            memcmp(left->key, right->key, left->len < right->len ? left->len : right->len);

    return by_octets != 0 ? by_octets : (left->len > right->len) - (left->len < right->len);
}

/* Removes duplicates, and keeps the one with the highest precedence. */
static void unite(struct account *p)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->count; i++) {
        if (kept == 0 || account_by_key(&p->ones[kept - 1], &p->ones[i]) != 0)
            p->ones[kept++] = p->ones[i];
        else if (p->ones[i].precedence < p->ones[kept - 1].precedence)
            p->ones[kept - 1].precedence = p->ones[i].precedence;
    }
    p->count = kept;
}

size_t account_settle(struct account *p)
{
    size_t first = 0;

    if (p->count == 0)
        return 0;
    qsort(p->ones, p->count, sizeof *p->ones, account_by_key);
    unite(p);
    for (size_t i = 1; i < p->count; i++)
        if (p->ones[i].precedence < p->ones[first].precedence)
            first = i;
    const struct one primary = p->ones[first];
    memmove(p->ones + 1, p->ones, first * sizeof *p->ones);
    p->ones[0] = primary;
    return p->count;
}
