// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_REPORT_WORDS_H
#define VERIMAIL_REPORT_WORDS_H

#include "protocol/text.h"

/* What the words of a record mean, and what to do about them. Empty for an unknown word. */

/* The reason of an answer: `unstamped` ... */
const char *words_reason(struct text verdict, struct text reason);
const char *words_reason_advice(struct text verdict, struct text reason);
/* Why a rule refuses a stamp of ours: `user`, `host` ... */
const char *words_cause(struct text cause);
const char *words_cause_advice(struct text cause);
/* Why mail was refused that came from a network of ours. */
const char *words_network_advice(struct text reason);
/* Why the milter has this verdict, or made no stamp: `dns`, `foreign-from` ... */
const char *words_mail(struct text verdict, struct text reason);
const char *words_unstamped_advice(struct text reason);
const char *words_unreached_advice(struct text reason);

#endif
