// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_RCPT_H
#define VERIMAIL_PROTOCOL_RCPT_H

#include <stdbool.h>

#include "protocol/text.h"

#define RCPT_MAX 2048 /* octets */

/* The receiving domains of a question, the value of rcpt=: each domain once, with commas between
 * them. It is `*` when they do not fit, or when one of them is that. Zeroed it has no domain. */
struct rcpt {
    bool any;
    size_t len;
    char domains[RCPT_MAX];
};

/* `domain`: from domain_to_ascii(), or `*` for one that a question cannot name. */
void rcpt_add(struct rcpt *rcpt, struct text domain);
/* The value; empty when there is no domain. Borrowed. */
struct text rcpt_text(const struct rcpt *rcpt);

/* Whether `value`, which has an octet or more, is one: LDH domains with commas, or `*`. */
bool rcpt_is_valid(struct text value);

#endif
