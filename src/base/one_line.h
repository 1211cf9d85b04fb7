// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_ONE_LINE_H
#define VERIMAIL_BASE_ONE_LINE_H

#include <stddef.h>

/* What libraries and servers say may have several lines, and end in white space: here it is one
 * line, cut to `size` octets with its NUL. `size` is not 0. */
void one_line_put(const char *said, char *at_r, size_t size);

#endif
