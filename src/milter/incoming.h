// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_MILTER_INCOMING_H
#define VERIMAIL_MILTER_INCOMING_H

#include "milter/mail.h"

/* A stranger's message, which is verified. */
void incoming_decide(struct mail *mail, const char *queue_id, struct decision *decision_r);

#endif
