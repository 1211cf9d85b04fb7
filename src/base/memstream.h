// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_MEMSTREAM_H
#define VERIMAIL_BASE_MEMSTREAM_H

#include <stdbool.h>
#include <stdio.h>

/* Closes a stream of open_memstream(3). False when out of memory: glibc can say that it closed it
 * well, and leave NULL for its text. The caller frees the text either way. */
static inline bool memstream_close(FILE *out, char *const *text)
{
    return fclose(out) == 0 && *text != NULL;
}

#endif
