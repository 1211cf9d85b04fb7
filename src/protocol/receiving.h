// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_RECEIVING_H
#define VERIMAIL_PROTOCOL_RECEIVING_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"

#define RECEIVING_MAX 300                /* octets; more become `*:recipients` */
#define RECEIVING_RECIPIENTS_MAX 1000000 /* in one domain, and in all */

/* Whom a payload was made for (design, section 4): `domain:recipients[,domain:recipients...]`,
 * A-labels in lower case, each domain once; or `*:recipients` for any domain. */
bool receiving_is_valid(struct text receiving);

/* Takes the next `domain:recipients` of a valid text; false at its end. */
bool receiving_next(struct reader *r, struct text *domain_r, uint32_t *recipients_r);

/* Recipients at `domain`: as written, or the total's where the payload says `*`; 0 when it is not
 * named. */
uint32_t receiving_recipients(struct text receiving, struct text domain);

/* Whether every domain of `rcpt` (a question's: A-labels and commas, or `*`) is named. `*` fits
 * only a payload that says `*`. */
bool receiving_covers(struct text receiving, struct text rcpt);

/* Adds up recipients by domain as they come (an envelope's order) and writes the text. */
struct receiving;

struct receiving *receiving_init(void); /* NULL when out of memory */
void receiving_free(struct receiving **receiving);
/* `domain`: from domain_to_ascii(), or `*`, which stands for all domains from then on. False when
 * the count is 0 or over the limit; nothing is then added. */
bool receiving_add(struct receiving *receiving, struct text domain, uint32_t recipients)
        __attribute__((warn_unused_result));
/* Writes at most RECEIVING_MAX octets. Fails when nothing was added. */
bool receiving_format(const struct receiving *receiving, struct writer *w)
        __attribute__((warn_unused_result));

#endif
