// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_MAIL_CLASS_H
#define VERIMAIL_MILTER_MAIL_CLASS_H

#include <stdbool.h>

#include "base/endpoint.h"
#include "protocol/text.h"

/* Whose message it is (design, section 7). */
enum trust {
    TRUST_STRANGER,      /* it is verified */
    TRUST_AUTHENTICATED, /* the client logged in: it may be stamped for what its login may use */
    TRUST_SUBMITTED,     /* from this machine or a trusted network, and nobody had it before */
    TRUST_RELAYED,       /* from there, but it was elsewhere before: not ours to vouch for */
};

const char *trust_name(enum trust trust); /* "stranger" ... */

/* Whether the value of a message's only Received field is the one that sendmail's submission
 * program writes for a user of this machine: it hands its message on over SMTP to 127.0.0.1, with
 * this one field, and so nobody had it before. */
bool trust_is_submission(struct text received);

#endif
