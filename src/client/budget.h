// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CLIENT_BUDGET_H
#define VERIMAIL_CLIENT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"

/* How many questions that come back other than YES may be asked about each of many keys (a domain,
 * an address) in a minute, and as many at once. At most `size` keys are known; one whose budget is
 * full again is forgotten first, and when there is none such a new key shares what is left with all
 * others that came late: a flood of keys frees no other key. Not for two threads at once. */
struct budget;

struct budget *budget_init(size_t size); /* NULL when out of memory */
void budget_free(struct budget **budget);
/* Takes one before the question is asked. False: it is spent. `now`: milliseconds. */
bool budget_take(struct budget *budget, struct text key, uint32_t per_minute, uint64_t now)
        __attribute__((warn_unused_result));
/* Gives it back: the answer was YES, or nothing was asked. */
void budget_give_back(struct budget *budget, struct text key);

#endif
