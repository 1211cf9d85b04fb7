// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_LIBRARY_CONVERSATION_H
#define VERIMAIL_LIBRARY_CONVERSATION_H

#include "library/verimail.h"
#include "protocol/verdict.h"

/* Our words in those of verimail.h. */
enum verimail_verdict conversation_verdict(enum verdict verdict);
enum verimail_reason conversation_reason(enum reason reason);

#endif
