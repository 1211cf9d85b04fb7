// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ACCOUNT_H
#define VERIMAIL_USERS_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "users/mailbox.h"

/* The addresses of one entry of a directory. One of them is the primary one, whose row has the
 * rule; the others are aliases of it: who revokes that one row has revoked all of them. */
struct account;

enum account_result {
    ACCOUNT_TAKEN,
    ACCOUNT_FOREIGN, /* no address of mail: X400 and the like */
    ACCOUNT_BAD,     /* no address at all */
    ACCOUNT_NO_MEMORY,
};

struct account *account_init(void);
void account_free(struct account **account);
/* For the next entry. */
void account_clear(struct account *account);

/* A value of an attribute; `rank`: its place among those that are configured, 0 the first. */
enum account_result account_add(struct account *account, struct text value, size_t rank);

/* When all are there: each once, the primary one first, the others in order. That is the one with
 * SMTP in capital letters, or else one of the first attribute that has any; of several the first in
 * the order of octets, since a directory gives values in any order. */
size_t account_settle(struct account *account);
struct text account_address(const struct account *account, size_t index);

#endif
