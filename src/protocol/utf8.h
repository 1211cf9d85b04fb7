// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_PROTOCOL_UTF8_H
#define VERIMAIL_PROTOCOL_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/text.h"

/* Octets of the UTF-8 character that `t` begins with (RFC 3629: no overlong form, no surrogate, at
 * most U+10FFFF); 0 if there is none. */
size_t utf8_len(struct text t);
bool utf8_is_valid(struct text t);

#endif
