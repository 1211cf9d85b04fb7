// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_ADDRESS_H
#define VERIMAIL_PROTOCOL_ADDRESS_H

#include <stdbool.h>

#include "protocol/domain.h"
#include "protocol/text.h"

#define ADDRESS_LOCAL_MAX 64                                 /* octets, RFC 5321 4.5.3.1.1 */
#define ADDRESS_MAX (ADDRESS_LOCAL_MAX * 3 + 1 + DOMAIN_MAX) /* octets as canonical text */

/* A mailbox as canonical text (design, section 2): `local@domain`, quotes removed, octets <= SP,
 * >= DEL, `%`, and an `@` in the local part as %XX, the domain as A-label in lower case. The local
 * part keeps its case and its +detail. */
struct address {
    char text[ADDRESS_MAX + 1]; /* NUL-terminated */
    size_t len;
    size_t at; /* where the one `@` stands */
};

/* From the parts of a mailbox: the local part without its quotes (1 to 64 octets, any of them),
 * the domain in any form, of one label or more. Never a user, and refused: `*`, a local part with
 * nothing before its first `+`, one with a character that readers trim or hide. On false
 * `address_r` stays as it was, here and below. */
bool address_make(struct text local, struct text domain, struct address *address_r)
        __attribute__((warn_unused_result));

/* The same for a domain that domain_to_ascii() wrote. */
bool address_make_ascii(struct text local, struct text ascii, struct address *address_r)
        __attribute__((warn_unused_result));

/* Reads canonical text back. Only what address_make() would have written is taken, except that the
 * domain may be in upper case. Without an `@` the domain is `default_domain` (A-labels; it may be
 * empty: then such a text is refused). The texts must not be those of `address_r`. */
bool address_parse(struct text canonical, struct text default_domain, struct address *address_r)
        __attribute__((warn_unused_result));

struct text address_text(const struct address *address);
struct text address_local(const struct address *address);
struct text address_domain(const struct address *address);
/* The local part up to its first `+`; all of it if there is none. */
struct text address_without_detail(const struct address *address);

/* ASCII case folded, the local part's too; +detail counts. */
bool address_equal(const struct address *a, const struct address *b);

#endif
