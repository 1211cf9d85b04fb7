// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_RULE_WORDS_H
#define VERIMAIL_USERS_RULE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/date.h"
#include "protocol/text.h"
#include "users/row.h"

/* Converts the values of directories into the words of a row. The only white space in the result is
 * between words, so that no value can become another word. */

/* Adds the hosts of a list, separated by commas. The list is names separated by commas or white
 * space, or a PostgreSQL array as text (`{a,"b"}`; PostgreSQL manual, 8.15.6).
 *
 * A NULL in an array is refused. An outer join without a match produces it, and it could mean the
 * domain's hosts or none.
 *
 * False with an error text. row_parse() checks the names themselves. */
bool rule_words_add_hosts(struct text value, struct writer *hosts, char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

/* Reads a flag as PostgreSQL and directories write it: true, yes, on, t, y or 1; false, no, off, f,
 * n or 0; in any case. False with an error text. */
bool rule_words_flag(struct text value, bool *flag_r, char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

/* Reads a date as date_parse() does, and writes it as a row has it. False with an error text. */
bool rule_words_date(struct text value, char date_r[DATE_TEXT_MAX], char error_r[ROW_ERROR_MAX])
        __attribute__((warn_unused_result));

/* Adds ` name=value`. */
void rule_words_put(struct writer *words, const char *name, struct text value);

enum ranged {
    RANGED_ANOTHER, /* not the wanted attribute */
    RANGED_ALL,     /* no range: all values are here */
    RANGED_PART,    /* `;range=0-1499`: more values follow */
    RANGED_LAST,    /* `;range=1500-*` */
    RANGED_WRONG,   /* a range that cannot be read */
};

/* Reads an attribute description as a server sends it: `proxyAddresses;range=0-1499`. Active
 * Directory limits the values of an attribute in one reply, and marks a partial list in this way
 * ([MS-ADTS], 3.1.1.3.1.3.3).
 *
 * `wanted`: a name, in any case; other options after it are ignored. If there is a range, `first_r`
 * is its first value. For RANGED_PART `next_r` is the one to ask for next. */
enum ranged ranged_read(
        struct text description, struct text wanted, uint64_t *first_r, uint64_t *next_r);

#endif
