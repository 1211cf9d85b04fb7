// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_STORED_H
#define VERIMAIL_USERS_STORED_H

#include <stdbool.h>

#include "users/row.h"

#define STORED_MAX (11 + ROW_TEXT_MAX + ROW_HOSTS_MAX) /* octets */

/* The stored form of a row. It is quick to read, and reading accepts only rows that row_parse()
 * accepts. The first octet is the form's version, the second flags, the third the number of hosts.
 * Then come the rule's not_before, if a flag says so (8 octets, least significant first), and each
 * host's name with a NUL. Of an alias the user that it names follows. */
bool stored_write(const struct row *row, struct writer *w) __attribute__((warn_unused_result));
/* False for octets that stored_write() would not have written. */
bool stored_read(struct text octets, struct row *row_r) __attribute__((warn_unused_result));

#endif
