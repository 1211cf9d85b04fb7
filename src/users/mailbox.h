// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_MAILBOX_H
#define VERIMAIL_USERS_MAILBOX_H

#include <stdbool.h>

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

#endif
