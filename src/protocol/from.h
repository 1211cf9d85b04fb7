// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_FROM_H
#define VERIMAIL_PROTOCOL_FROM_H

#include "protocol/address.h"
#include "protocol/text.h"

/* Why a From field names no author that we would vouch for. */
enum from_result {
    FROM_OK,
    FROM_EMPTY,      /* no mailbox at all */
    FROM_SEVERAL,    /* more than one mailbox, or an empty list element */
    FROM_GROUP,      /* `name: ...;` */
    FROM_ROUTE,      /* `<@a,@b:c@d>` */
    FROM_COMMENT,    /* a comment inside the address, or one that never ends */
    FROM_MISLEADING, /* a comment, folded name or encoded word that shows a reader another author */
    FROM_PHRASE,     /* unquoted specials in the display name */
    FROM_TRAILING,   /* something after the `>` that is no comment */
    FROM_ENCODED,    /* an encoded word where the address stands */
    FROM_LITERAL,    /* a domain literal */
    FROM_LOCAL,      /* no valid local part, over 64 octets, or never a user (`*`, `+detail`) */
    FROM_DOMAIN,     /* no valid domain, without a dot, or over 253 octets */
    FROM_OCTET,  /* NUL, bare CR or LF, another control octet; in the address, invalid UTF-8; in a
                  * name or comment, an octet from 0x80 on directly before `\`, `@`, `[` or `]` */
    FROM_SYNTAX, /* anything else */
};

/* The author of a message: the one mailbox in the value of its one From field (RFC 5322, 3.4,
 * strictly; facts on hostile forms are in SECURITY.md). `value` is what stands behind the colon,
 * folded with CRLF or LF or unfolded. The address may have UTF-8 (RFC 6532); names and comments may
 * have any octet from 0x80 on. Of the forms that are obsolete or wrong three are taken, since real
 * mail has them: dots in the name, folded lines of white space alone, and a name without quotes
 * that repeats the very address. Comments may stand anywhere but inside the address. `author_r` is
 * set only on FROM_OK.
 *
 * Some readers take these for another author (FROM_MISLEADING): a comment with one of `<>@"\`; a
 * fold or an escaped backslash in a quoted string where one has `@` or `<`; a quoted local part
 * with more than an unquoted one may have and single SPs inside; an encoded word that decodes to a
 * control octet, or to `<` together with `@`, or has a `"` or `<` that is not encoded. */
enum from_result from_parse(struct text value, struct address *author_r)
        __attribute__((warn_unused_result));

/* A sentence's end for a person: "has more than one mailbox". */
const char *from_result_text(enum from_result result);

#endif
