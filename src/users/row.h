// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ROW_H
#define VERIMAIL_USERS_ROW_H

#include <stdbool.h>

#include "protocol/address.h"
#include "protocol/rules.h"

#define ROW_TEXT_MAX 2048 /* octets of what stands behind the address */
#define ROW_HOSTS_MAX 64
#define ROW_ERROR_MAX 256 /* octets of a sentence's end, with a NUL */

/* A user's rule in a table, as text: `alice@example.org hosts=a.example.org,b.example.org`.
 *
 *   row   = user *( SP name "=" value )
 *   user  = local@domain as canonical text, or *@domain
 *   names: hosts= (these only; nothing behind it: none), more_hosts= (the domain's and these),
 *   allow_unauthorized=yes|no, alias=local@domain (its rule is that of another row; nothing but
 *   pinned may stand beside it), pinned=yes|no (a sync leaves the row as it is).
 *
 * Hosts are divided by commas. White space around and between the words is passed over. Domains may
 * be in any form, UTF-8 among them, and are kept as A-labels in lower case. */
struct row {
    struct rule rule; /* its names point into this struct: it must not be copied */
    bool pinned;
    bool is_alias;
    struct address alias;
    const char *names[ROW_HOSTS_MAX];
    char storage[ROW_TEXT_MAX + ROW_HOSTS_MAX];
};

/* The key of a user in a table: canonical text in lower case, but for the digits of %XX; so it is
 * canonical text itself. `local`: canonical, or `*`; `domain`: A-labels. False when it is too long.
 */
bool row_key(struct text local, struct text domain, struct writer *w)
        __attribute__((warn_unused_result));

/* The key of what somebody wrote: the local part `*` or canonical, in any case, the domain in any
 * form. False when it is no user. `key_r` lies in `buffer`. */
bool row_parse_user(struct text user, char buffer[ADDRESS_MAX + 1], struct text *key_r)
        __attribute__((warn_unused_result));

/* What stands behind the user. False with the end of a sentence in `error_r`: what is wrong, the
 * value, what was expected; its octets are anybody's. */
bool row_parse(struct text values, struct row *row_r, char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

/* Writes it back, in one form for all rows of one meaning, without the user; nothing for a row that
 * says nothing. row_parse() takes it. */
bool row_format(const struct row *row, struct writer *w) __attribute__((warn_unused_result));

#endif
