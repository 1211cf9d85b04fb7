// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_DOMAIN_H
#define VERIMAIL_PROTOCOL_DOMAIN_H

#include <stdbool.h>

#include "protocol/text.h"

#define DOMAIN_MAX 253 /* octets of an A-label domain, RFC 1035 without the root's dot */

/* Labels of 1 to 63 letters, digits and hyphens, with no hyphen at a label's end; at most
 * DOMAIN_MAX octets, and no dot at the end (RFC 5321, section 4.1.2). One label is enough. */
bool domain_is_ldh(struct text domain);

/* Whether `domain` equals `parent` or ends in "." and `parent`, ASCII case folded. */
bool domain_is_under(struct text domain, struct text parent);

/* Converts any form of a domain (UTF-8, upper case) to the one that we compare and print: A-labels
 * in lower case, NUL-terminated. Only the case of ASCII letters and Unicode's spellings of one
 * character (NFC) are mapped; UTS 46 is switched off. Only "." divides labels, and their number
 * does not change. False when it is not a domain; `ascii_r` is then of no use. */
bool domain_to_ascii(struct text domain, char ascii_r[DOMAIN_MAX + 1])
        __attribute__((warn_unused_result));

#endif
