// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_MAILBOX_H
#define VERIMAIL_USERS_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/address.h"

enum mailbox_kind {
    MAILBOX_PLAIN,   /* `alice@example.org` */
    MAILBOX_PRIMARY, /* `SMTP:alice@example.org` */
    MAILBOX_OTHER,   /* `smtp:ali@example.org` */
    MAILBOX_FOREIGN, /* `X400:...`, `SIP:...`: not a mail address */
    MAILBOX_BAD,     /* not an address */
};

/* Reads an address as people type it into a directory. UTF-8 and a quoted local part are accepted.
 *
 * A type and a colon may stand before it, as in Active Directory's proxyAddresses. Of the types
 * only SMTP is mail; in capital letters it marks the primary address. A local part has no colon
 * unless it is quoted.
 *
 * `key_r`, in `buffer`, is set for the first three kinds. It is the user as row_parse_user() gives
 * it. */
enum mailbox_kind mailbox_read(struct text value, char buffer[ADDRESS_MAX + 1], struct text *key_r);

/* The addresses of one directory entry. One is the primary address, whose row has the rule. The
 * others are its aliases. Revoking the primary row revokes all of them. */
struct account;

enum account_result {
    ACCOUNT_TAKEN,
    ACCOUNT_FOREIGN, /* not a mail address: X400 and the like */
    ACCOUNT_BAD,     /* not an address */
    ACCOUNT_NO_MEMORY,
};

struct account *account_init(void);
void account_free(struct account **account);
/* Removes all addresses, for the next entry. */
void account_clear(struct account *account);

/* Adds a value of an attribute. `rank`: the attribute's index among the configured ones, 0 the
 * first. */
enum account_result account_add(struct account *account, struct text value, size_t rank);

/* Call it after the last account_add(). It removes duplicates, puts the primary address first, and
 * sorts the others. The primary address is the one with SMTP in capital letters, or else one of the
 * first attribute that has any. Of several candidates the first by octets is taken, since
 * directories give values in any order. Returns the number of addresses. */
size_t account_settle(struct account *account);
struct text account_address(const struct account *account, size_t index);

#endif
