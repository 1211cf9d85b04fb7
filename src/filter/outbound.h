// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_FILTER_OUTBOUND_H
#define VERIMAIL_FILTER_OUTBOUND_H

#include "filter/transaction.h"

/* A message of ours, which is stamped if it may be. */
void outgoing_decide(struct mail *mail, const char *queue_id, struct decision *decision_r);
/* Whether it could be, as far as its header section tells. */
bool outgoing_wants_body(const struct mail *mail);

#endif
