// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_OPENSMTPD_FILTER_H
#define VERIMAIL_OPENSMTPD_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "mail.h"

/* The machine between smtpd's lines and ours. It does not block and does not end: what it cannot
 * keep it forgets, and refuses that message with 451. One thread has it. */

/* The longest line that is taken; more of it is dropped, and its message refused. */
#define FILTER_LINE_MAX (1u << 17)
/* Octets that an answer may have. */
#define FILTER_ANSWER_MAX 1024u

/* Hands a message to whoever judges it, who gives it to filter_judged() later. */
typedef void filter_start(struct mail *mail);

void filter_open(filter_start *start);
/* Forgets all sessions, and messages that are not being judged. */
void filter_close(void);

/* One line of smtpd without its end. `is_cut`: there was more of it. */
void filter_line(const char *line, size_t len, bool is_cut);
void filter_judged(struct mail *mail);

/* What is to be written: octets in `len_r`. It changes with the next call of a function. */
const char *filter_output(size_t *len_r);
/* So many of them are written. */
void filter_written(size_t len);
/* There is room for the answer to one more line. */
bool filter_has_room(void);

#endif
