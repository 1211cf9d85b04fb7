// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_LIBRARY_OUTPUT_H
#define VERIMAIL_LIBRARY_OUTPUT_H

#include "library/verimail.h"
#include "protocol/text.h"

/* What every text that the library gives out has in common: it is empty until all is well. */

/* Makes the caller's room an empty text, as far as there is room for one. */
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
