// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_QUESTION_H
#define VERIMAIL_PROTOCOL_QUESTION_H

#include <stdbool.h>

#include "protocol/address.h"
#include "protocol/text.h"

#define QUESTION_MAX 4096      /* octets, line end included */
#define QUESTION_RCPT_MAX 2048 /* octets of the value of rcpt= */
#define QUESTION_IP_MAX 45     /* octets of an address literal */

/* A question (design, section 2). The texts are borrowed from the line it was parsed from. A name
 * that is absent has an empty text: none of the three may be given empty. */
struct question {
    struct address user;
    struct text payload; /* "-" when the message carries no stamp */
    bool named;         /* carries at least one name, known or not: the answer may carry a reason */
    struct text rcpt;   /* LDH domains separated by commas, or "*" */
    struct text digest; /* DIGEST_TEXT octets */
    struct text ip;     /* an IPv4 or IPv6 address literal */
};

/* `line` is all octets that came before end of file, or up to and with the first LF: it ends in
 * CRLF, LF or nothing. Whatever does not fit the grammar, in any way, is false: no part of it is
 * then to be interpreted. At most LINE_NAMES_MAX names (line.h).
 * `default_domain` is whom a bare `user` means; empty: such a question is refused. */
bool question_parse(struct text line, struct text default_domain, struct question *question_r)
        __attribute__((warn_unused_result));

/* Writes the line with its CRLF. Fails when it would pass QUESTION_MAX or be more than
 * question_parse() takes; a `rcpt` over QUESTION_RCPT_MAX is written as `*`. `named` is not looked
 * at. */
bool question_format(const struct question *question, struct writer *w)
        __attribute__((warn_unused_result));

/* Whether `t` could be the payload of a question, as `-` is: 1*( ALPHA / DIGIT / "-" / "_" ). */
bool question_is_payload(struct text t);

#endif
