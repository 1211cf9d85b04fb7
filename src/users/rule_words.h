// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_RULE_WORDS_H
#define VERIMAIL_USERS_RULE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"
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

enum ranged {
    RANGED_ANOTHER, /* not the attribute that was wanted */
    RANGED_ALL,     /* it has no range: these are all its values */
    RANGED_PART,    /* `;range=0-1499`: more begin behind its last */
    RANGED_LAST,    /* `;range=1500-*` */
    RANGED_WRONG,   /* a range, but not one that can be understood */
};

/* An attribute's description as a server gives it: `proxyAddresses;range=0-1499`. Active Directory
 * gives so many values of one attribute at most, and says it like this ([MS-ADTS], 3.1.1.3.1.3.3).
 * `wanted`: a name, in any case; other options behind it do not matter. The numbers are set when
 * there is a range: of the first value, and for RANGED_PART of the one to ask for next. */
enum ranged ranged_read(
        struct text description, struct text wanted, uint64_t *first_r, uint64_t *next_r);

#endif
