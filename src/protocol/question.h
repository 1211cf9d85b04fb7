// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_QUESTION_H
#define VERIMAIL_PROTOCOL_QUESTION_H

#include <stdbool.h>

#include "protocol/address.h"
#include "protocol/rcpt.h"
#include "protocol/text.h"

#define QUESTION_MAX 4096      /* octets, line end included */
#define QUESTION_IP_MAX 45     /* octets of an address literal */
#define QUESTION_UNSTAMPED "-" /* the payload of a message without a stamp */

/* A question (design, section 2). The texts are borrowed: from the line that was parsed, or from
 * the caller. A name that is absent has an empty text. */
struct question {
    struct address user;
    bool bare;           /* question_format() leaves out the domain, for the service to complete */
    struct text payload; /* QUESTION_UNSTAMPED when the message carries no stamp */
    bool named;         /* carries at least one name, known or not: the answer may carry a reason */
    struct text rcpt;   /* rcpt_text(), or what rcpt_is_valid() takes */
    struct text digest; /* DIGEST_TEXT octets */
    struct text ip;     /* an IPv4 or IPv6 address literal */
};

/* `line` is all octets that came before end of file, or up to and with the first LF: it ends in
 * CRLF, LF or nothing. What does not fit the grammar, in any way, is false, and no part of it is of
 * use. At most LINE_NAMES_MAX names (line.h).
 * `default_domain` is the domain of a bare user; empty: such a question is refused. */
bool question_parse(struct text line, struct text default_domain, struct question *question_r)
        __attribute__((warn_unused_result));

/* Writes the line with its CRLF. Fails when it would pass QUESTION_MAX, or when the payload, the
 * digest or the IP address is not one. `named` is ignored. */
bool question_format(const struct question *question, struct writer *w)
        __attribute__((warn_unused_result));

bool question_is_stamped(const struct question *question);
/* Whether `t` could be the payload of a question: 1*( ALPHA / DIGIT / "-" / "_" ). */
bool question_is_payload(struct text t);
/* Whether `t` is an IPv4 or IPv6 address literal. */
bool question_is_ip(struct text t);

#endif
