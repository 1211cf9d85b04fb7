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
    MAILBOX_FOREIGN, /* `X400:...`, `SIP:...`: no address of mail */
    MAILBOX_BAD,     /* no address at all */
};

/* An address as a directory of people has it, typed by a person: a local part in quotes and UTF-8
 * are taken. Before it may stand a type and a colon, as in Active Directory's proxyAddresses: of
 * those only SMTP is mail, and in capital letters it is the address that its owner sends from. No
 * local part has a colon, unless it stands in quotes. `key_r`, in `buffer`, is set for the first
 * three: the user, as row_parse_user() gives it. */
enum mailbox_kind mailbox_read(struct text value, char buffer[ADDRESS_MAX + 1], struct text *key_r);

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
