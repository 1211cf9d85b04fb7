// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_STORED_H
#define VERIMAIL_USERS_STORED_H

#include <stdbool.h>

#include "users/row.h"

#define STORED_MAX (3 + ROW_TEXT_MAX + ROW_HOSTS_MAX) /* octets */

/* A row as a table keeps it: quick to read, and whatever is read is a row that row_parse() would
 * take. The first octet is the form, the second flags, the third how many hosts there are; then
 * each host's name with a NUL behind it, or the user whom an alias names. */
bool stored_write(const struct row *row, struct writer *w) __attribute__((warn_unused_result));
/* False for what stored_write() would not have written. */
bool stored_read(struct text octets, struct row *row_r) __attribute__((warn_unused_result));

#endif
