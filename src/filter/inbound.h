// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_INBOUND_H
#define VERIMAIL_FILTER_INBOUND_H

#include "filter/transaction.h"

/* A stranger's message, which is verified. */
void incoming_decide(struct mail *mail, const char *queue_id, struct decision *decision_r);

#endif
