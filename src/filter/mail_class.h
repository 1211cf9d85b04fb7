// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_MAIL_CLASS_H
#define VERIMAIL_FILTER_MAIL_CLASS_H

#include <stdbool.h>

#include "base/endpoint.h"
#include "protocol/text.h"

/* Whose message it is (design, section 7). */
enum mail_class {
    MAIL_CLASS_INBOUND,       /* it is verified */
    MAIL_CLASS_AUTHENTICATED, /* the client logged in: it may be stamped for what its login may use
                               */
    MAIL_CLASS_SUBMISSION,    /* from this machine or a trusted network, and nobody had it before */
    MAIL_CLASS_RELAYED,       /* from there, but it was elsewhere before: not ours to vouch for */
};

const char *mail_class_name(enum mail_class trust); /* "stranger" ... */

/* Whether the value of a message's only Received field is the one that sendmail's submission
 * program writes for a user of this machine: it hands its message on over SMTP to 127.0.0.1, with
 * this one field, and so nobody had it before. */
bool mail_class_is_submission(struct text received);

#endif
