// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ROW_H
#define VERIMAIL_USERS_ROW_H

#include <stdbool.h>

#include "protocol/address.h"
#include "protocol/rules.h"

#define ROW_TEXT_MAX 2048 /* octets after the user */
#define ROW_HOSTS_MAX 64
#define ROW_ERROR_MAX 256 /* octets of an error text, with its NUL */

/* A user's rule in a table, as text: `alice@example.org hosts=a.example.org,b.example.org`.
 *
 * row = user *( SP name "=" value )
 *
 * user = local@domain as canonical text, or *@domain
 *
 * The names are: hosts= (only these hosts; an empty value: none), more_hosts= (the domain's hosts
 * and these), allow_unauthorized=yes|no, not_before=DATE (date_parse(); stamps issued before are
 * taken back), alias=local@domain (the rule is that of another row; only pinned may stand beside
 * it), pinned=yes|no (a sync does not change the row).
 *
 * Hosts are separated by commas. White space around words is ignored. Domains may have any form,
 * including UTF-8, and are stored as A-labels in lower case. */
struct row {
    struct rule rule; /* points into this struct, which must not be copied */
    bool pinned;
    bool is_alias;
    struct address alias;
    const char *names[ROW_HOSTS_MAX];
    char storage[ROW_TEXT_MAX + ROW_HOSTS_MAX];
};

/* Writes the key of a user in a table: canonical text in lower case, except the digits of %XX. The
 * key is canonical text itself. `local`: canonical, or `*`. `domain`: A-labels. False when it is
 * too long. */
bool row_key(struct text local, struct text domain, struct writer *w)
        __attribute__((warn_unused_result));

/* Makes the key of a user as a person writes it. The local part is `*` or canonical, in any case;
 * the domain may have any form. False when it is not a user. `key_r` lies in `buffer`. */
bool row_parse_user(struct text user, char buffer[ADDRESS_MAX + 1], struct text *key_r)
        __attribute__((warn_unused_result));

/* Reads the words after the user. On false `error_r` has what is wrong, the value, and what was
 * expected. It may contain any octets. */
bool row_parse(struct text values, struct row *row_r, char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

/* Writes a row without the user, so that row_parse() reads it back. Rows of the same meaning give
 * the same text. A row without any setting gives an empty text. */
bool row_format(const struct row *row, struct writer *w) __attribute__((warn_unused_result));

#endif
