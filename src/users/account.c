// SPDX-License-Identifier: ISC
#include "users/account.h"

#include <stdlib.h>

/* `precedence`: 0 for an address that is marked as the primary one, else 1 and the rank. */
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

/* Of those that are the same the strongest stays. */
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
