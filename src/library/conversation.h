// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_LIBRARY_CONVERSATION_H
#define VERIMAIL_LIBRARY_CONVERSATION_H

#include "library/verimail.h"
#include "protocol/question.h"
#include "protocol/verdict.h"

/* Makes a question of what verimail_question() and verimail_check() are given. It borrows from the
 * texts and from `rcpt_r`. */
enum verimail_result conversation_read(const char *user, const char *payload,
        const char *const *rcpt, size_t rcpt_count, const char *digest, const char *ip,
        struct rcpt *rcpt_r, struct question *question_r);

/* Verdicts and reasons of the protocol in the words of verimail.h. */
enum verimail_verdict conversation_verdict(enum verdict verdict);
enum verimail_reason conversation_reason(enum reason reason);

#endif
