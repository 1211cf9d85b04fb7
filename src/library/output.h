// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_LIBRARY_OUTPUT_H
#define VERIMAIL_LIBRARY_OUTPUT_H

#include "library/verimail.h"
#include "protocol/text.h"

/* Every text that the library returns is empty unless the call succeeds. */

/* Makes the caller's buffer an empty text, unless its size is 0. */
static inline void output_clear(char *buffer, size_t size)
{
    if (size > 0)
        buffer[0] = '\0';
}

/* `t`, which holds no NUL, with a NUL behind it: all of it or, with VERIMAIL_ROOM, nothing. */
static inline enum verimail_result output_put(struct text t, char *buffer, size_t size)
{
    output_clear(buffer, size);
    if (t.len >= size)
        return VERIMAIL_ROOM;
    memcpy(buffer, t.at, t.len);
    buffer[t.len] = '\0';
    return VERIMAIL_OK;
}

#endif
