// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_RULE_WORDS_H
#define VERIMAIL_USERS_RULE_WORDS_H

#include <stdbool.h>

#include "users/row.h"

/* How directories write what a row says, made into the words of a row. What comes out of here has
 * no white space but between the words, so that no value can become another word. */

/* Adds the hosts of a list, with a comma between each two: names divided by commas or white space,
 * or an array in PostgreSQL's text form (`{a,"b"}`; arrays, 8.15.6). A NULL in an array is refused:
 * it is what an outer join makes of nothing, and could mean the domain's hosts or none. False with
 * the end of a sentence. Whether a name is one row_parse() says. */
bool rule_words_add_hosts(struct text value, struct writer *hosts, char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

/* true, yes, on, t, y or 1; false, no, off, f, n or 0; in any case, as PostgreSQL and directories
 * have it. False with the end of a sentence. */
bool rule_words_flag(struct text value, bool *flag_r, char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

/* Adds ` name=value`. */
void rule_words_put(struct writer *words, const char *name, struct text value);

#endif
